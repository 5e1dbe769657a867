"""Work that is due by time. A timer may run in several processes at once: its use case claims rows under locks."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from shared.db import Database
from shared.failures import place, summary
from shared.messaging import metrics
from shared.telemetry import get_logger

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Timer:
    """Calls `run(session, now)` in a transaction of its own, `every` so often, and again at once while it returns > 0.

    `now` is the database's clock (UTC), so that processes on different machines agree.
    """

    name: str
    every: timedelta
    run: Callable[[AsyncSession, datetime], Awaitable[int]]
    _woken: asyncio.Event = field(default_factory=asyncio.Event, init=False, repr=False, compare=False)

    def wake(self) -> None:
        """Run now instead of at the next turn."""
        self._woken.set()

    async def loop(self, database: Database, stop: asyncio.Event) -> None:
        """Run until `stop`. A run that raises is logged and tried again at the next turn."""
        while not stop.is_set():
            self._woken.clear()
            done = 0
            try:
                async with database.transaction() as session:
                    now = await session.scalar(text("SELECT clock_timestamp()"))
                    assert now is not None
                    done = await self.run(session, now)
            except Exception as error:  # noqa: BLE001 - a timer outlives every failure of one run
                metrics.TIMER_FAILURES.labels(database.service, self.name).inc()
                log.error("timer.failed", timer=self.name, error=summary(error), at=place(error))
            if done > 0:
                continue
            waiters = {asyncio.ensure_future(self._woken.wait()), asyncio.ensure_future(stop.wait())}
            try:
                await asyncio.wait(waiters, timeout=self.every.total_seconds(), return_when=asyncio.FIRST_COMPLETED)
            finally:
                for waiter in waiters:
                    waiter.cancel()
