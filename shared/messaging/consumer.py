"""The consumer: applies what it reads in one transaction, then commits the offsets.

A batch holds what came from all partitions: a transaction costs the same for one event as for many (ADR 0005). A
transient failure seeks back, pauses the batch's partitions and backs off; other partitions go on. Anything else makes
the batch be tried partition by partition, then in halves, and the one event that still raises becomes a dead letter.
"""

import asyncio
import contextlib
import random
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRecord, OffsetAndMetadata, TopicPartition
from aiokafka.errors import IllegalStateError, KafkaError
from sqlalchemy import text

from shared.db import Database
from shared.failures import describe, is_transient, place, summary
from shared.messaging import kafka, marks, metrics
from shared.messaging.envelope import Record
from shared.messaging.handlers import Handlers
from shared.messaging.inbox import Inbox
from shared.settings import KafkaSettings
from shared.telemetry import get_logger

log = get_logger(__name__)

POLL_SECONDS = 0.5
BACKOFF_SECONDS = (0.1, 5.0)
RECONNECT_SECONDS = 0.5
EPOCH_CHECK_SECONDS = 2.0
START_SECONDS = 20.0
REJOIN_SECONDS = 15.0
# Waiting for the broker after every batch held up the next one. What was applied and is not committed yet is read again
# by whoever comes next, and the positions make that harmless (ADR 0006).
COMMIT_EVERY_SECONDS = 0.5
COMMIT_SECONDS = 5.0
CLOSE_SECONDS = 5.0
# A client that neither reads nor sees the end of its partitions for so long is replaced; it can lose its way when a
# broker restarts (aiokafka #718).
STALL_SECONDS = 30.0


@dataclass(slots=True)
class _Pause:
    until: float
    delay: float


@dataclass(slots=True)
class _Probe:
    """A moment to be marked: reached once each partition was read to the first end that was seen after it."""

    at: datetime
    started: float
    ends: dict[TopicPartition, int] = field(default_factory=dict)


class Consumer:
    """One member of the service's consumer group."""

    def __init__(
        self, database: Database, handlers: Handlers, settings: KafkaSettings, *, mark_every_seconds: float
    ) -> None:
        self._database = database
        self._handlers = handlers
        self._settings = settings
        self._inbox = Inbox(database, handlers)
        self._name = handlers.consumer
        self._pauses: dict[TopicPartition, _Pause] = {}
        self._limit = settings.max_poll_records
        self._applied: dict[TopicPartition, int] = {}
        self._commit_at = 0.0
        self._mark_every = mark_every_seconds
        self._mark_at = self._progressed = 0.0
        self.turned_at = time.monotonic()
        self._probe: _Probe | None = None
        self._measured: set[TopicPartition] = set()
        self.failing = False

    async def run(self, stop: asyncio.Event) -> None:
        """Consume until `stop`; leaves the group so that others take over at once."""
        while not stop.is_set():
            self.turned_at = time.monotonic()
            try:
                epoch = await self._read_epoch()
                await self._register()
                # The group belongs to one life of the broker's log: after a wipe, offsets of the old log must never be
                # committed to, or read from, the new one (ADR 0002).
                group = f"{self._settings.topic_prefix}desk.{self._name}.{epoch}"
                topics = [self._settings.topic_prefix + topic for topic in sorted(self._handlers.topics)]
                client = kafka.consumer(self._settings, group, topics)
                try:
                    # Starting waits for an assignment, without end if the broker goes away meanwhile.
                    async with asyncio.timeout(START_SECONDS):
                        await client.start()
                    await self._consume(client, stop, epoch)
                    await self._commit(client)
                finally:
                    await _close(client)
            except Exception as error:
                if not isinstance(error, KafkaError) and not is_transient(error):
                    raise
                if not self.failing:
                    log.warning("consumer.failing", error=summary(error), at=place(error))
                self.failing = True
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), RECONNECT_SECONDS)

    async def _consume(self, client: AIOKafkaConsumer, stop: asyncio.Event, epoch: int) -> None:
        self._pauses.clear()
        self._applied.clear()
        self._probe = None
        self._progressed = epoch_checked = time.monotonic()
        while not stop.is_set():
            self.turned_at = time.monotonic()
            if time.monotonic() - self._progressed > STALL_SECONDS:
                log.warning("consumer.stalled")
                return
            if time.monotonic() - epoch_checked > EPOCH_CHECK_SECONDS:
                if (now := await self._read_epoch()) != epoch:
                    log.warning("consumer.rereading", old_epoch=epoch, epoch=now)
                    return
                epoch_checked = time.monotonic()
            self._resume_due(client)
            # The client's own limit does not hold while it waits for the group, and it may wait without end.
            async with asyncio.timeout(REJOIN_SECONDS):
                batches = await client.getmany(timeout_ms=int(POLL_SECONDS * 1000), max_records=self._limit)
            if batches:
                await self._handle(client, batches)
            if not batches or time.monotonic() >= self._commit_at:
                await self._commit(client)
            waiting = any(pause.until > time.monotonic() for pause in self._pauses.values())
            if batches or waiting or not client.assignment():
                self._progressed = time.monotonic()
            if self.failing and not self._pauses:
                log.info("consumer.recovered")
                self.failing = False
            await self._mark_progress(client, epoch)

    async def _handle(
        self, client: AIOKafkaConsumer, batches: Mapping[TopicPartition, Sequence[ConsumerRecord[Any, Any]]]
    ) -> None:
        self.turned_at = time.monotonic()
        records = [self._record(raw) for batch in batches.values() for raw in batch]
        try:
            with metrics.BATCH_SECONDS.labels(self._name).time():
                applied = await self._inbox.apply(records)
        except Exception as error:  # noqa: BLE001 - whatever it was, each event ends applied, buried or tried again
            if is_transient(error):
                # A batch that takes longer than a transaction may last would do so for ever.
                self._limit = max(1, self._limit // 2)
                for partition, batch in batches.items():
                    self._back_off(client, partition, batch[0].offset, error)
            elif len(batches) > 1:
                log.warning("consumer.batch_split", size=len(records), partitions=len(batches), error=summary(error))
                for partition, batch in batches.items():
                    await self._handle(client, {partition: batch})
            else:
                ((partition, batch),) = batches.items()
                log.warning("consumer.batch_split", topic=partition.topic, size=len(batch), error=summary(error))
                if await self._handle_halves(client, partition, records):
                    self._pauses.pop(partition, None)
            return
        # Slowly, or every second one would be too large again.
        most = self._settings.max_poll_records
        self._limit = min(most, self._limit + max(1, most // 50))
        self._count(applied)
        for partition in batches:
            self._pauses.pop(partition, None)
        self._applied |= {partition: batch[-1].offset + 1 for partition, batch in batches.items()}

    async def _handle_part(self, client: AIOKafkaConsumer, partition: TopicPartition, records: list[Record]) -> bool:
        """Apply records of one partition; where they raise, each half by itself, until the one that does is alone.

        Tells whether all are done. A transient failure ends it: the partition goes on from there later.
        """
        self.turned_at = time.monotonic()
        try:
            self._count(await self._apply_or_bury(records))
        except Exception as error:
            if is_transient(error):
                self._back_off(client, partition, records[0].offset, error)
                return False
            if len(records) == 1:
                raise
            return await self._handle_halves(client, partition, records)
        self._applied[partition] = records[-1].offset + 1
        return True

    async def _handle_halves(self, client: AIOKafkaConsumer, partition: TopicPartition, records: list[Record]) -> bool:
        middle = (len(records) + 1) // 2
        for half in records[:middle], records[middle:]:
            if half and not await self._handle_part(client, partition, half):
                return False
        return True

    def _count(self, applied: Mapping[str, int]) -> None:
        for topic, count in applied.items():
            metrics.EVENTS_APPLIED.labels(self._name, topic).inc(count)

    async def _apply_or_bury(self, records: list[Record]) -> Mapping[str, int]:
        try:
            return await self._inbox.apply(records)
        except Exception as error:
            if is_transient(error) or len(records) > 1:
                raise
            [record], at = records, place(error)
            log.error("consumer.dead_letter", topic=record.topic, offset=record.offset, error=summary(error), at=at)
            await self._inbox.bury(record, describe(error))
            return {}

    async def _commit(self, client: AIOKafkaConsumer) -> None:
        """Tell the broker the offsets behind what was applied, in transactions that are committed."""
        # One partition that was taken away meanwhile would void the commit of all.
        ours = client.assignment()
        told = {partition: offset for partition, offset in self._applied.items() if partition in ours}
        self._applied.clear()
        offsets = {partition: OffsetAndMetadata(offset, "") for partition, offset in told.items()}
        if not offsets:
            return
        self._commit_at = time.monotonic() + COMMIT_EVERY_SECONDS
        try:
            async with asyncio.timeout(COMMIT_SECONDS):
                await client.commit(offsets)
        except (KafkaError, IllegalStateError, TimeoutError) as error:
            # A partition is somebody else's by now, or the broker is away. They go with the next ones.
            log.info("consumer.commit_refused", partitions=len(offsets), error=type(error).__name__)
            self._applied = told | self._applied

    def _back_off(self, client: AIOKafkaConsumer, partition: TopicPartition, offset: int, error: Exception) -> None:
        last = self._pauses.get(partition)
        delay = min(last.delay * 2, BACKOFF_SECONDS[1]) if last else BACKOFF_SECONDS[0]
        jittered = delay * random.uniform(0.5, 1)  # noqa: S311 - spreads retries, guards nothing
        self._pauses[partition] = _Pause(until=time.monotonic() + jittered, delay=delay)
        metrics.CONSUMER_FAILURES.labels(self._name).inc()
        if not self.failing:
            log.warning("consumer.backing_off", topic=partition.topic, error=summary(error), at=place(error))
        self.failing = True
        # A rebalance may have taken the partition away meanwhile; then its new owner starts at the committed offset.
        with contextlib.suppress(IllegalStateError):
            client.seek(partition, offset)
            client.pause(partition)

    def _resume_due(self, client: AIOKafkaConsumer) -> None:
        now = time.monotonic()
        for partition in [p for p, pause in self._pauses.items() if pause.until <= now]:
            if partition not in client.assignment():
                del self._pauses[partition]
                continue
            client.resume(partition)

    async def _read_epoch(self) -> int:
        return int(await self._database.glance(text(f"SELECT epoch FROM {self._database.service}.broker_epoch")) or 0)

    async def _register(self) -> None:
        async with self._database.transaction() as session:
            await marks.register(
                session, self._database.service, self._name, sorted(self._handlers.topics), self._settings.partitions
            )

    async def _mark_progress(self, client: AIOKafkaConsumer, epoch: int) -> None:
        """Record a moment once everything that was in the log then has been applied; measure the lag on the way."""
        assigned = client.assignment()
        if time.monotonic() < self._mark_at or not assigned:
            return
        if self._probe is None:
            self._probe = _Probe(await self._database.glance(text("SELECT clock_timestamp()")), time.time())
            await self._measure_lag(client)
            return
        probe = self._probe
        # A fetch that was under way at that moment may tell an end from before it; the next one cannot.
        seen_after_ms = (probe.started + 2 * self._settings.fetch_max_wait_ms / 1000) * 1000
        positions: dict[TopicPartition, int] = {}
        for partition in assigned:
            if (client.last_poll_timestamp(partition) or 0) >= seen_after_ms:
                probe.ends.setdefault(partition, client.highwater(partition) or 0)
            position = await self._position(client, partition)
            if position is None or partition not in probe.ends or position < probe.ends[partition]:
                return
            if position > (client.highwater(partition) or 0):
                return  # the log is shorter than what was read of it: the broker lost it, and waits for its refill
            positions[partition] = position
        async with self._database.transaction() as session:
            await marks.write(
                session,
                self._database.service,
                self._name,
                [(self._topic(p), p.partition, position) for p, position in positions.items()],
                at=probe.at,
                epoch=epoch,
            )
        self._probe = None
        self._progressed = time.monotonic()
        self._mark_at = self._progressed + self._mark_every

    async def _position(self, client: AIOKafkaConsumer, partition: TopicPartition) -> int | None:
        """The next offset to be applied; None while the partition has none, e.g. because the broker is away."""
        try:
            async with asyncio.timeout(1):
                return int(await client.position(partition))
        except (TimeoutError, IllegalStateError):
            return None

    async def _measure_lag(self, client: AIOKafkaConsumer) -> None:
        assigned = client.assignment()
        for partition in self._measured - assigned:
            metrics.CONSUMER_LAG.remove(self._name, self._topic(partition), str(partition.partition))
        self._measured = set(assigned)
        for partition in assigned:
            end, position = client.highwater(partition), await self._position(client, partition)
            lag = max(0, end - position) if end is not None and position is not None else 0
            metrics.CONSUMER_LAG.labels(self._name, self._topic(partition), str(partition.partition)).set(lag)

    def _topic(self, partition: TopicPartition) -> str:
        return str(partition.topic).removeprefix(self._settings.topic_prefix)

    def _record(self, raw: ConsumerRecord[Any, Any]) -> Record:
        return Record(
            topic=raw.topic.removeprefix(self._settings.topic_prefix),
            partition=raw.partition,
            offset=raw.offset,
            key=raw.key,
            # A header without a value says nothing; Kafka allows it.
            headers=tuple((name, value) for name, value in raw.headers if value is not None),
            value=raw.value,
        )


class ZombieClientError(Exception):
    """A client does not end. It would keep its partitions and read nothing: the process has to end instead."""


async def _close(client: AIOKafkaConsumer) -> None:
    """Leave the group and close. Raises ZombieClientError when that has no end."""
    closing = asyncio.ensure_future(client.stop())
    done, _ = await asyncio.wait({closing}, timeout=CLOSE_SECONDS)
    if not done:
        closing.cancel()
        raise ZombieClientError
    # The client cancels its fetches and awaits them, so that its `stop` may end halfway, as if we had cancelled it.
    error = None if closing.cancelled() else closing.exception()
    if closing.cancelled() or error is not None:
        log.info("consumer.close_failed", error=summary(error or asyncio.CancelledError()))
        # What was not reached would read on, or keep its partitions by its heartbeats, which a failed coordinator goes
        # on with. However these end, what made us close is what goes on from here.
        parts = (client._coordinator, client._fetcher, client._client)  # noqa: SLF001
        ends = [part.close for part in parts if part is not None]
        if client._coordinator is not None:  # noqa: SLF001
            ends.insert(1, client._coordinator._stop_heartbeat_task)  # noqa: SLF001
        for end in ends:
            await asyncio.wait({asyncio.ensure_future(_ended(end))}, timeout=CLOSE_SECONDS)


async def _ended(end: Callable[[], Awaitable[None]]) -> None:
    with contextlib.suppress(Exception, asyncio.CancelledError):
        await end()
