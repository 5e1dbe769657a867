"""What becomes of a connection to PostgreSQL on which nothing arrives any more, and nobody is told."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import pytest_asyncio
from sqlalchemy import text

from desk.embedded.postgres import EmbeddedPostgres
from desk.ports import free_port
from shared.db import Database
from shared.driver import driver_of
from tests.faults.proxy import CLEAR, PostgresProxy, Weather

MakeDatabase = Callable[..., Awaitable[Database]]

# A bound on liveness, below the 35 s after which a statement is given up anyway.
PATIENCE_SECONDS = 25
SLEEP = "SELECT pg_sleep(60)"
NOTHING = "SELECT FROM auth_keys"


@pytest_asyncio.fixture
async def proxy(postgres: EmbeddedPostgres) -> AsyncIterator[PostgresProxy]:
    made = PostgresProxy(free_port(), postgres.port)
    await made.open()
    yield made
    await made.close()


@pytest_asyncio.fixture
async def database(make_database: MakeDatabase) -> Database:
    return await make_database("knowledge")


@pytest_asyncio.fixture
async def through(database: Database, proxy: PostgresProxy) -> AsyncIterator[Database]:
    """The same database through the proxy, with one place in its pool."""
    url = database.url.replace(f":{proxy.upstream}/", f":{proxy.port}/")
    made = Database(url, service=database.service, pool_size=1)
    yield made
    await made.close()


async def assert_place_is_free(through: Database, proxy: PostgresProxy) -> None:
    assert through.engine.pool.checkedout() == 0
    proxy.weather = CLEAR
    async with through.transaction() as session:
        assert await session.scalar(text("SELECT 1")) == 1


async def in_a_session(database: Database) -> None:
    async with database.transaction() as session:
        await session.execute(text(SLEEP))


async def on_its_driver(database: Database) -> None:
    async with database.transaction() as session:
        await (await driver_of(session)).execute(SLEEP)


async def between_statements(database: Database) -> None:
    async with database.transaction() as session:
        await (await driver_of(session)).execute(NOTHING)
        await asyncio.Event().wait()


async def in_a_read(database: Database) -> None:
    async with database.read() as session:
        await (await driver_of(session)).execute(SLEEP)


async def on_the_driver(database: Database) -> None:
    async with database.driver() as driver:
        await driver.execute(SLEEP)


WORK = [in_a_session, on_its_driver, between_statements, in_a_read, on_the_driver]


@pytest.mark.parametrize("work", WORK)
async def test_who_is_cancelled_leaves_the_pool_its_place(
    database: Database, through: Database, proxy: PostgresProxy, work: Callable[[Database], Awaitable[None]]
) -> None:
    """Rolling back waited for the statement, and a place of the pool with it: 35 s, as long as a statement may take."""
    at_work = text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        f" AND (query = '{SLEEP}' OR query = '{NOTHING}')"
    )
    task = asyncio.create_task(work(through))
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not await database.glance(at_work):
            await asyncio.sleep(0.01)
    proxy.weather = Weather(half_open=True)
    task.cancel()
    _, waiting = await asyncio.wait({task}, timeout=PATIENCE_SECONDS)
    assert not waiting, "it waits for a network that is silent"
    assert task.cancelled()
    await assert_place_is_free(through, proxy)


async def test_who_got_no_answer_leaves_the_pool_its_place(through: Database, proxy: PostgresProxy) -> None:
    async def unanswered() -> None:
        async with through.transaction() as session:
            driver = await driver_of(session)
            proxy.weather = Weather(half_open=True)
            await driver.execute(SLEEP, timeout=0.1)

    task = asyncio.create_task(unanswered())
    _, waiting = await asyncio.wait({task}, timeout=PATIENCE_SECONDS)
    assert not waiting, "it waits for a network that is silent"
    assert isinstance(task.exception(), TimeoutError)
    await assert_place_is_free(through, proxy)
