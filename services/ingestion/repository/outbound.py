"""SQL of what goes out."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncSession


@dataclass(frozen=True, slots=True)
class NewReply:
    """A row of `outbound_messages` to insert."""

    message_id: UUID
    ticket_id: UUID
    ticket_number: int
    conversation_id: UUID
    channel: str
    state: str
    recipient: str | None
    recipient_name: str
    author_name: str
    subject: str
    text: str
    attachments: list[dict[str, Any]]
    mail_id: str | None
    in_reply_to: str | None
    written_at: datetime
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class DueReply:
    """A queued reply that this process may send until its lease ends. `attempts` counts this one."""

    message_id: UUID
    lease: UUID
    ticket_id: UUID
    ticket_number: int
    conversation_id: UUID
    recipient: str
    recipient_name: str
    author_name: str
    subject: str
    text: str
    attachments: list[dict[str, Any]]
    mail_id: str
    in_reply_to: str | None
    written_at: datetime
    attempts: int


@dataclass(frozen=True, slots=True)
class Settlement:
    """What became of one attempt: `delivered`, `failed`, or `queued` again until `due_at`."""

    message_id: UUID
    lease: UUID
    state: str
    reason: str | None
    due_at: datetime


class OutboundRepository:
    """Replies on their way to customers."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def add(self, replies: Sequence[NewReply], *, now: datetime) -> set[UUID]:
        """Insert replies; returns the ids of those that were new."""
        rows = [
            {
                "message_id": str(reply.message_id),
                "ticket_id": str(reply.ticket_id),
                "ticket_number": reply.ticket_number,
                "conversation_id": str(reply.conversation_id),
                "channel": reply.channel,
                "state": reply.state,
                "recipient": reply.recipient,
                "recipient_name": reply.recipient_name,
                "author_name": reply.author_name,
                "subject": reply.subject,
                "text": reply.text,
                "attachments": reply.attachments,
                "mail_id": reply.mail_id,
                "in_reply_to": reply.in_reply_to,
                "written_at": reply.written_at.isoformat(),
                "reason": reply.reason,
            }
            for reply in replies
        ]
        result = await self._session.execute(_add_sql(), {"rows": json.dumps(rows), "now": now})
        return set(result.scalars())

    async def claim(self, *, lease: UUID, lease_for: timedelta, limit: int) -> list[DueReply]:
        """Take up to `limit` replies that are due by the database's clock; nobody else gets them under the lease."""
        parameters = {"lease": lease, "lease_for": lease_for, "limit": limit}
        result = await self._session.execute(_claim_sql(), parameters)
        return [DueReply(**row._mapping) for row in result]  # noqa: SLF001 - public by its documentation

    async def settle(self, settlements: Sequence[Settlement], *, now: datetime) -> set[UUID]:
        """Note outcomes; returns the ids of those whose lease still held."""
        result = await self._session.execute(
            _settle_sql(),
            {
                "ids": [each.message_id for each in settlements],
                "leases": [each.lease for each in settlements],
                "states": [each.state for each in settlements],
                "reasons": [each.reason for each in settlements],
                "dues": [each.due_at for each in settlements],
                "now": now,
            },
        )
        return set(result.scalars())


@cache
def _add_sql() -> TextClause:
    columns = (
        "message_id, ticket_id, ticket_number, conversation_id, channel, state, recipient, recipient_name, "
        "author_name, subject, text, attachments, mail_id, in_reply_to, written_at, reason"
    )
    return text(f"""
        INSERT INTO outbound_messages ({columns}, due_at, settled_at)
        SELECT {columns}, CAST(:now AS timestamptz), CASE WHEN state <> 'queued' THEN CAST(:now AS timestamptz) END
        FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r (
            message_id uuid, ticket_id uuid, ticket_number bigint, conversation_id uuid, channel text, state text,
            recipient text, recipient_name text, author_name text, subject text, text text, attachments jsonb,
            mail_id text, in_reply_to text, written_at timestamptz, reason text)
        ORDER BY message_id
        ON CONFLICT DO NOTHING RETURNING message_id""")


@cache
def _claim_sql() -> TextClause:
    # The lease is the due time itself, moved ahead: a process that dies leaves a reply that becomes due again.
    return text("""
        UPDATE outbound_messages m
        SET lease = :lease, due_at = now() + CAST(:lease_for AS interval), attempts = m.attempts + 1
        FROM (
            SELECT message_id FROM outbound_messages
            WHERE state = 'queued' AND due_at <= now()
            ORDER BY due_at, message_id LIMIT :limit FOR UPDATE SKIP LOCKED) due
        WHERE m.message_id = due.message_id
        RETURNING m.message_id, m.lease, m.ticket_id, m.ticket_number, m.conversation_id, m.recipient, m.recipient_name,
            m.author_name, m.subject, m.text, m.attachments, m.mail_id, m.in_reply_to, m.written_at, m.attempts""")


@cache
def _settle_sql() -> TextClause:
    return text("""
        UPDATE outbound_messages m
        SET state = n.state, reason = n.reason, due_at = n.due_at, lease = NULL,
            settled_at = CASE WHEN n.state <> 'queued' THEN CAST(:now AS timestamptz) END
        FROM unnest(CAST(:ids AS uuid[]), CAST(:leases AS uuid[]), CAST(:states AS text[]), CAST(:reasons AS text[]),
                    CAST(:dues AS timestamptz[])) AS n (message_id, lease, state, reason, due_at)
        WHERE m.message_id = n.message_id AND m.lease = n.lease AND m.state = 'queued'
        RETURNING m.message_id""")
