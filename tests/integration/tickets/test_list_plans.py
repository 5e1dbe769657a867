"""Lists read what they show, not what there ever was: plans of the statements as the service sends them.

A list of unsolved tickets read 63,000 pages of a database with 106,000 tickets, and one of a group without tickets all
of the table: where nothing fits an index PostgreSQL walks an order until the page is full, which it may never be.
"""

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import asyncpg
import pytest
import pytest_asyncio
from sqlalchemy import event as hooks

from services.tickets.repository import Filters, Sort, TicketLists
from shared.db import Database
from shared.events.common import Channel, Priority, TicketStatus
from tests.conftest import Databases

TICKETS = 20_000
UNSOLVED = (TicketStatus.NEW, TicketStatus.OPEN, TicketStatus.PENDING, TicketStatus.ON_HOLD)
LIMIT = 51
# The rows, each by its own path through the indexes of three tables; an order that is walked in vain has `TICKETS`.
MOST_PAGES = 600

# Of the newer half every fifth is unsolved. Arabic, urgent, phone and the group are 200 each, and never together.
_ROWS = f"""
INSERT INTO customers (id, created_at) SELECT uuidv7(), now() FROM generate_series(1, 500);
INSERT INTO tickets (id, number, version, routing_version, subject, status, priority, type, channel, requester_id,
    "group", language, tags, brand, conversation_id, created_at, updated_at, solved_at, message_count,
    public_message_count, sla_next_due_at)
SELECT uuidv7(), n, 3, 1, repeat('Where is my parcel? ', 12), CASE WHEN is_open THEN 'open' ELSE 'solved' END,
    CASE WHEN n % 100 = 2 THEN 'urgent' ELSE 'normal' END, 'question',
    CASE WHEN n % 100 = 3 THEN 'phone' ELSE 'email' END,
    (SELECT array_agg(id) FROM customers)[1 + n % 500], CASE WHEN n % 100 = 4 THEN 'billing' END,
    CASE WHEN n % 100 = 5 THEN 'ar' ELSE (ARRAY['en', 'de', 'hi'])[1 + n % 3] END, '{{}}', 'default', uuidv7(),
    now() - (n * interval '1 minute'), now() - ((n - 5) * interval '1 minute'),
    CASE WHEN NOT is_open THEN now() - ((n - 5) * interval '1 minute') END, 2, 2,
    CASE WHEN is_open THEN now() - ((n - 60) * interval '1 minute') END
FROM (SELECT n, n % 5 = 1 AND n < {TICKETS // 2} AS is_open FROM generate_series(1, {TICKETS}) AS n) AS numbered
ORDER BY n DESC;
ANALYZE customers;
ANALYZE tickets;
"""

LISTS = {
    "unsolved": (Filters(statuses=UNSOLVED), Sort.UPDATED_DESC),
    "unsolved, oldest first": (Filters(statuses=UNSOLVED), Sort.CREATED),
    "unsolved, next due first": (Filters(statuses=UNSOLVED), Sort.SLA_DUE),
    "unsolved of nobody": (Filters(statuses=UNSOLVED, assignee="none"), Sort.UPDATED_DESC),
    "none is pending": (Filters(statuses=(TicketStatus.PENDING,)), Sort.UPDATED_DESC),
    "none was closed": (Filters(statuses=(TicketStatus.CLOSED,)), Sort.UPDATED_DESC),
    "of a group": (Filters(group="billing"), Sort.UPDATED_DESC),
    "of a group without tickets": (Filters(group="nobody"), Sort.UPDATED_DESC),
    "a rare language": (Filters(language="ar"), Sort.UPDATED_DESC),
    "a language that nobody speaks": (Filters(language="tlh"), Sort.UPDATED_DESC),
    "a rare priority": (Filters(priority=Priority.URGENT), Sort.CREATED_DESC),
    "a priority that is not": (Filters(priority=Priority.LOW), Sort.CREATED_DESC),
    "a rare channel": (Filters(channel=Channel.PHONE), Sort.UPDATED_DESC),
    "urgent, in Arabic": (Filters(language="ar", priority=Priority.URGENT), Sort.UPDATED_DESC),
    "unsolved, urgent": (Filters(statuses=UNSOLVED, priority=Priority.URGENT), Sort.CREATED),
    "all": (Filters(), Sort.UPDATED_DESC),
}


@pytest_asyncio.fixture(scope="module")
async def full(databases: Databases) -> AsyncIterator[Database]:
    """A database with many tickets, nearly all of them solved."""
    database = Database((await databases.url("tickets"))["tickets"], service="tickets")
    connection = await asyncpg.connect(database.url)
    await connection.execute("SET search_path = tickets;" + _ROWS)
    await connection.close()
    yield database
    await database.close()
    await databases.drop(database.url)


async def sent(database: Database, filters: Filters, sort: Sort) -> tuple[str, tuple[Any, ...]]:
    """The statement of a list's page, and its parameters, as the driver gets them."""
    seen: list[tuple[str, tuple[Any, ...]]] = []

    def before(_connection: Any, _cursor: Any, statement: str, parameters: tuple[Any, ...], *_rest: Any) -> None:
        seen.append((statement, parameters))

    async with database.read() as session:
        hooks.listen(database.engine.sync_engine, "before_cursor_execute", before)
        try:
            await TicketLists(session).page(filters, sort, after=None, limit=LIMIT)
        finally:
            hooks.remove(database.engine.sync_engine, "before_cursor_execute", before)
    (only,) = seen
    return only


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The plan and everything below it."""
    yield plan
    for below in plan.get("Plans", ()):
        yield from nodes(below)


@pytest.mark.parametrize("mode", ["force_generic_plan", "force_custom_plan"])
@pytest.mark.parametrize("name", LISTS)
async def test_a_list_does_not_read_what_it_does_not_show(full: Database, name: str, mode: str) -> None:
    """PostgreSQL may settle for a generic plan, made without the parameters; which it does is not ours to say."""
    statement, parameters = await sent(full, *LISTS[name])
    connection = await asyncpg.connect(full.url, server_settings={"search_path": "tickets", "plan_cache_mode": mode})
    given = ", ".join("'{}'".format(str(value).replace("'", "''")) for value in parameters)
    await connection.execute(f"PREPARE list AS {statement}")
    explained = await connection.fetchval(
        f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) EXECUTE list{f'({given})' if given else ''}"
    )
    await connection.close()
    plan = json.loads(explained)[0]["Plan"]
    scans = [node["Node Type"] for node in nodes(plan) if node.get("Relation Name") == "tickets"]
    pages = plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
    assert scans, explained
    assert "Seq Scan" not in scans, explained
    assert pages <= MOST_PAGES, explained
