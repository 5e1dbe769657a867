"""What other services found out about tickets and accounts, and what routing proposes.

Facts (a language, SLA's clocks) never move the version that people edit; a proposal that is applied does.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.tickets.domain.routing import why_declined
from services.tickets.domain.sla import SlaEvent, badge_after
from services.tickets.domain.ticket import Ticket, with_assignee
from services.tickets.repository import CustomerRepository, TicketRepository
from services.tickets.service.journal import Journal
from shared.events import Event
from shared.events.accounts import AccountChanged
from shared.events.common import Actor, ActorKind
from shared.events.routing import TicketClassified, TicketRouted
from shared.telemetry import get_logger

log = get_logger(__name__)

TicketFact = TicketClassified | TicketRouted | SlaEvent

_ROUTING = Actor(kind=ActorKind.SYSTEM, id="routing", name="Routing")


async def follow(session: AsyncSession, events: Sequence[Event[TicketFact]]) -> None:
    """Note languages and SLA's clocks, and apply proposals: all that a batch tells of a ticket in one write.

    Routing and SLA answer to the same events, so their answers usually come together. A detected language is noted
    where none is stated. Clocks are shown in lists; older facts than those shown change nothing.
    """
    locked = await TicketRepository(session).lock_many({event.data.ticket_id for event in events})
    tickets = {ticket.id: ticket for ticket in locked}
    proposals = [event.data for event in events if isinstance(event.data, TicketRouted)]
    proposed = {proposal.assignee_id for proposal in proposals if proposal.assignee_id is not None}
    inactive = await CustomerRepository(session).inactive(proposed)
    journal = Journal(session)
    for event in events:
        ticket = tickets.get(event.data.ticket_id)
        if ticket is None:
            log.warning("ticket.unknown", ticket_id=str(event.data.ticket_id), event_type=event.data.type)
            continue
        match event.data:
            case TicketRouted() as proposal:
                ticket = _apply(journal, ticket, proposal, event, inactive)
            case TicketClassified() as found:
                ticket = journal.note(ticket, replace(ticket, language=ticket.language or found.language))
            case clocks:
                badge = badge_after(ticket.sla, clocks, event.aggregate_version)
                ticket = journal.note(ticket, replace(ticket, sla=badge))
        tickets[ticket.id] = ticket
    await journal.write()


def _apply(
    journal: Journal,
    ticket: Ticket,
    proposal: TicketRouted,
    event: Event[TicketFact],
    inactive: Collection[UUID],
) -> Ticket:
    """The ticket goes to the proposed agent and group, unless it has moved on since routing looked at it.

    A proposal without an agent sets the group only: the ticket waits in a queue.
    """
    if why := why_declined(ticket, proposal, assignee_is_active=proposal.assignee_id not in inactive):
        journal.decline(
            ticket,
            decision_id=proposal.decision_id,
            reason=why,
            actor=_ROUTING,
            at=proposal.routed_at,
            trigger=event,
        )
        return ticket
    after = replace(ticket, group=proposal.group or ticket.group)
    if proposal.assignee_id is not None:
        after = with_assignee(after, proposal.assignee_id)
    return journal.change(ticket, after, actor=_ROUTING, cause="routing", at=proposal.routed_at, trigger=event)


async def keep_accounts(session: AsyncSession, events: Sequence[Event[AccountChanged]]) -> None:
    """Remember who signs in: names for lists, who may have tickets, and which customer an account is."""
    await CustomerRepository(session).keep_accounts([event.data for event in events])
