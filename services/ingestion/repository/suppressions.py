"""SQL of what did not arrive, and of whom nobody writes to any more."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import Row, TextClause, delete, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from services.ingestion.domain.addresses import in_ascii
from services.ingestion.models import suppressions
from shared.ids import uuid7


@dataclass(frozen=True, slots=True)
class NewSuppression:
    """An address that nobody is to write to, until `expires_at` or for good."""

    address: str
    reason: Literal["bounce", "complaint", "manual"]
    detail: str = ""
    message_id: UUID | None = None
    added_by: UUID | None = None
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class NewBounce:
    """A message that did not arrive at one of its recipients; `kind` is a `BounceKind`."""

    message_id: UUID
    recipient: str
    kind: str
    status: str | None
    reason: str
    bounced_at: datetime


class SuppressionRepository:
    """Addresses that nobody writes to: kept and found with their domain in ASCII, however somebody writes it."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def add(self, news: Sequence[NewSuppression], *, now: datetime) -> None:
        """Note addresses; of two reasons the one that holds longer stays."""
        longest: dict[str, NewSuppression] = {}
        for each in news:
            new = replace(each, address=in_ascii(each.address))
            known = longest.setdefault(new.address, new)
            if known.expires_at is not None and (new.expires_at is None or new.expires_at > known.expires_at):
                longest[new.address] = new
        # In one order, so that two who note the same addresses wait for each other, and not both.
        ordered = sorted(longest.values(), key=lambda new: new.address)
        if not ordered:
            return
        parameters = {
            "ids": [uuid7() for _ in ordered],
            "addresses": [new.address for new in ordered],
            "reasons": [new.reason for new in ordered],
            "details": [new.detail for new in ordered],
            "message_ids": [new.message_id for new in ordered],
            "added_by": [new.added_by for new in ordered],
            "expires_at": [new.expires_at for new in ordered],
            "now": now,
        }
        await self._session.execute(_add_sql(), parameters)

    async def of(self, address: str) -> Row[Any]:
        """What holds of an address that was noted."""
        found = await self._session.execute(select(suppressions).where(suppressions.c.address == in_ascii(address)))
        return found.one()

    async def remove(self, suppression_id: UUID) -> bool:
        """Let an address be written to again; false when it was not there."""
        removed = await self._session.execute(
            delete(suppressions).where(suppressions.c.id == suppression_id).returning(suppressions.c.id)
        )
        return removed.one_or_none() is not None

    async def list(self, *, address: str | None, before: UUID | None, limit: int) -> Sequence[Row[Any]]:
        """Newest first, from below the id `before`."""
        query = select(suppressions)
        if address is not None:
            query = query.where(suppressions.c.address == in_ascii(address))
        if before is not None:
            query = query.where(suppressions.c.id < before)
        return (await self._session.execute(query.order_by(suppressions.c.id.desc()).limit(limit))).all()

    async def reasons(self, addresses: Collection[str]) -> dict[str, str]:
        """Why nobody writes to them now, by the database's clock; without those that may be written to."""
        if not addresses:
            return {}
        known_as = {address: in_ascii(address) for address in addresses}
        found = await self._session.execute(_reasons_sql(), {"addresses": sorted({*known_as.values()})})
        reasons: dict[str, str] = {row.address: row.reason for row in found}
        return {address: reasons[known] for address, known in known_as.items() if known in reasons}


class BounceRepository:
    """What did not arrive."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def sent(self, message_ids: Collection[UUID]) -> dict[UUID, Row[Any]]:
        """Where mails of ours belong, whom they went to and since when, by their ids.

        A notification is of no conversation.
        """
        if not message_ids:
            return {}
        found = await self._session.execute(_sent_sql(), {"ids": sorted(message_ids)})
        return {row.message_id: row for row in found}

    async def add(self, news: Sequence[NewBounce]) -> set[tuple[UUID, str]]:
        """Note which messages did not arrive at whom; returns those (message and recipient) that were not known."""
        ordered = sorted(news, key=lambda new: (new.message_id, new.recipient))  # as suppressions are
        if not ordered:
            return set()
        added = await self._session.execute(
            _bounced_sql(),
            {
                "message_ids": [new.message_id for new in ordered],
                "recipients": [new.recipient for new in ordered],
                "kinds": [str(new.kind) for new in ordered],
                "statuses": [new.status for new in ordered],
                "reasons": [new.reason for new in ordered],
                "moments": [new.bounced_at for new in ordered],
            },
        )
        return {(row.message_id, row.recipient) for row in added}


@cache
def _sent_sql() -> TextClause:
    return text("""
        SELECT message_id, ticket_id, conversation_id, recipient, cc, written_at
        FROM outbound_messages WHERE message_id = ANY(CAST(:ids AS uuid[]))
        UNION ALL
        SELECT id, ticket_id, CAST(NULL AS uuid), address, CAST('[]' AS jsonb), requested_at
        FROM notices WHERE id = ANY(CAST(:ids AS uuid[]))""")


@cache
def _bounced_sql() -> TextClause:
    return text("""
        INSERT INTO mail_bounces (message_id, recipient, kind, status, reason, bounced_at)
        SELECT * FROM unnest(CAST(:message_ids AS uuid[]), CAST(:recipients AS text[]), CAST(:kinds AS text[]),
                             CAST(:statuses AS text[]), CAST(:reasons AS text[]), CAST(:moments AS timestamptz[]))
        ON CONFLICT DO NOTHING
        RETURNING message_id, recipient""")


@cache
def _add_sql() -> TextClause:
    return text("""
        INSERT INTO suppressions AS kept (id, address, reason, detail, message_id, added_by, added_at, expires_at)
        SELECT id, address, reason, detail, message_id, added_by, :now, expires_at
        FROM unnest(CAST(:ids AS uuid[]), CAST(:addresses AS text[]), CAST(:reasons AS text[]),
                    CAST(:details AS text[]), CAST(:message_ids AS uuid[]), CAST(:added_by AS uuid[]),
                    CAST(:expires_at AS timestamptz[]))
            AS n (id, address, reason, detail, message_id, added_by, expires_at)
        ON CONFLICT (address) DO UPDATE
        SET reason = excluded.reason, detail = excluded.detail, message_id = excluded.message_id,
            added_by = excluded.added_by, added_at = excluded.added_at, expires_at = excluded.expires_at
        WHERE kept.expires_at IS NOT NULL AND (excluded.expires_at IS NULL OR excluded.expires_at > kept.expires_at)""")


@cache
def _reasons_sql() -> TextClause:
    return text("""
        SELECT address, reason FROM suppressions
        WHERE address = ANY(CAST(:addresses AS text[])) AND (expires_at IS NULL OR expires_at > now())""")
