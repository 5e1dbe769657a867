"""SQL of mail on its way from stored to settled: claimed in batches under a lease, settled in batches."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import TextClause, func, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from services.ingestion.models import inbound_messages
from shared.driver import driver_of


@dataclass(frozen=True, slots=True)
class ClaimedMail:
    """A stored mail that this process may parse until its lease ends."""

    id: UUID
    lease: UUID
    raw_key: str
    received_at: datetime
    attempts: int
    released: bool
    mailbox_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Settlement:
    """What became of a claimed mail, and what is known of it by that."""

    mail: ClaimedMail
    status: str
    reason: str | None = None
    outcome: str | None = None
    conversation_id: UUID | None = None
    sender: Mapping[str, Any] | None = None
    subject: str = ""
    text: str = ""
    external_id: str | None = None
    mailbox_id: UUID | None = None
    automatic: bool = False
    security: Mapping[str, Any] | None = None


class MailQueue:
    """Stored mail, from claim to settlement."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def claim(self, *, lease: UUID, lease_for: timedelta, limit: int, max_bytes: int) -> list[ClaimedMail]:
        """Take the oldest stored mails that nobody is parsing, by the database's clock, oldest first.

        At most `limit`, and none more once there are `max_bytes`. One that was claimed before comes alone: what ended
        its process must not count against others.
        """
        result = await self._session.execute(
            _claim_sql(), {"lease": lease, "lease_for": lease_for, "limit": limit, "max_bytes": max_bytes}
        )
        claimed = [ClaimedMail(**row._mapping) for row in result]  # noqa: SLF001 - public by its documentation
        return sorted(claimed, key=lambda mail: mail.id)

    async def settle(self, settlements: Sequence[Settlement]) -> set[UUID]:
        """Note what became of mails; returns the ids of those whose lease still held. Others settle the rest."""
        if not settlements:
            return set()
        rows = [
            {
                "id": str(each.mail.id),
                "lease": str(each.mail.lease),
                "status": each.status,
                "reason": each.reason,
                "outcome": each.outcome,
                "conversation_id": each.conversation_id and str(each.conversation_id),
                "sender": each.sender,
                "subject": each.subject,
                "text": each.text,
                "external_id": each.external_id,
                "mailbox_id": each.mailbox_id and str(each.mailbox_id),
                "automatic": each.automatic,
                "security": each.security,
            }
            for each in settlements
        ]
        driver = await driver_of(self._session)
        return {id_ for (id_,) in await driver.fetch(_settle_sql(), json.dumps(rows))}

    async def release(self, mails: Collection[ClaimedMail], *, wait: timedelta) -> None:
        """Give claimed mails back, to be claimed again after `wait`, as if they had not been."""
        columns = inbound_messages.c
        await self._session.execute(
            update(inbound_messages)
            .where(
                columns.id.in_([mail.id for mail in mails]),
                columns.lease.in_({mail.lease for mail in mails}),
                columns.status == "stored",
            )
            .values(lease=None, leased_until=func.now() + wait, attempts=columns.attempts - 1)
        )


@cache
def _claim_sql() -> TextClause:
    return text("""
        WITH due AS (
            SELECT id, size_bytes, attempts FROM inbound_messages
            WHERE status = 'stored' AND (leased_until IS NULL OR leased_until < now())
            ORDER BY id LIMIT :limit FOR UPDATE SKIP LOCKED),
        counted AS (
            SELECT id, attempts,
                   sum(size_bytes) OVER (ORDER BY id) - size_bytes AS bytes_before,
                   row_number() OVER (ORDER BY id) AS place,
                   first_value(attempts) OVER (ORDER BY id) AS attempts_of_first
            FROM due)
        UPDATE inbound_messages m
        SET lease = :lease, leased_until = now() + CAST(:lease_for AS interval), attempts = m.attempts + 1
        FROM counted c
        WHERE m.id = c.id AND c.bytes_before < :max_bytes
          AND (c.place = 1 OR (c.attempts = 0 AND c.attempts_of_first = 0))
        RETURNING m.id, m.lease, m.raw_key, m.received_at, m.attempts, m.released, m.mailbox_id""")


@cache
def _settle_sql() -> str:
    # Rows are taken in the order of their ids: the same mails may be delivered again meanwhile, and be counted.
    return """
        WITH r AS (
            SELECT n.* FROM jsonb_to_recordset($1::jsonb) AS n (
                id uuid, lease uuid, status text, reason text, outcome text, conversation_id uuid, sender jsonb,
                subject text, text text, external_id text, mailbox_id uuid, automatic boolean, security jsonb)
            JOIN inbound_messages m ON m.id = n.id AND m.lease = n.lease
            ORDER BY m.id FOR NO KEY UPDATE OF m)
        UPDATE inbound_messages m
        SET lease = NULL, leased_until = NULL, status = r.status, reason = r.reason, outcome = r.outcome,
            conversation_id = r.conversation_id, sender = r.sender, subject = r.subject, text = r.text,
            external_id = r.external_id, mailbox_id = r.mailbox_id, automatic = r.automatic,
            security = r.security
        FROM r WHERE m.id = r.id AND m.lease = r.lease AND m.status = 'stored'
        RETURNING m.id"""
