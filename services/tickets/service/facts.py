"""What other services found out about tickets and accounts, and what routing proposes.

Facts (a language, SLA's clocks) never move the version that people edit; a proposal that is applied does.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.tickets.domain.routing import why_declined, with_proposal
from services.tickets.domain.sla import SlaEvent, badge_after
from services.tickets.domain.ticket import Ticket
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
    languages: dict[UUID, str | None] = {}
    badges = {ticket.id: ticket.sla for ticket in locked}
    proposals: list[tuple[Event[TicketFact], TicketRouted]] = []
    for event in events:
        data = event.data
        if data.ticket_id not in tickets:
            log.warning("ticket.unknown", ticket_id=str(data.ticket_id), event_type=data.type)
        elif isinstance(data, TicketRouted):
            proposals.append((event, data))
        elif isinstance(data, TicketClassified):
            languages[data.ticket_id] = languages.get(data.ticket_id) or data.language
        else:
            badges[data.ticket_id] = badge_after(badges[data.ticket_id], data, event.aggregate_version)

    journal = Journal(session)
    for id_, ticket in tickets.items():
        language = ticket.language or languages.get(id_)
        tickets[id_] = journal.note(ticket, replace(ticket, language=language, sla=badges[id_]))
    proposed = {proposal.assignee_id for _, proposal in proposals if proposal.assignee_id is not None}
    inactive = await CustomerRepository(session).inactive(proposed)
    for event, proposal in proposals:
        ticket = tickets[proposal.ticket_id]
        tickets[ticket.id] = _apply(journal, ticket, proposal, event, inactive)
    await journal.write()


def _apply(
    journal: Journal,
    ticket: Ticket,
    proposal: TicketRouted,
    event: Event[TicketFact],
    inactive: Collection[UUID],
) -> Ticket:
    """Give the ticket to the proposed agent and group, unless it has moved on since routing looked at it."""
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
    after = with_proposal(ticket, proposal)
    return journal.change(ticket, after, actor=_ROUTING, cause="routing", at=proposal.routed_at, trigger=event)


async def keep_accounts(session: AsyncSession, events: Sequence[Event[AccountChanged]]) -> None:
    """Remember who signs in: names for lists, who may have tickets, and which customer an account is."""
    await CustomerRepository(session).keep_accounts([event.data for event in events])
