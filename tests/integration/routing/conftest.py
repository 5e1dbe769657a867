"""A fresh routing service for every test."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest_asyncio

from shared.db import Database
from tests.integration.routing.harness import Desk, desk_of


@pytest_asyncio.fixture
async def desk(make_database: Callable[..., Awaitable[Database]]) -> AsyncIterator[Desk]:
    desk = await desk_of(await make_database("routing"))
    yield desk
    await desk.app.state.verifier.close()
