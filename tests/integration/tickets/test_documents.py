"""Documents follow what is written: whoever commits first, whoever is killed, however many make them."""

import asyncio
import random
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from services.tickets.repository.documents import Document, DocumentRepository
from services.tickets.service import intake
from services.tickets.service.documents import Indexer
from shared.db import now_utc
from shared.events.messages import MessageReceived
from shared.tsvectors import Vector, tsquery
from shared.words import asked
from tests.integration.events import at, event_of
from tests.integration.tickets.harness import Desk, received
from tests.integration.tickets.test_search import find, index
from tests.plans import explain, nodes
from tests.statements import sent


class TakenBackError(Exception):
    """Ends a transaction without a commit."""


async def test_what_is_committed_later_than_its_followers_is_not_lost(desk: Desk) -> None:
    """Its entries of the history have lower numbers than those that were read before it was there."""
    agent = await desk.person()
    indexer = Indexer()
    slow = received("slow@example.com", subject="Slow")
    async with desk.database.transaction() as session:
        await intake.receive_messages(session, [event_of(slow, slow.conversation_id)])
        await desk.take(received("fast@example.com", subject="Fast", received_at=at(1)))
        await index(desk, indexer)
    await index(desk, indexer)
    assert await find(agent, "burns") == ["Fast", "Slow"]
    # Nor by a process that begins now.
    await desk.take(received("last@example.com", subject="Last", received_at=at(2)))
    await index(desk)
    assert await find(agent, "burns") == ["Last", "Fast", "Slow"]


async def test_one_process_at_a_time_makes_documents(desk: Desk) -> None:
    """Two would make the same ones, and each would wait for the other."""
    agent = await desk.person()
    await desk.take(received(subject="Lamp"))
    second = Indexer()
    with suppress(TakenBackError):
        async with desk.database.transaction() as session:
            assert await second.run(session, now_utc())
            raise TakenBackError
    async with desk.database.transaction() as session, desk.database.transaction() as other:
        assert await Indexer().run(session, now_utc())
        assert await second.run(other, now_utc()) == 0
    assert await find(agent, "lamp") == ["Lamp"]


async def test_who_ends_before_the_commit_has_done_nothing(desk: Desk) -> None:
    agent = await desk.person()
    await desk.take(received(subject="Lamp"))
    indexer = Indexer()
    with suppress(TakenBackError):
        async with desk.database.transaction() as session:
            assert await indexer.run(session, now_utc()) == 1
            raise TakenBackError
    assert await find(agent, "lamp") == []
    await index(desk, indexer)
    assert await find(agent, "lamp") == ["Lamp"]


async def test_nothing_is_done_where_nothing_was_written(desk: Desk) -> None:
    agent = await desk.person()
    await desk.take(received())
    await index(desk)
    before = await desk.one("SELECT xmin FROM search_documents")
    (ticket,) = await desk.rows("SELECT id FROM tickets")
    for edit in ({"priority": "high"}, {"tags": ["vip"]}):
        assert (await agent.client.patch(f"/api/tickets/{ticket.id}", edit, if_match="*")).status == 200
    await index(desk)
    assert await desk.one("SELECT xmin FROM search_documents") == before


async def test_long_texts_are_made_in_several_turns(desk: Desk) -> None:
    """And of a ticket longer than what is searched, the newest messages are."""
    agent = await desk.person()
    for number in range(12):
        await desk.take(received(f"c{number}@example.com", subject=f"Long {number}", text="word " * 12_000))
    indexer, turns, done = Indexer(), 0, 1
    while done:
        async with desk.database.transaction() as session:
            done = await indexer.run(session, now_utc())
        turns += done > 0
    assert turns == 2
    assert len(await find(agent, "word")) == 12
    first = received(subject="Endless", text="oldest")
    await desk.take(first)
    for number in range(10):
        await desk.take(received(conversation_id=first.conversation_id, text=f"middle{number} " + "x" * 60_000))
    await index(desk)
    assert await find(agent, "middle9") == ["Endless"]
    assert await find(agent, "oldest") == []


async def index_all(desk: Desk) -> None:
    """As the timer, again and again: the transaction of a maker that was killed ends a moment after it."""
    async with asyncio.timeout(60):
        while True:
            await index(desk)
            query = "SELECT (SELECT max(id) FROM ticket_history) = (SELECT max(done) FROM search_progress) AS done"
            if (await desk.one(query)).done:
                return
            await asyncio.sleep(0.05)


async def _make_and_die(desk: Desk, chance: random.Random) -> None:
    async def make() -> None:
        indexer = Indexer()
        while True:
            async with desk.database.transaction() as session:
                await indexer.run(session, now_utc())
                await asyncio.sleep(chance.random() / 100)

    while True:
        maker = asyncio.create_task(make())
        await asyncio.sleep(chance.random() / 10)
        maker.cancel()
        await asyncio.gather(maker, return_exceptions=True)


async def _write(desk: Desk, first: MessageReceived, word: str, chance: random.Random) -> bool:
    """Whether the word was committed, after a while, or taken back."""
    message = received(first.sender.address, conversation_id=first.conversation_id, text=word, received_at=at(60))
    with suppress(TakenBackError):
        async with desk.database.transaction() as session:
            await intake.receive_messages(session, [event_of(message, first.conversation_id)])
            await asyncio.sleep(chance.random() / 50)
            if chance.random() < 0.2:
                raise TakenBackError
        return True
    return False


async def test_under_writers_makers_and_killers_every_word_is_found_in_the_end(desk: Desk) -> None:
    """Writers commit in any order, some take back; several processes make documents and die at any moment."""
    agent = await desk.person()
    chance = random.Random(4)
    tickets = [received(f"c{n}@example.com", subject=f"Ticket {n}") for n in range(8)]
    await desk.take(*tickets)
    written: dict[str, str] = {}

    async def write(number: int) -> None:
        for step in range(6):
            first, word = chance.choice(tickets), f"w{number}n{step}"
            if await _write(desk, first, word, chance):
                written[word] = str(first.subject)

    makers = [asyncio.create_task(_make_and_die(desk, chance)) for _ in range(2)]
    await asyncio.gather(*(write(number) for number in range(6)))
    for maker in makers:
        maker.cancel()
    await asyncio.gather(*makers, return_exceptions=True)
    await index_all(desk)
    assert len(written) > 10
    for word, subject in written.items():
        assert await find(agent, word) == [subject], word


async def test_other_rules_make_all_documents_anew(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    agent = await desk.person()
    await desk.take(received(subject="Lamp"))
    await index(desk)
    async with desk.database.transaction() as session:
        await session.execute(text("UPDATE search_documents SET words = ''"))
    await index(desk)
    assert await find(agent, "lamp") == []
    monkeypatch.setattr("services.tickets.repository.documents.RULES", 10**6)
    await index(desk)
    assert await find(agent, "lamp") == ["Lamp"]


async def test_rules_that_change_hold_back_nothing_new_and_make_each_document_once(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The history of years took hours to follow, and nothing was found of what was written meanwhile."""
    monkeypatch.setattr("services.tickets.service.documents._ENTRIES", 4)
    agent = await desk.person()
    first = [received(f"c{n}@example.com", subject=f"Old {n}", received_at=at(n)) for n in range(10)]
    await desk.take(*first)
    for step in range(3):
        later = at(100 + step)
        await desk.take(
            *(received(one.sender.address, conversation_id=one.conversation_id, received_at=later) for one in first)
        )
    await index(desk)
    async with desk.database.transaction() as session:
        await session.execute(text("UPDATE search_documents SET words = ''"))
    monkeypatch.setattr("services.tickets.repository.documents.RULES", 10**6)
    kept: list[UUID] = []
    keep = DocumentRepository.keep

    async def keep_and_tell(self: DocumentRepository, documents: Sequence[Document]) -> None:
        kept.extend(document.ticket_id for document in documents)
        await keep(self, documents)

    monkeypatch.setattr(DocumentRepository, "keep", keep_and_tell)
    await desk.take(received("new@example.com", subject="New", received_at=at(500)))
    indexer = Indexer()
    async with desk.database.transaction() as session:
        assert await indexer.run(session, now_utc())
    assert await find(agent, "burns") == ["New"]
    await index(desk, indexer)
    assert len(await find(agent, "burns")) == 11
    assert len(kept) == 12  # what was followed is made once more, as nobody remembers it
    await index(desk, indexer)
    assert len(kept) == 12


@pytest.mark.parametrize("letter", ["ก", "한", "ක", "ب", "क", "漢", "a"])
@given(
    marks=st.lists(st.sampled_from("็ุ่\u0300\u0323\u200d\u093f\u094d\ufe0f\u1160ﾞ"), min_size=1, max_size=4),
    times=st.integers(1, 3_000),
    end=st.sampled_from(["", "า", "a", "漢"]),
)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_no_letter_is_too_long_to_be_kept_and_found(
    desk: Desk, letter: str, marks: list[str], times: int, end: str
) -> None:
    """Thousands of marks on one letter made a word that no tsvector takes, and no document was made ever after."""
    written = letter + "".join(marks) * times + end
    vector = Vector()
    vector.add(written)
    row = await desk.one(
        "SELECT CAST(:words AS tsvector) @@ CAST(:query AS tsquery) AS found",
        words=str(vector),
        query=tsquery(asked(written)),
    )
    assert row.found


async def test_a_document_that_is_refused_stops_no_other(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    agent = await desk.person()
    mark = Vector.mark

    def mark_and_break(vector: Vector, name: str) -> None:
        mark(vector, name * (3_000 if "hostile" in vector.spelled else 1))

    monkeypatch.setattr(Vector, "mark", mark_and_break)
    await desk.take(
        received(subject="Hostile", text="hostile"), received("bo@example.com", subject="Lamp", received_at=at(1))
    )
    await index(desk)
    assert await find(agent, "lamp") == ["Lamp"]
    assert await find(agent, "hostile") == []
    assert await find(agent, "") == ["Lamp", "Hostile"]


async def test_of_an_endless_ticket_only_the_newest_messages_are_read(desk: Desk) -> None:
    """A search that merely hit a ticket of thousands of messages unpacked all of them, for seconds."""
    await desk.take(received(subject="Endless", text="word " * 1_000))
    await desk.execute("""
        INSERT INTO messages SELECT r.* FROM messages m, generate_series(1, 2000) n, jsonb_populate_record(m,
            jsonb_build_object('id', uuidv7(), 'position', m.position + n, 'external_id', NULL, 'raw_key', NULL)) r""")
    await desk.execute("ANALYZE messages")
    (ticket,) = await desk.rows("SELECT id FROM tickets")
    async with sent(desk.database) as statements, desk.database.read() as session:
        found = await DocumentRepository(session).texts([ticket.id], most=12_000, messages_at_most=5)
        many = await DocumentRepository(session).texts([ticket.id], most=12_000, messages_at_most=2)
    assert ([row.position for row in found], len(many)) == ([2001, 2000, 1999], 2)
    for statement in statements:
        plan = await explain(desk.database, statement, "force_custom_plan")
        assert max(step["Actual Rows"] * step["Actual Loops"] for step in nodes(plan)) <= 5, plan


async def test_a_moment_is_that_of_the_last_public_message(desk: Desk) -> None:
    agent = await desk.person()
    first = received(subject="Old")
    await desk.take(first, received("bo@example.com", subject="New", received_at=at(60)))
    await index(desk)
    assert await find(agent, "burns") == ["New", "Old"]
    later = received(conversation_id=first.conversation_id, received_at=first.received_at + timedelta(days=3))
    await desk.take(later)
    await index(desk)
    assert await find(agent, "burns") == ["Old", "New"]
