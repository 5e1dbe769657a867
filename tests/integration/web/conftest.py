"""The kit's app on a fresh database for every test."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
import pytest_asyncio
from sqlalchemy import text

from shared.db import Database
from tests.asgi import Client
from tests.integration.web.harness import app_on

MakeDatabase = Callable[..., Awaitable[Database]]


@pytest_asyncio.fixture
async def database(make_database: MakeDatabase) -> Database:
    database = await make_database("knowledge", pool_size=2)
    async with database.transaction() as session:
        # The constraint looks only at the commit, which is what makes a commit fail.
        await session.execute(
            text("""CREATE TABLE things (name text, CONSTRAINT names UNIQUE (name) DEFERRABLE INITIALLY DEFERRED)""")
        )
    return database


@pytest.fixture
def client(database: Database) -> Client:
    return Client(app_on(database, request_timeout=timedelta(seconds=2)))
