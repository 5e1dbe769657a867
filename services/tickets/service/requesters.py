"""Whom a ticket is for, where that turns out to be somebody else than who wrote first."""

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.tickets.domain.identity import Identity
from services.tickets.domain.identity import identity as identity_at
from services.tickets.domain.ticket import Ticket, require_not_closed
from services.tickets.repository import CustomerRepository, Profile, TicketRepository
from services.tickets.repository.reviews import ReviewRepository
from services.tickets.service.commands import require_version
from services.tickets.service.journal import Journal, locked
from services.tickets.service.problems import rules_as_problems
from shared.events.common import Actor
from shared.web.problem import Unprocessable


async def give(
    session: AsyncSession,
    ticket_id: UUID,
    *,
    customer_id: UUID | None,
    identity: Identity | None,
    profile: Profile,
    actor: Actor,
    expected_version: int | None,
    now: datetime,
) -> None:
    """Make a customer, known or named by an address, the requester of a ticket; whoever wrote takes part as before.

    But for an agent who only forwarded it, and is no customer. Raises NotFound, PreconditionFailed, Conflict
    (`ticket-closed`), Unprocessable (`unknown-customer`).
    """
    customers = CustomerRepository(session)
    # Before the ticket is locked, as intake does it.
    if identity is not None:
        requester = (await customers.resolve({identity: profile}, now))[identity]
    else:
        known = await customers.requester(customer_id) if customer_id else None
        if known is None:
            raise Unprocessable("There is no such customer.", slug="unknown-customer")
        requester = known
    ticket = await locked(session, ticket_id)
    require_version(ticket, expected_version)
    with rules_as_problems():
        require_not_closed(ticket)
    journal = Journal(session)
    after = replace(ticket, requester=requester, forwarded_from=None)
    if journal.change(ticket, after, actor=actor, cause="requester", at=now) is ticket:
        journal.note(ticket, after)
    await journal.write()
    if requester.customer_id != ticket.requester.customer_id and await _was_passed_on(session, ticket):
        await TicketRepository(session).remove_participant(ticket_id, ticket.requester.customer_id)
    await TicketRepository(session).add_participants({(ticket_id, requester.customer_id)})


async def _was_passed_on(session: AsyncSession, ticket: Ticket) -> bool:
    """Whether the ticket came as a forward under the name of somebody who works here."""
    mail = ticket.requester.email
    if ticket.forwarded_from is None or mail is None:
        return False
    return bool(await ReviewRepository(session).agents_at([identity_at("email", mail).address]))
