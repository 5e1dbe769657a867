"""The worker of a service: relay, consumer and timers, started and stopped together."""

import asyncio
import contextlib
import os
import time
from collections.abc import Coroutine, Sequence
from datetime import datetime, timedelta
from typing import Any

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
from shared.telemetry import get_logger

log = get_logger(__name__)

RELEASE_SECONDS = 5.0
MEASURE_EVERY = timedelta(seconds=10)
PURGE_EVERY = timedelta(minutes=10)
# Longer than any statement may take, and than starting, rejoining and closing a client together.
STUCK_SECONDS = 60.0


class PartEndedError(Exception):
    """A part of the worker ended without being told to. The process has to end with it, and be started anew."""


class Worker:
    """What a service does besides answering requests.

    `mark_every_seconds` is how often the consumer's progress is kept: services that judge deadlines by it want it fine,
    the others save the writes. `gather_ms` is how long events may wait for others to be read with, where nobody sits in
    front of a screen for what this service does with them.
    """

    def __init__(
        self,
        database: Database,
        kafka: KafkaSettings,
        handlers: Handlers,
        timers: Sequence[Timer] = (),
        *,
        mark_every_seconds: float = 5.0,
        gather_ms: int = 0,
    ) -> None:
        self._database = database
        self.handlers = handlers
        self.relay = Relay(database, kafka)
        database.after_record(self.relay.wake)
        self._inbox = Inbox(database, handlers)
        reading = kafka.gathering(gather_ms) if gather_ms else kafka
        self._consumer = (
            Consumer(database, handlers, reading, mark_every_seconds=mark_every_seconds) if handlers.topics else None
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
                relaying.create_task(_run("relay", self.relay.run(relay_stop), relay_stop, self.relay), name="relay")
                try:
                    async with asyncio.TaskGroup() as working:
                        if self._consumer is not None:
                            consuming = _run("consumer", self._consumer.run(stop), stop, self._consumer)
                            working.create_task(consuming, name="consumer")
                            working.create_task(_run("release", self._release_loop(stop), stop), name="release")
                        for timer in self.timers:
                            name = f"timer:{timer.name}"
                            working.create_task(_run(name, timer.loop(self._database, stop), stop), name=name)
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


async def _run(
    name: str, work: Coroutine[Any, Any, None], stop: asyncio.Event, turning: Relay | Consumer | None = None
) -> None:
    """Run one part until `stop`. Raises PartEndedError if it ends before that, be it by a cancellation of its own.

    A cancellation that nobody here asked for (the broker's client lets those of its own tasks out) would be taken for
    an orderly end by the task group, and the service would go on without the part.
    """
    task = asyncio.current_task()
    assert task is not None
    watching = asyncio.create_task(_watch(name, turning, work)) if turning is not None else None
    try:
        await work
    except asyncio.CancelledError:
        if task.cancelling() or stop.is_set():
            raise
        raise PartEndedError(name) from None
    finally:
        if watching is not None:
            watching.cancel()
    if not stop.is_set():
        raise PartEndedError(name)


async def _watch(name: str, turning: Relay | Consumer, work: Coroutine[Any, Any, None]) -> None:
    """End the process when a part makes no turn any more: it would keep its partitions, or its lock, and do nothing.

    Everything acknowledged is in the database, so ending at once loses nothing, and a supervisor starts it anew.
    """
    while True:
        await asyncio.sleep(STUCK_SECONDS / 10)
        if time.monotonic() - turning.turned_at > STUCK_SECONDS:
            log.critical("worker.stuck", part=name, seconds=STUCK_SECONDS, at=_standing(work))
            os._exit(os.EX_SOFTWARE)


def _standing(work: Any) -> str:
    """Where a coroutine waits, innermost last: a task's own stack tells its outermost frame only."""
    frames: list[str] = []
    while (frame := getattr(work, "cr_frame", None)) is not None:
        frames.append(f"{work.__qualname__}:{frame.f_lineno}")
        work = work.cr_await
    return " > ".join(frames)
