"""SQL of what came in."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Row, Text, TextClause, any_, literal, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from services.ingestion.domain.messages import Receipt
from services.ingestion.models import inbound_messages
from services.ingestion.models import mail_ids as mail_ids_table
from shared.driver import driver_of

Inbound = Row[Any]


@dataclass(frozen=True, slots=True)
class NewMessage:
    """A row of `inbound_messages` to insert."""

    id: UUID
    origin: str
    dedupe_key: str | None
    channel: str
    status: str
    conversation_id: UUID | None = None
    sender: Mapping[str, Any] | None = None
    subject: str = ""
    text: str = ""
    external_id: str | None = None
    raw_key: str | None = None
    size_bytes: int = 0
    mailbox_id: UUID | None = None
    reason: str | None = None
    received_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class LinkedTicket:
    """The ticket that a message became part of, and whether it `opened` or `joined` it."""

    message_id: UUID
    ticket_id: UUID
    number: int
    outcome: str


class InboundRepository:
    """Inbound messages and the Message-IDs of mail."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def add(self, messages: Sequence[NewMessage], *, received_at: datetime) -> set[UUID]:
        """Insert the messages that are new by origin and dedupe key; returns their ids.

        `received_at` is when those came that have no time of their own.
        """
        rows = [
            {
                "id": str(message.id),
                "origin": message.origin,
                "dedupe_key": message.dedupe_key,
                "channel": message.channel,
                "status": message.status,
                "conversation_id": message.conversation_id and str(message.conversation_id),
                "sender": message.sender,
                "subject": message.subject,
                "text": message.text,
                "external_id": message.external_id,
                "raw_key": message.raw_key,
                "size_bytes": message.size_bytes,
                "mailbox_id": message.mailbox_id and str(message.mailbox_id),
                "reason": message.reason,
                "received_at": message.received_at and message.received_at.isoformat(),
            }
            for message in messages
        ]
        driver = await driver_of(self._session)
        return {id_ for (id_,) in await driver.fetch(_add_sql(), json.dumps(rows), received_at)}

    async def known(self, identities: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Receipt]:
        """Receipts of the messages that are there already, by origin and dedupe key."""
        result = await self._session.execute(
            _known_sql(), {"origins": [origin for origin, _ in identities], "keys": [key for _, key in identities]}
        )
        return {(origin, key): Receipt(id_, received_at) for origin, key, id_, received_at in result}

    async def count_deliveries(self, deliveries: Mapping[UUID, int]) -> None:
        """These mails were delivered again, so many times each."""
        if deliveries:
            driver = await driver_of(self._session)
            await driver.execute(_count_sql(), list(deliveries), list(deliveries.values()))

    async def get(self, message_id: UUID) -> Inbound | None:
        """One message, or None."""
        result = await self._session.execute(select(inbound_messages).where(inbound_messages.c.id == message_id))
        return result.one_or_none()

    async def note_tickets(self, tickets: Sequence[LinkedTicket]) -> None:
        """Note which ticket each message became part of, and by that what became of it: the first time counts."""
        await self._session.execute(
            _tickets_sql(),
            {
                "ids": [each.message_id for each in tickets],
                "tickets": [each.ticket_id for each in tickets],
                "numbers": [each.number for each in tickets],
                "outcomes": [each.outcome for each in tickets],
            },
        )

    async def add_mail_ids(self, mail_ids: Mapping[str, UUID], *, now: datetime) -> set[str]:
        """Note the conversation of Message-IDs, oldest first; returns those that were not known.

        The first one to use or to name an id decides, whoever repeats it later.
        """
        if not mail_ids:
            return set()
        result = await self._session.scalars(
            _add_mail_ids_sql(),
            {"mail_ids": list(mail_ids), "conversations": list(mail_ids.values()), "now": now},
        )
        return set(result)

    async def conversations_of(self, mail_ids: Sequence[str]) -> dict[str, UUID]:
        """The conversations of those of these Message-IDs that are known."""
        if not mail_ids:
            return {}
        columns = mail_ids_table.c
        query = select(columns.message_id, columns.conversation_id)
        rows = await self._session.execute(
            query.where(columns.message_id == any_(literal(list(mail_ids), ARRAY(Text))))
        )
        return {row[0]: row[1] for row in rows}

    async def mail_ids_of(self, conversations: Collection[UUID], *, limit: int) -> dict[UUID, list[str]]:
        """The latest `limit` Message-IDs of each conversation, oldest first."""
        result = await self._session.execute(_mail_ids_sql(), {"conversations": sorted(conversations), "limit": limit})
        return {conversation: list(mail_ids) for conversation, mail_ids in result}


@cache
def _add_sql() -> str:
    # Sorted by the key, so that two batches with the same keys wait for each other instead of deadlocking.
    columns = (
        "id, origin, dedupe_key, channel, status, conversation_id, sender, subject, text, external_id, raw_key, "
        "size_bytes, mailbox_id, reason"
    )
    return f"""
        INSERT INTO inbound_messages ({columns}, received_at)
        SELECT {columns}, coalesce(received_at, $2::timestamptz) FROM jsonb_to_recordset($1::jsonb) AS r (
            id uuid, origin text, dedupe_key text, channel text, status text, conversation_id uuid, sender jsonb,
            subject text, text text, external_id text, raw_key text, size_bytes bigint,
            mailbox_id uuid, reason text, received_at timestamptz)
        ORDER BY origin, dedupe_key
        ON CONFLICT (origin, dedupe_key) WHERE dedupe_key IS NOT NULL DO NOTHING
        RETURNING id"""


@cache
def _count_sql() -> str:
    # Rows are taken in the order of their ids, here and wherever several are changed: nobody waits in a circle.
    return """
        WITH again AS (
            SELECT m.id, n.deliveries FROM unnest($1::uuid[], $2::integer[]) AS n (id, deliveries)
            JOIN inbound_messages m USING (id) ORDER BY m.id FOR NO KEY UPDATE OF m)
        UPDATE inbound_messages m SET deliveries = m.deliveries + again.deliveries
        FROM again WHERE m.id = again.id"""


@cache
def _known_sql() -> TextClause:
    return text("""
        SELECT m.origin, m.dedupe_key, m.id, m.received_at
        FROM unnest(CAST(:origins AS text[]), CAST(:keys AS text[])) AS n (origin, dedupe_key)
        JOIN inbound_messages m USING (origin, dedupe_key)""")


@cache
def _tickets_sql() -> TextClause:
    return text("""
        WITH named AS (
            SELECT m.id, n.ticket_id, n.number, n.outcome
            FROM unnest(CAST(:ids AS uuid[]), CAST(:tickets AS uuid[]), CAST(:numbers AS bigint[]),
                        CAST(:outcomes AS text[]))
                AS n (id, ticket_id, number, outcome)
            JOIN inbound_messages m USING (id) ORDER BY m.id FOR NO KEY UPDATE OF m)
        UPDATE inbound_messages m
        SET ticket_id = n.ticket_id, ticket_number = n.number, outcome = coalesce(m.outcome, n.outcome)
        FROM named n WHERE m.id = n.id""")


@cache
def _add_mail_ids_sql() -> TextClause:
    # Sorted by the key against deadlocks; the times keep the order in which they were given.
    return text("""
        INSERT INTO mail_ids (message_id, conversation_id, created_at)
        SELECT message_id, conversation_id, CAST(:now AS timestamptz) + position * interval '1 microsecond'
        FROM unnest(CAST(:mail_ids AS text[]), CAST(:conversations AS uuid[])) WITH ORDINALITY
            AS n (message_id, conversation_id, position)
        ORDER BY message_id
        ON CONFLICT DO NOTHING RETURNING message_id""")


@cache
def _mail_ids_sql() -> TextClause:
    return text("""
        SELECT c.id, array_agg(i.message_id ORDER BY i.created_at, i.message_id)
        FROM unnest(CAST(:conversations AS uuid[])) AS c (id)
        CROSS JOIN LATERAL (
            SELECT message_id, created_at FROM mail_ids
            WHERE conversation_id = c.id ORDER BY created_at DESC LIMIT :limit) i
        GROUP BY c.id""")
