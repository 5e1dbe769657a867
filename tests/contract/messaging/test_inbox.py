"""What an inbox does with deliveries that no broker makes on demand: again, too early, or to two processes at once."""

import asyncio
from collections.abc import Sequence

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from shared.events import Event
from shared.events.knowledge import ArticlePublished
from shared.ids import uuid7
from shared.messaging import deadletters
from shared.messaging.envelope import Record, encode_headers
from shared.messaging.handlers import Handlers
from shared.messaging.inbox import Inbox
from tests.contract.messaging.world import World

Articles = Sequence[Event[ArticlePublished]]


async def published(world: World, count: int) -> tuple[str, list[Record]]:
    """An aggregate, and the records of its events."""
    aggregate = str(uuid7())
    await world.publish(aggregate, count)
    async with world.producer.read() as session:
        rows = (await session.execute(text("SELECT * FROM outbox ORDER BY id"))).all()
    return aggregate, [
        Record(row.topic, 0, row.id, row.aggregate_id.encode(), tuple(encode_headers(row)), row.data.encode())
        for row in rows
    ]


async def test_what_is_held_is_applied_once_though_it_comes_again(world: World) -> None:
    """Its predecessor came, so it could be applied; but `release` is about to apply it as well."""
    aggregate, (first, second, third) = await published(world, 3)
    inbox = Inbox(world.consumer, world.handlers)
    for records in ([first], [third], [third], [second], [third]):
        await inbox.apply(records)
    assert await world.effects() == [(aggregate, 1), (aggregate, 2)]
    assert await world.held() == [(aggregate, 3, "gap")]
    assert await inbox.release() == 1
    await inbox.apply([third])
    assert await world.effects() == [(aggregate, version) for version in (1, 2, 3)]
    assert await world.held() == []


async def test_who_wants_all_events_of_a_batch_at_once_gets_them_in_their_order(world: World) -> None:
    _, records = await published(world, 2)
    _, records = await published(world, 1)
    calls: list[list[tuple[str, int]]] = []

    async def add_up(_: AsyncSession, events: Articles) -> None:
        calls.append([(event.aggregate_id, event.aggregate_version) for event in events])

    inbox = Inbox(world.consumer, Handlers("analytics").include(Handlers().on_all([ArticlePublished], add_up)))
    await inbox.apply([*records, records[0]])
    keys = [record.key.decode() for record in records if record.key]
    assert calls == [list(zip(keys, [1, 2, 1], strict=True))]


async def test_a_gap_inside_a_batch_moves_the_position_no_further(world: World) -> None:
    aggregate, (first, second, third, fourth) = await published(world, 4)
    inbox = Inbox(world.consumer, world.handlers)
    await inbox.apply([first, fourth, third])
    assert await world.effects() == [(aggregate, 1)]
    await inbox.apply([second])
    assert await inbox.release() == 2
    assert await world.effects() == [(aggregate, version) for version in (1, 2, 3, 4)]


async def test_a_poison_event_that_comes_again_waits_for_its_operator(world: World) -> None:
    aggregate, (first, second) = await published(world, 2)
    inbox = Inbox(world.consumer, world.handlers)
    await inbox.bury(first, "cannot digest this")
    await inbox.apply([first, second])
    assert await world.effects() == []
    assert await world.held() == [(aggregate, 1, "poison"), (aggregate, 2, "parked")]


async def test_what_another_process_applied_is_not_buried(world: World) -> None:
    aggregate, (first,) = await published(world, 1)
    inbox = Inbox(world.consumer, world.handlers)
    await inbox.apply([first])
    await inbox.bury(first, "cannot digest this")
    assert await world.effects() == [(aggregate, 1)]
    assert await world.held() == []


@pytest.mark.parametrize("seen_before", [False, True])
async def test_two_processes_with_the_same_events_apply_them_once(world: World, seen_before: bool) -> None:
    """One that lost its partitions without knowing still works on what its successor reads again."""
    aggregate, (first, *others) = await published(world, 4)
    inbox = Inbox(world.consumer, world.handlers)
    if seen_before:
        await inbox.apply([first])
    working, go_on = asyncio.Event(), asyncio.Event()

    async def wait(_events: Articles) -> None:
        if not working.is_set():
            working.set()
            await go_on.wait()

    world.before_apply = wait
    losing = asyncio.create_task(inbox.apply([first, *others]))
    await working.wait()
    succeeding = asyncio.create_task(Inbox(world.consumer, world.handlers).apply([first, *others]))
    await asyncio.sleep(0.2)  # the successor would be through by now, if nothing stopped it
    go_on.set()
    await asyncio.gather(losing, succeeding)
    assert await world.effects() == [(aggregate, version) for version in (1, 2, 3, 4)]
    assert await world.held() == []


async def positions_free(world: World) -> list[str]:
    """The aggregates whose positions nobody has locked right now."""
    async with world.consumer.transaction() as session:
        free = await session.scalars(text("SELECT aggregate_id FROM stream_positions FOR UPDATE SKIP LOCKED"))
        return list(free)


async def test_positions_are_taken_before_records_of_others_are_handled(world: World) -> None:
    """Whoever handles events takes a position first and its own rows then. In another order two processes could each
    wait for what the other one has."""
    aggregate, (first, second) = await published(world, 2)
    inbound = Record("desk.inbound", 0, 0, None, (), b"{}")
    seen: list[list[str]] = []

    async def receive(_session: AsyncSession, _records: Sequence[Record]) -> None:
        seen.append(await positions_free(world))

    world.handlers.on_topic("desk.inbound", receive)
    inbox = Inbox(world.consumer, world.handlers)
    await inbox.apply([first])
    await inbox.apply([inbound])
    await inbox.apply([inbound, second])
    assert seen == [[aggregate], []]


async def test_a_replay_takes_the_position_before_it_handles(world: World) -> None:
    """An operator's replay locked a ticket's rows, a worker its position, and each waited for the other."""
    aggregate, (first,) = await published(world, 1)
    await Inbox(world.consumer, world.handlers).bury(first, "cannot digest this")
    assert await positions_free(world) == [aggregate]
    seen: list[list[str]] = []

    async def look(_events: Articles) -> None:
        seen.append(await positions_free(world))

    world.before_apply = look
    async with world.consumer.read() as session:
        (row,) = await deadletters.held(session, "analytics")
    outcome = await deadletters.replay(world.consumer, world.handlers, row.id, by="somebody")
    assert (outcome.result, outcome.error) == ("replayed", None)
    assert seen == [[]]
