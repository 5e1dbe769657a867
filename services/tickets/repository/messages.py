"""Threads: the messages of tickets, in their order."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import any_, literal, select, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.types import Uuid

from services.tickets.models import messages
from services.tickets.repository.rows import AnyRow, insert_rows
from shared.events.tickets import PUBLIC_KINDS


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of an outbound message. `external_id` is its Message-ID (or channel's own id) once delivered."""

    message_id: UUID
    state: Literal["delivered", "failed"]
    detail: str | None
    external_id: str | None
    at: datetime


class MessageRepository:
    """Messages as rows; `position` is a message's place in its ticket's thread."""

    def __init__(self, session: AsyncSession) -> None:
        self.session = session

    async def known(self, message_ids: Collection[UUID]) -> set[UUID]:
        """Those of the messages that are in a thread already."""
        query = select(messages.c.id).where(messages.c.id == any_(literal(sorted(message_ids), ARRAY(Uuid()))))
        return set(await self.session.scalars(query))

    async def insert(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Append messages to threads."""
        await insert_rows(self.session, messages, rows)

    async def get(self, message_id: UUID) -> AnyRow:
        """A message that is there."""
        return (await self.session.execute(select(messages).where(messages.c.id == message_id))).one()

    async def thread(
        self, ticket_id: UUID, *, after: UUID | None, limit: int, public_only: bool = False
    ) -> Sequence[AnyRow]:
        """At most `limit` messages of a ticket in order, from after the message `after`."""
        query = select(messages).where(messages.c.ticket_id == ticket_id)
        if after is not None:
            last = messages.alias("last")
            position = select(last.c.position).where(last.c.id == after, last.c.ticket_id == ticket_id)
            query = query.where(messages.c.position > position.scalar_subquery())
        if public_only:
            query = query.where(messages.c.kind.in_(sorted(PUBLIC_KINDS)))
        return (await self.session.execute(query.order_by(messages.c.position).limit(limit))).all()

    async def latest(self, ticket_id: UUID, count: int, *, public_only: bool = False) -> Sequence[AnyRow]:
        """The last `count` messages of a ticket, in order."""
        query = select(messages).where(messages.c.ticket_id == ticket_id)
        if public_only:
            query = query.where(messages.c.kind.in_(sorted(PUBLIC_KINDS)))
        rows = (await self.session.execute(query.order_by(messages.c.position.desc()).limit(count))).all()
        return rows[::-1]

    async def set_deliveries(self, deliveries: Sequence[Delivery]) -> None:
        """Note what became of outbound messages, unless something later is noted already."""
        await self.session.execute(
            text(f"""
                UPDATE {messages.fullname} AS m
                SET delivery_state = d.state, delivery_detail = d.detail, delivery_at = d.at,
                    external_id = coalesce(d.external_id, m.external_id)
                FROM unnest(CAST(:ids AS uuid[]), CAST(:states AS text[]), CAST(:details AS text[]),
                            CAST(:external_ids AS text[]), CAST(:ats AS timestamptz[]))
                    AS d (id, state, detail, external_id, at)
                WHERE m.id = d.id AND m.kind = 'reply' AND (m.delivery_at IS NULL OR m.delivery_at <= d.at)"""),
            {
                "ids": [delivery.message_id for delivery in deliveries],
                "states": [delivery.state for delivery in deliveries],
                "details": [delivery.detail for delivery in deliveries],
                "external_ids": [delivery.external_id for delivery in deliveries],
                "ats": [delivery.at for delivery in deliveries],
            },
        )
