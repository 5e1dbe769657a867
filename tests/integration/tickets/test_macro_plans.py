"""What is asked of macros and of templates of tickets stays cheap where an organisation has thousands."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio
from sqlalchemy.ext.asyncio import AsyncSession

from services.tickets.repository.macros import Audience, MacroFilters, MacroPlace, MacroRepository
from services.tickets.repository.templates import TemplatePlace, TemplateRepository
from shared.db import Database
from tests.conftest import Databases
from tests.plans import MODES, explain, filled, nodes, pages
from tests.statements import sent

MACRO = UUID(int=777)
TODAY = datetime.now(UTC).date()
SINCE = TODAY - timedelta(days=30)
AGENT = Audience(UUID(int=5), ("group-7",))
MOST_PAGES = 1_500

# Half are for one of a hundred groups, a quarter is somebody's own. Each was used by some agents, for a year.
_ROWS = """
INSERT INTO macros (id, name, folded_name, shortcut, description, active, position, visibility, groups, owner_id,
    actions, writes, texts, version, changed_at, changed_by)
SELECT lpad(to_hex(n), 32, '0')::uuid, 'Macro ' || n, 'macro ' || n, 's' || n, repeat('x', 200), true, n % 10,
    CASE WHEN n % 4 = 0 THEN 'personal' WHEN n % 4 = 1 THEN 'everyone' ELSE 'groups' END,
    CASE WHEN n % 4 > 1 THEN ARRAY['group-' || n % 100] ELSE '{}' END,
    CASE WHEN n % 4 = 0 THEN lpad(to_hex(1 + n % 200), 32, '0')::uuid END,
    '{}', 'reply', jsonb_build_object('en', jsonb_build_object('text', repeat('y', 500))), 1, now(), uuidv7()
FROM generate_series(1, 5000) n;
INSERT INTO macro_uses
SELECT lpad(to_hex(n), 32, '0')::uuid, current_date - day, lpad(to_hex(agent), 32, '0')::uuid, 3, now()
FROM generate_series(1, 5000, 5) n, generate_series(0, 364, 10) day, generate_series(1, 3) agent;
INSERT INTO ticket_templates (id, name, folded_name, description, active, position, content, version, changed_at,
    changed_by)
SELECT lpad(to_hex(n), 32, '0')::uuid, 'Template ' || n, 'template ' || n, repeat('x', 200), true, n % 10, '{}', 1,
    now(), uuidv7()
FROM generate_series(1, 5000) n;
ANALYZE;
"""

Ask = Callable[[AsyncSession], Awaitable[Any]]

ASKED: dict[str, Ask] = {
    "the first page": lambda session: MacroRepository(session).page(
        AGENT, MacroFilters(active=True), after=None, limit=51, since=SINCE
    ),
    "a later page": lambda session: MacroRepository(session).page(
        AGENT, MacroFilters(), after=MacroPlace(5, "macro 3", MACRO), limit=51, since=SINCE
    ),
    "all that are shared": lambda session: MacroRepository(session).page(
        Audience(AGENT.account_id, (), every=True), MacroFilters(), after=None, limit=51, since=SINCE
    ),
    "by shortcut": lambda session: MacroRepository(session).page(
        AGENT, MacroFilters(shortcut="s777"), after=None, limit=51, since=SINCE
    ),
    "one": lambda session: MacroRepository(session).get(MACRO, AGENT, since=SINCE),
    "its uses": lambda session: MacroRepository(session).uses(MACRO, after=(TODAY, UUID(int=2)), limit=51),
    "the first page of templates": lambda session: TemplateRepository(session).page(
        "", active=True, after=None, limit=51
    ),
    "a later page of templates": lambda session: TemplateRepository(session).page(
        "", active=None, after=TemplatePlace(5, "template 3", MACRO), limit=51
    ),
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
    (statement,) = statements
    plan = await explain(full, statement, mode)
    scans = {node["Node Type"] for node in nodes(plan) if node.get("Relation Name", "accounts") != "accounts"}
    assert "Seq Scan" not in scans, plan
    assert pages(plan) <= MOST_PAGES, plan


async def test_a_name_is_looked_for_among_all(full: Database) -> None:
    """No index is worth having for a part of a name: an organisation has thousands of them, not millions."""
    async with sent(full) as statements, full.transaction() as session:
        await MacroRepository(session).page(AGENT, MacroFilters("acro 4999"), after=None, limit=51, since=SINCE)
    (statement,) = statements
    for mode in MODES:
        plan = await explain(full, statement, mode)
        assert pages(plan) <= 8_000, plan
