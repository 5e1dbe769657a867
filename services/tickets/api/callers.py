"""Who calls, in the words of the use cases."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.tickets.repository import TicketLists
from services.tickets.repository.rows import AnyRow
from shared.auth import Principal, Scope
from shared.events.common import Actor, ActorKind
from shared.web import NotFound


def own_account(principal: Principal, action: str) -> UUID | None:
    """The account whose tickets the caller is confined to, or None for callers who may touch any."""
    return principal.account_id if principal.scope(action) is Scope.OWN else None


def actor_of(principal: Principal) -> Actor:
    """The caller as the one who did something. Customers act under their customer id, which the use cases know."""
    return Actor(kind=ActorKind.AGENT, id=str(principal.account_id), name=principal.name)


async def visible_ticket(session: AsyncSession, ticket_id: UUID, own: UUID | None) -> AnyRow:
    """The list row of a ticket. Raises NotFound, also for a ticket the caller may not know of."""
    row = await TicketLists(session).one(ticket_id, account_id=own)
    if row is None:
        raise NotFound("There is no such ticket.")
    return row
