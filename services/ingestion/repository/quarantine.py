"""SQL of mail that was put aside."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, Text, any_, func, literal, or_, select, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.types import Uuid

from services.ingestion.models import inbound_messages, quarantine_deletions

# Of these the content stayed at the server they came from: nothing can be made of what is here.
NOT_WHOLE = ("mail_too_large", "unreadable_on_server")
_COLUMNS = inbound_messages.c
# Spelt as the index has it: a plan that does not know the parameter would read all that ever came.
_IS_QUARANTINED = _COLUMNS.status == literal("quarantined", Text, literal_execute=True)


class QuarantineRepository:
    """Mail in quarantine, and what was deleted from it."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def page(
        self, *, before: UUID | None, limit: int, reason: str | None = None, words: str | None = None
    ) -> Sequence[Row[Any]]:
        """Newest first, from below the id `before`; `words` stand in the subject or the sender's address."""
        query = _quarantined()
        if before is not None:
            query = query.where(_COLUMNS.id < before)
        if reason is not None:
            query = query.where(_COLUMNS.reason == reason)
        if words is not None:
            address = _COLUMNS.sender["address"].astext
            query = query.where(
                or_(_COLUMNS.subject.icontains(words, autoescape=True), address.icontains(words, autoescape=True))
            )
        rows: Sequence[Row[Any]] = (await self._session.execute(query.order_by(_COLUMNS.id.desc()).limit(limit))).all()
        return rows

    async def get(self, message_id: UUID) -> Row[Any] | None:
        """One that is in quarantine, or None."""
        result = await self._session.execute(_quarantined().where(_COLUMNS.id == message_id))
        row: Row[Any] | None = result.one_or_none()
        return row

    async def summary(self) -> Sequence[Row[Any]]:
        """By reason, the most frequent first: how many there are, and since when the oldest is there."""
        result = await self._session.execute(
            select(_COLUMNS.reason, func.count().label("mails"), func.min(_COLUMNS.received_at).label("oldest_at"))
            .where(_IS_QUARANTINED)
            .group_by(_COLUMNS.reason)
            .order_by(func.count().desc(), _COLUMNS.reason)
        )
        return result.all()

    async def oldest(self, *, reason: str, limit: int) -> list[UUID]:
        """Ids of those that were put aside for a reason, the oldest first."""
        query = select(_COLUMNS.id).where(_IS_QUARANTINED, _COLUMNS.reason == reason)
        return list(await self._session.scalars(query.order_by(_COLUMNS.id).limit(limit)))

    async def store_again(self, ids: Collection[UUID], *, released: bool) -> set[UUID]:
        """Give those of them that are in quarantine, and here as a whole, back to the parsers; returns which."""
        result = await self._session.scalars(
            update(inbound_messages)
            .where(_are(ids), _IS_QUARANTINED, _COLUMNS.raw_key.is_not(None), _COLUMNS.reason.not_in(NOT_WHOLE))
            .values(status="stored", reason=None, attempts=0, leased_until=None, released=_COLUMNS.released | released)
            .returning(_COLUMNS.id)
        )
        return set(result)

    async def known(self, ids: Collection[UUID]) -> set[UUID]:
        """Those of the messages that are there, in quarantine or not."""
        return set(await self._session.scalars(select(_COLUMNS.id).where(_are(ids))))

    async def not_whole(self, ids: Collection[UUID]) -> set[UUID]:
        """Those of the messages that are in quarantine without all that was in them."""
        return set(
            await self._session.scalars(
                select(_COLUMNS.id).where(_are(ids), _IS_QUARANTINED, _COLUMNS.reason.in_(NOT_WHOLE))
            )
        )

    async def lock(self, message_id: UUID) -> Row[Any] | None:
        """One that is in quarantine, which stays as it is until the transaction ends, or None."""
        query = _quarantined().where(_COLUMNS.id == message_id).with_for_update()
        row: Row[Any] | None = (await self._session.execute(query)).one_or_none()
        return row

    async def lock_old(self, before: datetime, *, limit: int) -> Sequence[Row[Any]]:
        """Those that came before a moment, the oldest first, as `lock` does; skips what others hold."""
        query = _quarantined().where(_COLUMNS.received_at < before).order_by(_COLUMNS.id).limit(limit)
        rows: Sequence[Row[Any]] = (await self._session.execute(query.with_for_update(skip_locked=True))).all()
        return rows

    async def delete(self, rows: Sequence[Row[Any]], *, by: UUID | None, why: str, now: datetime) -> None:
        """Forget what they said, and note who wanted it so. Ids stay: a mail that comes again is known."""
        await self._session.execute(
            update(inbound_messages)
            .where(_are([row.id for row in rows]))
            .values(
                status="accepted",
                outcome="ignored",
                reason="deleted_from_quarantine",
                sender=None,
                subject="",
                text="",
                raw_key=None,
            )
        )
        await self._session.execute(
            quarantine_deletions.insert(),
            [
                {
                    "message_id": row.id,
                    "reason": row.reason,
                    "received_at": row.received_at,
                    "size_bytes": row.size_bytes,
                    "deleted_at": now,
                    "deleted_by": by,
                    "why": why,
                }
                for row in rows
            ],
        )

    async def deletions(self, *, before: UUID | None, limit: int) -> Sequence[Row[Any]]:
        """What was deleted, the newest mail first, from below the id `before`."""
        query = select(quarantine_deletions)
        if before is not None:
            query = query.where(quarantine_deletions.c.message_id < before)
        result = await self._session.execute(query.order_by(quarantine_deletions.c.message_id.desc()).limit(limit))
        return result.all()


def _quarantined() -> Select[Any]:
    return select(inbound_messages).where(_IS_QUARANTINED)


def _are(ids: Collection[UUID]) -> Any:
    return _COLUMNS.id == any_(literal(sorted(ids), ARRAY(Uuid())))
