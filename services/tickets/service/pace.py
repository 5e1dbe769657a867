"""How fast timers change very many tickets, so that all others hardly notice."""

import asyncio
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.tickets.repository.outbox import unsent

# While so many events wait to be sent, those who listen are behind, and timers make no more.
MAX_UNSENT = 5_000
# A job whose chunk failed comes again after this, so that the others go on.
REST = timedelta(seconds=10)
_LONGEST_PAUSE_SECONDS = 1.0


class Pace:
    """The pace of one timer in one process. It works as long as it pauses, and halves what fails."""

    def __init__(self) -> None:
        self._took = 0.0
        self._resting: dict[UUID, datetime] = {}
        self._sizes: dict[UUID, int] = {}

    async def pause(self) -> None:
        """Wait for as long as the last chunk took: the other half of the time is everybody else's."""
        await asyncio.sleep(min(self._took, _LONGEST_PAUSE_SECONDS))
        self._took = 0.0

    async def is_ahead(self, session: AsyncSession) -> bool:
        """Whether those who listen have to catch up first."""
        return await unsent(session, MAX_UNSENT)

    def resting(self, now: datetime) -> Collection[UUID]:
        """Jobs that failed just now."""
        self._resting = {job_id: until for job_id, until in self._resting.items() if until > now}
        return self._resting

    @contextmanager
    def measured(self) -> Iterator[None]:
        """The chunk by which the next pause is measured."""
        begun = time.monotonic()
        yield
        self._took = time.monotonic() - begun

    @contextmanager
    def chunk(self, job_id: UUID, most: int, now: datetime) -> Iterator[int]:
        """How many tickets to take next of a job: `most`, half of it after each failure, and 0 if one alone failed."""
        size = self._sizes.get(job_id, most)
        self._resting[job_id], self._sizes[job_id] = now + REST, size // 2
        with self.measured():
            yield size
        del self._resting[job_id], self._sizes[job_id]
        if size < most:
            self._sizes[job_id] = max(1, 2 * size)
