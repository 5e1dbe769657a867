"""The worker of a service: relay, consumer and timers, started and stopped together."""

import asyncio
import contextlib
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from shared.db import Database
from shared.failures import is_transient
from shared.messaging import housekeeping
from shared.messaging.consumer import Consumer
from shared.messaging.handlers import Handlers
from shared.messaging.inbox import Inbox
from shared.messaging.relay import Relay
from shared.messaging.timers import Timer
from shared.settings import KafkaSettings

RELEASE_SECONDS = 3.0
MEASURE_EVERY = timedelta(seconds=5)
PURGE_EVERY = timedelta(minutes=10)


class Worker:
    """What a service does besides answering requests.

    `mark_every_seconds` is how often the consumer's progress is kept: services that judge deadlines by it want it fine,
    the others save the writes.
    """

    def __init__(
        self,
        database: Database,
        kafka: KafkaSettings,
        handlers: Handlers,
        timers: Sequence[Timer] = (),
        *,
        mark_every_seconds: float = 5.0,
    ) -> None:
        self._database = database
        self.handlers = handlers
        self.relay = Relay(database, kafka)
        database.after_record(self.relay.wake)
        self._inbox = Inbox(database, handlers)
        self._consumer = (
            Consumer(database, handlers, kafka, mark_every_seconds=mark_every_seconds) if handlers.topics else None
        )
        self.timers = [
            *timers,
            Timer("measure", MEASURE_EVERY, self._measure),
            Timer("purge", PURGE_EVERY, self._purge),
        ]
        self._running = False

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop`. The consumer and the timers end first; the relay sends what they left."""
        relay_stop = asyncio.Event()
        self._running = True
        try:
            async with asyncio.TaskGroup() as relaying:
                relaying.create_task(self.relay.run(relay_stop), name="relay")
                try:
                    async with asyncio.TaskGroup() as working:
                        if self._consumer is not None:
                            working.create_task(self._consumer.run(stop), name="consumer")
                            working.create_task(self._release_loop(stop), name="release")
                        for timer in self.timers:
                            working.create_task(timer.loop(self._database, stop), name=f"timer:{timer.name}")
                finally:
                    relay_stop.set()
                    self.relay.wake()
        finally:
            self._running = False

    def problem(self) -> str | None:
        """Why this worker is not ready, or None. A broker's outage is told here, but makes no process restart."""
        return None if self._running else "worker is not running"

    async def _release_loop(self, stop: asyncio.Event) -> None:
        """Apply held events whose turn has come. They wait in the table, not in the broker, so somebody has to look."""
        while not stop.is_set():
            try:
                await self._inbox.release()
            except Exception as error:
                if not is_transient(error):
                    raise
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), RELEASE_SECONDS)

    async def _measure(self, session: AsyncSession, now: datetime) -> int:
        await housekeeping.measure(session, self._database.service, now)
        return 0

    async def _purge(self, session: AsyncSession, now: datetime) -> int:
        return await housekeeping.purge(session, self._database.service, now)
