"""A page of a timeline is found by an index, and cheaply so where two thousand things happened to a ticket."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio
from sqlalchemy.ext.asyncio import AsyncSession

from services.tickets.domain.timeline import EntryKind, Position
from services.tickets.repository.timeline import TimelineRepository
from shared.db import Database
from tests.conftest import Databases
from tests.plans import MODES, explain, filled, nodes, pages
from tests.statements import sent

# The first ticket has 2,000 entries, half of which brought a message; 2 to 40 are merged into 41.
LONG, TARGET = UUID(int=1), UUID(int=41)
MERGED = [UUID(int=n) for n in range(2, 42)]
MIDDLE = Position(datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=1_000), 1_000)
NEWER = Position(MIDDLE.at, MIDDLE.id, newer=True)

_ROWS = """
INSERT INTO customers (id, created_at) VALUES ('00000000-0000-0000-0000-000000000001', now());
INSERT INTO accounts SELECT lpad(to_hex(n), 32, '0')::uuid, 'A', 'a' || n, 'agent', true, 1
FROM generate_series(1, 2000) n;
INSERT INTO tickets (id, number, version, routing_version, subject, status, priority, type, channel, requester_id,
    tags, brand, conversation_id, created_at, updated_at, message_count, public_message_count, merged_into)
SELECT lpad(to_hex(n), 32, '0')::uuid, n, 1, 1, 'x', 'open', 'normal', 'question', 'email',
    '00000000-0000-0000-0000-000000000001', '{}', 'default', uuidv7(), now(), now(), 2, 2,
    CASE WHEN n BETWEEN 2 AND 40 THEN '00000000-0000-0000-0000-000000000029'::uuid END
FROM generate_series(1, 20000) n;
INSERT INTO messages (id, ticket_id, position, kind, author_kind, author_id, author_name, text, text_truncated, channel,
    attachments, added_at, first_reply)
SELECT lpad(to_hex(n), 32, '0')::uuid, lpad(to_hex(CASE WHEN n <= 2000 THEN 1 ELSE 2 + (n - 2000) / 3 END), 32,
    '0')::uuid, n, CASE WHEN n % 20 = 0 THEN 'note' ELSE 'reply' END, 'agent', '1', 'A', repeat('x', 200), false,
    'email', '[]', '2026-01-01T00:00:00Z'::timestamptz + n * interval '1 min', false
FROM generate_series(1, 40000) n;
INSERT INTO ticket_history (ticket_id, version, at, actor_kind, actor_id, actor_name, cause, changes, message_id, via)
SELECT ticket_id, 1, added_at, 'agent', '1', 'A', 'x',
    CASE WHEN position % 2 = 0 THEN '{}' ELSE jsonb_build_object('assignee_id', jsonb_build_object('before', NULL,
        'after', lpad(to_hex(position % 2000), 32, '0'))) END,
    CASE WHEN position % 2 = 0 THEN id END, 'web'
FROM messages ORDER BY position;
ANALYZE;
"""

Ask = Callable[[AsyncSession], Awaitable[Any]]


def page(*ticket_ids: UUID, kinds: tuple[EntryKind, ...] = (), position: Position | None = None) -> Ask:
    return lambda session: TimelineRepository(session).page(ticket_ids, kinds=kinds, position=position, limit=51)


# With the most pages that may be looked at. An entry costs up to ten: its own, its message, the names in it.
ASKED: dict[str, tuple[Ask, int]] = {
    "a ticket and what was merged into it": (lambda session: TimelineRepository(session).line(TARGET), 300),
    "the newest": (page(LONG), 700),
    "older": (page(LONG, position=MIDDLE), 700),
    "newer": (page(LONG, position=NEWER), 700),
    "changes": (page(LONG, kinds=(EntryKind.CHANGE,)), 1_000),
    "what is rare": (page(LONG, kinds=(EntryKind.NOTE,)), 8_000),
    "of merged tickets": (page(*MERGED, position=NEWER), 1_200),
}


@pytest_asyncio.fixture(scope="module")
async def full(databases: Databases) -> AsyncIterator[Database]:
    async with filled(databases, "tickets", _ROWS) as database:
        yield database


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", ASKED)
async def test_what_is_asked_is_found_by_an_index(full: Database, name: str, mode: str) -> None:
    ask, most_pages = ASKED[name]
    async with sent(full) as statements, full.transaction() as session:
        await ask(session)
    (statement,) = statements
    plan = await explain(full, statement, mode)
    scans = {node["Node Type"] for node in nodes(plan) if node.get("Relation Name", "customers") != "customers"}
    assert "Seq Scan" not in scans, plan
    assert pages(plan) <= most_pages, (pages(plan), plan)
