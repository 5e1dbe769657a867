"""`desk analytics rebuild` as an operator runs it."""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

from sqlalchemy import text

from services.analytics import service
from shared.db import Database
from tests.integration.analytics.test_figures import stories, waves

COMMAND = "from services.analytics.cli import app; app(prog_name='desk analytics')"


async def test_rebuild_mends_the_projections_and_says_so(
    make_database: Callable[..., Awaitable[Database]], repository_root: Path
) -> None:
    database = await make_database("analytics")
    for batch in waves(stories(), 0):
        async with database.transaction() as session:
            await service.take_events(session, batch)
    async with database.transaction() as session:
        await session.execute(text("UPDATE ticket_facts SET channel = 'phone'"))

    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        COMMAND,
        "rebuild",
        cwd=repository_root,
        env={**os.environ, "DESK_DATABASE_URL": database.url},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, errors = await process.communicate()
    assert (process.returncode, errors.decode()) == (0, "")
    assert "4 tickets from 17 events; 4 were not as the archive says." in output.decode()
    async with database.read() as session:
        channels = set(await session.scalars(text("SELECT channel FROM ticket_facts")))
    assert channels == {"email", "chat", "api"}
