"""PostgreSQL through SQLAlchemy: one engine per process, one transaction per request, batch or timer.

Application code never commits. The edge enters `Database.transaction()`; leaving it writes the recorded events into
the outbox, commits, and wakes the relay of this process.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import asyncpg
from sqlalchemy import MetaData, TextClause, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession, async_sessionmaker, create_async_engine

from shared.driver import driver_of
from shared.messaging import outbox

# A process that is frozen while it holds locks must lose them before its consumer group gives its partitions away.
IDLE_IN_TRANSACTION_TIMEOUT_MS = 2_500
STATEMENT_TIMEOUT_MS = 30_000

NAMING_CONVENTION = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


def now_utc() -> datetime:
    """The wall clock. Only edges read it; use cases get `now` as an argument."""
    return datetime.now(UTC)


def schema_metadata(schema: str) -> MetaData:
    """Metadata of a service's own schema, with stable constraint names."""
    return MetaData(schema=schema, naming_convention=NAMING_CONVENTION)


def engine_options(service: str) -> dict[str, Any]:
    """Connection arguments of asyncpg: search path, time limits, and a name that shows in pg_stat_activity."""
    return {
        "server_settings": {
            "application_name": f"desk-{service}",
            "search_path": service,
            "timezone": "UTC",
            "statement_timeout": str(STATEMENT_TIMEOUT_MS),
            "idle_in_transaction_session_timeout": str(IDLE_IN_TRANSACTION_TIMEOUT_MS),
            "client_connection_check_interval": "1000",
            # Plans of short set-based statements are cheap; JIT compilation costs tens of milliseconds each.
            "jit": "off",
        },
        "timeout": 5,
        "command_timeout": STATEMENT_TIMEOUT_MS / 1000 + 5,
    }


def async_url(url: str) -> str:
    """The URL with SQLAlchemy's asyncpg driver, whatever PostgreSQL scheme it was given with."""
    return make_url(url).set(drivername="postgresql+asyncpg").render_as_string(hide_password=False)


class Database:
    """The engine of one process, bound to one service's schema."""

    def __init__(self, url: str, *, service: str, pool_size: int = 10) -> None:
        self.service = service
        self.url = url
        self.engine = create_async_engine(
            async_url(url),
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=5,
            pool_use_lifo=True,  # few backends that have their plans and caches warm, instead of many in turn
            hide_parameters=True,  # error texts are logged; parameters are what customers wrote
            connect_args=engine_options(service),
        )
        event.listen(self.engine.sync_engine, "checkout", _leave_out_what_is_closed)
        self._sessions = async_sessionmaker(self.engine, expire_on_commit=False, autoflush=False)
        self._wake_relay: list[Callable[[], None]] = []

    def after_record(self, wake: Callable[[], None]) -> None:
        """Call `wake` after every commit that recorded events; the relay of this process registers itself here."""
        self._wake_relay.append(wake)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        """One transaction: commits on a clean exit, rolls back on any exception. For edges only."""
        async with self._sessions() as session, session.begin(), _ended_if_given_up(session):
            yield session
            await session.flush()
            recorded = await outbox.write(session, self.service)
        if recorded:
            for wake in self._wake_relay:
                wake()

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncSession]:
        """A read-only session: PostgreSQL itself refuses to write in it."""
        async with self._sessions() as session, _ended_if_given_up(session):
            await session.connection(execution_options={"postgresql_readonly": True})
            yield session

    async def glance(self, statement: TextClause) -> Any:
        """The one value of a single reading statement, in one round trip: it is in no transaction of ours."""
        async with self.engine.connect() as connection, _ended_if_given_up(connection):
            await connection.execution_options(isolation_level="AUTOCOMMIT")
            return await connection.scalar(statement)

    @asynccontextmanager
    async def driver(self) -> AsyncIterator[asyncpg.Connection]:
        """A transaction on the driver's own connection (`shared.driver`), for what runs for every event."""
        async with self._sessions() as session, session.begin(), _ended_if_given_up(session):
            yield await driver_of(session)

    async def close(self) -> None:
        """Close every connection."""
        await self.engine.dispose()


@asynccontextmanager
async def _ended_if_given_up(work: AsyncSession | AsyncConnection) -> AsyncIterator[None]:
    """End the connection of work that was cancelled or took too long; PostgreSQL then rolls back by itself.

    SQLAlchemy does so for its own statements, not for the driver's. Rolling back waits until a statement is cancelled:
    where the network went silent, its place in the pool was taken for as long as a statement may last. And a BEGIN that
    was cancelled may still be done, and asyncpg takes it for done: it made the next transaction a savepoint, which
    commits nothing. Closing waits two seconds at most.
    """
    try:
        yield
    except (asyncio.CancelledError, TimeoutError):
        await work.invalidate()
        raise


def _leave_out_what_is_closed(connection: Any, _record: Any, _proxy: Any) -> None:
    """Where one connection died in the pool, as all do when the server restarts, those of its age are not asked."""
    if connection.driver_connection.is_closed():
        raise InvalidatePoolError
