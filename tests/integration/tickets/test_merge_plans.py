"""What is asked of merged and linked tickets is answered by an index, and so is where a message goes."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio
from sqlalchemy.ext.asyncio import AsyncSession

from services.tickets.domain.links import LinkKind, Relation, sides
from services.tickets.repository import MessageRepository, TicketRepository
from services.tickets.repository.links import LinkRepository
from services.tickets.repository.merges import MergeRepository
from shared.db import Database
from tests.conftest import Databases
from tests.plans import MODES, explain, filled, nodes, pages
from tests.statements import sent

# The first hundred tickets are one chain; ticket 5,000 is merged into 5,001 with a hundred others. One problem has
# 10,000 incidents; everybody else has a parent.
CHAINED, CROWDED, PROBLEM, CHILD = UUID(int=1), UUID(int=5001), UUID(int=1), UUID(int=15_000)
LAST = UUID(int=9_890)
MOST_PAGES = 1_200

_ROWS = """
INSERT INTO customers (id, created_at) VALUES ('00000000-0000-0000-0000-000000000001', now());
INSERT INTO tickets (id, number, version, routing_version, subject, status, priority, type, channel, requester_id,
    tags, brand, conversation_id, created_at, updated_at, message_count, public_message_count, merged_into)
SELECT lpad(to_hex(n), 32, '0')::uuid, n, 1, 1, 'x', 'open', 'normal', 'question', 'email',
    '00000000-0000-0000-0000-000000000001', '{}', 'default', uuidv7(), now(), now(), 2, 2,
    CASE WHEN n < 100 THEN lpad(to_hex(n + 1), 32, '0')::uuid
         WHEN n BETWEEN 4900 AND 5000 THEN '00000000-0000-0000-0000-000000001389' END
FROM generate_series(1, 60000) n;
INSERT INTO messages (id, ticket_id, position, kind, author_kind, author_id, author_name, text, text_truncated, channel,
    attachments, added_at, first_reply)
SELECT lpad(to_hex(n), 32, '0')::uuid, lpad(to_hex(1 + n / 2), 32, '0')::uuid, 1 + n % 2, 'customer', 'customer', '1',
    'A', 'x', false, 'email', '[]', now() + n * interval '1 s', false
FROM generate_series(0, 39998) n;
INSERT INTO merges (id, source_id, target_id, at, by_id, by_name, status, participants)
SELECT uuidv7(), id, merged_into, now(), uuidv7(), 'A', 'open', '{}' FROM tickets WHERE merged_into IS NOT NULL;
INSERT INTO merges (id, source_id, target_id, at, by_id, by_name, status, participants, undone_at)
SELECT uuidv7(), id, lpad(to_hex(60001 - number), 32, '0')::uuid, now(), uuidv7(), 'A', 'open', '{}', now()
FROM tickets;
INSERT INTO splits (message_id, copy_id, ticket_id)
SELECT id, uuidv7(), ticket_id FROM messages WHERE position = 2 LIMIT 10000;
INSERT INTO ticket_links
SELECT uuidv7(), 'problem', '00000000-0000-0000-0000-000000000001', lpad(to_hex(n), 32, '0')::uuid, false, now(),
    uuidv7(), 'A'
FROM generate_series(2, 10000) n;
INSERT INTO ticket_links
SELECT uuidv7(), 'parent', lpad(to_hex(n - n % 10), 32, '0')::uuid, lpad(to_hex(n), 32, '0')::uuid, true, now(),
    uuidv7(), 'A'
FROM generate_series(10001, 20000) n WHERE n % 10 > 0;
INSERT INTO customers (id, created_at) VALUES ('00000000-0000-0000-0000-000000000002', now());
INSERT INTO participants (ticket_id, customer_id)
SELECT id, lpad((1 + CAST(number % 100 = 0 AS int))::text, 32, '0')::uuid FROM tickets;
UPDATE tickets SET status = 'solved', solved_at = now() WHERE number BETWEEN 2 AND 9900;
ANALYZE;
"""

Ask = Callable[[AsyncSession], Awaitable[Any]]

ASKED: dict[str, Ask] = {
    "where a message goes": lambda session: TicketRepository(session).lock_lines(
        [CHAINED, CROWDED, CHILD], numbers=[77, 12_345], diverted_from=[UUID(int=3)], customers=[UUID(int=2)]
    ),
    "what people lock": lambda session: TicketRepository(session).lock_many([UUID(int=15_000), UUID(int=15_001)]),
    "what was merged in": lambda session: MergeRepository(session).sources(CROWDED),
    "merges of a ticket": lambda session: MergeRepository(session).page(CROWDED, before=None, limit=51),
    "how it stood": lambda session: MergeRepository(session).standing(UUID(int=4_950), CROWDED),
    "a merged thread": lambda session: MessageRepository(session).threads(
        [CROWDED, *(UUID(int=n) for n in range(4_900, 5_001))], after=UUID(int=9_900), limit=51
    ),
    "links": lambda session: LinkRepository(session).page(PROBLEM, before=None, limit=51),
    "links of a kind": lambda session: LinkRepository(session).page(
        UUID(int=15_000), only=sides([Relation.CHILD]), before=None, limit=51
    ),
    "the parent": lambda session: LinkRepository(session).first_of(LinkKind.PARENT, UUID(int=15_001)),
    "all above": lambda session: LinkRepository(session).comes_before(LinkKind.PARENT, PROBLEM, UUID(int=15_001)),
    "incidents": lambda session: LinkRepository(session).incidents(PROBLEM, after=LAST, limit=100),
    "what was split off": lambda session: MergeRepository(session).split_off({UUID(int=n) for n in range(100)}),
}


@pytest_asyncio.fixture(scope="module")
async def full(databases: Databases) -> AsyncIterator[Database]:
    async with filled(databases, "tickets", _ROWS) as database:
        yield database


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", ASKED)
async def test_what_is_asked_is_found_by_an_index(full: Database, name: str, mode: str) -> None:
    async with sent(full) as statements, full.transaction() as session:
        await ASKED[name](session)
    # Of tickets that are solved it is asked once more what followed them up.
    assert len(statements) == (2 if name == "where a message goes" else 1)
    plans = [await explain(full, statement, mode) for statement in statements]
    steps = [node for plan in plans for node in nodes(plan)]
    scans = {step["Node Type"] for step in steps if step.get("Relation Name", "customers") != "customers"}
    assert "Seq Scan" not in scans, plans
    assert sum(map(pages, plans)) <= MOST_PAGES, plans
