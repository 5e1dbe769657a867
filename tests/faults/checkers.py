"""What must be true of a desk when it has come to rest, whatever was done to it.

All of it is asked of the database in one snapshot, as its superuser: services themselves see their own schema only.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager

import asyncpg

from tests.faults.stage import SERVICES, Stage

# A bound on liveness; how long it took is a figure.
CONVERGED_SECONDS = 600

_DISAGREEING = """
    SELECT count(*) FROM tickets.tickets t
    FULL JOIN routing.tickets r ON r.ticket_id = t.id
    FULL JOIN sla.tickets s ON s.ticket_id = coalesce(t.id, r.ticket_id)
    FULL JOIN analytics.ticket_facts a ON a.ticket_id = coalesce(t.id, r.ticket_id, s.ticket_id)
    FULL JOIN gateway.ticket_activity g ON g.ticket_id = coalesce(t.id, r.ticket_id, s.ticket_id, a.ticket_id)
    CROSS JOIN LATERAL (
        SELECT count(*) AS messages, count(*) FILTER (WHERE kind = 'customer') AS of_customers
        FROM tickets.messages WHERE ticket_id = t.id) m
    WHERE t.id IS NULL OR g.ticket_id IS NULL
       OR (r.status, r.assignee_id) IS DISTINCT FROM (t.status, t.assignee_id)
       OR (s.status, s.priority, s.assignee_id) IS DISTINCT FROM (t.status, t.priority, t.assignee_id)
       OR (a.status, a.priority, a.assignee_id) IS DISTINCT FROM (t.status, t.priority, t.assignee_id)
       OR (t.language IS NOT NULL AND a.language IS DISTINCT FROM t.language)
       -- Counted event by event: what took effect twice is counted twice.
       OR (t.message_count, a.customer_messages) IS DISTINCT FROM (m.messages, m.of_customers)"""

_INVERTED = """
    SELECT count(*) FROM (
        SELECT aggregate_version - lag(aggregate_version) OVER (PARTITION BY aggregate_id ORDER BY id) AS step
        FROM {service}.outbox) s
    WHERE step IS NOT NULL AND step <> 1"""

_BEHIND = """
    SELECT count(*) FROM {source}.streams s
    LEFT JOIN {reader}.stream_positions p ON p.source = '{source}' AND p.aggregate_id = s.aggregate_id
    WHERE p.version IS DISTINCT FROM s.version"""


async def unconverged(connection: asyncpg.Connection) -> list[str]:
    """What still separates the services: unsent events, events not yet read by a reader, held events."""
    problems: list[str] = []
    for service in SERVICES:
        if unsent := await connection.fetchval(f"SELECT count(*) FROM {service}.outbox WHERE sent_at IS NULL"):
            problems.append(f"{service}: {unsent} events unsent")
        if held := await connection.fetchval(f"SELECT count(*) FROM {service}.dead_letters WHERE state = 'held'"):
            problems.append(f"{service}: {held} events held")
        for row in await connection.fetch(f"SELECT DISTINCT source FROM {service}.stream_positions"):
            source = row["source"]
            if behind := await connection.fetchval(_BEHIND.format(source=source, reader=service)):
                problems.append(f"{service}: {behind} of {source}'s aggregates not read to their end")
    return problems


async def disagreements(connection: asyncpg.Connection) -> int:
    """Tickets whose status, priority, assignee or messages one of the services tells otherwise, or does not know."""
    return int(await connection.fetchval(_DISAGREEING))


async def until_converged(stage: Stage, seconds: float = CONVERGED_SECONDS) -> float:
    """Wait until every event is where it belongs and all services tell the same; returns how many seconds it took.

    Fails with what is missing after `seconds`, or when the launcher has ended. PostgreSQL may be on its way up.
    """
    begun = time.monotonic()
    problems: list[str] = ["nothing was seen yet"]
    try:
        async with asyncio.timeout(seconds):
            while problems:
                assert stage.running, "the launcher has ended"
                try:
                    problems = await _look(stage.admin_url)
                except (OSError, asyncpg.PostgresConnectionError, asyncpg.CannotConnectNowError) as error:
                    problems = [f"PostgreSQL: {type(error).__name__}"]
                if problems:
                    await asyncio.sleep(0.5)
    except TimeoutError:
        raise AssertionError(f"not converged after {seconds} s: {problems}") from None
    return time.monotonic() - begun


async def _look(admin_url: str) -> list[str]:
    async with snapshot(admin_url) as connection:
        problems = await unconverged(connection)
        if not problems and (disagreeing := await disagreements(connection)):
            problems = [f"{disagreeing} tickets are told differently by different services"]
        return problems


async def account_for(connection: asyncpg.Connection, acknowledged: Collection[str]) -> dict[str, int]:
    """Of the acknowledged external ids, how many are `lost` or `doubled`; over all, how many versions are `inverted`.

    Inverted: versions of an aggregate's events are contiguous and were given in id order, or they are counted here.
    """
    found = dict(
        await connection.fetch(
            "SELECT external_id, count(*) FROM tickets.messages WHERE external_id = ANY($1) GROUP BY 1",
            list(acknowledged),
        )
    )
    return {
        "lost": len(acknowledged) - len(found),
        "doubled": sum(count > 1 for count in found.values()),
        "inverted": sum([await connection.fetchval(_INVERTED.format(service=service)) for service in SERVICES]),
        "disagreeing": await disagreements(connection),
        "events": sum([await connection.fetchval(f"SELECT count(*) FROM {service}.outbox") for service in SERVICES]),
    }


@asynccontextmanager
async def snapshot(admin_url: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection that sees one moment."""
    connection = await asyncpg.connect(admin_url)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            yield connection
    finally:
        await connection.close()
