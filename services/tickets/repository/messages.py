"""Threads: the messages of tickets, in their order."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import ColumnElement, Select, any_, case, literal, select, text, tuple_
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.types import Uuid

from services.tickets.models import messages
from services.tickets.repository.rows import AnyRow, insert_rows
from shared.events.tickets import PUBLIC_KINDS

# What customers read in the place of a message that is not theirs to read.
WITHHELD_TEXT = "This mail came encrypted. What it says is shown to the desk alone."
_SHOWN: Mapping[str, ColumnElement[Any]] = {
    "text": case((messages.c.withheld, WITHHELD_TEXT), else_=messages.c.text).label("text"),
    "attachments": case((messages.c.withheld, literal([], JSONB)), else_=messages.c.attachments).label("attachments"),
}
_FOR_STAFF = select(messages)
_FOR_CUSTOMERS = select(*(_SHOWN.get(column.name, column) for column in messages.c)).where(
    messages.c.kind.in_(sorted(PUBLIC_KINDS))
)


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of an outbound message. `external_id` is its Message-ID (or channel's own id) once delivered."""

    message_id: UUID
    state: Literal["delivered", "failed", "bounced"]
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

    async def ticket_of(self, message_id: UUID) -> UUID | None:
        """The ticket that a message is in; None where it is in none (yet)."""
        found: UUID | None = await self.session.scalar(select(messages.c.ticket_id).where(messages.c.id == message_id))
        return found

    async def thread(
        self, ticket_id: UUID, *, after: UUID | None, limit: int, public_only: bool = False
    ) -> Sequence[AnyRow]:
        """At most `limit` messages of a ticket in order, from after the message `after`."""
        query = _read(public_only=public_only).where(messages.c.ticket_id == ticket_id)
        if after is not None:
            last = messages.alias("last")
            position = select(last.c.position).where(last.c.id == after, last.c.ticket_id == ticket_id)
            query = query.where(messages.c.position > position.scalar_subquery())
        return (await self.session.execute(query.order_by(messages.c.position).limit(limit))).all()

    async def threads(
        self, ticket_ids: Sequence[UUID], *, after: UUID | None, limit: int, public_only: bool = False
    ) -> Sequence[AnyRow]:
        """Like `thread`; of several tickets in order of time."""
        if len(ticket_ids) == 1:
            return await self.thread(ticket_ids[0], after=after, limit=limit, public_only=public_only)
        wanted = any_(literal(sorted(ticket_ids), ARRAY(Uuid())))
        order = (messages.c.added_at, messages.c.ticket_id, messages.c.position)
        query = _read(public_only=public_only).where(messages.c.ticket_id == wanted)
        if after is not None:
            last = messages.alias("last")
            query = query.join(last, tuple_(*order) > tuple_(*(last.c[column.name] for column in order)))
            query = query.where(last.c.id == after, last.c.ticket_id == wanted)
        return (await self.session.execute(query.order_by(*order).limit(limit))).all()

    async def latest(self, ticket_id: UUID, count: int, *, public_only: bool = False) -> Sequence[AnyRow]:
        """The last `count` messages of a ticket, in order."""
        query = _read(public_only=public_only).where(messages.c.ticket_id == ticket_id)
        rows = (await self.session.execute(query.order_by(messages.c.position.desc()).limit(count))).all()
        return rows[::-1]

    async def set_bounced(self, bounced: Delivery) -> bool:
        """Note that a reply did not arrive at somebody, beside all others that is known of; false where it is unknown.

        That holds whatever is told later of its delivery, which was before.
        """
        found = await self.session.execute(
            text(f"""
                UPDATE {messages.fullname} AS m
                SET delivery_state = 'bounced', delivery_at = greatest(m.delivery_at, CAST(:at AS timestamptz)),
                    delivery_detail = left(
                        concat_ws('; ', CASE WHEN m.delivery_state <> 'failed' THEN m.delivery_detail END,
                                  CAST(:detail AS text)), 4000)
                WHERE m.id = :id AND m.kind = 'reply' RETURNING m.id"""),
            {"id": bounced.message_id, "detail": bounced.detail, "at": bounced.at},
        )
        return found.one_or_none() is not None

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
                WHERE m.id = d.id AND m.kind = 'reply' AND (m.delivery_at IS NULL OR m.delivery_at <= d.at)
                    AND m.delivery_state IS DISTINCT FROM 'bounced'"""),
            {
                "ids": [delivery.message_id for delivery in deliveries],
                "states": [delivery.state for delivery in deliveries],
                "details": [delivery.detail for delivery in deliveries],
                "external_ids": [delivery.external_id for delivery in deliveries],
                "ats": [delivery.at for delivery in deliveries],
            },
        )


def _read(*, public_only: bool) -> Select[*tuple[Any, ...]]:
    """Messages as they are; with `public_only` those that customers see, as they see them."""
    return _FOR_CUSTOMERS if public_only else _FOR_STAFF
