"""SQL of what came in."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import Row, TextClause, func, select, text, update
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


@dataclass(frozen=True, slots=True)
class ClaimedMail:
    """A stored mail that this process may parse until its lease ends."""

    id: UUID
    lease: UUID
    raw_key: str
    received_at: datetime
    attempts: int
    released: bool


class InboundRepository:
    """Inbound messages and the Message-IDs of mail."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def add(self, messages: Sequence[NewMessage], *, received_at: datetime) -> set[UUID]:
        """Insert the messages that are new by origin and dedupe key; returns their ids."""
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

    async def count_delivery(self, message_id: UUID) -> None:
        """The same mail was delivered once more."""
        await self._session.execute(
            update(inbound_messages)
            .where(inbound_messages.c.id == message_id)
            .values(deliveries=inbound_messages.c.deliveries + 1)
        )

    async def get(self, message_id: UUID) -> Inbound | None:
        """One message, or None."""
        result = await self._session.execute(select(inbound_messages).where(inbound_messages.c.id == message_id))
        return result.one_or_none()

    async def quarantined(self, *, before: UUID | None, limit: int) -> Sequence[Inbound]:
        """Quarantined messages, newest first, from below the id `before`."""
        query = select(inbound_messages).where(inbound_messages.c.status == "quarantined")
        if before is not None:
            query = query.where(inbound_messages.c.id < before)
        result = await self._session.execute(query.order_by(inbound_messages.c.id.desc()).limit(limit))
        return result.all()

    async def claim_mail(self, *, lease: UUID, lease_for: timedelta) -> ClaimedMail | None:
        """Take the oldest stored mail that nobody is parsing, by the database's clock, or None."""
        result = await self._session.execute(_claim_sql(), {"lease": lease, "lease_for": lease_for})
        row = result.one_or_none()
        return None if row is None else ClaimedMail(**row._mapping)  # noqa: SLF001 - public by its documentation

    async def accept_mail(
        self,
        mail: ClaimedMail,
        *,
        conversation_id: UUID,
        sender: Mapping[str, Any],
        subject: str,
        body: str,
        external_id: str | None,
    ) -> bool:
        """Settle a parsed mail; false when the lease was lost and somebody else settles it."""
        return await self._settle(
            mail,
            status="accepted",
            conversation_id=conversation_id,
            sender=dict(sender),
            subject=subject,
            text=body,
            external_id=external_id,
            reason=None,
        )

    async def quarantine_mail(self, mail: ClaimedMail, *, reason: str, **known: Any) -> bool:
        """Put a mail aside; `known` is what could be read of it. False when the lease was lost."""
        return await self._settle(mail, status="quarantined", reason=reason, **known)

    async def _settle(self, mail: ClaimedMail, **values: Any) -> bool:
        columns = inbound_messages.c
        result = await self._session.execute(
            update(inbound_messages)
            .where(columns.id == mail.id, columns.lease == mail.lease, columns.status == "stored")
            .values(lease=None, leased_until=None, **values)
            .returning(columns.id)
        )
        return result.one_or_none() is not None

    async def release_mail(self, mail: ClaimedMail, *, wait: timedelta) -> None:
        """Give a claimed mail back, to be claimed again after `wait`, as if it had not been."""
        columns = inbound_messages.c
        await self._session.execute(
            update(inbound_messages)
            .where(columns.id == mail.id, columns.lease == mail.lease, columns.status == "stored")
            .values(lease=None, leased_until=func.now() + wait, attempts=columns.attempts - 1)
        )

    async def store_again(self, message_id: UUID, *, released: bool) -> bool:
        """Give a quarantined mail back to the parsers; false when it is not in quarantine."""
        columns = inbound_messages.c
        result = await self._session.execute(
            update(inbound_messages)
            .where(columns.id == message_id, columns.status == "quarantined", columns.raw_key.is_not(None))
            .values(status="stored", reason=None, attempts=0, released=columns.released | released)
            .returning(columns.id)
        )
        return result.one_or_none() is not None

    async def note_tickets(self, tickets: Sequence[tuple[UUID, UUID, int]]) -> None:
        """Note which ticket (id, number) each message became part of."""
        await self._session.execute(
            _tickets_sql(),
            {
                "ids": [message_id for message_id, _, _ in tickets],
                "tickets": [ticket_id for _, ticket_id, _ in tickets],
                "numbers": [number for _, _, number in tickets],
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

    async def move_mail_ids(self, mail_ids: Collection[str], conversation_id: UUID) -> None:
        """Give Message-IDs that this transaction added to another conversation."""
        await self._session.execute(
            update(mail_ids_table)
            .where(mail_ids_table.c.message_id.in_(sorted(mail_ids)))
            .values(conversation_id=conversation_id)
        )

    async def conversation_of(self, mail_ids: Sequence[str]) -> UUID | None:
        """The conversation of the last of these Message-IDs that is known."""
        if not mail_ids:
            return None
        found: UUID | None = await self._session.scalar(_conversation_sql(), {"mail_ids": list(mail_ids)})
        return found

    async def mail_ids_of(self, conversations: Collection[UUID], *, limit: int) -> dict[UUID, list[str]]:
        """The latest `limit` Message-IDs of each conversation, oldest first."""
        result = await self._session.execute(_mail_ids_sql(), {"conversations": sorted(conversations), "limit": limit})
        return {conversation: list(mail_ids) for conversation, mail_ids in result}


@cache
def _add_sql() -> str:
    # Sorted by the key, so that two batches with the same keys wait for each other instead of deadlocking.
    columns = (
        "id, origin, dedupe_key, channel, status, conversation_id, sender, subject, text, external_id, raw_key, "
        "size_bytes"
    )
    return f"""
        INSERT INTO inbound_messages ({columns}, received_at)
        SELECT {columns}, $2::timestamptz FROM jsonb_to_recordset($1::jsonb) AS r (
            id uuid, origin text, dedupe_key text, channel text, status text, conversation_id uuid, sender jsonb,
            subject text, text text, external_id text, raw_key text, size_bytes bigint)
        ORDER BY origin, dedupe_key
        ON CONFLICT (origin, dedupe_key) WHERE dedupe_key IS NOT NULL DO NOTHING
        RETURNING id"""


@cache
def _known_sql() -> TextClause:
    return text("""
        SELECT m.origin, m.dedupe_key, m.id, m.received_at
        FROM unnest(CAST(:origins AS text[]), CAST(:keys AS text[])) AS n (origin, dedupe_key)
        JOIN inbound_messages m USING (origin, dedupe_key)""")


@cache
def _claim_sql() -> TextClause:
    return text("""
        UPDATE inbound_messages m
        SET lease = :lease, leased_until = now() + CAST(:lease_for AS interval), attempts = m.attempts + 1
        WHERE m.id = (
            SELECT id FROM inbound_messages
            WHERE status = 'stored' AND (leased_until IS NULL OR leased_until < now())
            ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED)
        RETURNING m.id, m.lease, m.raw_key, m.received_at, m.attempts, m.released""")


@cache
def _tickets_sql() -> TextClause:
    return text("""
        UPDATE inbound_messages m SET ticket_id = n.ticket_id, ticket_number = n.number
        FROM unnest(CAST(:ids AS uuid[]), CAST(:tickets AS uuid[]), CAST(:numbers AS bigint[]))
            AS n (id, ticket_id, number)
        WHERE m.id = n.id""")


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
def _conversation_sql() -> TextClause:
    return text("""
        SELECT i.conversation_id
        FROM unnest(CAST(:mail_ids AS text[])) WITH ORDINALITY AS n (message_id, position)
        JOIN mail_ids i USING (message_id)
        ORDER BY n.position DESC LIMIT 1""")


@cache
def _mail_ids_sql() -> TextClause:
    return text("""
        SELECT c.id, array_agg(i.message_id ORDER BY i.created_at, i.message_id)
        FROM unnest(CAST(:conversations AS uuid[])) AS c (id)
        CROSS JOIN LATERAL (
            SELECT message_id, created_at FROM mail_ids
            WHERE conversation_id = c.id ORDER BY created_at DESC LIMIT :limit) i
        GROUP BY c.id""")
