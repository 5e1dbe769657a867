"""Query plans of statements as a service sends them: prepared, with parameters that a generic plan does not know."""

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

from shared.db import Database
from tests.conftest import Databases
from tests.statements import Statement

Node = dict[str, Any]

# PostgreSQL may settle for a generic plan, made without the parameters; which it does is not ours to say.
MODES = ("force_generic_plan", "force_custom_plan")


@asynccontextmanager
async def filled(databases: Databases, service: str, rows: str) -> AsyncIterator[Database]:
    """A database of the service with what the SQL `rows` puts into it."""
    database = Database((await databases.url(service))[service], service=service)
    connection = await asyncpg.connect(database.url)
    await connection.execute(f"SET search_path = {service};" + rows)
    await connection.close()
    yield database
    await database.close()
    await databases.drop(database.url)


async def explain(database: Database, statement: Statement, mode: str, **more: str) -> Node:
    """The plan with what it did, of one of `MODES`; `more` settings are those of the transaction it was sent in."""
    settings = {"search_path": database.service, "plan_cache_mode": mode, **more}
    connection = await asyncpg.connect(database.url, server_settings=settings)
    given = ", ".join(_quoted(value) for value in statement.parameters)
    try:
        await connection.execute(f"PREPARE asked AS {statement.sql}")
        explained = await connection.fetchval(
            f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) EXECUTE asked{f'({given})' if given else ''}"
        )
    finally:
        await connection.close()
    plan: Node = json.loads(explained)[0]["Plan"]
    return plan


def _quoted(value: Any) -> str:
    text = f"{{{','.join(map(str, value))}}}" if isinstance(value, list) else str(value)
    return "'{}'".format(text.replace("'", "''"))


def nodes(plan: Node) -> Iterator[Node]:
    """The plan and everything below it."""
    yield plan
    for below in plan.get("Plans", ()):
        yield from nodes(below)


def pages(plan: Node) -> int:
    """How many pages were looked at, in memory or not."""
    return int(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])
