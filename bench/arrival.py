"""When a phase is over: everything is sent, and every service has read everything.

The look costs little beside what is measured: positions never pass the versions they follow, so that equal sums mean
that all are equal.
"""

import asyncio

import asyncpg

from tests.running_desk import RunningDesk

SECONDS_BETWEEN_LOOKS = 0.5


async def until_arrived(desk: RunningDesk, *, tickets: int = 0, patience_seconds: float) -> None:
    """Wait until analytics knows `tickets` and nobody is behind. Raises TimeoutError after `patience_seconds`."""
    connection = await asyncpg.connect(desk.admin_url)
    services = list(desk.database_urls)
    try:
        async with asyncio.timeout(patience_seconds):
            while await _is_under_way(connection, services, tickets):
                await asyncio.sleep(SECONDS_BETWEEN_LOOKS)
    finally:
        await connection.close()


async def count_events(desk: RunningDesk) -> int:
    """How many events all services have recorded."""
    connection = await asyncpg.connect(desk.admin_url)
    try:
        return sum([await connection.fetchval(f"SELECT count(*) FROM {name}.outbox") for name in desk.database_urls])
    finally:
        await connection.close()


async def _is_under_way(connection: asyncpg.Connection, services: list[str], tickets: int) -> bool:
    # In one snapshot: looked at one after the other, an event could pass between two looks.
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        if await connection.fetchval("SELECT count(*) FROM analytics.ticket_facts") < tickets:
            return True
        for service in services:
            if await connection.fetchval(f"SELECT EXISTS (SELECT FROM {service}.outbox WHERE sent_at IS NULL)"):
                return True
        written = {name: await connection.fetchval(f"SELECT sum(version) FROM {name}.streams") for name in services}
        for service in services:
            for source, read in await connection.fetch(
                f"SELECT source, sum(version) FROM {service}.stream_positions GROUP BY source"
            ):
                if read != written[source]:
                    return True
        return False
