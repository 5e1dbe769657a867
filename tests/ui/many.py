"""Lists of any length: closed tickets put straight into the tables, below everything else, and taken out again."""

import asyncio
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import asyncpg

from shared.ids import uuid7
from tests.running_desk import RunningDesk

# Nothing else looks at them: no event tells of them, and their history is empty.
_FILL = """
    WITH requester AS (
        INSERT INTO tickets.customers (id, name, created_at) VALUES ($1, 'Customer of many', now()) RETURNING id
    )
    INSERT INTO tickets.tickets
        (id, number, version, routing_version, subject, status, priority, type, channel, requester_id, language, tags,
         brand, conversation_id, created_at, updated_at, solved_at, last_message_at, message_count,
         public_message_count)
    SELECT gen_random_uuid(), 1000000000 + place, 1, 1, 'Many ' || place, 'closed', 'normal', 'question', 'email',
           requester.id, 'en', '{}', 'default', gen_random_uuid(), at, at, at, at, 1, 1
    FROM requester, generate_series(1, $2) AS place,
         LATERAL (SELECT timestamptz '2020-01-01' + place * interval '1 second' AS at) AS time
"""


@contextmanager
def many_tickets(desk: RunningDesk, count: int) -> Iterator[None]:
    """So many closed tickets of the year 2020, which are gone afterwards."""
    customer = uuid7()
    _run(_execute(desk, ("DELETE FROM tickets.tickets WHERE number > 1000000000",), (_FILL, customer, count)))
    _run(_execute(desk, ("ANALYZE tickets.tickets",)))
    try:
        yield
    finally:
        _run(_execute(desk, ("DELETE FROM tickets.tickets WHERE requester_id = $1", customer)))
        # Else the next one is planned for, and estimated as, a list that is not there any more.
        _run(_execute(desk, ("ANALYZE tickets.tickets",)))


async def _execute(desk: RunningDesk, *statements: tuple[Any, ...]) -> None:
    connection = await asyncpg.connect(desk.admin_url, command_timeout=300)
    try:
        async with connection.transaction():
            # Thousands of foreign keys that nothing has to be looked up for.
            await connection.execute("SET LOCAL session_replication_role = replica")
            for sql, *values in statements:
                await connection.execute(sql, *values)
    finally:
        await connection.close()


def _run(work: Coroutine[Any, Any, None]) -> None:
    """Playwright's synchronous API keeps an event loop in this thread; another one has room for ours."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, work).result()
