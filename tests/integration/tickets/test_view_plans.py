"""Views read few tickets whatever their conditions: plans of pages, counts and windows as the service sends them.

In proportion to a million tickets: what may be read, sorted or walked is a fiftieth of what it is there. A view of what
is frequent, but never there together, walked through everything that there ever was.
"""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import asyncpg
import pytest
import pytest_asyncio
from sqlalchemy import func

from services.tickets.domain.askable import askable, checked
from services.tickets.domain.field_values import Field, Kind
from services.tickets.domain.fields import Fields
from services.tickets.domain.lifecycle import DEFAULT, Type
from services.tickets.domain.lists import Count, Exactness, Sort, TooWideError
from services.tickets.repository import TicketLists, lists
from services.tickets.repository.conditions import Asker
from services.tickets.repository.lists import Selection
from services.tickets.repository.selections import selected
from shared.db import Database
from shared.events.common import TicketType
from tests.conftest import Databases
from tests.plans import Node, explain, nodes, pages
from tests.statements import sent

TICKETS = 20_000
LIMIT = 26
ME = UUID(int=7)
NOW = datetime.now(UTC)
LIFECYCLE = type(DEFAULT)(
    statuses=DEFAULT.statuses,
    types=(*DEFAULT.types, *(Type(key, TicketType.QUESTION, {"en": key}) for key in ("parcel", "letter"))),
    fields=Fields(
        (
            Field("device", Kind.TEXT, {"en": "Device"}, filterable=True),
            Field("cost", Kind.NUMBER, {"en": "Cost"}, filterable=True),
        )
    ),
)
# Of all statements of a page. The table alone has more than twice as many.
MOST_PAGES = 900
# That any step looks at: a walk, what is read to be sorted, or counted. Of what is a tenth, so many make 200.
MOST_ROWS = 2_200

# Unsolved is what is newest, and half of it is nobody's. Incidents and the brand `north` are a tenth each, and never
# together; a tag, a device, a type of the organisation's own and high costs are one in a hundred. So are customers with
# a rare tier, and those of two organisations: of one by hand, of the other by the domain of their mail. Most are of a
# large one, a sixth of none.
_ROWS = f"""
INSERT INTO organisations (id, name, notes, version, created_at)
SELECT uuidv7(), name, '', 1, now()
FROM unnest(ARRAY['Small', 'Domain', 'Large'] || array(SELECT n::text FROM generate_series(1, 500) AS n)) AS name;
INSERT INTO organisation_domains SELECT lower(name) || '.example', id FROM organisations;
INSERT INTO customers (id, name, created_at, tier, organisation_id)
SELECT uuidv7(), n, now(), CASE WHEN n % 100 = 1 THEN 'gold' ELSE 'standard' END,
    (SELECT id FROM organisations WHERE name = CASE
        WHEN n % 100 = 2 THEN 'Small' WHEN n % 5 IN (0, 3, 4) THEN 'Large' WHEN n % 10 = 7 THEN n::text END)
FROM generate_series(1, 500) AS n;
INSERT INTO customer_identities (kind, address, customer_id)
SELECT 'email', name || CASE WHEN name LIKE '%06' THEN '@domain.example'
    WHEN name LIKE '%1' THEN '@' || name || '.example' ELSE '@elsewhere.example' END, id FROM customers;
INSERT INTO tickets (id, number, version, routing_version, subject, status, priority, type, type_key, channel,
    requester_id, assignee_id, "group", language, tags, brand, conversation_id, created_at, updated_at, solved_at,
    message_count, public_message_count, sla_next_due_at, snoozed_until)
SELECT uuidv7(), n, 3, 1, CASE WHEN n = 15000 THEN 'A lost Umbrella' ELSE repeat('Where is my parcel? ', 12) END,
    CASE WHEN n <= 400 THEN 'open' WHEN n <= 2000 THEN 'solved' ELSE 'closed' END,
    CASE WHEN n % 100 = 2 THEN 'urgent' ELSE 'normal' END,
    CASE WHEN n % 10 = 3 THEN 'incident' ELSE 'question' END,
    CASE WHEN n % 100 = 10 THEN 'parcel' END, 'email',
    (SELECT array_agg(id ORDER BY id) FROM customers)[1 + n % 500],
    CASE WHEN n <= 400 AND n % 2 = 0 THEN NULL WHEN n % 100 = 7 THEN '{ME}'::uuid ELSE uuidv7() END,
    CASE WHEN n % 10 = 6 THEN 'billing' END, CASE WHEN n % 10 = 5 THEN 'de' ELSE 'en' END,
    CASE WHEN n % 100 = 8 THEN ARRAY['vip'] ELSE '{{}}' END,
    CASE WHEN n % 10 = 4 THEN 'north' ELSE 'default' END, uuidv7(), now() - (n * interval '10 minutes'),
    now() - ((n - 5) * interval '10 minutes'), CASE WHEN n > 400 THEN now() - ((n - 5) * interval '10 minutes') END,
    2, 2, CASE WHEN n <= 400 AND n % 5 > 0 THEN now() - ((n - 60) * interval '10 minutes') END,
    CASE WHEN n <= 400 AND n % 20 = 9 THEN now() + interval '1 day' END
FROM generate_series({TICKETS}, 1, -1) AS n;
INSERT INTO field_values (ticket_id, field, word, number)
SELECT id, 'device', CASE WHEN number % 100 = 9 THEN 'fax' ELSE 'phone' END, NULL FROM tickets;
INSERT INTO field_values (ticket_id, field, word, number) SELECT id, 'cost', NULL, number % 1000 FROM tickets;
INSERT INTO search_subjects SELECT id, subject FROM tickets;
"""

UNSOLVED = {"field": "status", "is": ["new", "open", "pending", "on_hold"]}
VIEWS: dict[str, tuple[Any, Sort]] = {
    "mine": ({"all": [UNSOLVED, {"field": "assignee", "is": ["me"]}, {"field": "snoozed", "is": []}]}, Sort.SLA_DUE),
    "of nobody": ({"all": [UNSOLVED, {"field": "assignee", "is": []}, {"field": "snoozed", "is": []}]}, Sort.SLA_DUE),
    "next due": ({"all": [UNSOLVED, {"not": {"field": "due", "is": []}}]}, Sort.SLA_DUE),
    "unsolved": (UNSOLVED, Sort.UPDATED_DESC),
    "snoozed": ({"not": {"field": "snoozed", "is": []}}, Sort.UPDATED_DESC),
    "recently solved": ({"field": "solved", "gte": "-4d"}, Sort.UPDATED_DESC),
    "a tag": ({"field": "tags", "is": ["vip"]}, Sort.CREATED),
    "a tag that none has": ({"field": "tags", "is": ["none"]}, Sort.CREATED),
    "a rare priority or a tag": (
        {"any": [{"field": "priority", "is": ["urgent"]}, {"field": "tags", "is": ["vip"]}]},
        Sort.CREATED_DESC,
    ),
    "mine, or urgent and of nobody": (
        {
            "all": [
                UNSOLVED,
                {
                    "any": [
                        {"field": "assignee", "is": ["me"]},
                        {"all": [{"field": "priority", "is": ["urgent"]}, {"field": "assignee", "is": []}]},
                    ]
                },
            ]
        },
        Sort.SLA_DUE,
    ),
    "what is frequent": ({"field": "type", "is": ["incident"]}, Sort.UPDATED_DESC),
    "what is frequent, of a group": (
        {"all": [{"field": "group", "is": ["billing"]}, {"field": "brand", "is": ["default"]}]},
        Sort.UPDATED_DESC,
    ),
    "what is frequent, but never there together": (
        {"all": [{"field": "type", "is": ["incident"]}, {"field": "brand", "is": ["north"]}]},
        Sort.UPDATED_DESC,
    ),
    "a type of one's own": ({"field": "type", "is": ["parcel"]}, Sort.UPDATED_DESC),
    "a type of one's own that none has": ({"field": "type", "is": ["letter"]}, Sort.CREATED),
    "a type of one's own, and another": ({"field": "type", "is": ["parcel", "incident"]}, Sort.UPDATED_DESC),
    "two filters, each frequent, but never there together": (
        {"all": [{"field": "group", "is": ["billing"]}, {"field": "language", "is": ["de"]}]},
        Sort.UPDATED_DESC,
    ),
    "two filters, both rare": (
        {"all": [{"field": "priority", "is": ["urgent"]}, {"field": "language", "is": ["de"]}]},
        Sort.UPDATED_DESC,
    ),
    "what is older than half of all": ({"field": "created", "lt": "-70d"}, Sort.CREATED_DESC),
    "not what is rare": ({"not": {"field": "tags", "is": ["vip"]}}, Sort.UPDATED_DESC),
    "a field's value": ({"field": "fields.device", "is": ["fax"]}, Sort.UPDATED_DESC),
    "a field's value that none has": ({"field": "fields.device", "is": ["telex"]}, Sort.UPDATED_DESC),
    "a field's number": ({"field": "fields.cost", "gte": 995}, Sort.CREATED),
    "a part of a text, which all have": ({"field": "subject", "contains": "parcel"}, Sort.UPDATED_DESC),
    "a part of a text, which one has": ({"field": "subject", "contains": "ST UMB"}, Sort.UPDATED_DESC),
    "a part of a text, which none has": ({"field": "subject", "contains": "parcels"}, Sort.UPDATED_DESC),
    "an organisation": ({"field": "organisation", "is": ["small"]}, Sort.UPDATED_DESC),
    "an organisation, by the domain of its mail": ({"field": "organisation", "is": ["DOMAIN"]}, Sort.CREATED),
    "a large organisation": ({"field": "organisation", "is": ["Large"]}, Sort.UPDATED_DESC),
    "an organisation that there is not": ({"field": "organisation", "is": ["Nobody"]}, Sort.CREATED),
    "what is open of an organisation": (
        {"all": [UNSOLVED, {"field": "organisation", "is": ["Small"]}]},
        Sort.UPDATED_DESC,
    ),
    "what is open of an organisation or urgent": (
        {
            "all": [
                UNSOLVED,
                {"any": [{"field": "organisation", "is": ["Small"]}, {"field": "priority", "is": ["urgent"]}]},
            ]
        },
        Sort.CREATED,
    ),
    "of no organisation": ({"field": "organisation", "is": []}, Sort.UPDATED_DESC),
    "a rare tier": ({"field": "tier", "is": ["gold"]}, Sort.UPDATED_DESC),
    "a rare tier, next due": ({"all": [UNSOLVED, {"field": "tier", "is": ["gold"]}]}, Sort.SLA_DUE),
    "a frequent tier": ({"field": "tier", "is": ["standard"]}, Sort.UPDATED_DESC),
    "a tier that none has": ({"field": "tier", "is": ["silver"]}, Sort.CREATED),
    "everything": ({"all": []}, Sort.UPDATED_DESC),
}


@pytest_asyncio.fixture(scope="module")
async def full(databases: Databases) -> AsyncIterator[Database]:
    """A database with many tickets, nearly all of them closed."""
    database = Database((await databases.url("tickets"))["tickets"], service="tickets")
    # VACUUM marks for indexes alone what is known to be on the disk.
    settings = {"search_path": "tickets", "synchronous_commit": "on"}
    connection = await asyncpg.connect(database.url, server_settings=settings)
    await connection.execute(_ROWS)
    for table in (
        "tickets",
        "field_values",
        "customers",
        "customer_identities",
        "organisations",
        "organisation_domains",
        "search_subjects",
    ):
        await connection.execute(f"VACUUM ANALYZE {table}")
    await connection.close()
    yield database
    await database.close()
    await databases.drop(database.url)


@pytest.fixture(autouse=True)
def in_proportion(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lists, "_FEW", 100)
    monkeypatch.setattr(lists, "_WALK", 500)
    monkeypatch.setattr(lists, "_GLANCE", 50)
    monkeypatch.setattr(lists, "_REACH", 1_000)


def selection_of(name: str) -> Selection:
    condition = checked(VIEWS[name][0], askable(LIFECYCLE))
    return selected(condition, Asker(ME, NOW, lifecycle=LIFECYCLE))


async def plans_of(full: Database, read: Any) -> list[Node]:
    """What `read` sends to look at tickets, each with its plan, as in a transaction that plans for these values."""
    async with sent(full) as statements, full.read() as session:
        await read(TicketLists(session))
    asked = [each for each in statements if not each.sql.startswith(("EXPLAIN", "SET", "SAVEPOINT", "RELEASE"))]
    return [await explain(full, each, "force_custom_plan") for each in asked]


def looked_at(step: Node) -> float:
    """How many rows a step took up, those among them that it left out."""
    left_out = sum(rows for name, rows in step.items() if name.startswith("Rows Removed"))
    return float((step["Actual Rows"] + left_out) * step["Actual Loops"])


def read_little(plans: list[Node]) -> None:
    assert max(looked_at(step) for plan in plans for step in nodes(plan)) <= MOST_ROWS, plans
    assert sum(map(pages, plans)) <= MOST_PAGES, [pages(plan) for plan in plans]


@pytest.mark.parametrize("name", VIEWS)
async def test_a_page_of_a_view_reads_few_tickets(full: Database, name: str) -> None:
    selection, sort = selection_of(name), VIEWS[name][1]
    plans = await plans_of(full, lambda lists: lists.select(selection, sort, position=None, limit=LIMIT))
    assert 1 <= len(plans) <= 2
    read_little(plans)


@pytest.mark.parametrize("offset", [0, 300])
@pytest.mark.parametrize("name", VIEWS)
async def test_a_window_of_a_view_reads_few_tickets(full: Database, name: str, offset: int) -> None:
    """One of what is never there together walked through everything; one far down read every row above it."""
    selection, sort = selection_of(name), VIEWS[name][1]
    read_little(await plans_of(full, lambda lists: lists.window(selection, sort, offset=offset, limit=LIMIT)))


async def test_a_window_beyond_what_is_walked_is_empty(full: Database) -> None:
    condition = checked({"field": "snoozed", "is": []}, askable(LIFECYCLE))
    async with full.read() as session:
        ask = TicketLists(session).window
        found = [
            len(await ask(selected(condition, Asker(ME, NOW)), Sort.UPDATED_DESC, offset=offset, limit=LIMIT))
            for offset in (500, 5_000)
        ]
    assert found == [LIMIT, 0]


async def test_an_order_is_walked_from_where_a_range_of_it_begins(full: Database) -> None:
    selection, sort = selection_of("what is older than half of all"), Sort.CREATED_DESC
    plans = await plans_of(full, lambda lists: lists.select(selection, sort, position=None, limit=LIMIT))
    assert max(looked_at(step) for plan in plans for step in nodes(plan)) <= 2 * LIMIT, plans


async def test_what_takes_too_long_is_given_up_and_estimated(full: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hundred parts of texts held a core for half a minute."""
    monkeypatch.setattr(lists, "_MOST_MS", 500)
    slow = Selection(rest=func.pg_sleep(0.1).is_not(None))
    async with full.read() as session:
        assert (await TicketLists(session).count(slow, most=200)).exactness is Exactness.ABOUT
    for offset in (0, 300):
        async with full.read() as session:
            with pytest.raises(TooWideError):
                await TicketLists(session).window(slow, Sort.UPDATED_DESC, offset=offset, limit=LIMIT)


@pytest.mark.parametrize("name", VIEWS)
async def test_a_count_reads_few_tickets(full: Database, name: str) -> None:
    selection = selection_of(name)
    counted: list[Count] = []

    async def count(lists: TicketLists) -> None:
        counted.append(await lists.count(selection, most=200))

    plans = await plans_of(full, count)
    read_little(plans)
    assert counted[0].exactness is not Exactness.ABOUT


async def test_views_are_counted_together_as_by_themselves(full: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of what is unsolved were each read for themselves; where that is too much, they still are."""
    selections = [selection_of(name) for name in VIEWS]

    async def counted(most_unsolved: int) -> tuple[list[Count], list[Node]]:
        monkeypatch.setattr(lists, "_MOST_UNSOLVED", most_unsolved)
        async with sent(full) as statements, full.read() as session:
            counts = await TicketLists(session).counts(selections, most=200)
        plan = await explain(full, statements[-1], "force_custom_plan")
        return counts, [step for step in nodes(plan) if step.get("Relation Name") == "tickets"]

    together, read_once = await counted(20_000)
    by_themselves, read_each = await counted(0)
    assert together == by_themselves
    assert Count(200, Exactness.AT_LEAST) in together
    assert len(read_once) < len(read_each)


@pytest.mark.parametrize("sort", Sort)
@pytest.mark.parametrize("statuses", [[], ["closed"]], ids=["all", "closed"])
async def test_a_window_far_down_is_counted_off_an_index_alone(full: Database, sort: Sort, statuses: list[str]) -> None:
    condition = checked({"all": [{"field": "status", "is": statuses}] if statuses else []}, askable(DEFAULT))
    selection = selected(condition, Asker(ME, NOW))
    (plan,) = await plans_of(full, lambda lists: lists.window(selection, sort, offset=TICKETS // 2, limit=50))
    skipped = [step for step in nodes(plan) if step["Actual Rows"] * step["Actual Loops"] > TICKETS // 2]
    assert {step["Node Type"] for step in skipped} == {"Index Only Scan"}, plan
    assert pages(plan) <= MOST_PAGES, plan
