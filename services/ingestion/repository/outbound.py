"""SQL of what goes out."""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncSession

from services.ingestion.domain.delivery import Open


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
    cc: list[str]
    outcomes: dict[str, str]
    author_name: str
    subject: str
    text: str
    html: str | None
    attachments: list[dict[str, Any]]
    mail_id: str | None
    in_reply_to: str | None
    written_at: datetime
    mailbox_id: UUID | None = None
    automatic: bool = False
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class DueReply:
    """A queued reply that this process may send until its lease ends. `attempts` counts this one.

    `outcomes` tells, by address, for whom it is settled already: empty where the next hop took it, else why not.
    `settled_at` is when that was so for the recipient: then only copies are left.
    """

    message_id: UUID
    lease: UUID
    ticket_id: UUID
    ticket_number: int
    conversation_id: UUID
    recipient: str
    recipient_name: str
    cc: list[str]
    author_name: str
    subject: str
    text: str
    html: str | None
    attachments: list[dict[str, Any]]
    mail_id: str
    in_reply_to: str | None
    written_at: datetime
    attempts: int
    outcomes: dict[str, str]
    settled_at: datetime | None
    mailbox_id: UUID | None
    automatic: bool
    begun_at: datetime | None


@dataclass(frozen=True, slots=True)
class Settlement:
    """What became of one attempt: `delivered`, `failed`, or `queued` again until `due_at`.

    `settled_at` is as in `DueReply`, after the attempt.
    """

    message_id: UUID
    lease: UUID
    state: str
    reason: str | None
    due_at: datetime
    outcomes: dict[str, str]
    settled_at: datetime | None


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
                "cc": reply.cc,
                "outcomes": reply.outcomes,
                "author_name": reply.author_name,
                "subject": reply.subject,
                "text": reply.text,
                "html": reply.html,
                "attachments": reply.attachments,
                "mail_id": reply.mail_id,
                "in_reply_to": reply.in_reply_to,
                "written_at": reply.written_at.isoformat(),
                "mailbox_id": str(reply.mailbox_id) if reply.mailbox_id else None,
                "automatic": reply.automatic,
                "reason": reply.reason,
            }
            for reply in replies
        ]
        result = await self._session.execute(_add_sql(), {"rows": json.dumps(rows), "now": now})
        return set(result.scalars())

    async def conversations_sent_to(
        self, asked: Collection[tuple[UUID, str]]
    ) -> dict[tuple[UUID, str], tuple[datetime, UUID]]:
        """Of those of these replies that were sent to the address asked with them, or copied to it: when they were
        written, and their conversation.
        """
        parameters = {"ids": [id_ for id_, _ in asked], "addresses": [address for _, address in asked]}
        rows = await self._session.execute(_sent_to_sql(), parameters)
        return {(row.message_id, row.address): (row.written_at, row.conversation_id) for row in rows}

    async def claim(self, *, lease: UUID, lease_for: timedelta, limit: int, mailboxes: Open[UUID]) -> list[DueReply]:
        """Take up to `limit` replies that are due by the database's clock; nobody else gets them under the lease."""
        parameters = {"lease": lease, "lease_for": lease_for, "limit": limit}
        parameters |= {"named": list(mailboxes.named), "only": mailboxes.only}
        result = await self._session.execute(_claim_sql(), parameters)
        return [DueReply(**row._mapping) for row in result]  # noqa: SLF001 - public by its documentation

    async def settle(self, settlements: Sequence[Settlement]) -> set[UUID]:
        """Note outcomes; returns the ids of those whose lease still held."""
        result = await self._session.execute(
            _settle_sql(),
            {
                "ids": [each.message_id for each in settlements],
                "leases": [each.lease for each in settlements],
                "states": [each.state for each in settlements],
                "reasons": [each.reason for each in settlements],
                "dues": [each.due_at for each in settlements],
                "outcomes": [json.dumps(each.outcomes) for each in settlements],
                "settled": [each.settled_at for each in settlements],
            },
        )
        return set(result.scalars())

    async def mailboxes_of(self, conversations: Collection[UUID]) -> dict[UUID, UUID | None]:
        """Through which mailbox the last mail of each conversation came; without those that had none."""
        result = await self._session.execute(_mailboxes_sql(), {"conversations": sorted(conversations)})
        return {row.id: row.mailbox_id for row in result}

    async def begin(self, replies: Sequence[UUID]) -> None:
        """Note that these leave now."""
        await self._session.execute(_begin_sql(), {"ids": sorted(replies)})

    async def put_off(self, replies: Sequence[UUID], *, wait: timedelta, reason: str) -> None:
        """Give claimed replies back for a while, as if they had not been claimed."""
        await self._session.execute(_put_off_sql(), {"ids": sorted(replies), "wait": wait, "reason": reason})


@cache
def _mailboxes_sql() -> TextClause:
    return text("""
        SELECT c.id, m.mailbox_id FROM unnest(CAST(:conversations AS uuid[])) AS c (id)
        CROSS JOIN LATERAL (
            SELECT mailbox_id FROM inbound_messages
            WHERE conversation_id = c.id AND channel = 'email'
            ORDER BY received_at DESC LIMIT 1) m""")


@cache
def _begin_sql() -> TextClause:
    return text("UPDATE outbound_messages SET begun_at = now() WHERE message_id = ANY(CAST(:ids AS uuid[]))")


@cache
def _put_off_sql() -> TextClause:
    return text("""
        UPDATE outbound_messages
        SET lease = NULL, attempts = attempts - 1, due_at = now() + CAST(:wait AS interval), reason = :reason
        WHERE message_id = ANY(CAST(:ids AS uuid[]))""")


@cache
def _add_sql() -> TextClause:
    columns = (
        "message_id, ticket_id, ticket_number, conversation_id, channel, state, recipient, recipient_name, cc, "
        "outcomes, author_name, subject, text, html, attachments, mail_id, in_reply_to, written_at, mailbox_id, "
        "automatic, reason"
    )
    return text(f"""
        INSERT INTO outbound_messages ({columns}, due_at, settled_at)
        SELECT {columns}, CAST(:now AS timestamptz), CASE WHEN state <> 'queued' THEN CAST(:now AS timestamptz) END
        FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r (
            message_id uuid, ticket_id uuid, ticket_number bigint, conversation_id uuid, channel text, state text,
            recipient text, recipient_name text, cc jsonb, outcomes jsonb, author_name text, subject text, text text,
            html text, attachments jsonb, mail_id text, in_reply_to text, written_at timestamptz, mailbox_id uuid,
            automatic boolean, reason text)
        ORDER BY message_id
        ON CONFLICT DO NOTHING RETURNING message_id""")


@cache
def _sent_to_sql() -> TextClause:
    return text("""
        SELECT m.message_id, n.address, m.written_at, m.conversation_id
        FROM unnest(CAST(:ids AS uuid[]), CAST(:addresses AS text[])) AS n (message_id, address)
        JOIN outbound_messages m USING (message_id)
        WHERE m.recipient = n.address OR m.cc ? n.address""")


@cache
def _claim_sql() -> TextClause:
    # The lease is the due time itself, moved ahead: a process that dies leaves a reply that becomes due again.
    return text("""
        UPDATE outbound_messages m
        SET lease = :lease, due_at = now() + CAST(:lease_for AS interval), attempts = m.attempts + 1
        FROM (
            SELECT message_id FROM outbound_messages
            WHERE state = 'queued' AND due_at <= now()
              AND COALESCE(mailbox_id = ANY(CAST(:named AS uuid[])), false) = CAST(:only AS boolean)
            ORDER BY due_at, message_id LIMIT :limit FOR UPDATE SKIP LOCKED) due
        WHERE m.message_id = due.message_id
        RETURNING m.message_id, m.lease, m.ticket_id, m.ticket_number, m.conversation_id, m.recipient, m.recipient_name,
            m.cc, m.author_name, m.subject, m.text, m.html, m.attachments, m.mail_id, m.in_reply_to, m.written_at,
            m.attempts, m.outcomes, m.settled_at, m.mailbox_id, m.automatic, m.begun_at""")


@cache
def _settle_sql() -> TextClause:
    return text("""
        UPDATE outbound_messages m
        SET state = n.state, reason = n.reason, due_at = n.due_at, lease = NULL, outcomes = n.outcomes,
            settled_at = n.settled_at
        FROM unnest(CAST(:ids AS uuid[]), CAST(:leases AS uuid[]), CAST(:states AS text[]), CAST(:reasons AS text[]),
                    CAST(:dues AS timestamptz[]), CAST(CAST(:outcomes AS text[]) AS jsonb[]),
                    CAST(:settled AS timestamptz[]))
            AS n (message_id, lease, state, reason, due_at, outcomes, settled_at)
        WHERE m.message_id = n.message_id AND m.lease = n.lease AND m.state = 'queued'
        RETURNING m.message_id""")
