"""Whether there is room for more: the only reason to turn intake away."""

import asyncio
import time

from sqlalchemy import text

from services.ingestion.settings import IngestionSettings
from shared.db import Database
from shared.objects import ObjectStore
from shared.web.problem import Unavailable

_FRESH_SECONDS = 1.0
_RETRY_AFTER_SECONDS = 30
_MIB = 1024 * 1024


class Admission:
    """Checks free disk and the number of unsent events, at most once a second."""

    def __init__(
        self, database: Database, objects: ObjectStore, *, max_unsent_events: int, min_free_disk_mib: int
    ) -> None:
        self._database = database
        self._objects = objects
        self._max_unsent = max_unsent_events
        self._min_free_bytes = min_free_disk_mib * _MIB
        self._problem: str | None = None
        self._checked_at = float("-inf")
        self._checking = asyncio.Lock()

    async def require(self) -> None:
        """Raise Unavailable with Retry-After when a bound is passed."""
        if time.monotonic() - self._checked_at > _FRESH_SECONDS:
            async with self._checking:
                if time.monotonic() - self._checked_at > _FRESH_SECONDS:
                    self._problem = await self._find_problem()
                    self._checked_at = time.monotonic()
        if self._problem is not None:
            raise Unavailable(self._problem, slug="no-room", retry_after=_RETRY_AFTER_SECONDS)

    async def _find_problem(self) -> str | None:
        free = await self._objects.free_bytes()
        if free is not None and free < self._min_free_bytes:
            return "The disk is nearly full."
        async with self._database.read() as session:
            unsent = await session.scalar(
                text("SELECT count(*) FROM (SELECT FROM outbox WHERE sent_at IS NULL LIMIT :bound) AS unsent"),
                {"bound": self._max_unsent + 1},
            )
        return "Too many events are waiting for the broker." if unsent and unsent > self._max_unsent else None


def create_admission(settings: IngestionSettings, database: Database, objects: ObjectStore) -> Admission:
    """The admission of a process."""
    return Admission(
        database,
        objects,
        max_unsent_events=settings.max_unsent_events,
        min_free_disk_mib=settings.min_free_disk_mib,
    )
