"""From events to figures on a real database: right whatever the order, and the same when rebuilt from the archive."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest
import pytest_asyncio
from sqlalchemy import event as hooks
from sqlalchemy import text

from services.analytics import service
from services.analytics.app import create_app
from services.analytics.models import metadata
from shared.db import Database
from shared.events import Event, EventData
from shared.events.accounts import Role
from shared.events.common import (
    Actor,
    ActorKind,
    Channel,
    Priority,
    Requester,
    TicketSnapshot,
    TicketStatus,
    TicketType,
)
from shared.events.messages import MessageDelivered, MessageFailed
from shared.events.sla import Clock, ClockState, SlaBreached, SlaMet, SlaMetric
from shared.events.tickets import MessageKind, ThreadMessage, TicketChanged, TicketCreated, TicketMessageAdded
from shared.settings import Settings
from tests.asgi import Callers, callers

DAY = datetime(2026, 3, 2, tzinfo=UTC)
PERIOD = {"from": "2026-03-02", "to": "2026-03-05"}
AGENT = Actor(kind=ActorKind.AGENT, id="a1")


class Story:
    """Events of one ticket, in the order and with the versions in which the services would send them."""

    def __init__(self, number: int, at: datetime, *, channel: Channel = Channel.EMAIL, language: str | None = None):
        self.id, self.number, self.at = UUID(int=number), number, at
        self.channel, self.language = channel, language
        self.streams: dict[tuple[str, str], list[Event[EventData]]] = {}
        first = self._message(MessageKind.CUSTOMER, at)
        self._add(TicketCreated(ticket=self._snapshot(TicketStatus.NEW), message=first, actor=AGENT), at)

    def reply(self, minutes: float, *, first: bool = True) -> "Story":
        at = self.at + timedelta(minutes=minutes)
        message = self._message(MessageKind.REPLY, at, first_reply=first)
        return self._add(TicketMessageAdded(ticket=self._snapshot(TicketStatus.OPEN), message=message), at)

    def change(self, status: TicketStatus, minutes: float) -> "Story":
        at = self.at + timedelta(minutes=minutes)
        solved_at = at if status is TicketStatus.SOLVED else None
        snapshot = self._snapshot(status, solved_at=solved_at)
        return self._add(TicketChanged(ticket=snapshot, changes={}, actor=AGENT, cause="agent", changed_at=at), at)

    def clock(self, metric: SlaMetric, minutes: float, *, breached: bool) -> "Story":
        at = self.at + timedelta(minutes=minutes)
        clock = Clock(
            metric=metric,
            state=ClockState.BREACHED if breached else ClockState.MET,
            policy="default",
            target_seconds=3600,
            started_at=self.at,
            due_at=at,
            breached_at=at if breached else None,
            stopped_at=None if breached else at,
            generation=1,
        )
        kind = SlaBreached if breached else SlaMet
        return self._add(kind(ticket_id=self.id, clock=clock, next_due_at=None, at=at), at)

    def delivery(self, minutes: float, *, failed: bool) -> "Story":
        at = self.at + timedelta(minutes=minutes)
        ids = {"message_id": uuid4(), "ticket_id": self.id, "conversation_id": self.id}
        return self._add(
            MessageFailed(**ids, failed_at=at, reason="550", attempts=1)
            if failed
            else MessageDelivered(**ids, delivered_at=at, external_id="<m@example.org>"),
            at,
        )

    def _message(self, kind: MessageKind, at: datetime, *, first_reply: bool = False) -> ThreadMessage:
        return ThreadMessage(
            id=uuid4(),
            kind=kind,
            channel=self.channel,
            author=AGENT,
            text="Hello",
            added_at=at,
            first_reply=first_reply,
        )

    def _snapshot(self, status: TicketStatus, solved_at: datetime | None = None) -> TicketSnapshot:
        return TicketSnapshot(
            id=self.id,
            number=self.number,
            version=1,
            subject="Parcel",
            status=status,
            priority=Priority.NORMAL,
            type=TicketType.QUESTION,
            channel=self.channel,
            requester=Requester(customer_id=UUID(int=9), name="Ana", email="ana@example.org"),
            language=self.language,
            created_at=self.at,
            updated_at=self.at,
            solved_at=solved_at,
        )

    def _add(self, data: EventData, at: datetime) -> "Story":
        stream = self.streams.setdefault((data.source, str(self.id)), [])
        stream.append(
            Event(
                id=uuid4(),
                source=data.source,
                aggregate_id=str(self.id),
                aggregate_version=len(stream) + 1,
                time=at,
                data=data,
                correlation_id="c",
            )
        )
        return self


def stories() -> list[Story]:
    return [
        Story(1, DAY + timedelta(hours=1), language="de")
        .reply(10)
        .clock(SlaMetric.FIRST_RESPONSE, 10, breached=False)
        .change(TicketStatus.SOLVED, 60)
        .delivery(11, failed=False),
        Story(2, DAY + timedelta(hours=2), language="hi")
        .reply(30)
        .reply(40, first=False)
        .clock(SlaMetric.FIRST_RESPONSE, 30, breached=False)
        .change(TicketStatus.SOLVED, 120)
        .change(TicketStatus.OPEN, 24 * 60)
        .delivery(31, failed=True),
        Story(3, DAY + timedelta(hours=26), channel=Channel.CHAT, language="hi")
        .clock(SlaMetric.FIRST_RESPONSE, 60, breached=True)
        .reply(80),
        Story(4, DAY - timedelta(hours=5), channel=Channel.API).change(TicketStatus.SOLVED, 60 * 30),
    ]


def waves(all_stories: Iterable[Story], seed: int) -> list[list[Event[EventData]]]:
    """Batches as the consumer makes them: streams interleaved at random, one type each, no stream twice in one."""
    shuffle = random.Random(seed)
    streams = [list(stream) for story in all_stories for stream in story.streams.values()]
    batches = []
    while streams := [stream for stream in streams if stream]:
        type_ = shuffle.choice(streams)[0].data.type
        batches.append([stream.pop(0) for stream in streams if stream[0].data.type == type_ and shuffle.random() < 0.8])
    return [batch for batch in batches if batch]


class Analytics:
    def __init__(self, callers: Callers, database: Database) -> None:
        self.as_, self.nobody, self.database = callers.as_, callers.nobody, database

    async def take(self, batches: Iterable[Sequence[Event[EventData]]]) -> None:
        for batch in batches:
            async with self.database.transaction() as session:
                await service.take_events(session, batch)

    async def get(self, path: str, **params: str) -> Any:
        answer = await self.as_(Role.SUPERVISOR).get(f"/api/analytics/{path}", **params)
        assert answer.status == 200, answer.body
        return answer.json()

    async def figures(self) -> Any:
        overview = await self.get("overview", **PERIOD)
        volumes = [await self.get("volume", by=by, **PERIOD) for by in ("channel", "language")]
        return overview["figures"], [volume["figures"] for volume in volumes]

    async def projections(self) -> dict[str, list[Any]]:
        """Every row of every projection."""
        async with self.database.read() as session:
            return {
                name: sorted(tuple(map(str, row)) for row in await session.execute(text(f"SELECT * FROM {name}")))
                for name in ("ticket_facts", "ticket_spans", "ticket_clocks")
            }

    async def rebuild(self, *, limit: int = 3, batches: int | None = None) -> tuple[Any, bool]:
        async with self.database.transaction() as session:
            progress = await service.start_rebuild(session, resume=True, now=DAY)
        finished = False
        while not finished and batches != 0:
            async with self.database.transaction() as session:
                progress, finished = await service.rebuild_batch(session, progress, now=DAY, limit=limit)
            batches = None if batches is None else batches - 1
        return progress, finished

    async def execute(self, *statements: str) -> None:
        async with self.database.transaction() as session:
            for statement in statements:
                await session.execute(text(statement))


@pytest_asyncio.fixture
async def analytics(make_database: Callable[..., Awaitable[Database]]) -> AsyncIterator[Analytics]:
    database = await make_database("analytics")
    app = create_app(Settings(database_url=database.url), database)
    yield Analytics(await callers(app, database), database)
    await app.state.verifier.close()


@pytest.mark.parametrize("seed", range(4))
async def test_figures_are_right_whatever_the_order_between_streams(analytics: Analytics, seed: int) -> None:
    await analytics.take(waves(stories(), seed))
    overview = await analytics.get("overview", **PERIOD)
    assert overview["as_of"] == "2026-03-03T03:20:00Z"
    assert overview["figures"] == {
        "tickets_created": 3,
        "tickets_solved": 2,  # of day one and of the day before; ticket 2 came back
        "tickets_reopened": 1,
        "first_response_time": {"count": 3, "median": 1800.0, "p90": 4200.0, "mean": 2400.0},
        "resolution_time": {"count": 2, "median": 55800.0, "p90": 97560.0, "mean": 55800.0},
        "backlog": 2,
        "backlog_by_day": [
            {"day": "2026-03-02", "tickets": 1},
            {"day": "2026-03-03", "tickets": 2},
            {"day": "2026-03-04", "tickets": 2},
        ],
        "sla_compliance": [{"metric": "first_response", "met": 2, "breached": 1, "compliance": pytest.approx(2 / 3)}],
        "replies_delivered": 1,
        "replies_failed": 1,
    }


async def test_deliveries_count_when_they_happened_not_when_they_were_told(analytics: Analytics) -> None:
    story = Story(1, DAY).delivery(10, failed=False).delivery(11, failed=True)
    late = [replace(event, time=DAY + timedelta(days=30)) for event in story.streams["ingestion", str(story.id)]]
    await analytics.take([event] for event in late)
    then = (await analytics.get("overview", **PERIOD))["figures"]
    assert (then["replies_delivered"], then["replies_failed"]) == (1, 1)
    later = (await analytics.get("overview", **{"from": "2026-03-31", "to": "2026-04-02"}))["figures"]
    assert (later["replies_delivered"], later["replies_failed"]) == (0, 0)


@pytest.mark.parametrize("interval", ["day", "hour"])
async def test_a_series_without_a_start_begins_with_a_whole_interval(analytics: Analytics, interval: str) -> None:
    answer = await analytics.get("volume", by="channel", interval=interval, time_zone="Asia/Kolkata")
    first = answer["figures"]["volume"][0]
    assert datetime.fromisoformat(first["start"]) == datetime.fromisoformat(answer["from"])


async def test_volume_by_channel_and_language_has_no_holes(analytics: Analytics) -> None:
    await analytics.take(waves(stories(), 0))
    by_channel = await analytics.get("volume", by="channel", **PERIOD)
    assert [(point["start"][:10], point["tickets"]) for point in by_channel["figures"]["volume"]] == [
        ("2026-03-02", {"email": 2}),
        ("2026-03-03", {"chat": 1}),
        ("2026-03-04", {}),
    ]
    by_language = await analytics.get("volume", by="language", **{"from": "2026-03-01", "to": "2026-03-02"})
    assert [point["tickets"] for point in by_language["figures"]["volume"]] == [{"und": 1}]
    hours = await analytics.get("volume", by="language", interval="hour", **PERIOD)
    counted = [point for point in hours["figures"]["volume"] if point["tickets"]]
    assert len(hours["figures"]["volume"]) == 72
    assert [(point["start"], point["tickets"]) for point in counted][:2] == [
        ("2026-03-02T01:00:00Z", {"de": 1}),
        ("2026-03-02T02:00:00Z", {"hi": 1}),
    ]


async def test_days_begin_where_the_reader_lives(analytics: Analytics) -> None:
    """Ticket 4 came at 19:00 UTC, which is the next day in Kolkata; in March Berlin skips an hour of a day."""
    await analytics.take(waves(stories(), 0))
    kolkata = await analytics.get("volume", by="channel", time_zone="Asia/Kolkata", **PERIOD)
    assert kolkata["figures"]["volume"][0]["tickets"] == {"api": 1, "email": 2}
    berlin = {"from": "2026-03-29", "to": "2026-03-30", "time_zone": "Europe/Berlin", "interval": "hour"}
    assert len((await analytics.get("volume", by="channel", **berlin))["figures"]["volume"]) == 23


async def test_days_without_a_midnight_are_followed_by_whole_days(analytics: Analytics) -> None:
    """In Santiago 7 September 2025 began at one o'clock, and no day after it had any tickets."""
    zone = ZoneInfo("America/Santiago")
    days = [datetime(2025, 9, day, tzinfo=zone) for day in (5, 6, 7, 8, 9)]
    await analytics.take(
        [
            [Story(number, day.astimezone(UTC) + timedelta(minutes=10)).streams["tickets", str(UUID(int=number))][0]]
            for number, day in enumerate(days)
        ]
    )
    asked = {"time_zone": zone.key, "from": "2025-09-05", "to": "2025-09-09T00:30:00-03:00"}
    volume = await analytics.get("volume", by="channel", **asked)
    assert [(datetime.fromisoformat(point["start"]), point["tickets"]) for point in volume["figures"]["volume"]] == [
        (day.astimezone(UTC), {"email": 1}) for day in days
    ]
    hours = await analytics.get("volume", by="channel", interval="hour", **asked)
    assert sum(point["tickets"].get("email", 0) for point in hours["figures"]["volume"]) == len(days)
    overview = await analytics.get("overview", **asked)
    assert overview["figures"]["backlog_by_day"] == [
        {"day": f"{day:%Y-%m-%d}", "tickets": number} for number, day in enumerate(days, 1)
    ]


async def test_an_empty_desk_has_figures_too(analytics: Analytics) -> None:
    overview = await analytics.get("overview", **PERIOD)
    assert overview["as_of"] is None
    assert overview["figures"]["first_response_time"] == {"count": 0, "median": None, "p90": None, "mean": None}
    assert [day["tickets"] for day in overview["figures"]["backlog_by_day"]] == [0, 0, 0]


async def test_an_event_that_comes_twice_counts_once(analytics: Analytics) -> None:
    batches = waves(stories(), 1)
    await analytics.take(batches)
    once = (await analytics.figures(), await analytics.projections())
    await analytics.take(batches)
    assert (await analytics.figures(), await analytics.projections()) == once


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


@pytest.mark.parametrize(
    "params",
    [
        {"from": "2026-03-05", "to": "2026-03-02"},
        {"from": "2026-03-02T00:00:01"},
        {"from": "0001-01-01", "to": "0001-01-02"},
        {"time_zone": "Mars/Olympus"},
        {"time_zone": "\x00"},
        {"from": "2020-01-01", "to": "2026-01-01"},
        {"from": "soon"},
    ],
)
async def test_nonsense_is_refused(analytics: Analytics, params: dict[str, str]) -> None:
    answer = await analytics.as_(Role.ADMIN).get("/api/analytics/overview", **params)
    assert answer.status == 422, answer.body


async def test_agents_and_customers_see_no_figures(analytics: Analytics) -> None:
    for role in (Role.AGENT, Role.CUSTOMER):
        answer = await analytics.as_(role).get("/api/analytics/overview")
        assert answer.status == 403
    assert (await analytics.nobody().get("/api/analytics/metrics")).status == 401


async def test_every_metric_is_defined_for_the_reader(analytics: Analytics) -> None:
    items = (await analytics.get("metrics"))["items"]
    assert {item["id"] for item in items} >= {"first_response_time", "sla_compliance", "volume", "backlog_by_day"}
    assert all(item["unit"] and item["definition"] for item in items)


async def test_a_batch_takes_the_same_few_statements_whatever_its_size(analytics: Analytics) -> None:
    async def statements(count: int, start: int) -> int:
        events = [Story(start + n, DAY).streams["tickets", str(UUID(int=start + n))][0] for n in range(count)]
        sent = 0

        def counted(*_arguments: Any) -> None:
            nonlocal sent
            sent += 1

        engine = analytics.database.engine.sync_engine
        hooks.listen(engine, "before_cursor_execute", counted)
        await analytics.take([events])
        hooks.remove(engine, "before_cursor_execute", counted)
        return sent

    assert await statements(1, 100) == await statements(200, 1000)


async def test_the_models_are_what_the_migrations_made(analytics: Analytics) -> None:
    for table in metadata.sorted_tables:
        async with analytics.database.read() as session:
            found = await session.execute(
                text("SELECT column_name FROM information_schema.columns WHERE table_schema = :s AND table_name = :t"),
                {"s": table.schema, "t": table.name},
            )
        assert {column.name for column in table.columns} == set(found.scalars())
