"""Much at once: jobs beside single edits and beside one another, and many who want the same ticket."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from services.tickets.repository.bulk import BulkRepository
from services.tickets.service import bulk
from shared.db import Database
from shared.events.accounts import Role
from tests.integration.tickets.harness import Desk, Person, received, running_desk
from tests.integration.tickets.test_bulk import asked, counts, items, job_of, made, tickets_of, work

WORKERS = 3
AGENTS = 50
WAITING = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
CAUSES = "SELECT cause FROM ticket_history WHERE ticket_id = :id ORDER BY id"


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "CHUNK", 5)


async def at_once(desk: Desk, ticket_ids: Sequence[UUID], *calls: Coroutine[Any, Any, Any]) -> list[Any]:
    """What comes of calls that all want one of these tickets: somebody else holds them until every call waits.

    None is over before the last one has come, on any machine. Of those that wait for the same ticket first, the first
    one here gets it first; the others follow in any order.
    """
    running: list[asyncio.Future[Any]] = []
    async with desk.database.transaction() as session:
        hold = text("SELECT FROM tickets WHERE id = ANY(:ids) ORDER BY id FOR UPDATE")
        await session.execute(hold, {"ids": list(ticket_ids)})
        for call in calls:
            running.append(asyncio.ensure_future(call))
            while await _waiting(desk) < len(running):
                over = [each.result() for each in running if each.done()]
                assert over == [], "it waited for nobody: this races nothing"
                await asyncio.sleep(0.005)
    return await asyncio.gather(*running)


async def _waiting(desk: Desk) -> int:
    """How many wait for a lock."""
    return len(await desk.rows(WAITING))


async def workers(desk: Desk) -> None:
    """Several processes work until nothing is left; one may find all jobs in the hands of others, and looks again."""

    async def one() -> None:
        runner = bulk.Runner()
        while await desk.rows("SELECT id FROM bulk_jobs WHERE state = 'running'"):
            await work(desk, runner=runner)

    await asyncio.gather(*(one() for _ in range(WORKERS)))


async def assert_nothing_is_lost(desk: Desk, ids: Sequence[UUID]) -> None:
    """Each change of a field began with what the one before it left, the ticket has what the last one made of it, and
    there are as many versions as changes.
    """
    for ticket_id in ids:
        history = await desk.rows("SELECT * FROM ticket_history WHERE ticket_id = :id ORDER BY id", id=ticket_id)
        ticket = await desk.one('SELECT priority, tags, "group", version FROM tickets WHERE id = :id', id=ticket_id)
        now: dict[str, Any] = {"priority": "normal", "tags": [], "group": None}
        for entry in history:
            for name in now.keys() & entry.changes.keys():
                assert entry.changes[name]["before"] == now[name], (ticket_id, entry)
                now[name] = entry.changes[name]["after"]
        assert now == {name: getattr(ticket, name) for name in now}
        assert [entry.version for entry in history] == list(range(1, ticket.version + 1))
        told = await desk.rows(
            "SELECT aggregate_version FROM outbox WHERE aggregate_id = :id ORDER BY id", id=str(ticket_id)
        )
        assert [row.aggregate_version for row in told] == list(range(1, ticket.version + 1))


async def edits(person: Person, ids: Sequence[UUID], **fields: Any) -> None:
    for ticket_id in ids:
        answer = await person.client.patch(f"/api/tickets/{ticket_id}", fields, if_match="*")
        assert answer.status == 200, answer.json()
        await asyncio.sleep(0)


async def test_single_edits_and_a_job_leave_nothing_of_one_another_out(desk: Desk) -> None:
    lead, agents = await desk.person(Role.SUPERVISOR), [await desk.person() for _ in range(3)]
    ids = await tickets_of(desk, 40)
    path = await made(lead.client, asked(ids, set={"priority": "high"}, add_tags=["bulk"]))
    # One is edited before its chunk, one after it; what then follows meets as it happens to.
    await at_once(desk, ids[2:3], edits(agents[0], ids[2:3], priority="low"), work(desk, 1))
    await at_once(desk, ids[7:8], work(desk, 1), edits(agents[0], ids[7:8], priority="low"))
    await asyncio.gather(
        workers(desk),
        edits(agents[0], ids, priority="low"),
        edits(agents[1], ids[::-1], group="Sales"),
        edits(agents[2], ids[20:] + ids[:20], priority="urgent"),
    )
    assert counts(await job_of(lead.client, path)) == {"total": 40, "changed": 40}
    await assert_nothing_is_lost(desk, ids)
    rows = await desk.rows('SELECT priority, tags, "group" FROM tickets')
    assert {(tuple(row.tags), row.group) for row in rows} == {(("bulk",), "Sales")}
    assert {row.priority for row in rows} <= {"high", "low", "urgent"}
    causes = [[entry.cause for entry in await desk.rows(CAUSES, id=ticket_id)] for ticket_id in ids]
    assert (causes[2][1:3], causes[7][1:3]) == (["edit", "bulk"], ["bulk", "edit"])
    others = [causes[n] for n in range(10, 40)]
    assert any(each[1] == "edit" for each in others), "none was edited before its chunk: this raced nothing"
    assert any(each[-1] == "edit" for each in others), "none was edited after its chunk: this raced nothing"


async def test_customers_write_while_their_tickets_are_solved(desk: Desk) -> None:
    lead, ids = await desk.person(Role.SUPERVISOR), await tickets_of(desk, 30)
    conversations = await desk.rows("SELECT requester_email, conversation_id FROM tickets")
    path = await made(lead.client, asked(ids, set={"status": "solved"}))

    async def write(some: Sequence[Any]) -> None:
        """Batches of some messages each, as they come in."""
        for place in range(0, len(some), 4):
            batch = some[place : place + 4]
            await desk.take(*(received(row.requester_email, conversation_id=row.conversation_id) for row in batch))
            await asyncio.sleep(0)

    await asyncio.gather(workers(desk), write(conversations), write(conversations[::-1]))
    assert counts(await job_of(lead.client, path)) == {"total": 30, "changed": 30}
    tickets = await desk.rows("SELECT * FROM tickets")
    for ticket in tickets:
        history = await desk.rows(
            "SELECT cause, message_id, changes FROM ticket_history WHERE ticket_id = :id ORDER BY id", id=ticket.id
        )
        kinds = ["bulk" if entry.cause == "bulk" else "message" for entry in history]
        assert sorted(kinds) == ["bulk", "message", "message", "message"]
        # Whoever wrote after it was solved opened it again.
        assert ticket.status == ("solved" if kinds[-1] == "bulk" else "open")
        assert ticket.message_count == 3


async def test_two_jobs_on_the_same_tickets_are_both_done_to_each(desk: Desk) -> None:
    lead, ids = await desk.person(Role.SUPERVISOR), await tickets_of(desk, 30)
    one = await made(lead.client, asked(ids, set={"priority": "high"}, add_tags=["one"]))
    other = await made(lead.client, asked(ids[::-1], set={"priority": "low"}, add_tags=["other"]))
    await workers(desk)
    for path in (one, other):
        assert counts(await job_of(lead.client, path)) == {"total": 30, "changed": 30}
    await assert_nothing_is_lost(desk, ids)
    rows = await desk.rows("SELECT priority, tags FROM tickets")
    # Whichever came last gave the priority.
    assert {(row.priority, row.tags[-1]) for row in rows} <= {("high", "one"), ("low", "other")}
    assert all(len(row.tags) == 2 for row in rows)


async def test_several_workers_do_each_ticket_of_a_job_once(desk: Desk) -> None:
    lead, ids = await desk.person(Role.SUPERVISOR), await tickets_of(desk, 43)
    path = await made(lead.client, asked(ids, add_tags=["once"]))
    await workers(desk)
    job = await job_of(lead.client, path)
    assert (job["state"], counts(job)) == ("done", {"total": 43, "changed": 43})
    done = Counter(row.ticket_id for row in await desk.rows("SELECT * FROM ticket_history WHERE cause = 'bulk'"))
    assert done == dict.fromkeys(ids, 1)


async def test_a_job_that_is_cancelled_under_way_tells_exactly_what_it_did(desk: Desk) -> None:
    lead, ids = await desk.person(Role.SUPERVISOR), await tickets_of(desk, 60)
    path = await made(lead.client, asked(ids, add_tags=["some"]))

    async def cancel() -> Any:
        while not (await job_of(lead.client, path))["progress"]["changed"]:
            await asyncio.sleep(0)
        return (await lead.client.post(f"{path}/cancel")).json()

    cancelled, _ = await asyncio.gather(cancel(), workers(desk))
    job = await job_of(lead.client, path)
    assert job == cancelled, "nothing is done once it is cancelled"
    changed = counts(job)["changed"]
    assert 0 < changed < 60
    assert counts(job)["skipped"] == 60 - changed
    tagged = {row.id for row in await desk.rows("SELECT id FROM tickets WHERE tags = '{some}'")}
    told = {UUID(each["ticket_id"]) for each in await items(lead.client, path, result="changed", limit="200")}
    assert tagged == told == set(ids[:changed])
    # And all of that can be taken back.
    await lead.client.post(f"{path}/undo")
    await workers(desk)
    assert await desk.rows("SELECT id FROM tickets WHERE tags <> '{}'") == []


async def test_a_chunk_that_is_killed_leaves_nothing_and_is_done_by_another(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    lead, ids = await desk.person(Role.SUPERVISOR), await tickets_of(desk, 12)
    path = await made(lead.client, asked(ids, add_tags=["a"]))
    assert await work(desk, 1) == 5
    settle = BulkRepository.settle

    async def killed(self: BulkRepository, *args: Any) -> None:
        """After the tickets, their history and the results are written, the connection is gone."""
        await settle(self, *args)
        pid = await self.session.scalar(text("SELECT pg_backend_pid()"))
        connection = await asyncpg.connect(desk.database.url)
        await connection.execute("SELECT pg_terminate_backend($1, 5000)", pid)
        await connection.close()

    monkeypatch.setattr(BulkRepository, "settle", killed)
    with pytest.raises((DBAPIError, asyncpg.PostgresConnectionError)):
        await work(desk, 1)
    monkeypatch.setattr(BulkRepository, "settle", settle)
    assert counts(await job_of(lead.client, path)) == {"total": 12, "changed": 5, "waiting": 7}
    assert len(await items(lead.client, path, result="waiting")) == 7
    assert len(await desk.rows("SELECT id FROM tickets WHERE version > 1")) == 5

    assert await work(desk) == 7
    assert counts(await job_of(lead.client, path)) == {"total": 12, "changed": 12}
    await assert_nothing_is_lost(desk, ids)
    assert {row.version for row in await desk.rows("SELECT version FROM tickets")} == {2}


async def test_an_undo_never_takes_an_edit_back(desk: Desk) -> None:
    lead, agent, ids = await desk.person(Role.SUPERVISOR), await desk.person(), await tickets_of(desk, 40)
    path = await made(lead.client, asked(ids, set={"priority": "high"}))
    await workers(desk)
    edited = ids[::2]
    back = (await lead.client.post(f"{path}/undo")).headers["location"]
    # The edits come from the far end, so that some tickets meet the one first, some the other.
    await asyncio.gather(workers(desk), edits(agent, edited[::-1], priority="urgent"))
    await assert_nothing_is_lost(desk, ids)
    now = {row.id: row.priority for row in await desk.rows("SELECT id, priority FROM tickets")}
    assert now == {each: "urgent" if each in set(edited) else "normal" for each in ids}
    refused = await items(lead.client, back, result="refused", limit="200")
    assert {UUID(each["ticket_id"]) for each in refused} <= set(edited)
    assert {each["problem"]["type"] for each in refused} <= {"/problems/moved-since"}
    assert counts(await job_of(lead.client, back))["changed"] == 40 - len(refused)


async def test_of_fifty_agents_who_claim_a_ticket_one_gets_it(
    make_database: Callable[..., Awaitable[Database]],
) -> None:
    # Each has a connection, or most would wait for one, and find the ticket taken when they come to it.
    async with running_desk(await make_database("tickets", pool_size=AGENTS + 2)) as desk:
        (ticket_id,) = await tickets_of(desk, 1)
        agents = [await desk.person() for _ in range(AGENTS)]
        async with AsyncExitStack() as opened:
            for _ in range(AGENTS):
                await opened.enter_async_context(desk.database.read())
        answers = await at_once(
            desk, [ticket_id], *(agent.client.post(f"/api/tickets/{ticket_id}/claim") for agent in agents)
        )
        won = [agent for agent, answer in zip(agents, answers, strict=True) if answer.status == 200]
        assert Counter(answer.status for answer in answers) == {200: 1, 409: AGENTS - 1}
        refused = [answer.json() for answer in answers if answer.status != 200]
        assert {each["type"] for each in refused} == {"/problems/already-assigned"}
        ticket = await desk.one("SELECT assignee_id, version FROM tickets")
        assert (ticket.assignee_id, ticket.version) == (won[0].principal.account_id, 2)
        assert {each["assignee_id"] for each in refused} == {str(ticket.assignee_id)}
