"""Filling a broker that lost its log, from the outboxes; and emptying one before a planned restart.

Everything sent before the last moment at which every consumer was known to be caught up has been consumed. So it is
enough to send again what was sent after that moment, less a margin for clocks; positions make the overlap harmless.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime, timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from shared.db import async_url, engine_options
from shared.messaging.relay import lock_key

MARGIN = timedelta(seconds=60)

Urls = Mapping[str, str]  # service -> database URL of its own role


@asynccontextmanager
async def _connection(service: str, url: str) -> AsyncIterator[AsyncConnection]:
    options = engine_options(service)
    # These statements may walk a whole outbox, or hold a lock over a broker's restart.
    options["server_settings"] |= {"statement_timeout": "0"}
    options.pop("command_timeout")
    engine = create_async_engine(async_url(url), connect_args=options, isolation_level="AUTOCOMMIT", pool_size=1)
    try:
        async with engine.connect() as connection:
            yield connection
    finally:
        await engine.dispose()


async def caught_up_at(urls: Urls) -> datetime | None:
    """The last moment at which every consumer of every service was caught up; None if one never was."""
    moments: list[datetime] = []
    for service, url in urls.items():
        async with _connection(service, url) as connection:
            until = await connection.scalar(text(f"SELECT min(caught_up_at) FROM {service}.consumer_marks"))
        if until is None:
            return None
        moments.append(until)
    return min(moments, default=None)


async def refill(urls: Urls, *, since: datetime | None) -> int:
    """Have everything sent again that a consumer may have missed; returns the number of events.

    `since` is what `caught_up_at` said before consumers could see the empty log; None sends all there is. Call it when
    the new broker has its topics: consumers notice the new epoch and read from the beginning.
    """
    total = 0
    for service, url in urls.items():
        async with _connection(service, url) as connection:
            result = await connection.execute(
                text(f"""UPDATE {service}.outbox SET sent_at = NULL
                         WHERE sent_at IS NOT NULL AND (CAST(:since AS timestamptz) IS NULL OR sent_at > :since)"""),
                {"since": since - MARGIN if since else None},
            )
            total += result.rowcount
            await _bump_epoch(connection, service)
    return total


async def epochs(urls: Urls) -> dict[str, int]:
    """Of each service, the number at the end of its consumer group's name."""
    found: dict[str, int] = {}
    for service, url in urls.items():
        async with _connection(service, url) as connection:
            found[service] = await connection.scalar(text(f"SELECT epoch FROM {service}.broker_epoch"))
    return found


@asynccontextmanager
async def drained(urls: Urls, *, timeout_seconds: float = 60) -> AsyncIterator[None]:
    """Hold every relay still, wait until all that was sent is consumed, and let go afterwards.

    Within it the broker may be replaced by an empty one; consumers start anew on it. Raises TimeoutError when the
    consumers don't catch up; nothing has happened then.
    """
    async with AsyncExitStack() as stack:
        connections = {
            service: await stack.enter_async_context(_connection(service, url)) for service, url in urls.items()
        }
        async with asyncio.timeout(timeout_seconds):
            for service, connection in connections.items():
                await connection.execute(
                    text("SELECT pg_advisory_lock(hashtextextended(:name, 0))"), {"name": lock_key(service)}
                )
            held_since = max(
                [await connection.scalar(text("SELECT clock_timestamp()")) for connection in connections.values()]
            )
            while (await caught_up_at(urls) or held_since) <= held_since:
                await asyncio.sleep(0.2)
        yield
        for service, connection in connections.items():
            await _bump_epoch(connection, service)


async def _bump_epoch(connection: AsyncConnection, service: str) -> None:
    await connection.execute(text(f"UPDATE {service}.broker_epoch SET epoch = epoch + 1"))
