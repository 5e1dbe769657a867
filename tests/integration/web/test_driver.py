"""Transactions on the driver's own connection, which the pool does not look after by itself."""

import asyncio
from collections.abc import Awaitable, Callable

import asyncpg
import pytest
from sqlalchemy import text

from shared.db import Database
from shared.driver import driver_of

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
