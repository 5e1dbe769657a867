"""Use cases of routing: classify, assign, drain the queues, keep capacity honest.

A handler's batch has at most one event per ticket, so one statement per step serves the whole batch.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from prometheus_client import Counter
from sqlalchemy.ext.asyncio import AsyncSession

from services.routing.detector import Detector, Sample
from services.routing.domain.assignment import Agent, Decision, assign, languages_of, queue_of
from services.routing.domain.language import primary_subtag, readable
from services.routing.repository import (
    AgentRepository,
    DecisionRepository,
    Observation,
    PlannedDecision,
    QueueRepository,
    Release,
    TicketRepository,
)
from shared.events import Event
from shared.events.accounts import AccountChanged
from shared.events.common import TicketSnapshot
from shared.events.routing import TicketClassified, TicketRouted
from shared.events.tickets import OfTicket, TicketChanged, TicketCreated, TicketRoutingDeclined
from shared.ids import uuid7
from shared.messaging import outbox
from shared.telemetry import get_logger
from shared.web.problem import Forbidden, NotFound

log = get_logger(__name__)

# Waiting tickets decided about in one transaction: nobody else assigns meanwhile.
DRAIN_BATCH = 200
_RENEW_BATCH = 200
_SHOWN_DECISIONS = 50

# How long it can be asked why a ticket went to somebody.
DECISIONS_KEPT = timedelta(days=90)
_FORGET_BATCH = 1000

_DECISIONS = Counter("desk_routing_decisions", "Decisions about who gets a ticket", ("outcome",))
_PROPOSED, _QUEUED = _DECISIONS.labels("proposed"), _DECISIONS.labels("queued")
_RENEWED = Counter("desk_routing_proposals_renewed", "Proposals made again because nobody answered")

Followed = OfTicket | TicketRoutingDeclined
Causes = Mapping[UUID, Event[Any]]


class AgentNotFound(NotFound):
    """No agent or supervisor has this account."""

    title = "No such agent"


class NotTheirsToSet(Forbidden):
    """An agent tried to change more of themselves than their availability."""

    title = "Only your availability is yours to set"


class TicketNotFound(NotFound):
    """Routing has not heard of this ticket."""

    title = "No such ticket"


async def take_accounts(session: AsyncSession, events: Sequence[Event[AccountChanged]]) -> None:
    """Keep the agents up with their accounts."""
    await AgentRepository(session).keep_accounts([event.data for event in events])


async def take_tickets(
    session: AsyncSession,
    events: Sequence[Event[Followed]],
    *,
    detector: Detector,
    now: datetime,
    return_after: timedelta,
) -> None:
    """Follow what became of tickets, and find somebody for those that have nobody.

    Tells the language of a new ticket, unless one was stated when it was made. Reservations end, places free up; the
    place of a declined proposal is freed, and if the ticket still wants somebody, another try is made. A further
    message may tell what its requester speaks.
    """
    # Before tickets are locked: detection takes its time in a thread.
    detected = await _classify(session, events, detector, now)
    declined = [event.data for event in events if isinstance(event.data, TicketRoutingDeclined)]
    if declined:
        await TicketRepository(session).lock_tickets([event.data.ticket.id for event in events])
        await DecisionRepository(session).decline([data.decision_id for data in declined], now=now)
    seen = {event.data.ticket.id: _observation(event.data, detected) for event in events}
    await _follow(session, events, seen, now=now, return_after=return_after)


async def drain_queues(session: AsyncSession, now: datetime, *, return_after: timedelta) -> int:
    """Give waiting tickets to agents who can take them by now, the most urgent and then the oldest first.

    Returns how many were proposed; above 0 there may be more.
    """
    queues, staff = QueueRepository(session), AgentRepository(session)
    if not await queues.any_waiting(now=now):
        return 0
    await staff.lock_assignment()
    agents = await staff.agents()
    free = [agent for agent in agents if agent.free]
    if not free:
        return 0
    places = sum(agent.free for agent in free)
    waiting = await queues.claim_waiting(free, now=now, return_after=return_after, limit=min(places, DRAIN_BATCH))
    decided = [
        decision
        for decision in assign(waiting, agents, now=now, return_after=return_after)
        if decision.assignee_id is not None
    ]
    await _propose(session, decided, {}, now)
    return len(decided)


async def renew_proposals(session: AsyncSession, now: datetime, *, after: timedelta) -> int:
    """Make proposals again that tickets has left unanswered for `after`; returns how many.

    The place stays reserved: the first proposal may still be applied, and giving the place away on a guess would let
    automatic assignment exceed capacity.
    """
    stale = await DecisionRepository(session).renew_stale(before=now - after, now=now, limit=_RENEW_BATCH)
    for proposal in stale:
        log.warning(
            "routing.proposal_unanswered",
            ticket_id=str(proposal.ticket_id),
            decision_id=str(proposal.decision_id),
            proposals=proposal.proposals,
        )
        outbox.record(
            session,
            TicketRouted(
                decision_id=proposal.decision_id,
                ticket_id=proposal.ticket_id,
                ticket_version=proposal.ticket_version,
                assignee_id=proposal.agent_id,
                group=proposal.group,
                queue=proposal.queue,
                reasons=(*proposal.reasons, f"proposal {proposal.proposals}: no answer yet"),
                routed_at=now,
            ),
            aggregate_id=proposal.ticket_id,
        )
    _RENEWED.inc(len(stale))
    return len(stale)


async def forget_decisions(session: AsyncSession, now: datetime) -> int:
    """Delete decisions past `DECISIONS_KEPT` that nobody waits for; returns how many, at most a batch."""
    return await DecisionRepository(session).forget_decisions(before=now - DECISIONS_KEPT, limit=_FORGET_BATCH)


async def configure_agent(
    session: AsyncSession,
    account_id: UUID,
    *,
    skills: Sequence[str],
    languages: Sequence[str] | None,
    capacity: int,
    available: bool,
    by_themselves: bool,
) -> Agent:
    """Set an agent's skills, languages (None: those of the account), capacity and availability.

    Agents, by themselves, come and go; the rest is their supervisor's to say. Returns the agent as it is now; room that
    this makes is filled by `drain_queues`. Raises AgentNotFound, NotTheirsToSet.
    """
    repository = AgentRepository(session)
    if by_themselves:
        agent = await _agent(repository, account_id)
        if (frozenset(skills), capacity) != (agent.skills, agent.capacity) or (
            languages is not None and languages_of(languages) != agent.languages
        ):
            raise NotTheirsToSet
        await repository.set_availability(account_id, available=available)
    else:
        await repository.configure_agent(
            account_id, skills=skills, languages=languages, capacity=capacity, available=available
        )
    return await _agent(repository, account_id)


async def explain(session: AsyncSession, ticket_id: UUID) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """What routing knows of a ticket, and its newest decisions about it. Raises TicketNotFound."""
    ticket = await TicketRepository(session).ticket(ticket_id)
    if ticket is None:
        raise TicketNotFound
    return ticket, await DecisionRepository(session).decisions_of(ticket_id, limit=_SHOWN_DECISIONS)


async def _agent(repository: AgentRepository, account_id: UUID) -> Agent:
    for agent in await repository.agents():
        if agent.id == account_id:
            return agent
    raise AgentNotFound


async def _classify(
    session: AsyncSession, events: Sequence[Event[Followed]], detector: Detector, now: datetime
) -> dict[UUID, str | None]:
    """Tell the languages of the new tickets among them for which none was stated; returns them by ticket."""
    silent = [
        (event, event.data)
        for event in events
        if isinstance(event.data, TicketCreated) and event.data.ticket.language is None
    ]
    if not silent:
        return {}
    verdicts = await detector.identify(
        [Sample(readable(new.ticket.subject, new.message.text), _requester_language(new.ticket)) for _, new in silent],
        desk=await AgentRepository(session).desk_languages(),
    )
    for (event, new), verdict in zip(silent, verdicts, strict=True):
        outbox.record(
            session,
            TicketClassified(
                ticket_id=new.ticket.id,
                language=verdict.language,
                language_confidence=verdict.confidence,
                classified_at=now,
            ),
            aggregate_id=new.ticket.id,
            cause=event,
        )
    return {new.ticket.id: verdict.language for (_, new), verdict in zip(silent, verdicts, strict=True)}


async def _follow(
    session: AsyncSession,
    events: Sequence[Event[Followed]],
    seen: Mapping[UUID, Observation],
    *,
    now: datetime,
    return_after: timedelta,
) -> None:
    queues = QueueRepository(session)
    await TicketRepository(session).observe(list(seen.values()))
    unrouted = await queues.unrouted(list(seen), now=now)
    due = [one.ticket for one in unrouted if one.route_after <= now]
    if later := [one.ticket for one in unrouted if one.route_after > now]:
        await queues.enqueue({ticket.id: queue_of(ticket.group, ticket.language) for ticket in later})
    if due:
        staff = AgentRepository(session)
        await staff.lock_assignment()
        decided = assign(due, await staff.agents(), now=now, return_after=return_after)
        await _propose(session, decided, dict(zip(seen, events, strict=True)), now)


async def _propose(session: AsyncSession, decided: Sequence[Decision], causes: Causes, now: datetime) -> None:
    planned = [PlannedDecision(uuid7(), decision) for decision in decided]
    await DecisionRepository(session).keep_decisions(planned, now=now)
    for plan in planned:
        decision = plan.decision
        (_QUEUED if decision.assignee_id is None else _PROPOSED).inc()
        outbox.record(
            session,
            TicketRouted(
                decision_id=plan.id,
                ticket_id=decision.ticket.id,
                ticket_version=decision.ticket.version,
                assignee_id=decision.assignee_id,
                group=decision.ticket.group,
                queue=decision.queue,
                reasons=decision.reasons,
                routed_at=now,
            ),
            aggregate_id=decision.ticket.id,
            cause=causes.get(decision.ticket.id),
        )


def _observation(data: Followed, detected: Mapping[UUID, str | None]) -> Observation:
    ticket = data.ticket
    language = ticket.language or detected.get(ticket.id)
    return Observation(
        ticket=ticket,
        language=primary_subtag(language) if language else None,
        requester_language=_requester_language(ticket),
        release=_release(data) if isinstance(data, TicketChanged) else None,
    )


def _requester_language(ticket: TicketSnapshot) -> str | None:
    return primary_subtag(ticket.requester.language) if ticket.requester.language else None


def _release(data: TicketChanged) -> Release | None:
    change = data.changes.get("assignee_id")
    if not change or not change.before or change.after is not None:
        return None
    return Release(UUID(str(change.before)), data.changed_at)
