"""Figures are counted from indexes alone: plans of the statements as the service sends them.

An overview of 30 days read 459,000 pages of a database with 106,000 tickets: the moment of each delivery stood in a
JSON document, in the widest table there is.
"""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest
import pytest_asyncio

from services.analytics.domain.periods import Dimension, Interval, Period
from services.analytics.repository import FiguresRepository
from shared.db import Database
from tests.conftest import Databases
from tests.plans import MODES, Node, explain, nodes, pages
from tests.statements import sent

TICKETS = 20_000
END = datetime(2026, 3, 2, tzinfo=UTC)
# One ticket a minute.
DAYS = 5
LAST_DAYS = Period(END - timedelta(days=DAYS), END, "UTC")
MOST_PAGES = 250

_ROWS = f"""
INSERT INTO ticket_facts (ticket_id, number, channel, language, status, created_at, first_reply_at, solved_at)
SELECT uuidv7(), n, 'email', 'de', CASE WHEN n > 200 THEN 'solved' ELSE 'open' END, at, at + interval '9 minutes',
    CASE WHEN n > 200 THEN at + interval '1 hour' END
FROM (SELECT n, timestamptz '{END:%Y-%m-%d}' - n * interval '1 minute' AS at FROM generate_series(1, {TICKETS}) AS n);
INSERT INTO ticket_spans (ticket_id, ordinal, started_at, ended_at)
SELECT ticket_id, 0, created_at, solved_at FROM ticket_facts;
INSERT INTO ticket_clocks (ticket_id, metric, started_at, policy, target_seconds, state, warned, stopped_at, judged_at)
SELECT ticket_id, 'first_response', created_at, 'default', 3600, 'met', false, first_reply_at, first_reply_at
FROM ticket_facts;
INSERT INTO archive (event_id, type, source, aggregate_id, aggregate_version, ticket_id, time, data, delivery_at)
SELECT uuidv7(), CASE WHEN told THEN 'message.delivered.v1' ELSE 'ticket.changed.v1' END, 'tickets', ticket_id, 1,
    ticket_id, first_reply_at, json_build_object('ticket', repeat('x', 600)), CASE WHEN told THEN first_reply_at END
FROM ticket_facts, (VALUES (true), (false)) AS kinds (told);
"""
_UNSEEN = "SELECT relpages > relallvisible FROM pg_class WHERE oid = CAST($1 AS text)::regclass"


@pytest_asyncio.fixture(scope="module")
async def full(databases: Databases) -> AsyncIterator[Database]:
    """A database with two weeks of tickets, vacuumed as it would be by itself."""
    database = Database((await databases.url("analytics"))["analytics"], service="analytics")
    connection = await asyncpg.connect(database.url)
    # VACUUM takes a page for seen by all only once the commit of its rows is on disk and nobody looks at what was
    # before, as an ANALYZE of PostgreSQL's own would: of these tables there is none, of others it is waited for.
    tables = ("ticket_facts", "ticket_spans", "ticket_clocks", "archive")
    for table in tables:
        await connection.execute(f"ALTER TABLE analytics.{table} SET (autovacuum_enabled = off)")
    await connection.execute("SET search_path = analytics; SET synchronous_commit = on;" + _ROWS)
    for table in tables:
        await connection.execute(f"VACUUM (ANALYZE) analytics.{table}")
        async with asyncio.timeout(60):
            while await connection.fetchval(_UNSEEN, f"analytics.{table}"):
                await asyncio.sleep(0.1)
                await connection.execute(f"VACUUM analytics.{table}")
    await connection.close()
    yield database
    await database.close()
    await databases.drop(database.url)


def not_from_an_index(plan: Node) -> list[str]:
    """What is read of tables themselves."""
    return [
        f"{node['Node Type']} of {node['Relation Name']}"
        for node in nodes(plan)
        if "Relation Name" in node and (node["Node Type"] != "Index Only Scan" or node["Heap Fetches"])
    ]


@pytest.mark.parametrize("mode", MODES)
async def test_figures_of_some_days_read_the_indexes_of_those_days_once(full: Database, mode: str) -> None:
    async with sent(full) as statements, full.read() as session:
        figures = FiguresRepository(session)
        await figures.as_of()
        overview = await figures.overview(LAST_DAYS)
        await figures.volume(LAST_DAYS, by=Dimension.CHANNEL, interval=Interval.HOUR)
    assert (overview["tickets_created"], overview["replies_delivered"], overview["backlog"]) == (
        DAYS * 1440,
        DAYS * 1440,
        200,
    )
    plans = [await explain(full, statement, mode) for statement in statements]
    assert len(plans) == 7
    for plan in plans:
        assert not_from_an_index(plan) == [], plan
        assert pages(plan) <= MOST_PAGES, plan
