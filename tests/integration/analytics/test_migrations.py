"""What the migrations of analytics refuse."""

import asyncio
import os
import sys
from pathlib import Path

import asyncpg

from tests.conftest import Databases


async def test_events_that_nothing_can_read_are_refused_in_a_sentence(
    databases: Databases, repository_root: Path
) -> None:
    """They were kept, and `desk analytics rebuild` ended at the first of them with a KeyError."""
    url = (await databases.url("analytics"))["analytics"]
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(
            "INSERT INTO analytics.archive (event_id, type, source, aggregate_id, aggregate_version, ticket_id, time, "
            "data) VALUES (uuidv7(), 'ticket.created.v1', 'tickets', '1', 1, uuidv7(), now(), '{\"ticket\": {}}')"
        )
        await connection.execute("UPDATE analytics.alembic_version SET version_num = '0003'")
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "services.analytics", "migrate"),
            cwd=repository_root,
            env={**os.environ, "DESK_DATABASE_URL": url},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        _, errors = await process.communicate()
        told = errors.decode().splitlines()
        assert process.returncode == 1
        assert len(told) == 1, told
        assert "start anew with `make reset`" in told[0]
        assert await connection.fetchval("SELECT version_num FROM analytics.alembic_version") == "0003"
    finally:
        await connection.close()
        await databases.drop(url)
