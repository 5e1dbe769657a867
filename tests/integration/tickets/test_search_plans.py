"""A search reads what it shows and the index of words, not what there ever was: plans of its statements, as sent.

Of a word that half of the tickets have, the index gives half of the tickets. And PostgreSQL, which does not know how
much there is to read of a document, read all of them to find one word that few have.
"""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import asyncpg
import pytest
import pytest_asyncio
from sqlalchemy import select, text, update

from services.tickets.domain.conditions import Comparison, Operator
from services.tickets.domain.query import read
from services.tickets.domain.search import FIELDS, VALUES
from services.tickets.models import search_documents, tickets
from services.tickets.repository.conditions import Asker
from services.tickets.repository.plans import expected
from services.tickets.repository.search import Place, TicketSearch
from services.tickets.repository.words import WordRepository
from services.tickets.service.search import BEST_OF, Order, find
from shared.db import Database
from tests.conftest import Databases
from tests.plans import explain, nodes, pages
from tests.statements import sent

TICKETS = 20_000
LIMIT = 51
# The last day of its 32, just begun: the days before it have fewest hits, and their months most.
NOW = datetime(2026, 9, 12, 0, 10, tzinfo=UTC)
# Of all statements of a search. The documents alone are 60,000 pages.
MOST_PAGES = 5_000
# As many again where the best are looked for: each of them is looked into.
MOST_PAGES_OF_THE_BEST = 5_000 + 8 * BEST_OF
# Of few days that had too few, marks of three months give up to 96 where eight were asked for.
MOST_ROWS_OF_THE_BEST = 96 // 8 * BEST_OF
# Of any step: not all hits of a word that all have.
MOST_ROWS = 3_000

# Two tickets an hour, and 300 words of which nothing is asked: such a document lies outside of its row.
_ROWS = f"""
INSERT INTO customers (id, created_at) SELECT uuidv7(), now();
INSERT INTO tickets (id, number, version, routing_version, subject, status, priority, type, channel, requester_id,
    "group", tags, brand, conversation_id, created_at, updated_at, solved_at, message_count, public_message_count)
SELECT uuidv7(), n, 1, 1, 'Parcel', CASE WHEN n <= 1000 AND n % 2 = 0 THEN 'open' ELSE 'solved' END, 'normal',
    'question', 'email', (SELECT id FROM customers), CASE WHEN n % 1000 = 3 THEN 'billing' END, '{{}}', 'default',
    uuidv7(), moment, moment,
    CASE WHEN n > 1000 OR n % 2 = 1 THEN moment END, 1, 1
FROM generate_series(1, {TICKETS}) AS n, LATERAL (SELECT timestamptz '{NOW}' - n * interval '30 min') AS t (moment);
INSERT INTO search_documents (ticket_id, opened_at, written_at, words)
SELECT id, created_at, created_at, CAST(format('''all'':1B ''%s'':2B ''%s'':3B ''n%s'':4B ''#d%s'' ''#m%s'' ',
    CASE WHEN number % 2 = 0 THEN 'even' ELSE 'odd' END, CASE WHEN number % 500 = 7 THEN 'seldom' ELSE 'often' END,
    number, day, day / 32) || pad AS tsvector)
FROM tickets, LATERAL (SELECT (created_at AT TIME ZONE 'UTC')::date - date '0001-01-01' + 1) AS d (day),
    (SELECT string_agg(format('''pad%s'':%s', i, i + 10), ' ') FROM generate_series(1, 300) AS i) AS p (pad);
VACUUM ANALYZE search_documents;
ANALYZE tickets;
"""

LINES = {
    "a word that all have": "all",
    "a word that half have": "even",
    "a word that few have": "seldom",
    "a word that one has": "n17000",
    "a word that nobody has": "nothing",
    "two words that are never together": "even odd",
    "two words, one of them rare": "all seldom",
    "a phrase": '"odd seldom"',
    "a beginning": "n1999*",
    "a word not to be there": "-even",
    "a word or another": "n17000 OR seldom",
    "a word that all have, of the tickets that are open": "all status:open",
    "a word that few have, of a group": "seldom -group:none",
    "a word that few have, of the tickets of some weeks": "seldom created>-25d",
    "a word that all have, of no ticket": "all status:pending",
    "a word that half have, of the tickets of some weeks": "even created>-48d",
    "a word that half have, of tickets of long ago": "even created<-33d",
    "a phrase not to be there, of the tickets of some weeks": '-"odd seldom" created>-48d',
    "no word of the subject, of the tickets of some weeks": "-subject:nothing created>-48d",
    "a group": "group:billing",
    "all": "",
}
MIDDLE = (NOW - timedelta(days=200), UUID(int=0))


@pytest_asyncio.fixture(scope="module")
async def full(databases: Databases) -> AsyncIterator[Database]:
    """A database with many tickets and their documents."""
    database = Database((await databases.url("tickets"))["tickets"], service="tickets")
    connection = await asyncpg.connect(database.url, server_settings={"search_path": "tickets"})
    for statement in _ROWS.split(";\n"):
        if statement.strip():
            await connection.execute(statement)
    await connection.close()
    yield database
    await database.close()
    await databases.drop(database.url)


@pytest.mark.parametrize("after", [None, MIDDLE], ids=["first page", "from the middle"])
@pytest.mark.parametrize("name", LINES)
async def test_a_search_does_not_read_what_it_does_not_show(full: Database, name: str, after: Place | None) -> None:
    condition = read(LINES[name], FIELDS, VALUES)
    async with sent(full) as statements, full.read() as session:
        await TicketSearch(session).page(condition, Asker(uuid4(), NOW), after=after, limit=LIMIT)
    settings, *searches = (each for each in statements if not each.sql.startswith("EXPLAIN"))
    assert "enable_seqscan" in settings.sql
    plans = [await explain(full, search, "force_custom_plan", enable_seqscan="off") for search in searches]
    steps = [node for plan in plans for node in nodes(plan)]
    assert "Seq Scan" not in [step["Node Type"] for step in steps], plans
    assert max(step["Actual Rows"] * step["Actual Loops"] for step in steps) <= MOST_ROWS, plans
    assert sum(map(pages, plans)) <= MOST_PAGES, [pages(plan) for plan in plans]


@pytest.mark.parametrize("name", LINES)
async def test_the_best_are_looked_for_among_the_newest(full: Database, name: str) -> None:
    condition = read(LINES[name], FIELDS, VALUES)
    async with sent(full) as statements, full.read() as session:
        await find(session, condition, Asker(uuid4(), NOW), order=Order.RELEVANCE, after=None, limit=LIMIT)
    searches = [each for each in statements if not each.sql.startswith("EXPLAIN") and "set_config" not in each.sql]
    plans = [await explain(full, search, "force_custom_plan", enable_seqscan="off") for search in searches]
    steps = [node for plan in plans for node in nodes(plan)]
    assert "Seq Scan" not in [step["Node Type"] for step in steps], plans
    assert max(step["Actual Rows"] * step["Actual Loops"] for step in steps) <= MOST_ROWS_OF_THE_BEST, plans
    assert sum(map(pages, plans)) <= MOST_PAGES_OF_THE_BEST, [pages(plan) for plan in plans]


async def test_what_was_opened_later_is_not_asked_of_the_tickets(full: Database) -> None:
    """A document knows when its ticket was opened; seven thousand hits since were looked up to be left out."""
    condition = read("even created<-33d", FIELDS, VALUES)
    async with sent(full) as statements, full.read() as session:
        found = await TicketSearch(session).page(condition, Asker(uuid4(), NOW), after=None, limit=LIMIT)
    assert found[0][0] == NOW - timedelta(days=33, minutes=60)
    plan = await explain(full, statements[-1], "force_custom_plan", enable_seqscan="off")
    looked_up = [step for step in nodes(plan) if step.get("Index Name") == "pk_tickets"]
    assert 0 < sum(step["Actual Loops"] for step in looked_up) <= 2 * LIMIT, plan
    # Documents that were made by older rules do not know it, and are found all the same.
    async with full.transaction() as session, session.begin_nested() as savepoint:
        unknown = update(search_documents).where(search_documents.c.ticket_id == found[0][1]).values(opened_at=None)
        await session.execute(unknown)
        assert await TicketSearch(session).page(condition, Asker(uuid4(), NOW), after=None, limit=LIMIT) == found
        await savepoint.rollback()


async def test_of_few_tickets_those_that_are_not_young_are_looked_into(full: Database) -> None:
    """The index is asked for those of the last 64 days alone, by the marks of up to three months."""
    condition = read("even created>-110d", FIELDS, VALUES)
    after = (NOW - timedelta(days=94), UUID(int=0))
    async with sent(full) as statements, full.read() as session:
        found = await TicketSearch(session).page(condition, Asker(uuid4(), NOW), after=after, limit=BEST_OF)
    assert [written_at for written_at, _ in found] == [
        NOW - number * timedelta(minutes=30) for number in range(94 * 48 + 2, 94 * 48 + 2 + 2 * BEST_OF, 2)
    ]
    assert "'#m" in str(statements[-1].parameters)


async def test_what_was_just_written_to_is_not_hidden_by_its_older_document(full: Database) -> None:
    """By its own time such a ticket is young, and its document has the marks of months ago."""
    condition, now = read("even created>-110d", FIELDS, VALUES), Asker(uuid4(), NOW)
    is_old = tickets.c.number == 100 * 48
    async with full.transaction() as session, session.begin_nested() as savepoint:
        await session.execute(update(tickets).where(is_old).values(updated_at=NOW, last_message_at=NOW))
        found = await TicketSearch(session).page(condition, now, after=None, limit=BEST_OF)
        assert found[0][1] == await session.scalar(select(tickets.c.id).where(is_old))
        await savepoint.rollback()


async def test_words_that_many_tickets_have_are_told_from_others(
    full: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = [Comparison("text", Operator.MATCHES, word) for word in ("seldom", "often", "nothing", "even")]
    async with full.read() as session:
        assert await TicketSearch(session).common(words) == {words[1], words[3]}
        monkeypatch.setattr("services.tickets.repository.search._COMMON", 10)  # a hundredth of them are 200
        assert await TicketSearch(session).common(words) == {words[1], words[3]}
        assert await TicketSearch(session).common([]) == set()


async def test_what_is_expected_is_told_of_the_values_that_are_asked_for(full: Database) -> None:
    """Statements that differ in values alone are compiled once."""
    async with full.read() as session:
        rows = [
            (await expected(session, select(tickets.c.id).where(tickets.c.group.is_not(None), tickets.c.number < most)))
            for most in (10, TICKETS, 10)
        ]
    assert rows[0] == rows[2]
    assert rows[0].rows < rows[1].rows


async def test_words_are_looked_up(full: Database) -> None:
    """Of many, by their stems, by what is nearly the same, and by themselves."""
    async with full.transaction() as session:
        words = WordRepository(session)
        await words.add({f"word{number:06x}": {f"en=word{number:06x}"} for number in range(20_000)})
        await session.execute(text("ANALYZE search_words"))
    async with sent(full) as statements, full.read() as session:
        await TicketSearch(session).prepare()
        words = WordRepository(session)
        assert await words.with_stems({"en=word000017"}) == [("word000017", ["en=word000017"])]
        assert "word000017" in (await words.near(["word0000177"]))["word0000177"]
        assert await words.near(["word0000177"], among={"word000017"}) == {"word0000177": {"word000017"}}
        assert await words.known(["word000017", "word"]) == {"word000017": ["en=word000017"]}
    settings, *lookups = statements
    assert "force_custom_plan" in settings.sql
    for lookup in lookups:
        plan = await explain(full, lookup, "force_custom_plan", enable_seqscan="off")
        assert "Seq Scan" not in [step["Node Type"] for step in nodes(plan)], plan
        assert pages(plan) < 300, plan  # most for words with any two letters left out
