"""Use cases of SLA: follow tickets, fire timers, change policies.

A handler's batch has at most one event per ticket, so one statement per step serves the whole batch.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from prometheus_client import Counter
from sqlalchemy.ext.asyncio import AsyncSession

from services.sla.domain.clock import Clock, Happening, Step, fire
from services.sla.domain.policy import Fact, Policy, StoredPolicy, follow, next_due_at
from services.sla.repository import SlaRepository
from shared.events import Event
from shared.events import sla as events
from shared.events.common import ActorKind, TicketSnapshot, TicketStatus
from shared.events.sla import SlaBreached, SlaClockChanged, SlaMet, SlaMetric, SlaWarned
from shared.events.tickets import (
    MessageKind,
    OfTicket,
    ThreadMessage,
    TicketChanged,
    TicketCreated,
    TicketMessageAdded,
)
from shared.messaging import outbox
from shared.web.problem import NotFound, PreconditionFailed, Unprocessable

FIRE_BATCH = 1000
REPLAN_BATCH = 500

_TOLD = Counter("desk_sla_clock_events", "What happened to clocks", ("happening", "metric"))

_CLOCK_EVENTS: Mapping[Happening, type[SlaWarned | SlaBreached | SlaMet]] = {
    Happening.WARNED: SlaWarned,
    Happening.BREACHED: SlaBreached,
    Happening.MET: SlaMet,
}

# What became of the clocks of one ticket, and how all of them stand now.
Steps = Mapping[SlaMetric, Step]


class PolicyNotFound(NotFound):
    """There is no such policy."""

    title = "No such policy"


class TicketNotFound(NotFound):
    """SLA has not heard of this ticket."""

    title = "No such ticket"


class NoPolicyForAll(Unprocessable):
    """With this change, some tickets would fall under no policy."""

    slug, title = "no-policy-for-all", "One policy has to apply to all tickets"


async def take_tickets(session: AsyncSession, told: Sequence[Event[OfTicket]]) -> None:
    """Start the clocks of new tickets at the moment the desk received them, and move them as their tickets move.

    A change of status, priority or tier pauses, resumes, stops or plans anew. An agent's public reply stops the
    first-response clock, in time or withdrawing a breach that came before it. Other messages say nothing about clocks:
    what they do to their ticket, `ticket.changed` tells as well. A closing that is taken back, with the merge that it
    was part of, has never been.
    """
    causes = {event.data.ticket.id: event for event in told}
    facts = [fact for event in told if (fact := _fact_of(event.data))]
    if not facts:
        return
    moved = await SlaRepository(session).keep_tickets(facts)
    if concerning := [fact for fact in facts if fact.replied or fact.ticket_id in moved]:
        await _apply(session, concerning, causes, None)


async def fire_timers(session: AsyncSession, *, now: datetime, judged_until: datetime) -> int:
    """Fire timers that are due before `judged_until`, at most `FIRE_BATCH`; returns how many were claimed.

    `judged_until` is the moment before which every fact has been read: a reply that waits behind lag is no breach.
    """
    repository = SlaRepository(session)
    due = await repository.claim_due(judged_until, limit=FIRE_BATCH)
    if not due:
        return 0
    clocks = await repository.clocks({timer.ticket_id for timer in due})
    changed: dict[tuple[UUID, SlaMetric], Clock] = {}
    for timer in due:
        held = clocks[timer.ticket_id]
        step = fire(held[timer.metric], timer.kind, timer.generation, judged_until)
        if step.happened:
            held[timer.metric] = changed[timer.ticket_id, timer.metric] = step.clock
            _tell(session, timer.ticket_id, {timer.metric: step}, held, timer.assignee_id, now)
    await repository.keep_fired(due, [(ticket_id, clock) for (ticket_id, _), clock in changed.items()], now=now)
    return len(due)


async def replan_outdated(session: AsyncSession, *, now: datetime, judged_until: datetime) -> int:
    """Put open clocks that older policies planned under the present ones; returns how many tickets were looked at.

    They are judged under their old plan until `judged_until`, and by the new one from then on.
    """
    repository = SlaRepository(session)
    outdated = await repository.claim_outdated(at=judged_until, limit=REPLAN_BATCH)
    if outdated:
        await _apply(session, outdated, {}, now)
    return len(outdated)


async def change_policy(
    session: AsyncSession, policy: Policy, *, expected_version: int | None, now: datetime
) -> StoredPolicy:
    """Store new terms of a policy; `replan_outdated` brings the open clocks to them.

    `expected_version` is the version the caller saw, None for any. Raises PolicyNotFound, PreconditionFailed,
    NoPolicyForAll.
    """
    repository = SlaRepository(session)
    policies = await repository.policies_for_update()
    stored = policies.pop(policy.id, None)
    if stored is None:
        raise PolicyNotFound
    if expected_version is not None and stored.version != expected_version:
        raise PreconditionFailed(version=stored.version)
    others = (other.policy for other in policies.values())
    if not any(not one.tiers and not one.channels for one in (policy, *others)):
        raise NoPolicyForAll
    return await repository.change_policy(policy, now=now)


async def clocks_of(session: AsyncSession, ticket_id: UUID) -> list[Clock]:
    """The clocks of a ticket. Raises TicketNotFound."""
    clocks = (await SlaRepository(session).clocks([ticket_id])).get(ticket_id)
    if clocks is None:
        raise TicketNotFound
    return [clocks[metric] for metric in SlaMetric if metric in clocks]


async def _apply(
    session: AsyncSession, facts: Iterable[Fact], causes: Mapping[UUID, Event[Any]], now: datetime | None
) -> None:
    """Apply facts of locked tickets to their clocks; events are dated `now`, or by their facts."""
    repository = SlaRepository(session)
    by_ticket = {fact.ticket_id: fact for fact in facts}
    clocks = await repository.clocks(by_ticket)
    policies = [stored.policy for stored in await repository.policies()]
    changed: list[tuple[UUID, Clock]] = []
    for ticket_id, fact in by_ticket.items():
        if ticket_id not in clocks and not fact.begins:
            # It began elsewhere, and came from another desk: its customer waited there.
            continue
        steps = follow(clocks.get(ticket_id, {}), fact, policies)
        moved = {metric: step for metric, step in steps.items() if step.happened}
        if moved:
            changed += [(ticket_id, step.clock) for step in moved.values()]
            held = {metric: step.clock for metric, step in steps.items()}
            _tell(session, ticket_id, moved, held, fact.assignee_id, now or fact.at, causes.get(ticket_id))
    if changed:
        await repository.keep_clocks(changed)


def _tell(
    session: AsyncSession,
    ticket_id: UUID,
    steps: Steps,
    held: Mapping[SlaMetric, Clock],
    assignee_id: UUID | None,
    at: datetime,
    cause: Event[Any] | None = None,
) -> None:
    due_at = next_due_at(held.values())
    changed = False
    for metric, step in steps.items():
        for happening, clock in step.happened:
            _TOLD.labels(happening.value, metric.value).inc()
            if happening is Happening.CHANGED:
                changed = True
                continue
            outbox.record(
                session,
                _CLOCK_EVENTS[happening](
                    ticket_id=ticket_id, clock=_told(clock), next_due_at=due_at, assignee_id=assignee_id, at=at
                ),
                aggregate_id=ticket_id,
                cause=cause,
            )
    if changed:
        outbox.record(
            session,
            SlaClockChanged(
                ticket_id=ticket_id,
                clocks=tuple(_told(held[metric]) for metric in SlaMetric if metric in held),
                next_due_at=due_at,
                changed_at=at,
            ),
            aggregate_id=ticket_id,
            cause=cause,
        )


def _told(clock: Clock) -> events.Clock:
    return events.Clock(
        metric=clock.metric,
        state=clock.state,
        policy=clock.plan.policy,
        target_seconds=clock.plan.target_seconds,
        started_at=clock.started_at,
        due_at=clock.due_at,
        stopped_at=clock.stopped_at,
        breached_at=clock.breached_at,
        generation=clock.generation,
    )


def _fact_of(data: OfTicket) -> Fact | None:
    match data:
        case TicketCreated():
            return _fact(data.ticket, data.ticket.created_at, begins=True, replied=_is_reply(data.message))
        case TicketChanged():
            return _fact(data.ticket, data.changed_at, closed_at=_closing_taken_back(data))
        case TicketMessageAdded() if _is_reply(data.message):
            return _fact(data.ticket, data.message.added_at, replied=True)
    return None


def _closing_taken_back(data: TicketChanged) -> datetime | None:
    """Since when the ticket was done, if this takes back that it was closed."""
    status, solved = data.changes.get("status"), data.changes.get("solved_at")
    if status is None or status.before != TicketStatus.CLOSED:
        return None
    since = solved.before if solved is not None else None
    return datetime.fromisoformat(since) if since else data.ticket.solved_at or data.changed_at


def _is_reply(message: ThreadMessage) -> bool:
    return message.kind is MessageKind.REPLY and message.author.kind is ActorKind.AGENT


def _fact(
    ticket: TicketSnapshot,
    at: datetime,
    *,
    begins: bool = False,
    replied: bool = False,
    closed_at: datetime | None = None,
) -> Fact:
    return Fact(
        ticket_id=ticket.id,
        status=ticket.status,
        priority=ticket.priority,
        tier=ticket.requester.tier,
        channel=ticket.channel,
        assignee_id=ticket.assignee_id,
        created_at=ticket.created_at,
        at=at,
        begins=begins,
        replied=replied,
        closed_at=closed_at,
    )
