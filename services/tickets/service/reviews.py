"""What a person decides of a ticket that is held for review: it is part of the one it names, or stands by itself."""

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.tickets.domain.reviews import Review
from services.tickets.domain.ticket import Ticket
from services.tickets.repository import TicketRepository
from services.tickets.repository.reviews import ReviewRepository
from services.tickets.service import merges
from services.tickets.service.journal import Journal, locked
from shared.events.common import Actor
from shared.web.problem import Conflict, NotFound


async def join(session: AsyncSession, ticket_id: UUID, *, actor: Actor, now: datetime) -> UUID:
    """Merge the ticket into the one it claims to belong to, or where that one goes on; returns which that is.

    Its customer takes part there from then on, until the merge is undone. Where the other one went into this ticket,
    they are one already, and nothing is left but to say so. Raises NotFound, Conflict (`not-in-review`, and what
    `merges.merge` raises).
    """
    repository = TicketRepository(session)
    ticket = await repository.get(ticket_id)
    if ticket is None:
        raise NotFound("There is no such ticket.")
    target_id = await ReviewRepository(session).end_of_line(_review(ticket).ticket_id)
    if target_id == ticket_id:
        await separate(session, ticket_id, actor=actor, now=now)
        return ticket_id
    # Both, as merging locks them: somebody else may be deciding the opposite.
    [ticket] = [each for each in await repository.lock_many({ticket_id, target_id}) if each.id == ticket_id]
    _review(ticket)
    await merges.merge(session, target_id, [ticket_id], across_customers=True, actor=actor, now=now)
    await ReviewRepository(session).let_in(target_id, ticket.requester_id)
    return target_id


async def separate(session: AsyncSession, ticket_id: UUID, *, actor: Actor, now: datetime) -> None:
    """Let the ticket stand by itself: what its sender goes on writing in that conversation comes here.

    Raises NotFound, Conflict (`not-in-review`).
    """
    ticket = await locked(session, ticket_id)
    _review(ticket)
    journal = Journal(session)
    journal.change(ticket, replace(ticket, review=None), actor=actor, cause="review", at=now)
    await journal.write()


def _review(ticket: Ticket) -> Review:
    if ticket.review is None:
        raise Conflict(
            f"Ticket #{ticket.number} is not held for review, or somebody has decided already. Read it again.",
            slug="not-in-review",
            title="Nothing to decide",
        )
    return ticket.review
