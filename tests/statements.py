"""What a database gets: through SQLAlchemy, and on the driver's own connection (`shared/driver.py`)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import asyncpg
from asyncpg.connection import LoggedQuery
from sqlalchemy import event as hooks

from shared.db import Database

# asyncpg tells of more than was asked of it: of transactions, and of how it learns types, once for each connection.
_CONTROL = ("BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE")
_OF_TYPES = ("typeinfo_tree", "current_setting('jit')")


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement, or one `executemany`."""

    sql: str
    parameters: tuple[Any, ...] = field(repr=False)  # hundreds of rows, which say nothing of why there are too many


@asynccontextmanager
async def sent(database: Database) -> AsyncIterator[list[Statement]]:
    """Collects what is sent in transactions that begin meanwhile."""
    seen: list[Statement] = []
    watched: set[asyncpg.Connection] = set()

    def watch(connection: Any, _record: Any, _proxy: Any) -> None:
        watched.add(connection.driver_connection)
        connection.driver_connection.add_query_logger(through_the_driver)

    # Of what SQLAlchemy prepares and runs asyncpg tells nothing, so neither is counted twice.
    def through_the_driver(query: LoggedQuery) -> None:
        if not query.query.startswith(_CONTROL) and not any(word in query.query for word in _OF_TYPES):
            seen.append(Statement(query.query, tuple(query.args)))

    def through_sqlalchemy(connection: Any, _cursor: Any, sql: str, parameters: tuple[Any, ...], *_rest: Any) -> None:
        known = connection.connection.driver_connection in watched
        assert known, "this transaction began before: what the driver sends in it would not be seen"
        seen.append(Statement(sql, parameters))

    engine = database.engine.sync_engine
    hooks.listen(engine, "checkout", watch)
    hooks.listen(engine, "before_cursor_execute", through_sqlalchemy)
    try:
        yield seen
    finally:
        await asyncio.sleep(0)  # asyncpg tells of a statement in the loop's next turn
        hooks.remove(engine, "before_cursor_execute", through_sqlalchemy)
        hooks.remove(engine, "checkout", watch)
        for driver in watched:
            driver.remove_query_logger(through_the_driver)
