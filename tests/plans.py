"""Query plans of statements as a service sends them: prepared, with parameters that a generic plan does not know."""

import json
from collections.abc import Iterator
from typing import Any

import asyncpg

from shared.db import Database
from tests.statements import Statement

Node = dict[str, Any]

# PostgreSQL may settle for a generic plan, made without the parameters; which it does is not ours to say.
MODES = ("force_generic_plan", "force_custom_plan")


async def explain(database: Database, statement: Statement, mode: str) -> Node:
    """The plan with what it did, of one of `MODES`."""
    settings = {"search_path": database.service, "plan_cache_mode": mode}
    connection = await asyncpg.connect(database.url, server_settings=settings)
    given = ", ".join("'{}'".format(str(value).replace("'", "''")) for value in statement.parameters)
    try:
        await connection.execute(f"PREPARE asked AS {statement.sql}")
        explained = await connection.fetchval(
            f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) EXECUTE asked{f'({given})' if given else ''}"
        )
    finally:
        await connection.close()
    plan: Node = json.loads(explained)[0]["Plan"]
    return plan


def nodes(plan: Node) -> Iterator[Node]:
    """The plan and everything below it."""
    yield plan
    for below in plan.get("Plans", ()):
        yield from nodes(below)


def pages(plan: Node) -> int:
    """How many pages were looked at, in memory or not."""
    return int(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])
