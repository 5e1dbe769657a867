"""Two services and a broker between them: `knowledge` publishes, `analytics` keeps what it applied in a table."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from desk.embedded.broker import EmbeddedBroker
from shared.db import Database
from shared.events import Event
from shared.events.accounts import AccountChanged
from shared.events.knowledge import ArticlePublished
from shared.ids import uuid7
from shared.messaging import outbox
from shared.messaging.handlers import Handlers
from shared.messaging.relay import Relay
from shared.messaging.worker import Worker
from shared.settings import KafkaSettings

# A bound on liveness, an order of magnitude above what is expected.
PATIENCE_SECONDS = 40


def article(number: int = 0, **fields: object) -> ArticlePublished:
    values = {
        "article_id": uuid7(),
        "locale": "en",
        "title": f"Article {number}",
        "slug": f"article-{number}",
        "excerpt": "",
        "version": 1,
        "published_at": datetime.now(UTC),
    }
    return ArticlePublished.model_validate(values | fields)


@dataclass
class World:
    producer: Database
    consumer: Database
    kafka: KafkaSettings
    broker: EmbeddedBroker | None
    before_apply: Callable[[Sequence[Event[ArticlePublished]]], Awaitable[None]] | None = None
    handlers: Handlers = field(init=False)

    def __post_init__(self) -> None:
        self.handlers = Handlers("analytics").on(ArticlePublished, self._apply)

    @property
    def urls(self) -> dict[str, str]:
        return {"knowledge": self.producer.url, "analytics": self.consumer.url}

    async def _apply(self, session: AsyncSession, events: Sequence[Event[ArticlePublished]]) -> None:
        assert len({event.aggregate_id for event in events}) == len(events), "two events of one aggregate in one call"
        if self.before_apply is not None:
            await self.before_apply(events)
        await session.execute(
            text("INSERT INTO effects (event_id, aggregate_id, version) VALUES (:id, :aggregate, :version)"),
            [{"id": e.id, "aggregate": e.aggregate_id, "version": e.aggregate_version} for e in events],
        )

    async def _ignore(self, session: AsyncSession, events: Sequence[Event[AccountChanged]]) -> None:
        pass

    async def publish(self, aggregate: UUID | str, count: int = 1) -> None:
        async with self.producer.transaction() as session:
            for number in range(count):
                outbox.record(session, article(number), aggregate_id=aggregate)

    @asynccontextmanager
    async def relay(self) -> AsyncIterator[Worker]:
        # Like every service it also reads a topic: a service that never read anything counts as never caught up.
        handlers = Handlers("knowledge").on(AccountChanged, self._ignore)
        async with running(Worker(self.producer, self.kafka, handlers, mark_every_seconds=0.2)) as worker:
            yield worker

    @asynccontextmanager
    async def consuming(self) -> AsyncIterator[Worker]:
        async with running(Worker(self.consumer, self.kafka, self.handlers, mark_every_seconds=0.2)) as worker:
            yield worker

    @asynccontextmanager
    async def both(self) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self.relay())
            await stack.enter_async_context(self.consuming())
            yield

    async def send_all(self) -> None:
        """Send what is unsent, without a consumer."""
        stop = asyncio.Event()
        relay = Relay(self.producer, self.kafka)
        stop.set()
        await relay.run(stop)

    async def effects(self) -> list[tuple[str, int]]:
        async with self.consumer.read() as session:
            rows = await session.execute(text("SELECT aggregate_id, version FROM effects ORDER BY position"))
            return [(aggregate, version) for aggregate, version in rows]

    async def held(self) -> list[tuple[str, int | None, str]]:
        async with self.consumer.read() as session:
            rows = await session.execute(
                text(
                    "SELECT aggregate_id, aggregate_version, reason FROM dead_letters WHERE state = 'held' ORDER BY id"
                )
            )
            return [(aggregate, version, reason) for aggregate, version, reason in rows]

    async def until(self, condition: Callable[[], Awaitable[bool]]) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not await condition():
                await asyncio.sleep(0.05)

    async def until_applied(self, count: int) -> None:
        async def enough() -> bool:
            return len(await self.effects()) >= count

        try:
            await self.until(enough)
        except TimeoutError:
            pytest.fail(f"{len(await self.effects())} of {count} events applied; held: {await self.held()}")


def assert_in_order(effects: Sequence[tuple[str, int]]) -> None:
    """No event twice, and every aggregate's versions in order, without holes, from 1."""
    seen: dict[str, list[int]] = {}
    for aggregate, version in effects:
        seen.setdefault(aggregate, []).append(version)
    for aggregate, versions in seen.items():
        assert versions == list(range(1, len(versions) + 1)), f"aggregate {aggregate}: {versions}"


@asynccontextmanager
async def running(worker: Worker) -> AsyncIterator[Worker]:
    stop = asyncio.Event()
    task = asyncio.create_task(worker.run(stop))
    try:
        yield worker
    finally:
        stop.set()
        with suppress(asyncio.CancelledError):
            await asyncio.wait_for(task, PATIENCE_SECONDS)
