"""Lists read what they show, not what there ever was: plans of the statements as the service sends them.

A list of unsolved tickets read 63,000 pages of a database with 106,000 tickets, and one of a group without tickets all
of the table: where nothing fits an index PostgreSQL walks an order until the page is full, which it may never be.
"""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
import pytest_asyncio
from sqlalchemy import select

from services.tickets.domain.lists import Position, Sort
from services.tickets.models import tickets
from services.tickets.repository import Filters, TicketLists
from shared.db import Database
from shared.events.common import Channel, Priority, TicketStatus
from shared.web.paging import MAX_PAGE
from tests.conftest import Databases
from tests.plans import MODES, explain, filled, nodes, pages
from tests.statements import sent

TICKETS = 20_000
UNSOLVED = (TicketStatus.NEW, TicketStatus.OPEN, TicketStatus.PENDING, TicketStatus.ON_HOLD)
LIMIT = 51
# The rows, each by its own path through the indexes of three tables; an order that is walked in vain has `TICKETS`.
MOST_PAGES = 600

# Of the newer half every fifth is unsolved. Arabic, urgent, phone and the group are 200 each, and never together.
_ROWS = f"""
INSERT INTO customers (id, created_at) SELECT uuidv7(), now() FROM generate_series(1, 500);
INSERT INTO accounts (id, name, email, role, active, version)
SELECT uuidv7(), 'Sam', n || '@desk.example', 'agent', true, 1 FROM generate_series(1, 200) AS n;
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
ANALYZE accounts;
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
    "unsolved, urgent": (Filters(statuses=UNSOLVED, priority=Priority.URGENT), Sort.CREATED),
    "unsolved, but for what is put off": (Filters(statuses=UNSOLVED, snoozed=False), Sort.UPDATED_DESC),
    "what is put off": (Filters(snoozed=True), Sort.UPDATED_DESC),
    "all": (Filters(), Sort.UPDATED_DESC),
}


@pytest_asyncio.fixture(scope="module")
async def full(databases: Databases) -> AsyncIterator[Database]:
    """A database with many tickets, nearly all of them solved."""
    async with filled(databases, "tickets", _ROWS) as database:
        yield database


# Of the unsolved tickets, and of all, there are some on both sides.
MIDDLE = Position(datetime.now(UTC) - timedelta(minutes=TICKETS // 4), UUID(int=0))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("after", [None, MIDDLE], ids=["first page", "from the middle"])
@pytest.mark.parametrize("name", LISTS)
async def test_a_list_does_not_read_what_it_does_not_show(
    full: Database, name: str, after: Position | None, mode: str
) -> None:
    filters, sort = LISTS[name]
    async with sent(full) as statements, full.read() as session:
        await TicketLists(session).page(filters, sort, after=after, limit=LIMIT)
    (statement,) = statements
    plan = await explain(full, statement, mode)
    scans = [node["Node Type"] for node in nodes(plan) if node.get("Relation Name") == "tickets"]
    assert scans, plan
    assert "Seq Scan" not in scans, plan
    assert pages(plan) <= MOST_PAGES, plan


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("before", [False, True], ids=["after", "before"])
@pytest.mark.parametrize("filters", [Filters(), Filters(statuses=(TicketStatus.SOLVED,))], ids=["all", "solved"])
async def test_what_has_no_deadline_is_listed_from_the_middle_on(
    full: Database, filters: Filters, mode: str, *, before: bool
) -> None:
    """They are nearly all, in the order of their ids; they were sorted anew for every page."""
    async with full.read() as session:
        query = select(tickets.c.id).where(tickets.c.sla_next_due_at.is_(None)).order_by(tickets.c.id)
        middle = await session.scalar(query.offset(TICKETS // 2).limit(1))
    assert middle is not None
    async with sent(full) as statements, full.read() as session:
        position = Position(None, middle, before=before)
        await TicketLists(session).page(filters, Sort.SLA_DUE, after=position, limit=LIMIT)
    (statement,) = statements
    assert pages(await explain(full, statement, mode)) <= MOST_PAGES


async def test_what_people_choose_freely_makes_no_statements_of_its_own(full: Database) -> None:
    """Hundreds of texts threw each other, and everything else, out of what a connection keeps prepared."""
    async with sent(full) as statements, full.read() as session:
        lists = TicketLists(session)
        for limit in range(1, MAX_PAGE + 2):
            rows = await lists.page(Filters(), Sort.UPDATED_DESC, after=None, limit=limit)
            assert len(rows) == limit
        for region in ("AT", "CH", "LI"):
            assert not await lists.page(Filters(language=f"de-{region}"), Sort.CREATED, after=None, limit=LIMIT)
    assert len({statement.sql for statement in statements}) == 5 + 1
