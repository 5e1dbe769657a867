"""Whom a ticket is for, where that turns out to be somebody else than who wrote first."""

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.tickets.domain.identity import Identity
from services.tickets.domain.ticket import require_not_closed
from services.tickets.repository import CustomerRepository, Profile, TicketRepository
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

    Raises NotFound, PreconditionFailed, Conflict (`ticket-closed`), Unprocessable (`unknown-customer`).
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
    await TicketRepository(session).add_participants({(ticket_id, requester.customer_id)})
