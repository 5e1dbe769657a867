"""What is asked of customers, organisations and merges is answered by an index, however many there are."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest
import pytest_asyncio
from sqlalchemy.ext.asyncio import AsyncSession

from services.tickets.domain.identity import identity, of_any_kind
from services.tickets.repository import CustomerRepository, TicketRepository
from services.tickets.repository.customer_merges import CustomerMergeRepository
from services.tickets.repository.organisations import OrganisationRepository
from services.tickets.repository.profiles import ProfileRepository
from shared.db import Database
from tests.conftest import Databases
from tests.plans import MODES, explain, filled, nodes, pages
from tests.statements import sent

NOW = datetime.now(UTC)
MERGE = UUID(int=9)
MOST_PAGES = 1_500


def customer(number: int) -> UUID:
    return UUID(int=number)


# Twenty thousand customers of a hundred domains, each with two tickets; every hundredth became part of another one.
_ROWS = """
INSERT INTO customers (id, name, created_at, merged_into)
SELECT lpad(to_hex(n), 32, '0')::uuid, 'Customer ' || n, now(),
    CASE WHEN n % 100 = 0 THEN lpad(to_hex(n - 1), 32, '0')::uuid END
FROM generate_series(1, 20000) n;
INSERT INTO customer_identities
SELECT 'email', 'c' || n || '@d' || n % 100 || '.example',
    CASE WHEN n % 100 = 0 THEN lpad(to_hex(n - 1), 32, '0')::uuid ELSE lpad(to_hex(n), 32, '0')::uuid END
FROM generate_series(1, 20000) n;
INSERT INTO organisations
SELECT lpad(to_hex(n), 32, '0')::uuid, 'Organisation ' || n, NULL, '', 1, now() FROM generate_series(1, 5000) n;
INSERT INTO organisation_domains
SELECT 'd' || n || '.example', lpad(to_hex(n), 32, '0')::uuid FROM generate_series(1, 5000) n WHERE n % 2 = 1;
UPDATE customers SET organisation_id = lpad(to_hex(1), 32, '0')::uuid WHERE name LIKE '%7777';
INSERT INTO tickets (id, number, version, routing_version, subject, status, priority, type, channel, requester_id,
    tags, brand, conversation_id, created_at, updated_at, solved_at, message_count, public_message_count)
SELECT lpad(to_hex(n), 32, '0')::uuid, n, 1, 1, 'x', CASE WHEN n % 10 = 0 THEN 'open' ELSE 'solved' END, 'normal',
    'question', 'email', lpad(to_hex(1 + (n / 2 - 1) % 19999), 32, '0')::uuid, '{}', 'default', uuidv7(), now(), now(),
    CASE WHEN n % 10 > 0 THEN now() END, 1, 1
FROM generate_series(2, 40001) n;
INSERT INTO participants (ticket_id, customer_id) SELECT id, requester_id FROM tickets;
INSERT INTO customer_history (customer_id, version, at, actor_kind, actor_id, actor_name, cause, changes)
SELECT lpad(to_hex(1 + n % 20000), 32, '0')::uuid, 1, now(), 'agent', '1', 'A', 'edit', '{}'
FROM generate_series(1, 40000) n;
INSERT INTO customer_merges (id, customer_id, into_id, state, merged_at, actor_id, actor_name, identities, filled,
    facts)
SELECT lpad(to_hex(n), 32, '0')::uuid, lpad(to_hex(n), 32, '0')::uuid, lpad(to_hex(n + 1), 32, '0')::uuid,
    CASE WHEN n % 1000 = 9 THEN 'moving' ELSE 'done' END, now() - interval '1 day', '1', 'A', '[]', '{}', '[]'
FROM generate_series(1, 19000) n;
INSERT INTO customer_merge_tickets
SELECT lpad(to_hex(1 + n % 19000), 32, '0')::uuid, lpad(to_hex(n), 32, '0')::uuid, true, true, false, false
FROM generate_series(2, 40001) n;
ANALYZE;
"""

Ask = Callable[[AsyncSession], Awaitable[Any]]

ASKED: dict[str, Ask] = {
    "the newest": lambda session: ProfileRepository(session).newest(after=None, limit=51),
    "the next newest": lambda session: ProfileRepository(session).newest(after=customer(9_000), limit=51),
    "by the beginning of a name": lambda session: ProfileRepository(session).by_name("cust", after=None, limit=51),
    "the next by name": lambda session: ProfileRepository(session).by_name(
        "CUST", after=("customer 1800", customer(1_800)), limit=51
    ),
    "by the beginning of an address": lambda session: ProfileRepository(session).by_email("c1", after=None, limit=51),
    "by an address": lambda session: ProfileRepository(session).with_identities(of_any_kind("C77@d77.example")),
    "one": lambda session: ProfileRepository(session).get(customer(300)),
    "a page by ids": lambda session: ProfileRepository(session).some([customer(n) for n in range(50)]),
    "who is the requester": lambda session: CustomerRepository(session).requester(customer(300)),
    "a history": lambda session: ProfileRepository(session).history(customer(5), before_id=None, limit=51),
    "tickets by status": lambda session: ProfileRepository(session).tickets_by_status(customer(5)),
    "members": lambda session: OrganisationRepository(session).members(customer(1), after=None, limit=51),
    "the next members": lambda session: OrganisationRepository(session).members(
        customer(1), after=customer(9_000), limit=51
    ),
    "organisations": lambda session: OrganisationRepository(session).page("organisation 4", after=None, limit=51),
    "the next organisations": lambda session: OrganisationRepository(session).page(
        None, after=("organisation 3", customer(3)), limit=51
    ),
    "who takes part": lambda session: TicketRepository(session).participants([customer(n) for n in range(2, 60)]),
    "merges": lambda session: CustomerMergeRepository(session).page(customer(50), before=None, limit=51),
    "the next merge with something to do": lambda session: CustomerMergeRepository(session).claim(settled=NOW, but=[]),
    "tickets to move": lambda session: CustomerMergeRepository(session).tickets_of(customer(5), limit=200),
    "tickets to move back": lambda session: CustomerMergeRepository(session).moved_tickets(MERGE, limit=200),
    "who takes part as somebody else": lambda session: CustomerMergeRepository(session).move_participants(
        MERGE, customer(5), customer(6)
    ),
    "who takes part again": lambda session: CustomerMergeRepository(session).move_participants_back(
        MERGE, customer(5), customer(6)
    ),
    "tickets that were opened since": lambda session: CustomerMergeRepository(session).note_opened_since(
        MERGE, customer(6), [identity("email", "a@b.example")]
    ),
    "facts that are forgotten": lambda session: ProfileRepository(session).forget_facts(customer(5), "crm"),
    "when a merge is over": lambda session: CustomerMergeRepository(session).claim(
        settled=NOW - timedelta(days=9), but=[]
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
    scans = {
        node["Relation Name"]
        for node in nodes(plan)
        if node["Node Type"] == "Seq Scan" and node["Relation Name"] != "customer_facts"
    }
    assert not scans, plan
    assert pages(plan) <= MOST_PAGES, plan


@pytest.mark.parametrize("mode", MODES)
async def test_what_is_open_of_an_organisation_is_found_by_its_members(full: Database, mode: str) -> None:
    async with sent(full) as statements, full.transaction() as session:
        await ProfileRepository(session).tickets_of_others(customer(201), customer(1), limit=10)
    plan = await explain(full, statements[-1], mode)
    assert not [node for node in nodes(plan) if node["Node Type"] == "Seq Scan"], plan
    # Of two hundred members.
    assert pages(plan) <= 2 * MOST_PAGES, plan


MANY = 2_000
# Of those who joined after the statistics were made: who went, and who stayed.
_JOINED = """
ALTER TABLE participants SET (autovacuum_enabled = false);
ALTER TABLE customer_merge_tickets SET (autovacuum_enabled = false);
INSERT INTO tickets (id, number, version, routing_version, subject, status, priority, type, channel, requester_id,
    tags, brand, conversation_id, created_at, updated_at, message_count, public_message_count)
SELECT lpad(to_hex({start} + n), 32, '0')::uuid, {start} + n, 1, 1, 'x', 'open', 'normal', 'question', 'email',
    '{went}', '{{}}', 'default', uuidv7(), now(), now(), 1, 1
FROM generate_series(1, {many}) n;
INSERT INTO participants (ticket_id, customer_id)
SELECT lpad(to_hex({start} + n), 32, '0')::uuid, customer FROM generate_series(1, {many}) n,
    unnest(ARRAY['{went}', '{stayed}']::uuid[]) customer;
"""


@pytest.mark.parametrize("mode", MODES)
async def test_what_has_just_moved_is_found_ticket_by_ticket(full: Database, mode: str) -> None:
    """Undoing a merge of fifty thousand tickets took longer than a statement may: each was looked for among all."""
    place = MODES.index(mode)
    went, stayed, merge = customer(12_001 + 2 * place), customer(12_002 + 2 * place), customer(12_001 + place)
    await _execute(full, _JOINED.format(start=100_000 * (place + 1), many=MANY, went=went, stayed=stayed))
    repository = CustomerMergeRepository
    for ask in (
        lambda session: repository(session).move_participants(merge, went, stayed),
        lambda session: repository(session).move_participants_back(merge, went, stayed),
    ):
        async with sent(full) as statements, full.transaction() as session:
            await ask(session)
            await session.rollback()
        # It is done by being explained.
        plan = await explain(full, statements[0], mode)
        assert _looked_at_in_vain(plan) <= 10 * MANY, plan
        assert pages(plan) <= 50 * MANY, plan
    left = "SELECT FROM participants WHERE customer_id = $1 AND ticket_id >= $2"
    for one in (went, stayed):
        assert len(await _execute(full, left, one, customer(100_000 * (place + 1)))) == MANY


def _looked_at_in_vain(plan: dict[str, Any]) -> int:
    return sum(
        node["Actual Loops"] * (node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Join Filter", 0))
        for node in nodes(plan)
    )


async def _execute(database: Database, sql: str, *arguments: Any) -> list[Any]:
    connection = await asyncpg.connect(database.url, server_settings={"search_path": database.service})
    try:
        return list(await connection.fetch(sql, *arguments)) if arguments else [await connection.execute(sql)]
    finally:
        await connection.close()
