"""`desk analytics rebuild` as an operator runs it."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest_asyncio
from sqlalchemy import text

from services.analytics import service
from services.analytics.cli import TRIES_PER_BATCH
from shared.db import Database
from tests.integration.analytics.harness import stories, waves

COMMAND = "from services.analytics.cli import app; app(prog_name='desk analytics')"
MENDED = "4 tickets from 17 events; 4 were not as the archive says."

# A sequence is not rolled back: the statement fails so many times, and then no more.
_DEADLOCKS = """
CREATE SEQUENCE tries;
CREATE FUNCTION deadlock() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN IF nextval('tries') <= {times} THEN RAISE 'deadlock detected' USING ERRCODE = '40P01'; END IF; RETURN new; END
$$;
CREATE TRIGGER deadlock BEFORE UPDATE ON ticket_facts FOR EACH STATEMENT EXECUTE FUNCTION deadlock()"""


@pytest_asyncio.fixture
async def damaged(make_database: Callable[..., Awaitable[Database]]) -> AsyncIterator[Database]:
    """A database whose projections are not what its archive says."""
    database = await make_database("analytics")
    for batch in waves(stories(), 0):
        async with database.transaction() as session:
            await service.take_events(session, batch)
    async with database.transaction() as session:
        await session.execute(text("UPDATE ticket_facts SET channel = 'phone'"))
    yield database


async def rebuild(database: Database, root: Path) -> tuple[int | None, str, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        COMMAND,
        "rebuild",
        cwd=root,
        env={**os.environ, "DESK_DATABASE_URL": database.url},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, errors = await process.communicate()
    return process.returncode, output.decode(), errors.decode()


async def channels(database: Database) -> set[str]:
    async with database.read() as session:
        return set(await session.scalars(text("SELECT channel FROM ticket_facts")))


async def deadlock(database: Database, *, times: int) -> None:
    async with database.transaction() as session:
        for statement in _DEADLOCKS.format(times=times).split(";\n"):
            await session.execute(text(statement))


async def test_rebuild_mends_the_projections_and_says_so(damaged: Database, repository_root: Path) -> None:
    status, output, errors = await rebuild(damaged, repository_root)
    assert (status, errors) == (0, "")
    assert MENDED in output
    assert await channels(damaged) == {"email", "chat", "api"}


async def test_a_batch_that_a_deadlock_ended_is_tried_again(damaged: Database, repository_root: Path) -> None:
    await deadlock(damaged, times=TRIES_PER_BATCH - 1)
    status, output, errors = await rebuild(damaged, repository_root)
    assert (status, errors) == (0, "")
    assert MENDED in output
    assert await channels(damaged) == {"email", "chat", "api"}


async def test_a_batch_is_not_tried_for_ever(damaged: Database, repository_root: Path) -> None:
    await deadlock(damaged, times=1000)
    status, _, errors = await rebuild(damaged, repository_root)
    assert status == 1
    assert "deadlock detected" in errors
    assert await channels(damaged) == {"phone"}
