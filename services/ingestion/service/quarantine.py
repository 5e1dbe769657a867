"""Use cases: mail that was put aside is looked at, let in, tried again, or deleted."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from prometheus_client import Gauge
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncSession

from services.ingestion.domain.text import clean_text
from services.ingestion.repository.quarantine import QuarantineRepository
from shared.objects import ObjectNotFound, ObjectStore
from shared.telemetry import get_logger
from shared.web.problem import Conflict, NotFound

log = get_logger(__name__)

QUARANTINED = Gauge("desk_quarantined_mails", "Mails in quarantine", ["reason"])

_HEADER_BYTES = 64 * 1024
_DELETED_AT_ONCE = 200

Replayed = Literal["stored", "not-whole", "not-in-quarantine", "not-found"]


async def require(session: AsyncSession, message_id: UUID) -> Row[Any]:
    """A mail in quarantine. Raises NotFound, Conflict (`not-in-quarantine`)."""
    repository = QuarantineRepository(session)
    row = await repository.get(message_id)
    if row is None:
        raise await _not_there(repository, message_id)
    return row


async def raw_headers(objects: ObjectStore, raw_key: str) -> str:
    """The header of a mail as it came, as text that changes nothing around it, at most 64 KiB."""
    start = b""
    try:
        async for chunk in objects.stream(raw_key, stop=_HEADER_BYTES):
            start += chunk
    except ObjectNotFound:
        return ""
    unix = start.replace(b"\r\n", b"\n")
    return clean_text(unix.partition(b"\n\n")[0].decode("utf-8", "replace"))


async def store_again(session: AsyncSession, message_id: UUID, *, released: bool) -> None:
    """Have one mail parsed again, by the same rules or whatever they say. Raises NotFound, Conflict, as `require`.

    Also Conflict (`not-whole`) for one of which not all was fetched.
    """
    repository = QuarantineRepository(session)
    if not await repository.store_again([message_id], released=released):
        if await repository.not_whole([message_id]):
            raise Conflict("The mail was not fetched as a whole: it is at its server still.", slug="not-whole")
        raise await _not_there(repository, message_id)


async def replay(session: AsyncSession, ids: Sequence[UUID], *, released: bool) -> dict[UUID, Replayed]:
    """Have mails parsed again, by the same rules or whatever they say; what became of each."""
    repository = QuarantineRepository(session)
    stored = await repository.store_again(ids, released=released)
    known = await repository.known(set(ids) - stored)
    results: dict[UUID, Replayed] = dict.fromkeys(ids, "not-found")
    results |= dict.fromkeys(known, "not-in-quarantine")
    results |= dict.fromkeys(await repository.not_whole(known), "not-whole")
    return results | dict.fromkeys(stored, "stored")


async def delete(session: AsyncSession, message_id: UUID, *, by: UUID, why: str, now: datetime) -> str | None:
    """Delete a mail; returns the key of its raw form, which is to be deleted after the commit.

    Raises NotFound, Conflict (`not-in-quarantine`).
    """
    repository = QuarantineRepository(session)
    row = await repository.lock(message_id)
    if row is None:
        raise await _not_there(repository, message_id)
    await repository.delete([row], by=by, why=why, now=now)
    log.info("quarantine.deleted", message_id=str(message_id), by=str(by))
    raw_key: str | None = row.raw_key
    return raw_key


class QuarantineKeeping:
    """Counts what is in quarantine, and deletes what has been there for `days`; with None it stays."""

    def __init__(self, days: int | None) -> None:
        self._days = days

    async def run(self, session: AsyncSession, now: datetime) -> int:
        """Returns how many were deleted. Their raw forms, which nothing names any more, are swept."""
        repository = QuarantineRepository(session)
        counted = await repository.summary()
        # At once: who asks meanwhile would be told of none.
        QUARANTINED.clear()
        for row in counted:
            QUARANTINED.labels(row.reason).set(row.mails)
        if self._days is None:
            return 0
        old = await repository.lock_old(now - timedelta(days=self._days), limit=_DELETED_AT_ONCE)
        if old:
            await repository.delete(old, by=None, why="age", now=now)
            log.info("quarantine.aged", deleted=len(old))
        return len(old)


async def _not_there(repository: QuarantineRepository, message_id: UUID) -> NotFound | Conflict:
    if await repository.known([message_id]):
        return Conflict("The message is not in quarantine.", slug="not-in-quarantine")
    return NotFound("There is no such message.")
