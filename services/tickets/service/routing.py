"""Routing tells a language and proposes somebody; the ticket's record applies the proposal or declines it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.tickets.domain.routing import why_declined
from services.tickets.domain.ticket import with_assignee
from services.tickets.repository import CustomerRepository, TicketRepository
from services.tickets.service.journal import Journal
from shared.events import Event
from shared.events.common import Actor, ActorKind
from shared.events.routing import TicketClassified, TicketRouted
from shared.telemetry import get_logger

log = get_logger(__name__)

_ROUTING = Actor(kind=ActorKind.SYSTEM, id="routing", name="Routing")


async def follow_routing(
    session: AsyncSession, events: Sequence[Event[TicketClassified] | Event[TicketRouted]]
) -> None:
    """Note detected languages, and apply proposals; both in one write, for they usually come together.

    A language is noted where none is stated, and moves no version. A ticket goes to the proposed agent and group,
    unless it has moved on since routing looked at it; a proposal without an agent sets the group only: the ticket
    waits in a queue.
    """
    languages = {
        data.ticket_id: data.language
        for event in events
        if isinstance(data := event.data, TicketClassified) and data.language is not None
    }
    proposals = [event for event in events if isinstance(event.data, TicketRouted)]
    if proposals:
        for ticket_id in await _apply_proposals(session, proposals, languages):
            languages.pop(ticket_id, None)
    await TicketRepository(session).set_missing_languages(languages)


async def _apply_proposals(
    session: AsyncSession, events: Sequence[Event[TicketRouted]], languages: Mapping[UUID, str]
) -> Collection[UUID]:
    """Returns the tickets that were written, with their languages."""
    repository = TicketRepository(session)
    tickets = {
        locked.id: replace(locked, language=locked.language or languages.get(locked.id))
        for locked in await repository.lock_many({event.data.ticket_id for event in events})
    }
    proposed = {event.data.assignee_id for event in events if event.data.assignee_id is not None}
    inactive = await CustomerRepository(session).inactive(proposed)
    journal = Journal(session)
    for event in events:
        proposal = event.data
        ticket = tickets.get(proposal.ticket_id)
        if ticket is None:
            log.warning("ticket.routed_unknown", ticket_id=str(proposal.ticket_id))
            continue
        if why := why_declined(ticket, proposal, assignee_is_active=proposal.assignee_id not in inactive):
            journal.decline(
                ticket,
                decision_id=proposal.decision_id,
                reason=why,
                actor=_ROUTING,
                at=proposal.routed_at,
                trigger=event,
            )
            continue
        after = replace(ticket, group=proposal.group or ticket.group)
        if proposal.assignee_id is not None:
            after = with_assignee(after, proposal.assignee_id)
        tickets[ticket.id] = journal.change(
            ticket, after, actor=_ROUTING, cause="routing", at=proposal.routed_at, trigger=event
        )
    return await journal.write()
