"""What a list row shows of SLA clocks, and that stale facts never win."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

from hypothesis import given
from hypothesis import strategies as st

from services.tickets.domain.sla import SlaBadge, SlaEvent, badge_after
from shared.events.sla import Clock, ClockState, SlaBreached, SlaClockChanged, SlaMet, SlaMetric, SlaWarned

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
SOON, LATE = NOW + timedelta(hours=1), NOW + timedelta(days=1)
TICKET = uuid4()
FIRST, RESOLUTION = SlaMetric.FIRST_RESPONSE, SlaMetric.RESOLUTION


def clock(metric: SlaMetric, state: ClockState, due_at: datetime | None, stopped_at: datetime | None = None) -> Clock:
    return Clock(
        metric=metric,
        state=state,
        policy="default",
        target_seconds=3600,
        started_at=NOW,
        due_at=due_at,
        stopped_at=stopped_at,
        generation=1,
    )


def changed(*clocks: Clock, due: datetime | None) -> SlaClockChanged:
    return SlaClockChanged(ticket_id=TICKET, clocks=clocks, next_due_at=due, changed_at=NOW)


BOTH = changed(clock(FIRST, ClockState.RUNNING, SOON), clock(RESOLUTION, ClockState.RUNNING, LATE), due=SOON)
WARNED = SlaWarned(ticket_id=TICKET, clock=clock(FIRST, ClockState.RUNNING, SOON), next_due_at=SOON, at=NOW)
BREACHED = SlaBreached(ticket_id=TICKET, clock=clock(FIRST, ClockState.BREACHED, SOON), next_due_at=LATE, at=NOW)
MET = SlaMet(ticket_id=TICKET, clock=clock(FIRST, ClockState.MET, SOON, NOW), next_due_at=LATE, at=NOW)


def play(*events: SlaEvent) -> SlaBadge:
    badge = SlaBadge()
    for version, event in enumerate(events, start=1):
        badge = badge_after(badge, event, version)
    return badge


def test_the_next_deadline_is_shown() -> None:
    assert play(BOTH) == SlaBadge(SOON, "running", FIRST, 1)


def test_a_warning_stays_until_the_deadline_moves() -> None:
    assert play(BOTH, WARNED).state == "warned"
    assert play(BOTH, WARNED, BOTH).state == "warned"
    moved = changed(clock(FIRST, ClockState.RUNNING, LATE), due=LATE)
    assert play(BOTH, WARNED, moved) == SlaBadge(LATE, "running", FIRST, 3)


def test_a_breach_is_shown_with_its_own_deadline_so_that_it_sorts_first() -> None:
    assert play(BOTH, WARNED, BREACHED) == SlaBadge(SOON, "breached", FIRST, 3)


def test_a_met_clock_makes_room_for_the_other() -> None:
    assert play(BOTH, MET) == SlaBadge(LATE, "running", RESOLUTION, 2)


def test_met_after_the_clocks_were_told_changes_nothing() -> None:
    paused = changed(clock(FIRST, ClockState.MET, SOON, NOW), clock(RESOLUTION, ClockState.PAUSED, None), due=None)
    assert play(BOTH, paused, MET) == SlaBadge(None, "paused", RESOLUTION, 3)


def test_all_met() -> None:
    done = changed(clock(FIRST, ClockState.MET, SOON, NOW), clock(RESOLUTION, ClockState.MET, LATE, SOON), due=None)
    assert play(BOTH, done) == SlaBadge(None, "met", RESOLUTION, 2)


def test_cancelled_clocks_show_nothing() -> None:
    assert play(changed(clock(FIRST, ClockState.CANCELLED, None, NOW), due=None)) == SlaBadge(event_version=1)


@given(st.lists(st.sampled_from([BOTH, WARNED, BREACHED, MET]), min_size=1, max_size=6), st.data())
def test_a_replayed_event_never_wins(events: list[SlaEvent], data: st.DataObject) -> None:
    badge = play(*events)
    version = data.draw(st.integers(1, len(events)))
    assert badge_after(badge, events[version - 1], version) == badge
