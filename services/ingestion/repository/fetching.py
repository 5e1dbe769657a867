"""SQL of fetching: which mailbox is whose turn, and how far each was read."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncSession

from services.ingestion.domain.mailboxes import MailboxTroubleError


@dataclass(frozen=True, slots=True)
class ClaimedMailbox:
    """A mailbox that this process may fetch from until its lease ends."""

    mailbox_id: UUID
    lease: UUID
    address: str
    version: int
    inbound: dict[str, Any]
    secrets: bytes | None
    source: str | None
    uid_validity: int | None
    last_uid: int
    unsettled: list[int]
    skipped_before: datetime | None
    reread_below: int
    failures: int


class FetchingRepository:
    """How far the mailboxes were read. What changes anything of it holds only under the lease."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def claim(self, *, lease: UUID, lease_for: timedelta) -> ClaimedMailbox | None:
        """Take the mailbox that waits longest and that nobody fetches from, by the database's clock, or None."""
        result = await self._session.execute(_claim_sql(), {"lease": lease, "lease_for": lease_for})
        row = result.one_or_none()
        return None if row is None else ClaimedMailbox(**row._mapping)  # noqa: SLF001 - public by its documentation

    async def renew(self, claimed: ClaimedMailbox, *, lease_for: timedelta, well: bool) -> bool:
        """Keep the mailbox; false when it is another's by now, or not what it was when it was claimed.

        `well` notes that it was read to its end.
        """
        result = await self._session.execute(
            _renew_sql(),
            {
                "id": claimed.mailbox_id,
                "lease": claimed.lease,
                "version": claimed.version,
                "lease_for": lease_for,
                "well": well,
            },
        )
        return result.one_or_none() is not None

    async def move_on(
        self, claimed: ClaimedMailbox, *, source: str, uid_validity: int, last_uid: int, unsettled: list[int]
    ) -> bool:
        """Note how far it was read, in the transaction that stores what was read; false when the lease is lost."""
        result = await self._session.execute(
            text("""
                UPDATE mailbox_fetching
                SET source = :source, uid_validity = :uid_validity, last_uid = :last_uid,
                    unsettled = CAST(:unsettled AS bigint[])
                WHERE mailbox_id = :id AND lease = :lease RETURNING mailbox_id"""),
            {
                "id": claimed.mailbox_id,
                "lease": claimed.lease,
                "source": source,
                "uid_validity": uid_validity,
                "last_uid": last_uid,
                "unsettled": unsettled,
            },
        )
        return result.one_or_none() is not None

    async def leave_alone(self, claimed: ClaimedMailbox, *, before: datetime | None, below: int) -> None:
        """Leave alone what came `before` that, of the mails with UIDs `below`."""
        await self._session.execute(
            text("""
                UPDATE mailbox_fetching SET skipped_before = :before, reread_below = :below
                WHERE mailbox_id = :id AND lease = :lease"""),
            {"id": claimed.mailbox_id, "lease": claimed.lease, "before": before, "below": below},
        )

    async def release(
        self, claimed: ClaimedMailbox, *, wait: timedelta, trouble: MailboxTroubleError | None = None
    ) -> None:
        """Let the mailbox go until it is due again; `trouble` is why it could not be read."""
        await self._session.execute(
            text("""
                UPDATE mailbox_fetching
                SET lease = NULL, leased_until = NULL, due_at = now() + CAST(:wait AS interval),
                    failures = CASE WHEN CAST(:reason AS text) IS NULL THEN 0 ELSE least(failures + 1, 1000) END,
                    reason = :reason, words = :words,
                    checked_at = CASE WHEN CAST(:reason AS text) IS NULL THEN now() ELSE checked_at END
                WHERE mailbox_id = :id AND lease = :lease"""),
            {
                "id": claimed.mailbox_id,
                "lease": claimed.lease,
                "wait": wait,
                "reason": trouble.reason if trouble else None,
                "words": trouble.words if trouble else None,
            },
        )


@cache
def _claim_sql() -> TextClause:
    return text("""
        UPDATE mailbox_fetching f
        SET lease = :lease, leased_until = now() + CAST(:lease_for AS interval)
        FROM (
            SELECT f.mailbox_id, m.address, m.version, m.inbound, m.secrets
            FROM mailbox_fetching f JOIN mailboxes m ON m.id = f.mailbox_id
            WHERE m.enabled AND m.inbound ? 'imap' AND f.due_at <= now()
              AND (f.leased_until IS NULL OR f.leased_until < now())
            ORDER BY f.due_at LIMIT 1 FOR UPDATE OF f SKIP LOCKED) m
        WHERE f.mailbox_id = m.mailbox_id
        RETURNING f.mailbox_id, f.lease, m.address, m.version, m.inbound, m.secrets, f.source, f.uid_validity,
            f.last_uid, f.unsettled, f.skipped_before, f.reread_below, f.failures""")


@cache
def _renew_sql() -> TextClause:
    return text("""
        UPDATE mailbox_fetching f
        SET leased_until = now() + CAST(:lease_for AS interval),
            checked_at = CASE WHEN :well THEN now() ELSE f.checked_at END,
            failures = CASE WHEN :well THEN 0 ELSE f.failures END,
            reason = CASE WHEN :well THEN NULL ELSE f.reason END,
            words = CASE WHEN :well THEN NULL ELSE f.words END
        FROM mailboxes m
        WHERE f.mailbox_id = :id AND f.lease = :lease AND m.id = f.mailbox_id AND m.enabled AND m.version = :version
        RETURNING f.mailbox_id""")
