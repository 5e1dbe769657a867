"""A tickets service on a fresh database for every test."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest_asyncio

from shared.db import Database
from tests.integration.tickets.harness import Desk, running_desk


@pytest_asyncio.fixture
async def desk(make_database: Callable[..., Awaitable[Database]]) -> AsyncIterator[Desk]:
    """The service, with nothing in it but a signing key."""
    async with running_desk(await make_database("tickets")) as desk:
        yield desk
