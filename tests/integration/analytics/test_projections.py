"""Projections: each event counts once, beside other consumers too, and a rebuild from the archive makes the same."""

import asyncio
from uuid import UUID

import pytest
from sqlalchemy import text

from services.analytics import service
from shared.events.sla import SlaMetric
from tests.integration.analytics.harness import DAY, PERIOD, Analytics, Story, stories, waves
from tests.statements import sent


async def test_an_event_that_comes_twice_counts_once(analytics: Analytics) -> None:
    batches = waves(stories(), 1)
    await analytics.take(batches)
    once = (await analytics.figures(), await analytics.projections())
    await analytics.take(batches)
    assert (await analytics.figures(), await analytics.projections()) == once


async def test_two_consumers_that_meet_a_ticket_at_once_both_count(analytics: Analytics) -> None:
    """The second one's row would be its own alone: it waits for the first one's, and puts its events on top of that."""
    story = Story(1, DAY).clock(SlaMetric.FIRST_RESPONSE, 10, breached=False)
    (created,), (met,) = story.streams.values()
    waiting = text(
        "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database())"
    )
    async with asyncio.timeout(30), analytics.database.transaction() as first:
        await first.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
        await service.take_events(first, [created])
        second = asyncio.create_task(analytics.take([[met]]))
        while not second.done() and not await analytics.database.glance(waiting):
            await asyncio.sleep(0.01)
        assert not second.done()
    await second
    overview = await analytics.get("overview", **PERIOD)
    assert overview["figures"]["tickets_created"] == 1
    assert overview["figures"]["sla_compliance"][0]["met"] == 1
    assert (await analytics.rebuild())[0].corrected == 0


async def test_two_consumers_take_turns_with_a_ticket_that_is_known(analytics: Analytics) -> None:
    """Without its lock the second writer would overwrite what the first one knew."""
    story = Story(1, DAY).reply(5).clock(SlaMetric.FIRST_RESPONSE, 10, breached=False)
    (created, reply), (met,) = story.streams.values()
    await analytics.take([[created]])
    async with analytics.database.transaction() as first:
        await service.take_events(first, [reply])
        async with analytics.database.transaction() as other:
            await other.execute(text("SET LOCAL lock_timeout = '50ms'"))
            with pytest.raises(Exception, match="lock timeout"):
                await service.take_events(other, [met])
            await other.rollback()


async def test_a_batch_takes_the_same_few_statements_whatever_its_size(analytics: Analytics) -> None:
    async def statements(count: int, start: int) -> int:
        events = [Story(start + n, DAY).streams["tickets", str(UUID(int=start + n))][0] for n in range(count)]
        async with sent(analytics.database) as seen:
            await analytics.take([events])
        return len(seen)

    assert await statements(1, 100) == await statements(200, 1000)


@pytest.mark.parametrize("seed", range(3))
async def test_a_rebuild_gives_identical_totals(analytics: Analytics, seed: int) -> None:
    """Live and rebuilt projections are equal row by row, also after the projections were damaged in every way."""
    await analytics.take(waves(stories(), seed))
    before = (await analytics.figures(), await analytics.projections())
    progress, finished = await analytics.rebuild()
    assert finished
    assert (progress.tickets, progress.corrected) == (4, 0)
    assert progress.events == progress.events_total

    await analytics.execute(
        "UPDATE ticket_facts SET channel = 'phone', first_reply_at = NULL WHERE number = 1",
        "DELETE FROM ticket_facts WHERE number = 2",
        "DELETE FROM ticket_spans WHERE ticket_id IN (SELECT ticket_id FROM ticket_facts WHERE number = 3)",
        "DELETE FROM ticket_clocks",
        "INSERT INTO ticket_facts (ticket_id, number, created_at) VALUES (uuidv7(), 99, '2026-03-03'), "
        "('00000000-0000-0000-0000-000000000000', 98, '2026-03-03')",
    )
    assert (await analytics.figures(), await analytics.projections()) != before
    progress, _ = await analytics.rebuild()
    assert (await analytics.figures(), await analytics.projections()) == before
    assert progress.corrected == 5


async def test_a_rebuild_goes_on_where_it_was_stopped(analytics: Analytics) -> None:
    await analytics.take(waves(stories(), 0))
    before = await analytics.projections()
    await analytics.execute("TRUNCATE ticket_facts, ticket_spans, ticket_clocks")
    stopped, finished = await analytics.rebuild(limit=1, batches=2)
    assert (stopped.tickets, finished) == (2, False)
    resumed, finished = await analytics.rebuild(limit=1)
    assert (resumed.id, resumed.tickets, finished) == (stopped.id, 4, True)
    assert await analytics.projections() == before
    again, _ = await analytics.rebuild()
    assert again.id != stopped.id


async def test_events_that_arrive_during_a_rebuild_are_counted_once(analytics: Analytics) -> None:
    """One part of the events comes between the rebuild's batches, before and behind the place it has reached."""
    batches = waves(stories(), 2)
    await analytics.take(batches)
    expected = await analytics.projections()
    await analytics.execute("TRUNCATE ticket_facts, ticket_spans, ticket_clocks, archive")
    await analytics.take(batches[:5])
    await analytics.rebuild(limit=1, batches=2)
    await analytics.take(batches[5:8])
    await analytics.rebuild(limit=1, batches=1)
    await analytics.take(batches[8:])
    await analytics.rebuild(limit=1)
    assert await analytics.projections() == expected
