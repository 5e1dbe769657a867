"""Which policy counts, and what facts about a ticket do to its clocks."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from services.sla.domain.clock import Clock, fire, timers_of
from services.sla.domain.policy import (
    Fact,
    NoPolicyApplies,
    Policy,
    Targets,
    follow,
    next_due_at,
    policy_for,
    same_to_clocks,
)
from shared.events.common import Channel, Priority, TicketStatus
from shared.events.sla import ClockState, SlaMetric

START = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
FIRST, RESOLUTION = SlaMetric.FIRST_RESPONSE, SlaMetric.RESOLUTION

DEFAULT = Policy(
    id=UUID(int=1),
    name="Default",
    position=1000,
    tiers=frozenset(),
    channels=frozenset(),
    targets={
        Priority.LOW: Targets(400, 4000),
        Priority.NORMAL: Targets(300, 3000),
        Priority.HIGH: Targets(200, 2000),
        Priority.URGENT: Targets(100, 1000),
    },
    warn_fraction=0.8,
)
GOLD_CHAT = replace(
    DEFAULT, id=UUID(int=2), name="Gold chat", position=1, tiers=frozenset({"gold"}), channels=frozenset({Channel.CHAT})
)


def at(seconds: int) -> datetime:
    return START + timedelta(seconds=seconds)


def fact(seconds: int, status: TicketStatus = TicketStatus.OPEN, *, replied: bool = False, **changes: object) -> Fact:
    base = Fact(
        ticket_id=UUID(int=7),
        status=status,
        priority=Priority.NORMAL,
        tier="standard",
        channel=Channel.EMAIL,
        assignee_id=None,
        created_at=START,
        at=at(seconds),
        replied=replied,
    )
    return replace(base, **changes)


def after(*facts: Fact, policies: Sequence[Policy] = (DEFAULT,)) -> dict[SlaMetric, Clock]:
    clocks: dict[SlaMetric, Clock] = {}
    for one in facts:
        clocks = {metric: step.clock for metric, step in follow(clocks, one, policies).items()}
    return clocks


@pytest.mark.parametrize(
    ("tier", "channel", "expected"),
    [
        ("gold", Channel.CHAT, GOLD_CHAT),
        ("gold", Channel.EMAIL, DEFAULT),
        ("standard", Channel.CHAT, DEFAULT),
    ],
)
def test_the_first_policy_whose_conditions_all_hold_counts(tier: str, channel: Channel, expected: Policy) -> None:
    assert policy_for([DEFAULT, GOLD_CHAT], tier, channel) is expected


def test_no_policy_is_an_error() -> None:
    with pytest.raises(NoPolicyApplies):
        policy_for([GOLD_CHAT], "standard", Channel.EMAIL)


def test_clocks_start_when_the_ticket_was_received() -> None:
    clocks = after(fact(5, TicketStatus.NEW))
    assert {metric: (clock.started_at, clock.due_at) for metric, clock in clocks.items()} == {
        FIRST: (START, at(300)),
        RESOLUTION: (START, at(3000)),
    }
    assert next_due_at(clocks.values()) == at(300)


def test_a_public_reply_meets_the_first_response_and_nothing_else() -> None:
    clocks = after(fact(0, TicketStatus.NEW), fact(60, replied=True))
    assert (clocks[FIRST].state, clocks[FIRST].stopped_at) == (ClockState.MET, at(60))
    assert clocks[RESOLUTION].state is ClockState.RUNNING
    assert next_due_at(clocks.values()) == at(3000)


@pytest.mark.parametrize("status", [TicketStatus.PENDING, TicketStatus.ON_HOLD])
def test_waiting_for_others_pauses_the_resolution_only(status: TicketStatus) -> None:
    clocks = after(fact(0), fact(100, status), fact(600))
    assert clocks[RESOLUTION].due_at == at(3500)
    assert clocks[FIRST].due_at == at(300)


def test_solving_without_a_reply_lets_the_first_response_wait_and_closing_cancels_it() -> None:
    solved = after(fact(0), fact(100, TicketStatus.SOLVED))
    assert (solved[FIRST].state, solved[RESOLUTION].state) == (ClockState.PAUSED, ClockState.MET)
    closed = after(fact(0), fact(100, TicketStatus.SOLVED), fact(200, TicketStatus.CLOSED))
    assert (closed[FIRST].state, closed[RESOLUTION].state) == (ClockState.CANCELLED, ClockState.MET)


def test_a_new_priority_plans_anew_and_keeps_what_was_counted() -> None:
    clocks = after(fact(0), fact(50, priority=Priority.URGENT))
    assert (clocks[FIRST].due_at, clocks[RESOLUTION].due_at) == (at(100), at(1000))


def test_a_new_tier_moves_the_ticket_under_another_policy() -> None:
    gold = replace(GOLD_CHAT, channels=frozenset(), targets=dict.fromkeys(Priority, Targets(10, 20)))
    clocks = after(fact(0), fact(5, tier="gold"), policies=[DEFAULT, gold])
    assert [clock.plan.policy for clock in clocks.values()] == ["Gold chat", "Gold chat"]


def test_a_reopened_ticket_goes_on_under_the_present_plan() -> None:
    clocks = after(fact(0), fact(100, TicketStatus.SOLVED), fact(500, priority=Priority.URGENT))
    assert (clocks[RESOLUTION].due_at, clocks[RESOLUTION].plan.target_seconds) == (at(1400), 1000)


@given(
    st.lists(
        st.tuples(
            st.integers(1, 1000), st.sampled_from(sorted(set(TicketStatus) - {TicketStatus.CLOSED})), st.booleans()
        ),
        min_size=1,
        max_size=5,
    ),
    st.integers(1, 4000),
    st.integers(1, 4000),
)
@example(
    [
        (1000, TicketStatus.OPEN, False),
        (1000, TicketStatus.OPEN, False),
        (401, TicketStatus.PENDING, False),
        (1, TicketStatus.OPEN, False),
    ],
    1,
    1,
).via("a warning that was due before it went on")
def test_a_closing_that_is_taken_back_has_never_been(
    before: list[tuple[int, TicketStatus, bool]], closed_after: int, back_after: int
) -> None:
    facts, now = [fact(0, TicketStatus.NEW)], 0
    for seconds, status, replied in before:
        now += seconds
        facts.append(fact(now, status, replied=replied))
    status = facts[-1].status
    closed = fact(now + closed_after, TicketStatus.CLOSED)
    back = fact(now + closed_after + back_after, status)
    undone = after(*facts, closed, replace(back, closed_at=closed.at))
    never = after(*facts, back)
    for metric in SlaMetric:
        one, other = (judged(clocks[metric], back.at) for clocks in (undone, never))
        assert replace(one, generation=0) == replace(other, generation=0)


def judged(clock: Clock, until: datetime) -> Clock:
    """The clock when its timers have fired."""
    for timer in timers_of(clock):
        clock = fire(clock, timer.kind, timer.generation, until).clock
    return clock


STATUSES = st.sampled_from(list(TicketStatus))
FACTS = st.builds(fact, st.integers(1, 5000), STATUSES, replied=st.booleans())


@given(st.lists(FACTS, min_size=1, max_size=6), STATUSES, st.integers(0, 5000))
def test_a_status_that_is_the_same_to_clocks_moves_none(facts: list[Fact], status: TicketStatus, later: int) -> None:
    facts.sort(key=lambda one: one.at)
    last = facts[-1]
    steps = follow(
        after(*facts), replace(last, status=status, at=last.at + timedelta(seconds=later), replied=False), [DEFAULT]
    )
    if same_to_clocks(last.status, status):
        assert not any(step.happened for step in steps.values())


def test_the_statuses_that_clocks_cannot_tell_apart() -> None:
    same = {(one.value, other.value) for one in TicketStatus for other in TicketStatus if same_to_clocks(one, other)}
    assert {pair for pair in same if pair[0] < pair[1]} == {("new", "open"), ("on_hold", "pending")}
