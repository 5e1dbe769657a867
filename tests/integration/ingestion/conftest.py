"""An ingestion service on a fresh database for every test."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import pytest_asyncio

from services.ingestion.parsing import ParserLimits, ParserPool
from shared.db import Database
from tests.conftest import Databases
from tests.integration.ingestion.harness import Desk

MakeDesk = Callable[..., Awaitable[Desk]]


@pytest_asyncio.fixture(scope="session")
async def pool() -> AsyncIterator[ParserPool]:
    """Parser processes that all tests of this process share."""
    pool = ParserPool(2, ParserLimits())
    yield pool
    await pool.close()


@pytest_asyncio.fixture
async def make_desk(make_database: Callable[..., Awaitable[Database]], tmp_path: Path, pool: ParserPool) -> MakeDesk:
    """`await make_desk(**settings)`: the service with settings of its own."""

    async def make(**settings: object) -> Desk:
        desk = Desk(await make_database("ingestion"), tmp_path, pool, **settings)
        await desk.start()
        return desk

    return make


@pytest_asyncio.fixture(scope="module")
async def shared_desk(
    databases: Databases, tmp_path_factory: pytest.TempPathFactory, pool: ParserPool
) -> AsyncIterator[Desk]:
    """The service with its default settings, for all tests of a module that do not mind each other."""
    async with databases.database("ingestion") as database:
        desk = Desk(database, tmp_path_factory.mktemp("desk"), pool)
        await desk.start()
        yield desk


@pytest_asyncio.fixture
async def desk(make_desk: MakeDesk) -> Desk:
    """The service with its default settings."""
    return await make_desk()
