"""Which policy a ticket falls under, and what becomes of its clocks when something happens to it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.sla.domain.clock import Clock, Plan, Step, cancel, pause, replan, restore, resume, start, stop
from shared.events.common import Channel, Priority, TicketStatus
from shared.events.sla import ClockState, SlaMetric

Clocks = Mapping[SlaMetric, Clock]

_WAITING_FOR_OTHERS = frozenset({TicketStatus.PENDING, TicketStatus.ON_HOLD})
_DONE = frozenset({TicketStatus.SOLVED, TicketStatus.CLOSED})
# A clock cannot tell these apart.
_SAME = {TicketStatus.OPEN: TicketStatus.NEW, TicketStatus.ON_HOLD: TicketStatus.PENDING}


class NoPolicyApplies(LookupError):
    """No policy applies to a ticket; the default policy, which applies to all, is gone."""


@dataclass(frozen=True, slots=True)
class Targets:
    """How long the work may take, in seconds, for one priority."""

    first_response_seconds: int
    resolution_seconds: int


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy. An empty condition applies to all; of several that apply, the lowest position counts."""

    id: UUID
    name: str
    position: int
    tiers: frozenset[str]
    channels: frozenset[Channel]
    targets: Mapping[Priority, Targets]
    warn_fraction: float

    def applies(self, tier: str, channel: Channel) -> bool:
        """Whether tickets of this tier and channel fall under it."""
        return (not self.tiers or tier in self.tiers) and (not self.channels or channel in self.channels)

    def plan(self, metric: SlaMetric, priority: Priority) -> Plan:
        """What it asks of one clock."""
        targets = self.targets[priority]
        seconds = targets.first_response_seconds if metric is SlaMetric.FIRST_RESPONSE else targets.resolution_seconds
        return Plan(self.id, self.name, seconds, self.warn_fraction)


@dataclass(frozen=True, slots=True)
class StoredPolicy:
    """A policy with what editing needs: `version` is its ETag."""

    policy: Policy
    calendar: str
    version: int
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Fact:
    """A ticket right after something happened to it at `at`.

    `begins` says that it came into being, `replied` that it was an agent's public reply. `closed_at` is given where its
    closing is taken back (nothing else leads out of `closed`): the moment since which it was done.
    """

    ticket_id: UUID
    status: TicketStatus
    priority: Priority
    tier: str
    channel: Channel
    assignee_id: UUID | None
    created_at: datetime
    at: datetime
    begins: bool = False
    replied: bool = False
    closed_at: datetime | None = None


def policy_for(policies: Sequence[Policy], tier: str, channel: Channel) -> Policy:
    """The policy that counts. Raises NoPolicyApplies."""
    found = min(
        (policy for policy in policies if policy.applies(tier, channel)),
        key=lambda policy: (policy.position, policy.id),
        default=None,
    )
    if found is None:
        raise NoPolicyApplies(f"tier {tier!r}, channel {channel.value!r}")
    return found


def follow(clocks: Clocks, fact: Fact, policies: Sequence[Policy]) -> dict[SlaMetric, Step]:
    """What the fact does to both clocks of its ticket; they are started at the ticket's creation."""
    policy = policy_for(policies, fact.tier, fact.channel)
    steps = {}
    for metric in SlaMetric:
        plan = policy.plan(metric, fact.priority)
        clock = clocks.get(metric)
        step = start(metric, plan, fact.created_at) if clock is None else replan(clock, plan, fact.at)
        step = step.then(_move(step.clock, fact))
        # A clock that was met keeps its plan; if the ticket is reopened, it goes on under the present one.
        steps[metric] = step.then(replan(step.clock, plan, fact.at))
    return steps


def same_to_clocks(one: TicketStatus, other: TicketStatus) -> bool:
    """Whether a change from the one status to the other moves no clock."""
    return _SAME.get(one, one) is _SAME.get(other, other)


def _move(clock: Clock, fact: Fact) -> Step:
    step = restore(clock) if _ended_by_closing(clock, fact) else Step(clock)
    follow_on = _move_first_response if clock.metric is SlaMetric.FIRST_RESPONSE else _move_resolution
    return step.then(follow_on(step.clock, fact))


def _ended_by_closing(clock: Clock, fact: Fact) -> bool:
    """Whether the closing that is taken back ended the clock, and neither a reply nor a solution before it."""
    if fact.closed_at is None or clock.stopped_at is None:
        return False
    if clock.metric is SlaMetric.FIRST_RESPONSE:
        return clock.state is not ClockState.MET
    return fact.status not in _DONE and clock.stopped_at >= fact.closed_at


def _move_first_response(clock: Clock, fact: Fact) -> Step:
    """Runs until an agent's first public reply. A ticket solved without one waits; closed without one, it is over."""
    if clock.final:
        return Step(clock)
    if fact.replied:
        return stop(clock, fact.at)
    if fact.status is TicketStatus.CLOSED:
        return cancel(clock, fact.at)
    return pause(clock, fact.at) if fact.status is TicketStatus.SOLVED else resume(clock, fact.at)


def _move_resolution(clock: Clock, fact: Fact) -> Step:
    """Runs while the ticket is ours to work on, and ends when it is solved; reopened, the rest of the time is left."""
    if fact.status in _DONE:
        return stop(clock, fact.at)
    return pause(clock, fact.at) if fact.status in _WAITING_FOR_OTHERS else resume(clock, fact.at)


def next_due_at(clocks: Iterable[Clock]) -> datetime | None:
    """The earliest deadline of the clocks that tick, missed ones included."""
    return min((clock.due_at for clock in clocks if clock.due_at is not None and clock.ticking), default=None)
