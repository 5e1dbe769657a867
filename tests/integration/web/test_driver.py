"""Transactions on the driver's own connection, which the pool does not look after by itself."""

import asyncio
from collections.abc import Awaitable, Callable

import asyncpg
import pytest
from sqlalchemy import text

from shared.db import Database
from shared.driver import driver_of
from tests.statements import sent

MakeDatabase = Callable[..., Awaitable[Database]]

INSERT = "INSERT INTO auth_keys (kid, public_key, not_before) VALUES ($1, '', now())"


async def keys(database: Database) -> set[str]:
    async with database.read() as session:
        return set(await session.scalars(text("SELECT kid FROM auth_keys")))


async def test_a_connection_that_died_in_the_pool_is_left_out(make_database: MakeDatabase) -> None:
    """After a restart of the server all of them are dead: a relay that met one at a time would need as many turns."""
    database = await make_database("knowledge")
    async with database.driver() as one, database.driver() as other:
        pids = [one.get_server_pid(), other.get_server_pid()]
        admin = await asyncpg.connect(database.url)
    for pid in pids:
        await admin.execute("SELECT pg_terminate_backend($1)", pid)
    await admin.close()
    async with asyncio.timeout(10):
        while not (one.is_closed() and other.is_closed()):
            await asyncio.sleep(0.01)
    async with database.driver() as driver:
        assert await driver.fetchval("SELECT 1") == 1


@pytest.mark.parametrize("through", ["session", "driver"])
async def test_a_begin_that_was_cancelled_is_not_what_the_next_one_stands_in(
    make_database: MakeDatabase, monkeypatch: pytest.MonkeyPatch, through: str
) -> None:
    """asyncpg took it for begun, so that the next transaction was a savepoint, and what it committed was not."""
    database = await make_database("knowledge", pool_size=1)
    async with database.driver():
        pass  # the pool has its connection
    begun, execute = asyncio.Event(), asyncpg.Connection.execute

    async def begin_and_stall(self: asyncpg.Connection, query: str, *args: object, **options: object) -> str:
        answer = await execute(self, query, *args, **options)
        if query.startswith("BEGIN"):
            begun.set()
            await asyncio.Event().wait()
        return answer

    async def stalled() -> None:
        if through == "driver":
            async with database.driver():
                pass
        else:
            async with database.transaction() as session:
                await driver_of(session)

    monkeypatch.setattr(asyncpg.Connection, "execute", begin_and_stall)
    task = asyncio.create_task(stalled())
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    monkeypatch.undo()
    async with database.transaction() as session:
        await (await driver_of(session)).execute(INSERT, "kept")
    other = await asyncpg.connect(database.url)
    try:
        assert await other.fetchval("SELECT count(*) FROM knowledge.auth_keys") == 1
    finally:
        await other.close()


async def test_no_session_meets_a_connection_that_died_in_the_pool(make_database: MakeDatabase) -> None:
    database = await make_database("knowledge", pool_size=1)
    async with database.driver() as driver:
        pid = driver.get_server_pid()
    admin = await asyncpg.connect(database.url)
    await admin.execute("SELECT pg_terminate_backend($1)", pid)
    await admin.close()
    async with asyncio.timeout(10):
        while not driver.is_closed():
            await asyncio.sleep(0.01)
    async with database.transaction() as session:
        assert await (await driver_of(session)).fetchval("SELECT 1") == 1


async def test_what_fails_leaves_nothing_behind(make_database: MakeDatabase) -> None:
    database = await make_database("knowledge")

    async def fail() -> None:
        async with database.driver() as driver:
            await driver.execute(INSERT, "one")
            await driver.execute(INSERT, "one")

    with pytest.raises(asyncpg.UniqueViolationError):
        await fail()
    async with database.driver() as driver:
        await driver.execute(INSERT, "two")
    assert await keys(database) == {"two"}


async def test_statements_of_the_driver_belong_to_the_sessions_transaction(make_database: MakeDatabase) -> None:
    database = await make_database("knowledge")

    async def fail() -> None:
        async with database.transaction() as session:
            # The first of all: nothing of SQLAlchemy's has begun the transaction yet.
            await (await driver_of(session)).execute(INSERT, "undone")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail()
    async with database.transaction() as session:
        await (await driver_of(session)).execute(INSERT, "kept")
    assert await keys(database) == {"kept"}


async def test_who_counts_statements_sees_those_of_the_driver_too(make_database: MakeDatabase) -> None:
    """Tests that promise few statements saw none of the outbox, of intake and of repeated requests."""
    database = await make_database("knowledge")
    async with sent(database) as seen:
        async with database.transaction() as session:
            await session.execute(text("SELECT 1"))
            driver = await driver_of(session)
            await driver.execute(INSERT, "one")
            await driver.executemany(INSERT, [("two",), ("three",)])
        async with database.driver() as driver:
            await driver.fetch("SELECT $1::text[]", ["four"])
    assert [statement.sql for statement in seen] == ["SELECT 1", INSERT, INSERT, "SELECT $1::text[]"]
    assert [statement.parameters for statement in seen[1:]] == [("one",), (("two",), ("three",)), (["four"],)]


async def test_who_counts_too_late_is_told(make_database: MakeDatabase) -> None:
    database = await make_database("knowledge")
    async with database.read() as session:
        async with sent(database):
            with pytest.raises(AssertionError, match="began before"):
                await session.execute(text("SELECT 1"))
