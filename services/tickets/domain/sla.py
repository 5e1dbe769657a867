"""What the list shows of a ticket's SLA clocks: one of them, the most urgent."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Literal

from shared.events.sla import Clock, ClockState, SlaBreached, SlaClockChanged, SlaMet, SlaMetric, SlaWarned

SlaState = Literal["running", "paused", "warned", "breached", "met"]
SlaEvent = SlaClockChanged | SlaWarned | SlaBreached | SlaMet

_FAR = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class SlaBadge:
    """The SLA columns of a list row. `event_version` is the last event of SLA about the ticket that they reflect."""

    next_due_at: datetime | None = None
    state: SlaState | None = None
    metric: SlaMetric | None = None
    event_version: int = 0


NO_BADGE = SlaBadge()


def badge_after(badge: SlaBadge, event: SlaEvent, event_version: int) -> SlaBadge:
    """The badge after an event; an event that is not newer than what the badge reflects changes nothing."""
    if event_version <= badge.event_version:
        return badge
    return replace(_after(badge, event), event_version=event_version)


def _after(badge: SlaBadge, event: SlaEvent) -> SlaBadge:
    match event:
        case SlaClockChanged():
            shown = _most_urgent(event.clocks)
            still_warned = badge.state == "warned" and shown == replace(badge, state="running", event_version=0)
            return replace(shown, state="warned") if still_warned else shown
        case SlaBreached():
            return SlaBadge(event.clock.due_at or event.next_due_at, "breached", event.clock.metric)
        case SlaWarned() if badge.state in {None, "running"} and badge.metric in {None, event.clock.metric}:
            return SlaBadge(event.next_due_at, "warned", event.clock.metric)
        case SlaMet() if badge.metric in {None, event.clock.metric}:
            if event.next_due_at is None:
                return SlaBadge(None, "met", event.clock.metric)
            return SlaBadge(event.next_due_at, "running", _other(event.clock.metric))
    return badge


def _most_urgent(clocks: tuple[Clock, ...]) -> SlaBadge:
    """A breached clock that still runs, else the next to be due, else a paused one, else the last one met."""
    live = [clock for clock in clocks if clock.stopped_at is None]
    by_due = sorted(live, key=lambda clock: clock.due_at or _FAR)
    for clock_state, state in (
        (ClockState.BREACHED, "breached"),
        (ClockState.RUNNING, "running"),
        (ClockState.PAUSED, "paused"),
    ):
        for clock in by_due:
            if clock.state is clock_state:
                return SlaBadge(clock.due_at, state, clock.metric)  # type: ignore[arg-type]
    met = [clock for clock in clocks if clock.state is ClockState.MET]
    last = max(met, key=lambda clock: clock.stopped_at or clock.started_at, default=None)
    return SlaBadge(None, "met", last.metric) if last else NO_BADGE


def _other(metric: SlaMetric) -> SlaMetric:
    return SlaMetric.RESOLUTION if metric is SlaMetric.FIRST_RESPONSE else SlaMetric.FIRST_RESPONSE
