"""R10: poison is put aside with what depends on it; everything else goes on; replay is idempotent."""

from collections import Counter
from collections.abc import Sequence

import pytest
from sqlalchemy import text

from shared.events import Event
from shared.events.knowledge import ArticlePublished
from shared.ids import uuid7
from shared.messaging import deadletters
from shared.messaging.deadletters import DeadLetterError
from shared.messaging.envelope import Record
from shared.messaging.handlers import Handlers
from shared.messaging.inbox import Inbox
from shared.messaging.kafka import partition_of, producer
from tests.contract.messaging.world import World, assert_in_order

Articles = Sequence[Event[ArticlePublished]]


async def poison_version_2_of(world: World, aggregate: object) -> None:
    async def raise_on_it(events: Articles) -> None:
        if any(e.aggregate_id == str(aggregate) and e.aggregate_version == 2 for e in events):
            raise ValueError("cannot digest this")

    world.before_apply = raise_on_it


async def until_held(world: World, count: int) -> None:
    async def so_many() -> bool:
        return len(await world.held()) == count

    await world.until(so_many)


async def test_one_percent_poison_leaves_the_rest_whole(world: World) -> None:
    bad = {str(uuid7()) for _ in range(3)}
    good = [str(uuid7()) for _ in range(97)]

    async def raise_on_bad(events: Articles) -> None:
        if any(e.aggregate_id in bad and e.aggregate_version == 1 for e in events):
            raise ValueError("poison")

    world.before_apply = raise_on_bad
    async with world.both():
        for aggregate in [*good, *bad]:
            await world.publish(aggregate, 3)
        await world.until_applied(len(good) * 3)
        await until_held(world, len(bad) * 3)
    effects = await world.effects()
    assert {aggregate for aggregate, _ in effects} == set(good)
    assert_in_order(effects)
    assert sorted(await world.held()) == sorted(
        (aggregate, version, "poison" if version == 1 else "parked") for aggregate in bad for version in (1, 2, 3)
    )


async def test_poison_does_not_make_its_neighbours_go_one_by_one(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """With one poison in a hundred nearly every batch has some, and would take as many transactions as events."""
    tries: list[int] = []
    apply = Inbox.apply

    async def watched(inbox: Inbox, records: Sequence[Record]) -> Counter[str]:
        tries.append(len(records))
        return await apply(inbox, records)

    monkeypatch.setattr(Inbox, "apply", watched)
    aggregate = uuid7()
    await poison_version_2_of(world, aggregate)
    await world.publish(aggregate, 2)
    parts = world.kafka.partitions
    neighbours = [uuid7() for _ in range(400)]
    together = [n for n in neighbours if partition_of(str(n), parts) == partition_of(str(aggregate), parts)]
    for neighbour in together:
        await world.publish(neighbour)
    await world.send_all()
    async with world.consuming():
        await world.until_applied(1 + len(together))
        await until_held(world, 1)
    assert len(together) > 50
    assert len(tries) < len(together) / 2, tries


async def test_replay_applies_the_poison_and_what_waits_behind_it_once(world: World) -> None:
    aggregate = uuid7()
    await poison_version_2_of(world, aggregate)
    async with world.both():
        await world.publish(aggregate, 4)
        await until_held(world, 3)
    assert await world.effects() == [(str(aggregate), 1)]
    async with world.consumer.read() as session:
        rows = await deadletters.held(session, "analytics")
    first, second = rows[0].id, rows[1].id
    assert "cannot digest this" in rows[0].error

    failed = await deadletters.replay(world.consumer, world.handlers, first, by="operator")
    assert failed.result == "failed"
    assert len(await world.held()) == 3, "a failed replay changes nothing"

    world.before_apply = None
    dry = await deadletters.replay(world.consumer, world.handlers, first, by="operator", dry_run=True)
    assert dry.result == "would replay"
    assert await world.effects() == [(str(aggregate), 1)]

    with pytest.raises(DeadLetterError, match="settle that one first"):
        await deadletters.replay(world.consumer, world.handlers, second, by="operator")

    await deadletters.replay(world.consumer, world.handlers, first, by="operator")
    async with world.consumer.read() as session:
        kept = await session.execute(text("SELECT count(value), count(error) FROM dead_letters"))
        assert kept.one() == (0, 0), "what is settled keeps no content"
    assert await world.effects() == [(str(aggregate), version) for version in (1, 2, 3, 4)]
    assert await world.held() == []
    with pytest.raises(DeadLetterError, match="replayed by operator"):
        await deadletters.replay(world.consumer, world.handlers, first, by="operator")
    assert len(await world.effects()) == 4


async def test_discarding_lets_the_aggregate_go_on(world: World) -> None:
    aggregate = uuid7()
    await poison_version_2_of(world, aggregate)
    async with world.both():
        await world.publish(aggregate, 3)
        await until_held(world, 2)
        async with world.consumer.read() as session:
            first = (await deadletters.held(session, "analytics"))[0].id
        await deadletters.discard(world.consumer, world.handlers, first, by="operator")
        await world.publish(aggregate)
        await world.until_applied(3)
    assert await world.effects() == [(str(aggregate), version) for version in (1, 3, 4)]


async def test_what_nothing_handles_any_more_is_not_replayed(world: World) -> None:
    """A release had removed the handler: whoever replayed was told that it was done, and nothing had been."""
    aggregate = uuid7()
    await poison_version_2_of(world, aggregate)
    async with world.both():
        await world.publish(aggregate, 3)
        await until_held(world, 2)
    async with world.consumer.read() as session:
        first = (await deadletters.held(session, "analytics"))[0].id
    none = Handlers("analytics")
    for dry_run in (True, False):
        with pytest.raises(DeadLetterError, match=rf"handle article\.published\.v1 .*discard analytics {first}`"):
            await deadletters.replay(world.consumer, none, first, by="operator", dry_run=dry_run)
    assert len(await world.held()) == 2
    await deadletters.discard(world.consumer, none, first, by="operator")
    assert await world.held() == [], "what is only counted goes on by itself"
    assert await world.effects() == [(str(aggregate), 1)]


async def test_poison_first_event_parks_the_second(world: World) -> None:
    """The first event of an aggregate sets the baseline; a poison one must not let its successor do so."""
    aggregate = uuid7()

    async def raise_always_on_first(events: Articles) -> None:
        if any(e.aggregate_version == 1 for e in events):
            raise ValueError("poison")

    world.before_apply = raise_always_on_first
    async with world.both():
        await world.publish(aggregate)
        await until_held(world, 1)
        await world.publish(aggregate)
        await until_held(world, 2)
    assert await world.effects() == []


async def test_records_that_are_no_events_are_dead_letters(world: World) -> None:
    topic = world.kafka.topic_prefix + "desk.knowledge"
    good = [("ce_specversion", b"1.0"), ("ce_id", str(uuid7()).encode()), ("ce_type", b"article.published.v1")]
    good += [("ce_source", b"/desk/knowledge"), ("ce_subject", b"a"), ("ce_correlationid", b"c")]
    good += [("ce_time", b"2026-01-01T00:00:00+00:00"), ("ce_aggregateversion", b"1")]
    async with world.consuming():
        client = producer(world.kafka)
        await client.start()
        await client.send_and_wait(topic, value=b"{}", key=b"a", headers=[])
        await client.send_and_wait(topic, value=b"not json \xff", key=b"a", headers=good)
        await client.send_and_wait(topic, value=b"{", key=b"b", headers=[("ce_source", b"\xff\xfe")])
        # Headers that are null, or that text cannot hold, must not stop the reader either.
        await client.send_and_wait(topic, value=None, key=b"n", headers=[("ce_id", None)])
        await client.send_and_wait(topic, value=b"{", key=b"c", headers=[("trace", b"\xff\x00"), ("a\0b", b"\0")])
        too_far = [*good[:-1], ("ce_aggregateversion", str(2**63).encode())]
        await client.send_and_wait(topic, value=b"{}", key=b"d", headers=too_far)
        await client.stop()
        await until_held(world, 6)
        aggregate = uuid7()
        async with world.relay():
            await world.publish(aggregate)
            await world.until_applied(1)
    async with world.consumer.read() as session:
        errors = list(await session.scalars(text("SELECT error FROM dead_letters ORDER BY id")))
    assert any("ce_source is missing" in error for error in errors)
    assert any("not UTF-8" in error for error in errors)


async def test_an_event_before_its_predecessor_waits_for_it(world: World) -> None:
    """A gap: the second event arrives, the first is still missing (its send failed and is tried again)."""
    aggregate = uuid7()
    await world.publish(aggregate, 1)
    async with world.relay(), world.consuming():
        await world.until_applied(1)
    await world.publish(aggregate, 3)
    async with world.producer.transaction() as session:
        missing = await session.scalar(
            text("UPDATE outbox SET sent_at = now() WHERE aggregate_version = 2 RETURNING id")
        )
    async with world.both():
        await until_held(world, 2)
        assert [reason for _, _, reason in await world.held()] == ["gap", "gap"]
        assert len(await world.effects()) == 1
        async with world.producer.transaction() as session:
            await session.execute(text("UPDATE outbox SET sent_at = NULL WHERE id = :id"), {"id": missing})
        await world.until_applied(4)
    assert await world.effects() == [(str(aggregate), version) for version in (1, 2, 3, 4)]
    assert await world.held() == []
