"""Agents who follow a ticket. The ticket itself lists them."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter

from services.tickets.api.callers import actor_of
from services.tickets.repository import FollowerRepository
from services.tickets.schemas.people import FollowersView, PersonView
from services.tickets.service import followers
from shared.auth import Principal, requires
from shared.db import now_utc
from shared.web import DbSession

router = APIRouter(prefix="/api/tickets/{ticket_id}/followers", tags=["followers"])


@router.put("/{account_id}")
async def follow(
    ticket_id: UUID,
    account_id: Literal["me"] | UUID,
    session: DbSession,
    principal: Annotated[Principal, requires("ticket.follow")],
) -> FollowersView:
    """Let an active agent follow a ticket."""
    await followers.follow(
        session, ticket_id, _account(account_id, principal), actor=actor_of(principal), now=now_utc()
    )
    return await _followers(session, ticket_id)


@router.delete("/{account_id}")
async def unfollow(
    ticket_id: UUID,
    account_id: Literal["me"] | UUID,
    session: DbSession,
    principal: Annotated[Principal, requires("ticket.follow")],
) -> FollowersView:
    """Let an agent follow a ticket no more."""
    await followers.unfollow(
        session, ticket_id, _account(account_id, principal), actor=actor_of(principal), now=now_utc()
    )
    return await _followers(session, ticket_id)


def _account(account_id: Literal["me"] | UUID, principal: Principal) -> UUID:
    return account_id if isinstance(account_id, UUID) else principal.account_id


async def _followers(session: DbSession, ticket_id: UUID) -> FollowersView:
    rows = await FollowerRepository(session).followers(ticket_id)
    return FollowersView(items=[PersonView(id=row.id, name=row.name) for row in rows])
