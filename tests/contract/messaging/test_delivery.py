"""Events arrive once and in order, whatever happens between the outbox and the table they change."""

import asyncio
import random
from collections import Counter
from collections.abc import Sequence

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from shared.db import Database
from shared.events import Event
from shared.events.messages import MessageFailed
from shared.ids import uuid7
from shared.messaging import outbox
from shared.messaging.envelope import Record
from shared.messaging.inbox import Inbox
from shared.messaging.outbox import MAX_EVENT_BYTES, MAX_HOPS, EventTooLarge, HopLimitExceeded, OutboxError
from tests.contract.messaging.world import World, article, assert_in_order


async def test_concurrent_writers_lose_and_invert_nothing(world: World) -> None:
    aggregates = [uuid7() for _ in range(20)]
    randomness = random.Random(7)

    async def write() -> None:
        for _ in range(25):
            await world.publish(randomness.choice(aggregates), randomness.randint(1, 3))

    async with world.both():
        await asyncio.gather(*(write() for _ in range(16)))
        async with world.producer.read() as session:
            expected = await session.scalar(text("SELECT count(*) FROM outbox"))
        assert expected
        await world.until_applied(expected)
    effects = await world.effects()
    assert len(effects) == expected
    assert_in_order(effects)


async def test_a_slow_transaction_with_a_lower_id_is_not_lost(world: World) -> None:
    """A transaction may take an id early and commit late, after rows with higher ids were sent."""
    first, early, late = uuid7(), uuid7(), uuid7()
    inserted, go = asyncio.Event(), asyncio.Event()

    async def slow() -> None:
        async with world.producer.transaction() as session:
            outbox.record(session, article(), aggregate_id=early)
            await outbox.write(session, "knowledge")
            inserted.set()
            await go.wait()

    async with world.both():
        # Joining the group takes about as long as a transaction may idle: it is over before the slow one begins.
        await world.publish(first)
        await world.until_applied(1)
        task = asyncio.create_task(slow())
        await inserted.wait()
        await world.publish(late)
        await world.until_applied(2)
        go.set()
        await task
        await world.until_applied(3)
    assert [aggregate for aggregate, _ in await world.effects()] == [str(first), str(late), str(early)]


async def test_redelivery_changes_nothing(world: World) -> None:
    aggregate = uuid7()
    async with world.both():
        await world.publish(aggregate, 50)
        await world.until_applied(50)
        async with world.producer.transaction() as session:
            await session.execute(text("UPDATE outbox SET sent_at = NULL"))
        marker = uuid7()
        await world.publish(marker)
        await world.until_applied(51)
    effects = await world.effects()
    assert len(effects) == 51
    assert_in_order(effects)


async def test_a_rolled_back_transaction_sends_nothing(world: World) -> None:
    async def change_my_mind() -> None:
        async with world.producer.transaction() as session:
            outbox.record(session, article(), aggregate_id=uuid7())
            raise RuntimeError("changed my mind")

    with pytest.raises(RuntimeError, match="changed my mind"):
        await change_my_mind()
    async with world.producer.read() as session:
        assert await session.scalar(text("SELECT count(*) FROM outbox")) == 0
        assert await session.scalar(text("SELECT count(*) FROM streams")) == 0


async def test_transient_failures_are_retried_in_order(world: World) -> None:
    failures = iter(range(3))

    async def fail_first(_events: object) -> None:
        if next(failures, None) is not None:
            raise OperationalError("SELECT 1", {}, ConnectionResetError("gone"))

    world.before_apply = fail_first
    aggregate = uuid7()
    async with world.both():
        await world.publish(aggregate, 10)
        await world.until_applied(10)
    assert await world.effects() == [(str(aggregate), version) for version in range(1, 11)]
    assert next(failures, None) is None, "the failures were met"
    assert await world.held() == []


async def test_batches_shrink_until_a_transaction_can_bear_them(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a slow machine a batch took longer than a transaction may last, was tried again, and took as long again."""
    monkeypatch.setattr("shared.db.IDLE_IN_TRANSACTION_TIMEOUT_MS", 400)
    await world.consumer.close()
    world.consumer = Database(world.consumer.url, service="analytics")
    world.kafka = world.kafka.model_copy(update={"max_poll_records": 64})

    async def slowly(events: Sequence[object]) -> None:
        await asyncio.sleep(0.02 * len(events))

    world.before_apply = slowly
    async with world.relay():
        async with world.producer.transaction() as session:
            for _ in range(128):
                outbox.record(session, article(), aggregate_id=uuid7())
        async with world.consuming():
            await world.until_applied(128)


async def test_types_without_a_handler_keep_versions_contiguous(world: World) -> None:
    """Another service's reader skips types it doesn't handle; the aggregate's version moves on all the same."""
    aggregate = uuid7()
    world.handlers.by_type["something.else.v1"] = world.handlers.by_type.pop("article.published.v1")
    async with world.relay():
        await world.publish(aggregate, 3)
        async with world.consuming():

            async def read_all() -> bool:
                async with world.consumer.read() as session:
                    version = await session.scalar(text("SELECT max(version) FROM stream_positions"))
                    return bool(version == 3)

            await world.until(read_all)
        world.handlers.by_type["article.published.v1"] = world.handlers.by_type.pop("something.else.v1")
        async with world.consuming():
            await world.publish(aggregate)
            await world.until_applied(1)
    assert await world.effects() == [(str(aggregate), 4)]


async def test_members_that_come_and_go_neither_lose_nor_double(world: World) -> None:
    aggregates = [uuid7() for _ in range(10)]

    async def slow(_events: object) -> None:
        await asyncio.sleep(0.02)

    world.before_apply = slow
    async with world.relay(), world.consuming():
        for round_ in range(3):
            async with world.consuming():
                for aggregate in aggregates:
                    await world.publish(aggregate, 10)
                await world.until_applied((round_ + 1) * 50)
        await world.until_applied(300)
    effects = await world.effects()
    assert len(effects) == 300
    assert_in_order(effects)


async def test_an_event_above_the_limit_is_refused_when_it_is_recorded(world: World) -> None:
    with pytest.raises(EventTooLarge, match="limit"):
        async with world.producer.transaction() as session:
            outbox.record(session, article(excerpt="x" * MAX_EVENT_BYTES), aggregate_id=uuid7())


async def test_a_loop_of_events_is_cut(world: World) -> None:
    cause = Event(
        id=uuid7(),
        source="knowledge",
        aggregate_id="a",
        aggregate_version=1,
        time=article().published_at,
        data=article(),
        correlation_id="loop",
        hops=MAX_HOPS,
    )
    with pytest.raises(HopLimitExceeded, match="loop"):
        async with world.producer.transaction() as session:
            outbox.record(session, article(), aggregate_id=uuid7(), cause=cause)


async def test_a_service_cannot_record_another_services_event(world: World) -> None:
    foreign = MessageFailed(
        message_id=uuid7(),
        ticket_id=uuid7(),
        conversation_id=uuid7(),
        failed_at=article().published_at,
        reason="x",
        attempts=1,
    )
    with pytest.raises(OutboxError, match="another service"):
        async with world.producer.transaction() as session:
            outbox.record(session, foreign, aggregate_id=uuid7())


async def test_a_transient_failure_puts_every_partition_of_the_poll_back(world: World) -> None:
    """Otherwise the next success of a forgotten partition would commit past what was never applied."""
    aggregates = [uuid7() for _ in range(40)]
    for aggregate in aggregates:
        await world.publish(aggregate, 2)
    await world.send_all()
    failures = 2

    async def fail_at_first(events: Sequence[Event[object]]) -> None:
        nonlocal failures
        if failures:
            failures -= 1
            raise OperationalError("SELECT 1", {}, ConnectionError("the server is starting up"))

    world.before_apply = fail_at_first
    async with world.consuming(), world.relay():
        await world.until_applied(80)
        for aggregate in aggregates:
            await world.publish(aggregate)
        await world.until_applied(120)
    assert_in_order(await world.effects())


async def test_what_one_poll_brings_is_one_transaction(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its price is paid once for all partitions."""
    partitions: list[set[int]] = []
    apply = Inbox.apply

    async def watched(inbox: Inbox, records: Sequence[Record]) -> Counter[str]:
        partitions.append({record.partition for record in records})
        return await apply(inbox, records)

    monkeypatch.setattr(Inbox, "apply", watched)
    aggregates = [uuid7() for _ in range(40)]
    for aggregate in aggregates:
        await world.publish(aggregate, 2)
    await world.send_all()
    async with world.consuming():
        await world.until_applied(80)
    assert max(len(found) for found in partitions) > 1
    assert_in_order(await world.effects())
