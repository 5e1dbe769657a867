"""Objects that nothing names: what a process left behind that ended between a write and its commit.

Only ingestion writes into the object store, and every key it keeps stands in a row of `inbound_messages` or
`attachments`; other services repeat keys from there.
"""

from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from services.ingestion.repository.attachments import AttachmentRepository
from shared.objects import ObjectStore
from shared.telemetry import get_logger

log = get_logger(__name__)

# Far longer than an upload or a transaction may take.
AGE = timedelta(hours=24)
EVERY = timedelta(minutes=10)
LIMIT = 2000


class ObjectSweep:
    """Goes round the whole store, `limit` keys a run."""

    def __init__(self, objects: ObjectStore, *, limit: int = LIMIT) -> None:
        self._objects = objects
        self._limit = limit
        self._after = ""

    async def run(self, session: AsyncSession, now: datetime) -> int:
        """Remove old objects without a row, and old half-written files; returns how many objects."""
        before = now - AGE
        if not self._after:
            await self._objects.clear_staging(before)
        old, self._after = await self._objects.older_than(before, self._after, self._limit)
        orphans = await AttachmentRepository(session).unnamed(old) if old else []
        for key in orphans:
            await self._objects.delete(key)
        if orphans:
            log.info("objects.swept", removed=len(orphans))
        return len(orphans)
