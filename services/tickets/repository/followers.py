"""Agents who follow tickets."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import any_, delete, literal, select
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.types import Uuid

from services.tickets.models import accounts, ticket_followers
from services.tickets.repository.rows import AnyRow


class FollowerRepository:
    """Who follows which ticket."""

    def __init__(self, session: AsyncSession) -> None:
        self.session = session

    async def active_agents(self, account_ids: Collection[UUID]) -> dict[UUID, AnyRow]:
        """Names and roles of those of the accounts that work here."""
        if not account_ids:
            return {}
        query = select(accounts.c.id, accounts.c.name, accounts.c.role).where(
            accounts.c.id == any_(literal(sorted(account_ids), ARRAY(Uuid()))),
            accounts.c.active,
            accounts.c.role != "customer",
        )
        return {row.id: row for row in await self.session.execute(query)}

    async def followers(self, ticket_id: UUID) -> Sequence[AnyRow]:
        """Ids and names of those who follow a ticket, the longest first."""
        query = (
            select(ticket_followers.c.account_id.label("id"), accounts.c.name)
            .join_from(ticket_followers, accounts, accounts.c.id == ticket_followers.c.account_id)
            .where(ticket_followers.c.ticket_id == ticket_id)
            .order_by(ticket_followers.c.since, ticket_followers.c.account_id)
        )
        return (await self.session.execute(query)).all()

    async def add(self, ticket_id: UUID, account_ids: Collection[UUID], now: datetime) -> list[UUID]:
        """Let accounts follow a ticket; returns those that did not."""
        if not account_ids:
            return []
        rows = [{"ticket_id": ticket_id, "account_id": id_, "since": now} for id_ in sorted(account_ids)]
        added = insert(ticket_followers).values(rows).on_conflict_do_nothing()
        return list(await self.session.scalars(added.returning(ticket_followers.c.account_id)))

    async def bring(self, ticket_id: UUID, from_ids: Collection[UUID], now: datetime) -> bool:
        """Let who follows one of some tickets follow another one; False if all of them did."""
        since = literal(now, ticket_followers.c.since.type)
        theirs = select(literal(ticket_id, Uuid()), ticket_followers.c.account_id, since).distinct()
        theirs = theirs.where(ticket_followers.c.ticket_id == any_(literal(sorted(from_ids), ARRAY(Uuid()))))
        added = insert(ticket_followers).from_select(["ticket_id", "account_id", "since"], theirs)
        added = added.on_conflict_do_nothing()
        return bool((await self.session.scalars(added.returning(ticket_followers.c.account_id))).all())

    async def remove(self, ticket_id: UUID, account_id: UUID) -> bool:
        """Let an account follow a ticket no more; False if it did not."""
        gone = delete(ticket_followers).where(
            ticket_followers.c.ticket_id == ticket_id, ticket_followers.c.account_id == account_id
        )
        return bool((await self.session.scalars(gone.returning(ticket_followers.c.account_id))).all())
