"""The relay: sends outbox rows to the broker, in order, at least once.

One relay per service sends at a time. It takes the service's advisory lock for the transaction of one batch, then
reads *unsent rows in id order* with a fresh snapshot. Two shortcuts are known to fail and are kept as mutants in the
tests: remembering the last id (a transaction with a lower id may commit later: rows lost), and several relays with
SKIP LOCKED (order inverted).
"""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Sequence
from functools import cache
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from aiokafka.producer.message_accumulator import BatchBuilder

from shared.db import Database
from shared.failures import is_transient, place, summary
from shared.messaging import kafka, metrics
from shared.messaging.envelope import encode_headers
from shared.messaging.kafka import TopicsNotReady
from shared.messaging.outbox import Row
from shared.settings import KafkaSettings
from shared.telemetry import get_logger

log = get_logger(__name__)

BATCH_ROWS = 500
BUSY_POLL_SECONDS = 0.025
RETRY_SECONDS = 0.5
# Below the idle-in-transaction limit, and below the time after which the client gives up single batches: a batch that
# failed while the one behind it was sent would invert the order.
PRODUCE_SECONDS = 2.0
CONNECT_SECONDS = 10.0


def lock_key(service: str) -> str:
    """Name of the advisory lock that the sending relay of a service holds."""
    return f"relay:{service}"


class Relay:
    """Sends one service's outbox. `wake` it after a commit; it also polls."""

    def __init__(self, database: Database, settings: KafkaSettings) -> None:
        self._database = database
        self._schema = database.service
        self._settings = settings
        self._woken = asyncio.Event()
        self._limit = BATCH_ROWS
        self._producer: AIOKafkaProducer | None = None
        self._verified: set[str] = set()
        self._epoch: int | None = None
        self._locked_out = False
        self.failing = False
        self.turned_at = time.monotonic()

    def wake(self) -> None:
        """Look for unsent rows now."""
        self._woken.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Send until `stop`, then once more, so that a stopping process leaves nothing it could still send."""
        longest = self._settings.relay_idle_seconds
        idle = longest
        try:
            while not stop.is_set():
                self.turned_at = time.monotonic()
                told = self._woken.is_set()
                self._woken.clear()
                sent = await self._try_send()
                if sent < 0:
                    # Commits don't shorten this one: under load they would turn an outage into a busy loop.
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(stop.wait(), RETRY_SECONDS)
                elif sent < self._limit:
                    # Rows that nobody told of are another process's, and while another one sends, those that this one
                    # was told of may stay if it dies. Neither can wake this one.
                    if self._locked_out if told else sent:
                        idle = BUSY_POLL_SECONDS
                    elif not sent:
                        idle = min(idle * 1.5, longest)
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(self._woken.wait(), idle)
            await self._try_send()
        finally:
            await self._drop_producer()

    async def _try_send(self) -> int:
        """Send one batch; returns the number of rows, or -1 after a failure that the next turn will meet again."""
        try:
            sent = await self.send_batch()
        except Exception as error:
            if not isinstance(error, KafkaError | TopicsNotReady) and not is_transient(error):
                raise
            if not self.failing:
                log.warning("relay.failing", error=summary(error), at=place(error))
            self.failing = True
            await self._drop_producer()
            # A broker slower than the transaction may last gets smaller batches.
            self._limit = max(1, self._limit // 2)
            return -1
        if self.failing and sent:
            log.info("relay.recovered")
            self.failing = False
        self._limit = min(BATCH_ROWS, self._limit * 2)
        return sent

    async def send_batch(self) -> int:
        """Send the oldest unsent rows and mark them; returns how many. 0 also if another relay is sending.

        Raises KafkaError when the broker did not take all of them: none is marked, all will be sent again.
        """
        while (sent := await self._send_unsent()) is None:
            # Not with the lock in hand: connecting to a busy broker may take longer than a transaction may wait.
            async with asyncio.timeout(CONNECT_SECONDS):
                await self._connect()
        return sent

    async def _send_unsent(self) -> int | None:
        """One transaction; None where there is something to send and no producer yet."""
        async with self._database.driver() as connection:
            locked, epoch = await connection.fetchrow(_lock_sql(self._schema), lock_key(self._schema))
            self._locked_out = not locked
            if not locked:
                return 0
            if epoch != self._epoch:
                # Another broker than the one our producer knows: its topics are verified before anything is sent.
                await self._drop_producer()
                self._epoch = epoch
            # A statement of its own: its snapshot is younger than the lock, so it sees what the last holder marked.
            unsent = await connection.fetch(_unsent_sql(self._schema), self._limit)
            if not unsent:
                return 0
            if self._producer is None:
                return None
            async with asyncio.timeout(PRODUCE_SECONDS):
                await self._produce([Row(*values) for _, *values in unsent])
            await connection.execute(_sent_sql(self._schema), [row["id"] for row in unsent])
        metrics.EVENTS_SENT.labels(self._schema).inc(len(unsent))
        return len(unsent)

    async def _connect(self) -> None:
        self._producer = kafka.producer(self._settings)
        try:
            await self._producer.start()
        except BaseException:
            await self._drop_producer()
            raise

    async def _produce(self, rows: Sequence[Row]) -> None:
        assert self._producer is not None
        await self._verify({row.topic for row in rows})
        delivered: list[Awaitable[Any]] = []
        filling: dict[tuple[str, int], BatchBuilder] = {}
        for row in rows:
            target = row.topic, kafka.partition_of(row.aggregate_id, self._settings.partitions)
            record = {
                "timestamp": None,
                "key": row.aggregate_id.encode(),
                "value": row.data.encode(),
                "headers": encode_headers(row),
            }
            batch = filling.get(target)
            if batch is None or batch.append(**record) is None:
                if batch is not None:  # it is full
                    delivered.append(await self._send(target, batch))
                filling[target] = batch = self._producer.create_batch()
                batch.append(**record)  # an empty batch takes any record
        for target, batch in filling.items():
            delivered.append(await self._send(target, batch))
        await asyncio.gather(*delivered)

    async def _send(self, target: tuple[str, int], batch: BatchBuilder) -> Awaitable[Any]:
        """Hand over one batch; the result tells when the broker has it."""
        assert self._producer is not None
        # An open batch would wait for others to join it (linger), and nobody can: it goes with this turn or never.
        batch.close()
        topic, partition = target
        sent: Awaitable[Any] = await self._producer.send_batch(
            batch, self._settings.topic_prefix + topic, partition=partition
        )
        return sent

    async def _verify(self, topics: set[str]) -> None:
        """Produce nothing into a topic that a restarted broker made by itself, with other partitions than ours."""
        assert self._producer is not None
        for topic in topics - self._verified:
            found = await self._producer.partitions_for(self._settings.topic_prefix + topic)
            if len(found) != self._settings.partitions:
                raise TopicsNotReady(f"{topic} has {len(found)} partitions, not {self._settings.partitions}")
            self._verified.add(topic)

    async def _drop_producer(self) -> None:
        """Forget the producer with all it still holds: sent later, it would come after its successors.

        `AIOKafkaProducer.stop()` first sends what is left, and waits for a broker that may be away.
        """
        self._verified.clear()
        if self._producer is not None:
            producer, self._producer = self._producer, None
            producer._closed = True  # noqa: SLF001 - see above
            with contextlib.suppress(KafkaError, OSError, asyncio.CancelledError):
                await producer._sender.close()  # noqa: SLF001
            await producer.client.close()


@cache
def _lock_sql(schema: str) -> str:
    return f"SELECT pg_try_advisory_xact_lock(hashtextextended($1, 0)), epoch FROM {schema}.broker_epoch"


@cache
def _unsent_sql(schema: str) -> str:
    return f"SELECT id, {', '.join(Row._fields)} FROM {schema}.outbox WHERE sent_at IS NULL ORDER BY id LIMIT $1"


@cache
def _sent_sql(schema: str) -> str:
    # The clock, not the transaction's start: refilling a broker relies on "acknowledged before sent_at".
    return f"UPDATE {schema}.outbox SET sent_at = clock_timestamp() WHERE id = ANY($1::bigint[])"
