"""What is asked of drafts, of replies that leave later and of followers is answered by an index."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio
from sqlalchemy.ext.asyncio import AsyncSession

from services.tickets.repository import (
    DraftRepository,
    FollowerRepository,
    ScheduledRepository,
    TicketLists,
    TicketRepository,
)
from services.tickets.repository.upkeep import UpkeepRepository
from shared.db import Database
from tests.conftest import Databases
from tests.plans import MODES, explain, filled, nodes, pages
from tests.statements import sent

TICKET = UUID(int=777)
SCHEDULED = UUID(int=5)
NOW = datetime.now(UTC)
MOST_PAGES = 300

# Nearly all replies have left; a few hundred wait, ten of which are due.
_ROWS = """
INSERT INTO customers (id, created_at) VALUES ('00000000-0000-0000-0000-000000000001', now());
INSERT INTO accounts SELECT lpad(to_hex(n), 32, '0')::uuid, 'A', 'a' || n, 'agent', true, 1
FROM generate_series(1, 200) n;
INSERT INTO tickets (id, number, version, routing_version, subject, status, priority, type, channel, requester_id,
    tags, brand, conversation_id, created_at, updated_at, message_count, public_message_count)
SELECT lpad(to_hex(n), 32, '0')::uuid, n, 1, 1, 'x', 'open', 'normal', 'question', 'email',
    '00000000-0000-0000-0000-000000000001', '{}', 'default', uuidv7(), now(), now(), 1, 1
FROM generate_series(1, 20000) n;
INSERT INTO scheduled_messages (id, ticket_id, author_id, author_name, text, thread_version, only_if_unanswered,
    release_at, state, version, created_at, settled_at)
SELECT uuidv7(), lpad(to_hex(n), 32, '0')::uuid, uuidv7(), 'A', repeat('x', 200), 1, false,
    CASE WHEN n % 100 = 0 AND n > 1000 THEN now() + interval '1 day' ELSE now() - interval '1 day' END,
    CASE WHEN n % 100 = 0 THEN 'waiting' ELSE 'released' END, 1, now(), CASE WHEN n % 100 > 0 THEN now() END
FROM generate_series(1, 20000) n;
UPDATE scheduled_messages SET id = '00000000-0000-0000-0000-000000000005'
WHERE ticket_id = '00000000-0000-0000-0000-000000000309';
UPDATE tickets SET assignee_id = lpad(to_hex(1 + number % 200), 32, '0')::uuid,
    status = CASE WHEN number % 3 = 1 THEN 'closed' WHEN number % 300 = 2 THEN 'solved' ELSE 'open' END,
    solved_at = CASE WHEN number % 3 = 1 OR number % 300 = 2 THEN now() - interval '90 days' END;
UPDATE accounts SET active = false WHERE email IN ('a7', 'a8');
UPDATE tickets SET snoozed_until = now() + (number - 100) * interval '1 hour' WHERE number % 100 = 0;
INSERT INTO messages (id, ticket_id, position, kind, author_kind, author_id, author_name, text, text_truncated, channel,
    attachments, added_at, first_reply)
SELECT uuidv7(), lpad(to_hex(1 + n / 2), 32, '0')::uuid, 1 + n % 2, 'customer', 'customer', '1', 'A', 'x', false,
    'email', '[]', now(), false
FROM generate_series(0, 39998) n;
INSERT INTO drafts
SELECT lpad(to_hex(n), 32, '0')::uuid, lpad(to_hex(1 + n % 200), 32, '0')::uuid, 'reply', 'x', 1, n, now()
FROM generate_series(1, 20000) n;
INSERT INTO ticket_followers SELECT lpad(to_hex(n), 32, '0')::uuid, lpad(to_hex(1 + n % 200), 32, '0')::uuid, now()
FROM generate_series(1, 20000) n;
INSERT INTO ticket_links
SELECT uuidv7(), CASE WHEN n % 2 = 0 THEN 'problem' ELSE 'parent' END, lpad(to_hex(1 + n / 10), 32, '0')::uuid,
    lpad(to_hex(n), 32, '0')::uuid, n % 2 = 1, now(), uuidv7(), 'A'
FROM generate_series(10, 20000) n;
INSERT INTO ticket_links SELECT uuidv7(), 'problem', '00000000-0000-0000-0000-000000000309',
    lpad(to_hex(n), 32, '0')::uuid, false, now(), uuidv7(), 'A'
FROM generate_series(1001, 19999, 2) n;
ANALYZE;
"""

Ask = Callable[[AsyncSession], Awaitable[Any]]

ASKED: dict[str, Ask] = {
    "what is due": lambda session: ScheduledRepository(session).claim_due(NOW, limit=50),
    "who gets copies of what is due": lambda session: ScheduledRepository(session).due_copies(NOW, limit=50),
    "what the customer has answered": lambda session: ScheduledRepository(session).answered({SCHEDULED}),
    "which tickets wake": lambda session: TicketRepository(session).claim_awake(NOW, limit=200),
    "which tickets close": lambda session: UpkeepRepository(session).claim_solved(NOW - timedelta(days=28), limit=200),
    "which tickets are left behind": lambda session: UpkeepRepository(session).claim_left_behind(limit=50),
    "what waits on a ticket": lambda session: ScheduledRepository(session).waiting(TICKET, until=NOW),
    "what was scheduled on a ticket": lambda session: ScheduledRepository(session).page(TICKET, before=None, limit=51),
    "what can be forgotten": lambda session: ScheduledRepository(session).forget_settled(NOW - timedelta(days=30)),
    "who else writes": lambda session: DraftRepository(session).others(TICKET, UUID(int=1)),
    "who follows": lambda session: FollowerRepository(session).followers(TICKET),
    "a ticket with who follows it": lambda session: TicketLists(session).one(UUID(int=15_000)),
}

# Each is looked up by its own path through an index, and every third is solved.
MOST_PAGES_OF_A_PROBLEM = 1_500 * 5


@pytest_asyncio.fixture(scope="module")
async def full(databases: Databases) -> AsyncIterator[Database]:
    async with filled(databases, "tickets", _ROWS) as database:
        yield database


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", ASKED)
async def test_what_is_asked_is_found_by_an_index(full: Database, name: str, mode: str) -> None:
    async with sent(full) as statements, full.transaction() as session:
        await ASKED[name](session)
    (statement,) = statements
    plan = await explain(full, statement, mode)
    small = {"accounts", "customers"}
    scans = {node["Node Type"] for node in nodes(plan) if node.get("Relation Name", "accounts") not in small}
    assert "Seq Scan" not in scans, plan
    assert pages(plan) <= MOST_PAGES, plan


@pytest.mark.parametrize("mode", MODES)
async def test_the_incidents_of_a_problem_are_looked_up_one_by_one(full: Database, mode: str) -> None:
    """One that had caused ten thousand read all tickets that there ever were whenever somebody looked at it."""
    async with sent(full) as statements, full.read() as session:
        row = await TicketLists(session).one(TICKET)
    assert row is not None
    assert row.open_incidents == 1_000
    (statement,) = statements
    plan = await explain(full, statement, mode)
    of_all = [step for step in nodes(plan) if "Seq Scan" in step["Node Type"] and step["Relation Name"] == "tickets"]
    assert not of_all, plan
    assert pages(plan) <= MOST_PAGES_OF_A_PROBLEM, plan


async def test_customers_do_not_wait_for_incidents_that_they_are_not_told_of(full: Database) -> None:
    async with sent(full) as statements, full.read() as session:
        assert await TicketLists(session).one(TICKET, account_id=UUID(int=3)) is None
    (statement,) = statements
    assert "ticket_links" not in statement.sql
