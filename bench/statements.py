"""PostgreSQL's own count of statements (`pg_stat_statements`), which is in the embedded one but not switched on."""

from typing import Any

import asyncpg

from tests.running_desk import RunningDesk

Row = dict[str, Any]

# The role is the service's.
_STATEMENTS = """
    SELECT replace(rolname, 'desk_', '') AS service, regexp_replace(query, '\\s+', ' ', 'g') AS statement,
        sum(calls)::float8 AS calls, sum(total_exec_time) AS milliseconds, sum(rows)::float8 AS rows,
        sum(wal_bytes)::float8 AS wal_bytes, sum(shared_blks_hit + shared_blks_read)::float8 AS pages
    FROM pg_stat_statements JOIN pg_roles ON pg_roles.oid = userid
    WHERE rolname LIKE 'desk\\_%' GROUP BY 1, 2 ORDER BY milliseconds DESC"""
_LETTERS = 110


async def watch(desk: RunningDesk) -> None:
    """Switch it on; takes effect with the next start."""
    connection = await asyncpg.connect(desk.admin_url)
    await connection.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
    await connection.execute("ALTER SYSTEM SET shared_preload_libraries = 'pg_stat_statements'")
    await connection.close()


async def forget(desk: RunningDesk) -> None:
    """Begin counting anew."""
    connection = await asyncpg.connect(desk.admin_url)
    await connection.execute("SELECT pg_stat_statements_reset()")
    await connection.close()


async def counted(desk: RunningDesk) -> list[Row]:
    """What the services' statements were, by the time they took."""
    connection = await asyncpg.connect(desk.admin_url)
    found = [dict(row) for row in await connection.fetch(_STATEMENTS)]
    await connection.close()
    return found


def shortened(statement: str) -> str:
    """As much of it as tells which one it is."""
    return statement if len(statement) <= _LETTERS else statement[: _LETTERS - 1] + "…"
