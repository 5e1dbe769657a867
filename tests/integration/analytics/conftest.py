"""A fresh analytics service for every test."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest_asyncio

from services.analytics.app import create_app
from shared.db import Database
from shared.settings import Settings
from tests.asgi import callers
from tests.integration.analytics.harness import Analytics


@pytest_asyncio.fixture
async def analytics(make_database: Callable[..., Awaitable[Database]]) -> AsyncIterator[Analytics]:
    database = await make_database("analytics")
    app = create_app(Settings(database_url=database.url), database)
    yield Analytics(await callers(app, database), database)
    await app.state.verifier.close()
