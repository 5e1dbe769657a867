"""SQL of notifications on their way."""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncSession

from services.ingestion.domain.caps import WINDOW
from services.ingestion.domain.delivery import Open
from shared.events.notifications import NotificationKind


@dataclass(frozen=True, slots=True)
class DueNotice:
    """A queued notification that this process may send until its lease ends. `attempts` counts this one."""

    id: UUID
    lease: UUID
    kind: str
    address: str
    name: str
    language: str | None
    values: dict[str, str]
    brand: str
    ticket_id: UUID | None
    answer_as_note: bool
    attempts: int
    requested_at: datetime
    expires_at: datetime | None
    begun_at: datetime | None


class NoticeRepository:
    """Notifications, each once by its id."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def add(self, rows: Sequence[dict[str, Any]], *, now: datetime) -> int:
        """Insert notifications; returns how many were new."""
        result = await self._session.execute(_add_sql(), {"rows": json.dumps(rows, default=str), "now": now})
        return len(result.all())

    async def claim(self, *, lease: UUID, lease_for: timedelta, limit: int, brands: Open[str]) -> list[DueNotice]:
        """Take up to `limit` that are due by the database's clock; nobody else gets them under the lease."""
        # Newer processes may run beside, and send kinds that this one has no words for.
        known = {"kinds": sorted(NotificationKind)}
        open_ = {"named": list(brands.named), "only": brands.only}
        result = await self._session.execute(
            _claim_sql(), {"lease": lease, "lease_for": lease_for, "limit": limit, **known, **open_}
        )
        return [DueNotice(**row._mapping) for row in result]  # noqa: SLF001 - public by its documentation

    async def settle(
        self, ids: Collection[UUID], lease: UUID, *, state: str, reason: str | None, wait: timedelta, attempts: int = 0
    ) -> None:
        """Note an outcome; nothing where the lease was lost. `attempts` is added: -1 for one that was none."""
        await self._session.execute(
            _settle_sql(),
            {
                "ids": sorted(ids),
                "lease": lease,
                "state": state,
                "reason": reason,
                "wait": wait,
                "attempts": attempts,
            },
        )

    async def begin(self, ids: Collection[UUID]) -> None:
        """Note that these leave now."""
        await self._session.execute(
            text("UPDATE notices SET begun_at = now() WHERE id = ANY(CAST(:ids AS uuid[])) AND begun_at IS NULL"),
            {"ids": sorted(ids)},
        )

    async def bounced(self, ids: Collection[UUID]) -> None:
        """Note that some did not arrive; a report may be faster than who sent it notes that it left."""
        await self._session.execute(_bounced_sql(), {"ids": sorted(ids)})

    async def count_sent(self, to: Collection[tuple[str, str]], *, most: int) -> dict[tuple[str, str], int]:
        """How many of a kind left to an address within the window of caps, by both, counted up to `most`."""
        parameters = {"kinds": [kind for kind, _ in to], "addresses": [address for _, address in to]}
        result = await self._session.execute(_count_sql(), {**parameters, "window": WINDOW, "most": most})
        return {(row.kind, row.address): row.mails for row in result}


@cache
def _add_sql() -> TextClause:
    columns = (
        "id, kind, state, address, name, language, values, brand, ticket_id, answer_as_note, requested_at, expires_at, "
        "reason"
    )
    return text(f"""
        INSERT INTO notices ({columns}, due_at, settled_at)
        SELECT {columns}, CAST(:now AS timestamptz), CASE WHEN state <> 'queued' THEN CAST(:now AS timestamptz) END
        FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r (
            id uuid, kind text, state text, address text, name text, language text, values jsonb, brand text,
            ticket_id uuid, answer_as_note boolean, requested_at timestamptz, expires_at timestamptz, reason text)
        ORDER BY id
        ON CONFLICT DO NOTHING RETURNING id""")


@cache
def _claim_sql() -> TextClause:
    return text("""
        UPDATE notices n
        SET lease = :lease, due_at = now() + CAST(:lease_for AS interval), attempts = n.attempts + 1
        FROM (
            SELECT id FROM notices
            WHERE state = 'queued' AND due_at <= now() AND kind = ANY(CAST(:kinds AS text[]))
              AND (brand = ANY(CAST(:named AS text[]))) = CAST(:only AS boolean)
            ORDER BY due_at, id LIMIT :limit FOR UPDATE SKIP LOCKED) due
        WHERE n.id = due.id
        RETURNING n.id, n.lease, n.kind, n.address, n.name, n.language, n.values, n.brand, n.ticket_id,
            n.answer_as_note, n.attempts, n.requested_at, n.expires_at, n.begun_at""")


@cache
def _settle_sql() -> TextClause:
    # What it said is nobody's business any more: a link that opens an account, a note.
    return text("""
        UPDATE notices
        SET state = :state, reason = :reason, lease = NULL, due_at = now() + CAST(:wait AS interval),
            attempts = attempts + :attempts,
            values = CASE WHEN :state = 'queued' THEN values ELSE '{}' END,
            settled_at = CASE WHEN :state = 'queued' THEN NULL ELSE now() END
        WHERE id = ANY(CAST(:ids AS uuid[])) AND lease = :lease AND state = 'queued'""")


@cache
def _bounced_sql() -> TextClause:
    return text("""
        UPDATE notices
        SET state = 'failed', reason = 'bounced', lease = NULL, values = '{}', settled_at = COALESCE(settled_at, now())
        WHERE id = ANY(CAST(:ids AS uuid[])) AND state IN ('queued', 'delivered')""")


@cache
def _count_sql() -> TextClause:
    return text("""
        SELECT a.kind, a.address, s.mails
        FROM unnest(CAST(:kinds AS text[]), CAST(:addresses AS text[])) AS a (kind, address)
        CROSS JOIN LATERAL (
            SELECT count(*) AS mails FROM (
                SELECT FROM notices n
                WHERE n.address = a.address AND n.kind = a.kind AND n.begun_at > now() - CAST(:window AS interval)
                LIMIT :most) m) s""")
