"""Whom to tell by mail of what concerns them."""

from collections.abc import Collection, Sequence
from uuid import UUID

from sqlalchemy import Text, any_, cast, literal, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.types import Uuid

from services.tickets.models import accounts, messages, tickets
from services.tickets.repository.rows import AnyRow


class NoticeRepository:
    """Addresses of those who work here."""

    def __init__(self, session: AsyncSession) -> None:
        self.session = session

    async def colleagues(self, account_ids: Collection[UUID]) -> Sequence[AnyRow]:
        """Address and name of those of the accounts that work here."""
        if not account_ids:
            return []
        query = select(accounts.c.email, accounts.c.name).where(
            accounts.c.id == any_(literal(sorted(account_ids), ARRAY(Uuid()))),
            accounts.c.active,
            accounts.c.role != "customer",
        )
        return (await self.session.execute(query.order_by(accounts.c.id))).all()

    async def authors(self, message_ids: Collection[UUID]) -> Sequence[AnyRow]:
        """Who wrote these replies and still works here, and the ticket of each."""
        query = (
            select(
                messages.c.id.label("message_id"),
                accounts.c.id.label("author_id"),
                accounts.c.email,
                accounts.c.name,
                messages.c.ticket_id,
                tickets.c.number,
                tickets.c.subject,
                tickets.c.brand,
                tickets.c.requester_email,
            )
            .join_from(messages, accounts, cast(accounts.c.id, Text) == messages.c.author_id)
            .join(tickets, tickets.c.id == messages.c.ticket_id)
            .where(
                messages.c.id == any_(literal(sorted(message_ids), ARRAY(Uuid()))),
                messages.c.kind == "reply",
                messages.c.author_kind == "agent",
                accounts.c.active,
                accounts.c.role != "customer",
            )
        )
        return (await self.session.execute(query.order_by(messages.c.id))).all()
