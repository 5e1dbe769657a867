"""R7 and R8: what stands in the log is everything that was committed, in commit order per aggregate.

Duplicates are allowed (at least once); an event that first appears after its successor is an inversion.
"""

import asyncio
import itertools
import random
from collections.abc import Awaitable
from contextlib import suppress
from typing import Any
from uuid import UUID

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaConnectionError
from sqlalchemy import text

from shared.ids import uuid7
from shared.messaging import kafka, outbox
from shared.messaging.relay import PRODUCE_SECONDS, Relay
from tests.contract.messaging.world import PATIENCE_SECONDS, World, article


async def log_of(world: World, expected: int) -> dict[str, list[int]]:
    """First occurrences of versions per aggregate, in log order, once `expected` distinct events stand in the log."""
    client = kafka.consumer(world.kafka, f"{world.kafka.topic_prefix}reader-{uuid7()}", [topic_of(world)])
    await client.start()
    seen: dict[str, list[int]] = {}
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while sum(map(len, seen.values())) < expected:
                for records in (await client.getmany(timeout_ms=200)).values():
                    for record in records:
                        headers = dict(record.headers)
                        versions = seen.setdefault(record.key.decode(), [])
                        version = int(headers["ce_aggregateversion"])
                        if version not in versions:
                            versions.append(version)
    except TimeoutError:
        raise AssertionError(
            f"{sum(map(len, seen.values()))} of {expected} events in the log: the rest is lost"
        ) from None
    finally:
        await client.stop()
    return seen


def topic_of(world: World) -> str:
    return world.kafka.topic_prefix + "desk.knowledge"


def assert_no_inversions(log: dict[str, list[int]]) -> None:
    for aggregate, versions in log.items():
        assert versions == sorted(versions), f"inverted in {aggregate}: {versions}"


async def write_with_gaps(world: World, aggregates: list[UUID], *, writers: int, each: int, seed: int) -> int:
    """Transactions that take their outbox ids early and commit late, in another order."""
    randomness = random.Random(seed)

    async def write() -> None:
        for _ in range(each):
            async with world.producer.transaction() as session:
                outbox.record(session, article(), aggregate_id=randomness.choice(aggregates))
                await outbox.write(session, "knowledge")
                await asyncio.sleep(randomness.random() * 0.02)

    await asyncio.gather(*(write() for _ in range(writers)))
    return writers * each


async def test_commit_order_gaps_lose_nothing(world: World) -> None:
    aggregates = [uuid7() for _ in range(40)]
    stop = asyncio.Event()
    task = asyncio.create_task(Relay(world.producer, world.kafka).run(stop))
    expected = await write_with_gaps(world, aggregates, writers=24, each=12, seed=7)
    log = await log_of(world, expected)
    stop.set()
    await task
    assert_no_inversions(log)


async def test_two_relays_whose_holder_dies_again_and_again_invert_nothing(world: World) -> None:
    aggregates = [uuid7() for _ in range(5)]
    stop = asyncio.Event()
    relays: list[asyncio.Task[None]] = []

    def start() -> asyncio.Task[None]:
        return asyncio.create_task(Relay(world.producer, world.kafka).run(stop))

    relays = [start(), start()]
    writing = asyncio.create_task(write_with_gaps(world, aggregates, writers=10, each=40, seed=8))
    randomness = random.Random(8)
    while not writing.done():
        await asyncio.sleep(0.05)
        victim = randomness.randrange(2)
        relays[victim].cancel()
        with suppress(asyncio.CancelledError):
            await relays[victim]
        relays[victim] = start()
    log = await log_of(world, await writing)
    stop.set()
    await asyncio.gather(*relays)
    assert_no_inversions(log)


async def test_only_one_relay_sends_at_a_time(world: World) -> None:
    """A second relay that took the rows behind a slow first one would send successors first."""
    aggregate = uuid7()
    await world.publish(aggregate, 2)
    producing, go_on = asyncio.Event(), asyncio.Event()

    class Slow(Relay):
        async def _produce(self, rows):
            producing.set()
            await go_on.wait()
            await super()._produce(rows)

    slow, fast = Slow(world.producer, world.kafka), Relay(world.producer, world.kafka)
    slow._limit = 1
    first = asyncio.create_task(slow.send_batch())
    await producing.wait()
    assert await fast.send_batch() == 0, "the second relay waits its turn"
    go_on.set()
    assert await first == 1
    assert await fast.send_batch() == 1
    await slow._drop_producer()
    await fast._drop_producer()
    assert await log_of(world, 2) == {str(aggregate): [1, 2]}


class Refused(Relay):
    async def _send(self, *_batch: Any) -> Awaitable[Any]:
        raise KafkaConnectionError


@pytest.mark.parametrize(("kind", "differently"), [(Relay, {"bootstrap": "127.0.0.1:9"}), (Refused, {})])
async def test_a_batch_the_broker_did_not_take_stays_unsent(
    world: World, kind: type[Relay], differently: dict[str, str]
) -> None:
    await world.publish(uuid7(), 3)
    relay = kind(world.producer, world.kafka.model_copy(update=differently))
    assert await relay._try_send() == -1
    assert relay.failing
    await relay._drop_producer()
    async with world.producer.read() as session:
        assert await session.scalar(text("SELECT count(*) FROM outbox WHERE sent_at IS NULL")) == 3


async def test_a_broker_that_is_slow_to_connect_to_is_waited_for_without_a_transaction(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In one, the time to connect was over before the broker answered, and over again the next time."""
    start = AIOKafkaProducer.start

    async def slowly(producer: AIOKafkaProducer) -> None:
        await asyncio.sleep(PRODUCE_SECONDS + 0.5)
        await start(producer)

    monkeypatch.setattr(AIOKafkaProducer, "start", slowly)
    await world.publish(uuid7())
    relay = Relay(world.producer, world.kafka)
    assert await relay.send_batch() == 1
    await relay._drop_producer()


async def test_who_was_told_of_rows_still_looks_for_those_of_others(world: World) -> None:
    """A woken relay that found rows took them for its own, and fell asleep beside a process that was writing."""
    stop = asyncio.Event()
    turns = itertools.count(1)

    class Told(Relay):
        async def send_batch(self) -> int:
            turn = next(turns)
            self._locked_out = turn == 1
            if turn < 50:
                self.wake()
            elif turn > 50:
                stop.set()
            return min(turn - 1, 1)  # in the first turn another relay is sending what this one was told of

    relay = Told(world.producer, world.kafka.model_copy(update={"relay_idle_seconds": 3600}))
    relay.wake()
    async with asyncio.timeout(PATIENCE_SECONDS):
        await relay.run(stop)
