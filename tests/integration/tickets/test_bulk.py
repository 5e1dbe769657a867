"""Changes of many tickets as jobs: chosen, tried, worked at a chunk at a time, stopped, taken back, forgotten."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from services.tickets.service import bulk
from services.tickets.service.documents import Indexer
from services.tickets.worker import create_worker
from shared.db import now_utc
from shared.events.accounts import Role
from shared.ids import uuid7
from shared.settings import Settings
from tests.asgi import Client
from tests.integration.tickets.harness import Desk, received
from tests.statements import sent


async def tickets_of(desk: Desk, count: int, **fields: Any) -> list[UUID]:
    """New tickets, in the order of their numbers."""
    messages = [received(f"c{n}@example.com", **fields) for n in range(count)]
    await desk.take(*messages)
    rows = await desk.rows("SELECT id FROM tickets ORDER BY number DESC LIMIT :count", count=count)
    return [row.id for row in reversed(rows)]


def asked(ids: Sequence[UUID], *, dry_run: bool = False, **actions: Any) -> dict[str, Any]:
    return {"selection": {"ids": [str(each) for each in ids]}, "actions": actions, "dry_run": dry_run}


async def work(desk: Desk, chunks: int = 1_000, runner: bulk.Runner | None = None) -> int:
    """Let a worker do so many chunks, or all there are; returns how many tickets they had."""
    runner, done = runner or bulk.Runner(), 0
    for _ in range(chunks):
        async with desk.database.transaction() as session:
            took = await runner.run(session, now_utc())
        if not took:
            break
        done += took
    return done


async def index(desk: Desk) -> None:
    """Let all be found by a search."""
    indexer = Indexer()
    for _ in range(3):
        async with desk.database.transaction() as session:
            await indexer.run(session, now_utc())


async def job_of(client: Client, path: str) -> Any:
    answer = await client.get(path)
    assert answer.status == 200, answer.json()
    return answer.json()


async def made(client: Client, body: dict[str, Any]) -> str:
    """The path of a new job."""
    answer = await client.post("/api/bulk", body)
    assert answer.status == 202, answer.json()
    assert answer.headers["location"] == f"/api/bulk/{answer.json()['id']}"
    return answer.headers["location"]


def counts(job: Any) -> dict[str, int]:
    """What of a job's progress is not zero."""
    return {name: count for name, count in job["progress"].items() if count}


async def items(client: Client, path: str, **query: Any) -> list[Any]:
    answer = await client.get(f"{path}/items", **query)
    assert answer.status == 200, answer.json()
    found: list[Any] = answer.json()["items"]
    return found


async def test_tickets_are_changed_a_chunk_at_a_time(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "CHUNK", 3)
    lead, ids = await desk.person(Role.SUPERVISOR, name="Sue"), await tickets_of(desk, 7)
    await lead.client.patch(f"/api/tickets/{ids[1]}", {"tags": ["late"], "priority": "high"}, if_match="*")
    path = await made(lead.client, asked(ids, set={"priority": "high"}, add_tags=["late"]))
    assert counts(await job_of(lead.client, path)) == {"total": 7, "waiting": 7}
    assert await work(desk, 2) == 6
    job = await job_of(lead.client, path)
    assert (job["state"], job["finished_at"]) == ("running", None)
    assert counts(job) == {"total": 7, "changed": 5, "unchanged": 1, "waiting": 1}
    assert await work(desk) == 1
    job = await job_of(lead.client, path)
    assert (job["state"], job["created_by"]["name"]) == ("done", "Sue")
    assert counts(job) == {"total": 7, "changed": 6, "unchanged": 1}

    results = await items(lead.client, path)
    assert [UUID(each["ticket_id"]) for each in results] == ids
    assert [each["result"] for each in results] == ["changed", "unchanged", *["changed"] * 5]
    assert (results[0]["version_before"], results[0]["version_after"]) == (1, 2)
    ticket = (await lead.client.get(f"/api/tickets/{ids[0]}")).json()
    assert (ticket["priority"], ticket["tags"], ticket["version"]) == ("high", ["late"], 2)
    entry = (await lead.client.get(f"/api/tickets/{ids[0]}/history")).json()["items"][0]
    assert (entry["cause"], entry["actor"]["name"]) == ("bulk", "Sue")
    assert entry["changes"]["bulk"]["after"] == job["id"]
    assert await desk.event_types(ids[0]) == ["ticket.created.v1", "ticket.changed.v1"]


async def test_what_a_single_change_would_meet_is_told_of_each(desk: Desk) -> None:
    lead, ids = await desk.person(Role.SUPERVISOR), await tickets_of(desk, 3)
    for status in ("solved", "closed"):
        await lead.client.patch(f"/api/tickets/{ids[1]}", {"status": status}, if_match="*")
    nobody = uuid7()
    path = await made(lead.client, asked([*ids, nobody], set={"status": "pending"}))
    await work(desk)
    assert counts(await job_of(lead.client, path)) == {"total": 4, "changed": 2, "refused": 2}
    refused = await items(lead.client, path, result="refused")
    assert [(each["ticket_id"], each["problem"]["type"]) for each in refused] == [
        (str(ids[1]), "/problems/invalid-transition"),
        (str(nobody), "/problems/not-found"),
    ]
    single = await lead.client.patch(f"/api/tickets/{ids[1]}", {"status": "pending"}, if_match="*")
    assert refused[0]["problem"]["detail"] == single.json()["detail"]
    assert refused[1]["number"] is None
    assert await items(lead.client, path, result="skipped") == []


async def test_everything_a_ticket_takes_can_be_done_at_once(desk: Desk) -> None:
    lead, agent, ids = await desk.person(Role.SUPERVISOR), await desk.person(name="Ada"), await tickets_of(desk, 2)
    until = (now_utc() + timedelta(days=3)).isoformat()
    body = asked(
        ids,
        assignee_id=str(agent.principal.account_id),
        set={"group": "Billing", "tags": ["a", "b"]},
        snooze_until=until,
    )
    await made(lead.client, body)
    await made(lead.client, asked(ids, add_tags=["c", "a"], remove_tags=["b"]))
    await work(desk)
    ticket = (await lead.client.get(f"/api/tickets/{ids[1]}")).json()
    assert ticket["assignee"]["name"] == "Ada"
    assert (ticket["status"], ticket["group"], ticket["tags"]) == ("open", "Billing", ["a", "c"])
    assert ticket["snoozed_until"] is not None
    await made(lead.client, asked(ids, assignee_id=None, snooze_until=None))
    await work(desk)
    ticket = (await lead.client.get(f"/api/tickets/{ids[1]}")).json()
    assert (ticket["assignee"], ticket["snoozed_until"], ticket["group"]) == (None, None, "Billing")


async def test_fields_of_the_organisations_own_are_found_by_afterwards(desk: Desk) -> None:
    admin, ids = await desk.person(Role.ADMIN), await tickets_of(desk, 3)
    field = {"key": "device", "kind": "text", "labels": {"en": "Device"}, "filterable": True}
    answer = await admin.client.put("/api/settings/fields", {"fields": [field]}, if_match="*")
    assert answer.status == 200, answer.json()
    path = await made(admin.client, asked(ids, set={"fields": {"device": "Printer"}}))
    await work(desk)
    assert len(await desk.rows("SELECT 1 FROM field_values WHERE word = 'printer'")) == 3
    await admin.client.post(f"{path}/undo")
    await work(desk)
    assert await desk.rows("SELECT 1 FROM field_values") == []


async def test_values_that_no_ticket_could_have_are_refused_before_there_is_a_job(desk: Desk) -> None:
    """A long number made the job fail ticket by ticket, with an error of the desk's own."""
    admin, ids = await desk.person(Role.ADMIN), await tickets_of(desk, 1)
    field = {"key": "count", "kind": "number", "labels": {"en": "Count"}}
    answer = await admin.client.put("/api/settings/fields", {"fields": [field]}, if_match="*")
    assert answer.status == 200, answer.json()
    for values, code in (({"count": 10**400}, "out-of-range"), ({"other": 1}, "unknown")):
        refused = await admin.client.post("/api/bulk", asked(ids, set={"fields": values}))
        assert (refused.status, refused.json()["type"]) == (422, "/problems/fields-invalid"), refused.body
        assert [each["code"] for each in refused.json()["errors"]] == [code]
    assert (await desk.one("SELECT count(*) AS n FROM bulk_jobs")).n == 0


async def test_a_dry_run_changes_nothing_until_it_is_started_and_then_what_it_showed(desk: Desk) -> None:
    lead, ids = await desk.person(Role.SUPERVISOR), await tickets_of(desk, 4)
    for status in ("solved", "closed"):
        await lead.client.patch(f"/api/tickets/{ids[0]}", {"status": status}, if_match="*")
    await lead.client.patch(f"/api/tickets/{ids[1]}", {"status": "solved"}, if_match="*")
    path = await made(lead.client, asked([*ids, uuid7()], set={"status": "solved"}, dry_run=True))
    job = await job_of(lead.client, path)
    assert job["state"] == "previewed"
    assert job["preview"] == {
        "checked": 5,
        "would_change": 2,
        "unchanged": 1,
        "refused": 2,
        "refusals": [{"type": "/problems/invalid-transition", "count": 1}, {"type": "/problems/not-found", "count": 1}],
    }
    assert await work(desk) == 0
    assert (await lead.client.post(f"{path}/start")).json()["state"] == "running"
    assert (await lead.client.post(f"{path}/start")).json()["state"] == "running"
    assert await work(desk) == 5
    assert counts(await job_of(lead.client, path)) == {"total": 5, "changed": 2, "unchanged": 1, "refused": 2}


@pytest.mark.parametrize(
    "selection",
    [
        {"q": "fire tags:vip"},
        {"condition": {"all": [{"field": "tags", "is": ["vip"]}, {"field": "subject", "contains": "FIRE"}]}},
    ],
)
async def test_what_a_search_finds_is_settled_when_the_job_is_made(desk: Desk, selection: dict[str, Any]) -> None:
    lead, ids = await desk.person(Role.SUPERVISOR), await tickets_of(desk, 3)
    for ticket_id in ids[:2]:
        await lead.client.patch(f"/api/tickets/{ticket_id}", {"tags": ["vip"]}, if_match="*")
    await index(desk)
    path = await made(lead.client, {"selection": selection, "actions": {"set": {"priority": "urgent"}}})
    await lead.client.patch(f"/api/tickets/{ids[2]}", {"tags": ["vip"]}, if_match="*")
    await lead.client.patch(f"/api/tickets/{ids[1]}", {"tags": []}, if_match="*")
    await work(desk)
    assert {UUID(each["ticket_id"]) for each in await items(lead.client, path, result="changed")} == set(ids[:2])


async def test_what_nobody_can_do_is_refused_at_once(desk: Desk) -> None:
    lead, ids = await desk.person(Role.SUPERVISOR), await tickets_of(desk, 1)
    await index(desk)
    guessed = (await lead.client.get("/api/tickets/search", q="printre")).json()
    assert guessed["corrected"]
    assert len(guessed["items"]) == 1
    customer = await desk.person(Role.CUSTOMER, "x@example.com")
    over = (now_utc() - timedelta(days=1)).isoformat()
    for body, slug in (
        (asked(ids), "validation"),
        (asked(ids, add_tags=["a"], remove_tags=["a"]), "validation"),
        (asked(ids, set={"tags": []}, add_tags=["a"]), "validation"),
        (asked(ids, assignee_id=str(customer.principal.account_id)), "not-an-agent"),
        (asked(ids, snooze_until=over), "bad-until"),
        ({**asked(ids, add_tags=["a"]), "selection": {}}, "validation"),
        ({**asked(ids, add_tags=["a"]), "selection": {"q": "nothinglikethis"}}, "nothing-selected"),
        ({**asked(ids, add_tags=["a"]), "selection": {"q": "printre"}}, "nothing-selected"),
        ({**asked(ids, add_tags=["a"]), "selection": {"q": "created:maybe"}}, "bad-search"),
        ({**asked(ids, add_tags=["a"]), "selection": {"condition": {"field": "mood", "is": []}}}, "bad-condition"),
    ):
        answer = await lead.client.post("/api/bulk", body)
        assert (answer.status, answer.json()["type"]) == (422, f"/problems/{slug}"), answer.json()


async def test_agents_change_a_page_of_tickets_and_see_their_own_jobs(desk: Desk) -> None:
    agent, other, lead = await desk.person(), await desk.person(), await desk.person(Role.SUPERVISOR)
    ids = await tickets_of(desk, 2)
    path = await made(agent.client, asked(ids, add_tags=["mine"]))
    theirs = await made(lead.client, asked(ids, add_tags=["theirs"]))
    many = await agent.client.post("/api/bulk", asked([uuid7() for _ in range(101)], add_tags=["a"]))
    assert (many.status, many.json()["type"], many.json()["most"]) == (422, "/problems/too-many-tickets", 100)
    for method, way in (("GET", ""), ("GET", "/items"), ("POST", "/start"), ("POST", "/cancel"), ("POST", "/undo")):
        assert (await other.client.request(method, path + way)).status == 404
    assert (await lead.client.get(path)).status == 200
    listed = [
        [job["id"] for job in (await person.client.get("/api/bulk")).json()["items"]] for person in (agent, other, lead)
    ]
    own, all_ = path.rpartition("/")[2], theirs.rpartition("/")[2]
    assert listed == [[own], [], [all_, own]]
    page = (await lead.client.get("/api/bulk", limit="1")).json()
    rest = (await lead.client.get("/api/bulk", limit="1", cursor=page["next_cursor"])).json()
    assert [page["items"][0]["id"], rest["items"][0]["id"]] == [all_, own]
    assert rest["next_cursor"] is None


async def test_a_key_does_in_bulk_what_it_may_do_singly(desk: Desk) -> None:
    lead, ids = await desk.person(Role.SUPERVISOR), await tickets_of(desk, 1)
    principal = lead.principal
    client = desk.callers.client(
        type(principal)(
            account_id=principal.account_id,
            role=principal.role,
            name=principal.name,
            key_id=uuid7(),
            scopes=frozenset({"ticket.bulk", "ticket.change"}),
        )
    )
    assert (await client.post("/api/bulk", asked(ids, add_tags=["a"]))).status == 202
    for actions in ({"assignee_id": None}, {"snooze_until": None}):
        assert (await client.post("/api/bulk", asked(ids, **actions))).status == 403


async def test_ways_that_are_closed_to_a_role_are_closed_in_bulk(desk: Desk) -> None:
    admin, agent, ids = await desk.person(Role.ADMIN), await desk.person(), await tickets_of(desk, 1)
    lifecycle = (await admin.client.get("/api/settings/tickets")).json()
    body = {name: value for name, value in lifecycle.items() if name not in {"version", "changed_at", "changed_by"}} | {
        "forbidden": {"agent": [{"from": "new", "to": "solved"}]}
    }
    answer = await admin.client.put("/api/settings/tickets", body, if_match="*")
    assert answer.status == 200, answer.json()
    path = await made(agent.client, asked(ids, set={"status": "solved"}))
    await work(desk)
    (item,) = await items(agent.client, path)
    assert item["problem"]["type"] == "/problems/way-closed"


async def test_whoever_works_here_no_more_changes_no_more(desk: Desk) -> None:
    agent, ids = await desk.person(), await tickets_of(desk, 1)
    path = await made(agent.client, asked(ids, add_tags=["a"]))
    async with desk.database.transaction() as session:
        connection = await session.connection()
        await connection.exec_driver_sql("UPDATE accounts SET active = false")
    await work(desk)
    job = await job_of(agent.client, path)
    assert (job["state"], job["reason"]) == ("cancelled", "author-inactive")
    assert counts(job) == {"total": 1, "skipped": 1}


async def test_a_job_stops_between_chunks(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "CHUNK", 2)
    lead, ids = await desk.person(Role.SUPERVISOR), await tickets_of(desk, 5)
    path = await made(lead.client, asked(ids, add_tags=["a"]))
    await work(desk, 1)
    cancelled = (await lead.client.post(f"{path}/cancel")).json()
    assert cancelled["state"] == "cancelled"
    assert counts(cancelled) == {"total": 5, "changed": 2, "skipped": 3}
    assert await work(desk) == 0
    assert (await lead.client.post(f"{path}/cancel")).json() == cancelled
    assert (await lead.client.post(f"{path}/start")).json()["type"] == "/problems/bulk-cancelled"
    assert [each["position"] for each in await items(lead.client, path, result="skipped")] == [3, 4, 5]
    assert await items(lead.client, path, result="waiting") == []
    assert len(await desk.rows("SELECT 1 FROM tickets WHERE tags = '{a}'")) == 2


async def test_undo_puts_back_what_is_still_so_and_tells_of_what_moved(desk: Desk) -> None:
    lead, agent, ids = await desk.person(Role.SUPERVISOR), await desk.person(), await tickets_of(desk, 4)
    await lead.client.patch(f"/api/tickets/{ids[0]}", {"tags": ["old", "gone"]}, if_match="*")
    path = await made(
        lead.client,
        asked(
            ids,
            assignee_id=str(agent.principal.account_id),
            set={"status": "solved"},
            add_tags=["new"],
            remove_tags=["gone"],
        ),
    )
    assert (await lead.client.post(f"{path}/undo")).json()["type"] == "/problems/bulk-not-finished"
    await work(desk)
    # Of no concern, in the way, and final.
    await lead.client.patch(f"/api/tickets/{ids[0]}", {"tags": ["old", "new", "later"]}, if_match="*")
    await lead.client.patch(f"/api/tickets/{ids[1]}", {"status": "open"}, if_match="*")
    await lead.client.patch(f"/api/tickets/{ids[2]}", {"status": "closed"}, if_match="*")

    undone = await lead.client.post(f"{path}/undo")
    assert undone.status == 202, undone.json()
    assert (undone.json()["kind"], undone.json()["undo_of"]) == ("undo", path.rpartition("/")[2])
    again = await lead.client.post(f"{path}/undo")
    assert (again.status, again.json()["undone_by"]) == (409, undone.json()["id"])
    await work(desk)
    back = f"/api/bulk/{undone.json()['id']}"
    assert counts(await job_of(lead.client, back)) == {"total": 4, "changed": 2, "refused": 2}
    refused = await items(lead.client, back, result="refused")
    assert [(each["ticket_id"], each["problem"]["type"]) for each in refused] == [
        (str(ids[1]), "/problems/moved-since"),
        (str(ids[2]), "/problems/ticket-closed"),
    ]
    assert "status" in refused[0]["problem"]["detail"]
    first, moved, _, last = [(await lead.client.get(f"/api/tickets/{each}")).json() for each in ids]
    assert first["tags"] == ["old", "later", "gone"]
    assert (first["status"], first["assignee"], first["solved_at"]) == ("new", None, None)
    assert (moved["status"], moved["tags"]) == ("open", ["new"])
    assert (last["status"], last["tags"]) == ("new", [])
    entry = (await lead.client.get(f"/api/tickets/{ids[3]}/history")).json()["items"][0]
    assert entry["cause"] == "bulk.undo"


async def test_an_undo_can_be_undone(desk: Desk) -> None:
    lead, ids = await desk.person(Role.SUPERVISOR), await tickets_of(desk, 2)
    path = await made(lead.client, asked(ids, set={"group": "Sales"}))
    await work(desk)
    for group in (None, "Sales"):
        path = (await lead.client.post(f"{path}/undo")).headers["location"]
        await work(desk)
        groups = await desk.rows('SELECT "group" FROM tickets')
        assert [row.group for row in groups] == [group] * 2


async def test_what_changed_nothing_is_not_undone(desk: Desk) -> None:
    lead, ids = await desk.person(Role.SUPERVISOR), await tickets_of(desk, 1)
    path = await made(lead.client, asked(ids, remove_tags=["never"]))
    await work(desk)
    assert (await lead.client.post(f"{path}/undo")).json()["type"] == "/problems/nothing-to-undo"
    assert (await lead.client.post(f"{path}/cancel")).json()["type"] == "/problems/bulk-done"


async def test_a_chunk_takes_as_many_statements_for_one_ticket_as_for_many(desk: Desk) -> None:
    lead = await desk.person(Role.SUPERVISOR)
    took = []
    for count in (1, 30):
        await made(lead.client, asked(await tickets_of(desk, count), add_tags=["a"]))
        async with sent(desk.database) as statements:
            assert await work(desk, 1) == count
        took.append(len(statements))
    assert took[0] == took[1] <= 15, took


async def test_an_undo_does_not_solve_what_children_block(desk: Desk) -> None:
    lead = await desk.person(Role.SUPERVISOR)
    parent, child = await tickets_of(desk, 2)
    assert (await lead.client.patch(f"/api/tickets/{parent}", {"status": "solved"}, if_match="*")).status == 200
    path = await made(lead.client, asked([parent], set={"status": "open"}))
    await work(desk)
    link = {"relation": "child", "ticket_id": str(child), "blocks": True}
    assert (await lead.client.post(f"/api/tickets/{parent}/links", link)).status == 201
    undo = await lead.client.post(f"{path}/undo")
    await work(desk)
    (item,) = await items(lead.client, f"/api/bulk/{undo.json()['id']}", result="refused")
    assert item["problem"]["type"] == "/problems/children-open"
    assert (await desk.one("SELECT status FROM tickets WHERE id = :id", id=parent)).status == "open"


async def test_a_repeated_request_makes_one_job(desk: Desk) -> None:
    lead, ids = await desk.person(Role.SUPERVISOR), await tickets_of(desk, 1)
    key = {"idempotency-key": "k1"}
    first, second = [await lead.client.post("/api/bulk", asked(ids, add_tags=["a"]), **key) for _ in range(2)]
    assert first.body == second.body
    await work(desk)
    path = f"/api/bulk/{first.json()['id']}/undo"
    undone = [await lead.client.post(path, **{"idempotency-key": "k2"}) for _ in range(2)]
    assert undone[0].body == undone[1].body
    assert len(await desk.rows("SELECT 1 FROM bulk_jobs")) == 2


async def test_old_jobs_are_forgotten_by_the_workers_timer(desk: Desk) -> None:
    lead, ids = await desk.person(Role.SUPERVISOR), await tickets_of(desk, 1)
    for dry_run in (False, True):
        await made(lead.client, {**asked(ids, add_tags=["a"]), "dry_run": dry_run})
    timers = {
        timer.name: timer for timer in create_worker(Settings(database_url=desk.database.url), desk.database).timers
    }

    async def forgotten(after: timedelta) -> int:
        async with desk.database.transaction() as session:
            return await timers["forget_bulk"].run(session, now_utc() + after)

    assert await forgotten(timedelta(hours=23)) == 0
    assert await forgotten(timedelta(hours=25)) == 1
    assert await forgotten(timedelta(days=31)) == 0, "it runs still"
    async with desk.database.transaction() as session:
        assert await timers["change_in_bulk"].run(session, now_utc()) == 1
    assert await forgotten(timedelta(days=29)) == 0
    assert await forgotten(timedelta(days=31)) == 1
    assert await desk.rows("SELECT id FROM bulk_jobs UNION ALL SELECT job_id FROM bulk_items") == []
