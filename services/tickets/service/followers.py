"""Who follows a ticket."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.tickets.repository import FollowerRepository
from services.tickets.service.journal import Journal, locked
from shared.events.common import Actor
from shared.events.tickets import FieldChange, TicketFollowersChanged
from shared.messaging import outbox
from shared.web.problem import Unprocessable


async def follow(session: AsyncSession, ticket_id: UUID, account_id: UUID, *, actor: Actor, now: datetime) -> None:
    """Let an agent follow a ticket; one who does already goes on. Raises NotFound, Unprocessable (`not-an-agent`)."""
    ticket = await locked(session, ticket_id)
    repository = FollowerRepository(session)
    if not await repository.active_agents([account_id]):
        raise Unprocessable("Only active agents follow tickets.", slug="not-an-agent")
    if await repository.add(ticket_id, [account_id], now):
        journal = Journal(session)
        remarks = {"follower": FieldChange(after=str(account_id))}
        journal.remark(ticket, actor=actor, cause="follow", at=now, remarks=remarks)
        await journal.write()
        await tell_followers(session, ticket_id, now)


async def unfollow(session: AsyncSession, ticket_id: UUID, account_id: UUID, *, actor: Actor, now: datetime) -> None:
    """Let an agent follow a ticket no more; one who does not, does not. Raises NotFound."""
    ticket = await locked(session, ticket_id)
    if await FollowerRepository(session).remove(ticket_id, account_id):
        journal = Journal(session)
        remarks = {"follower": FieldChange(before=str(account_id))}
        journal.remark(ticket, actor=actor, cause="unfollow", at=now, remarks=remarks)
        await journal.write()
        await tell_followers(session, ticket_id, now)


async def tell_followers(session: AsyncSession, ticket_id: UUID, now: datetime) -> None:
    """Tell who follows a ticket, after that changed."""
    followers = tuple(row.id for row in await FollowerRepository(session).followers(ticket_id))
    changed = TicketFollowersChanged(ticket_id=ticket_id, followers=followers)
    outbox.record(session, changed, aggregate_id=ticket_id, time=now)
