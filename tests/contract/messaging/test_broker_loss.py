"""R6: a broker that lost everything is refilled from the outboxes; a planned replacement needs no refill."""

import asyncio

import pytest
from aiokafka import AIOKafkaConsumer
from sqlalchemy import text

from shared.events import TOPICS
from shared.ids import uuid7
from shared.messaging.kafka import wait_for_topics
from shared.messaging.refill import MARGIN, caught_up_at, drained, epochs, refill
from tests.contract.messaging.world import PATIENCE_SECONDS, World, assert_in_order


@pytest.fixture
def wiped(world: World):
    if world.broker is None:
        pytest.skip("wiping needs the embedded broker, which this run does not use")

    async def wipe() -> None:
        assert world.broker is not None
        world.broker.kill()
        world.broker.start()
        await wait_for_topics(world.kafka, TOPICS, seconds=PATIENCE_SECONDS)

    return wipe


async def test_a_wiped_broker_is_refilled(world: World, wiped) -> None:
    aggregates = [uuid7() for _ in range(20)]
    async with world.both():
        for aggregate in aggregates:
            await world.publish(aggregate, 5)
        await world.until_applied(100)
    # Sent, acknowledged, not consumed: what a wipe really takes.
    for aggregate in aggregates:
        await world.publish(aggregate, 5)
    await world.send_all()
    await wiped()
    async with world.both():
        assert await refill(world.urls, since=await caught_up_at(world.urls)) >= 100
        await world.until_applied(200)
        for aggregate in aggregates:
            await world.publish(aggregate)
        await world.until_applied(220)
    effects = await world.effects()
    assert len(effects) == 220
    assert_in_order(effects)


async def test_a_running_consumer_notices_that_its_positions_are_void(world: World, wiped) -> None:
    """The new log soon is longer than the old position: without the epoch a consumer would read on in its middle."""
    aggregate = uuid7()
    async with world.consuming():
        await world.publish(aggregate, 5)
        await world.send_all()
        await world.until_applied(5)
        await wiped()
        await world.publish(aggregate, 200)
        await refill(world.urls, since=await caught_up_at(world.urls))
        async with world.relay():
            await world.until_applied(205)
    effects = await world.effects()
    assert len(effects) == 205
    assert_in_order(effects)


async def test_only_what_may_be_missing_is_sent_again(world: World) -> None:
    old, recent = uuid7(), uuid7()
    async with world.both():
        await world.publish(old)
        await world.publish(recent)
        await world.until_applied(2)
        async with world.producer.read() as session:
            sent = await session.scalar(text("SELECT max(sent_at) FROM outbox"))

        async def marked() -> bool:
            moment = await caught_up_at(world.urls)
            return moment is not None and sent is not None and moment > sent

        await world.until(marked)
    async with world.producer.transaction() as session:
        await session.execute(
            text("UPDATE outbox SET sent_at = sent_at - CAST(:margin AS interval) * 2 WHERE aggregate_id = :old"),
            {"margin": MARGIN, "old": str(old)},
        )
    assert await epochs(world.urls) == {"knowledge": 1, "analytics": 1}
    assert await refill(world.urls, since=await caught_up_at(world.urls)) == 1
    assert await epochs(world.urls) == {"knowledge": 2, "analytics": 2}
    async with world.producer.read() as session:
        unsent = list(await session.scalars(text("SELECT aggregate_id FROM outbox WHERE sent_at IS NULL")))
    assert unsent == [str(recent)]


async def test_a_planned_replacement_drains_first(world: World, wiped) -> None:
    aggregate = uuid7()
    async with world.both():
        await world.publish(aggregate, 20)
        async with drained(world.urls):
            assert len(await world.effects()) == 20, "everything sent was consumed before the broker went"
            await world.publish(aggregate, 20)
            await wiped()
        await world.until_applied(40)
    effects = await world.effects()
    assert len(effects) == 40
    assert_in_order(effects)


async def test_an_empty_log_is_not_mistaken_for_one_that_was_read(world: World, wiped) -> None:
    """After a wipe a consumer stands at the end of an empty log; that must not count as having caught up."""
    aggregate = uuid7()
    async with world.consuming():
        await world.publish(aggregate, 5)
        await world.send_all()
        await world.until_applied(5)

        async def marked() -> bool:
            async with world.consumer.read() as session:
                return bool(await session.scalar(text("SELECT max(next_offset) FROM consumer_marks")))

        await world.until(marked)
        await wiped()
        async with world.consumer.read() as session:
            at_the_wipe = await session.scalar(text("SELECT clock_timestamp()"))
        await asyncio.sleep(3)  # time enough to reconnect and to mark, were it allowed
        moment = await caught_up_at({"analytics": world.consumer.url})
        assert moment is not None
        assert at_the_wipe is not None
        assert moment < at_the_wipe
        await refill(world.urls, since=moment)
        async with world.relay():
            await world.publish(aggregate, 5)
            await world.until_applied(10)
    assert_in_order(await world.effects())


async def test_progress_is_marked_under_steady_load(world: World) -> None:
    """Deadlines are judged by these marks: they must not wait for a pause in the traffic."""
    stop = asyncio.Event()

    async def keep_publishing() -> None:
        while not stop.is_set():
            await world.publish(uuid7(), 20)

    async with world.both():
        publishing = asyncio.create_task(keep_publishing())

        async def marked_twice() -> bool:
            async with world.consumer.read() as session:
                moment = await session.scalar(text("SELECT min(caught_up_at) FROM consumer_marks"))
            seen.add(moment)
            return len(seen) > 3

        seen: set[object] = set()
        await world.until(marked_twice)
        stop.set()
        await publishing


async def test_a_new_epoch_makes_a_running_consumer_read_from_the_beginning(world: World) -> None:
    """Whatever its group has committed: offsets of another log mean nothing."""
    aggregate = uuid7()
    async with world.both():
        await world.publish(aggregate, 5)
        await world.until_applied(5)
        async with world.consumer.transaction() as session:
            for table in ("effects", "stream_positions"):
                await session.execute(text(f"DELETE FROM {table}"))
            await session.execute(text("UPDATE broker_epoch SET epoch = epoch + 1"))
        await world.until_applied(5)
    assert await world.effects() == [(str(aggregate), version) for version in range(1, 6)]


async def test_a_client_that_ends_as_if_cancelled_takes_no_consumer_with_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`AIOKafkaConsumer.stop` awaits fetches it has cancelled, so that it can itself end as cancelled.

    In a kill run this ended the consumer without a word: its task group takes a cancelled task for one that is done.
    """
    ended: list[AIOKafkaConsumer] = []

    async def stop_halfway(client: AIOKafkaConsumer) -> None:
        ended.append(client)
        fetch = asyncio.create_task(asyncio.sleep(60))
        await asyncio.sleep(0)
        fetch.cancel()
        await fetch

    aggregate = uuid7()
    async with world.consuming():
        await world.publish(aggregate, 5)
        await world.send_all()
        await world.until_applied(5)
        with monkeypatch.context() as patch:
            patch.setattr(AIOKafkaConsumer, "stop", stop_halfway)
            async with world.consumer.transaction() as session:
                await session.execute(text("UPDATE broker_epoch SET epoch = epoch + 1"))

            async def closed() -> bool:
                return bool(ended)

            await world.until(closed)
        await world.publish(aggregate, 5)
        await world.send_all()
        await world.until_applied(10)
    assert_in_order(await world.effects())
    assert ended[0]._coordinator._heartbeat_task is None, "a client that is gone keeps its partitions"
