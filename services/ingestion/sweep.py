"""Objects that nothing names: what a process left behind that ended between a write and its commit.

Only ingestion writes into the object store, and every key it keeps stands in a row of `inbound_messages` or
`attachments`; other services repeat keys from there.
"""

from datetime import timedelta

from services.ingestion.duties import database_time
from services.ingestion.repository.attachments import AttachmentRepository
from shared.db import Database
from shared.objects import ObjectStore
from shared.telemetry import get_logger

log = get_logger(__name__)

# Far longer than an upload or a transaction may take.
AGE = timedelta(hours=24)
EVERY = timedelta(minutes=10)
LIMIT = 2000


class ObjectSweep:
    """Goes round the whole store, `limit` keys a turn. No transaction waits for the store."""

    def __init__(self, database: Database, objects: ObjectStore, *, limit: int = LIMIT) -> None:
        self._database = database
        self._objects = objects
        self._limit = limit
        self._after = ""

    async def turn(self) -> bool:
        """Remove old objects without a row, and old half-written files; returns whether there were such objects."""
        async with self._database.read() as session:
            before = await database_time(session) - AGE
        if not self._after:
            await self._objects.clear_staging(before)
        old, after = await self._objects.older_than(before, self._after, self._limit)
        orphans: list[str] = []
        if old:
            async with self._database.read() as session:
                orphans = await AttachmentRepository(session).unnamed(old)
        for key in orphans:
            await self._objects.delete(key)
        # Last: where anything failed these keys are looked at again.
        self._after = after
        if orphans:
            log.info("objects.swept", removed=len(orphans))
        return bool(orphans)
