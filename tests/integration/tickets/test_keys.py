"""API keys: each does what it is for, and reads and changes no tickets by a door that is for something else."""

from dataclasses import replace
from datetime import timedelta

from shared.db import now_utc
from shared.events.accounts import Role
from shared.ids import uuid7
from tests.asgi import Client
from tests.integration.tickets.harness import Desk, Person, received

ALL = {"conditions": {"all": []}}


def key(desk: Desk, behind: Person, *scopes: str) -> Client:
    """The client of a key with these permissions, and no others."""
    principal = replace(behind.principal, session_id=None, key_id=uuid7(), scopes=frozenset(scopes))
    return desk.callers.client(principal)


async def test_a_key_for_views_lists_them_and_not_their_tickets(desk: Desk) -> None:
    admin = await desk.person(Role.ADMIN)
    await desk.take(received(subject="Secret"))
    views = key(desk, admin, "view.read", "view.change")
    (mine, *others) = (await key(desk, admin, "view.read").get("/api/views")).json()["items"]
    assert others
    of_one = f"/api/views/{mine['id']}"
    assert (await key(desk, admin, "view.read").get(of_one)).status == 200
    both = key(desk, admin, "view.read", "ticket.read")
    for path in (f"{of_one}/tickets", f"{of_one}/window", "/api/views/counts"):
        assert [(await client.get(path)).status for client in (views, both)] == [403, 200], path
    refused, shown = [await client.post("/api/views/preview", ALL) for client in (views, both)]
    assert (refused.status, shown.json()["items"][0]["subject"]) == (403, "Secret")


async def test_a_key_for_views_sees_those_that_the_account_sees_and_of_others_none(desk: Desk) -> None:
    admin, agent = await desk.person(Role.ADMIN), await desk.person()
    made = await admin.client.post("/api/views", {"name": "Theirs", "visibility": "groups", "groups": ["x"], **ALL})
    assert made.status == 201, made.body

    async def names(client: Client) -> set[str]:
        return {view["name"] for view in (await client.get("/api/views")).json()["items"]}

    assert "Theirs" in await names(key(desk, admin, "view.read", "view.change"))
    assert "Theirs" not in await names(key(desk, agent, "view.read"))


async def test_keys_for_customers_links_and_merges_read_no_tickets(desk: Desk) -> None:
    admin = await desk.person(Role.ADMIN)
    await desk.take(received(subject="Secret"))
    ticket = await desk.one("SELECT id, requester_id FROM tickets")
    customer, of = f"/api/customers/{ticket.requester_id}", f"/api/tickets/{ticket.id}"
    for action, path in (
        ("customer.read", customer),
        ("customer.read", f"{customer}/overview"),
        ("ticket.link", f"{of}/links"),
        ("ticket.merge", f"{of}/merges"),
        ("ticket.history", f"{of}/history"),
        ("ticket.history", f"{of}/timeline"),
        ("ticket.schedule", f"{of}/scheduled"),
    ):
        alone, both = key(desk, admin, action), key(desk, admin, action, "ticket.read")
        assert [(await client.get(path)).status for client in (alone, both)] == [403, 200], path
    listed = await key(desk, admin, "customer.read").get("/api/customers", identity="ana@example.com")
    assert listed.json()["items"][0]["id"] == str(ticket.requester_id)


async def test_a_key_that_writes_is_not_told_what_others_wrote(desk: Desk) -> None:
    """A note or a reply to a thread that has moved on changes nothing, and its refusal told the whole thread."""
    admin = await desk.person(Role.ADMIN)
    await desk.take(received())
    of = f"/api/tickets/{(await desk.one('SELECT id FROM tickets')).id}"
    assert (await admin.client.post(f"{of}/notes", {"text": "Secret"})).status == 201
    later = {"text": "Secret, too", "undo_seconds": 60}
    waiting = await admin.client.post(f"{of}/replies", later)
    assert waiting.status == 202, waiting.body
    for action, path, leaving in (("ticket.note", f"{of}/notes", 0), ("ticket.reply", f"{of}/replies", 1)):
        stale = {"text": "x", "expected_version": 0}
        alone = await key(desk, admin, action).post(path, stale)
        assert (alone.status, alone.json()["type"]) == (409, "/problems/stale-thread")
        assert alone.json()["thread_version"] == 2
        assert b"Secret" not in alone.body
        told = (await key(desk, admin, action, "ticket.read").post(path, stale)).json()
        assert ([each["text"] for each in told["messages"]][1:], len(told["leaving"])) == (["Secret"], leaving)
    one = waiting.headers["location"]
    assert (await key(desk, admin, "ticket.schedule").get(one)).status == 403
    assert (await key(desk, admin, "ticket.schedule", "ticket.read").get(one)).status == 200


async def test_a_key_that_moves_late_replies_is_not_told_what_they_say(desk: Desk) -> None:
    """To read one took the permission to read tickets; to move it, or to take it back, told it without."""
    admin = await desk.person(Role.ADMIN)
    await desk.take(received())
    of = f"/api/tickets/{(await desk.one('SELECT id FROM tickets')).id}"
    waiting = await admin.client.post(f"{of}/replies", {"text": "Secret", "undo_seconds": 60})
    assert waiting.status == 202, waiting.body
    one = waiting.headers["location"]
    send_at = (now_utc() + timedelta(days=1)).isoformat()
    alone, both = key(desk, admin, "ticket.schedule"), key(desk, admin, "ticket.schedule", "ticket.read")
    moved = [await client.patch(one, {"send_at": send_at}, if_match="*") for client in (alone, both)]
    gone = [await client.delete(one) for client in (alone, both)]
    assert [answer.status for answer in (*moved, *gone)] == [403, 200, 403, 200]
    assert not [answer.body for answer in (moved[0], gone[0]) if b"Secret" in answer.body]


async def test_a_key_that_solves_incidents_says_nothing_where_it_may_not_reply(desk: Desk) -> None:
    admin = await desk.person(Role.ADMIN)
    await desk.take(received("cause@example.com"), received())
    cause, incident = [row.id for row in await desk.rows("SELECT id FROM tickets ORDER BY requester_email DESC")]
    linked = await admin.client.post(
        f"/api/tickets/{cause}/links", {"relation": "incident", "ticket_id": str(incident)}
    )
    assert linked.status == 201, linked.body
    path, reply = f"/api/tickets/{cause}/incidents/solve", {"reply": "It works again."}
    silent = key(desk, admin, "ticket.change")
    assert (await silent.post(path, reply)).status == 403
    assert (await desk.one("SELECT count(*) AS n FROM messages WHERE kind = 'reply'")).n == 0
    assert (await desk.one("SELECT status FROM tickets WHERE id = :id", id=incident)).status == "new"
    assert (await key(desk, admin, "ticket.change", "ticket.reply").post(path, reply)).json()["solved"] == 1
    assert (await desk.one("SELECT count(*) AS n FROM messages WHERE kind = 'reply'")).n == 1
    assert (await silent.post(path, {})).status == 200


async def test_a_key_starts_no_dry_run_of_what_it_may_not_do(desk: Desk) -> None:
    admin = await desk.person(Role.ADMIN)
    await desk.take(received())
    ticket = await desk.one("SELECT id FROM tickets")
    body = {"selection": {"ids": [str(ticket.id)]}, "actions": {"set": {"priority": "urgent"}}, "dry_run": True}
    made = await admin.client.post("/api/bulk", body)
    assert made.status == 202, made.body
    path = f"/api/bulk/{made.json()['id']}"
    refused = await key(desk, admin, "ticket.bulk").post(f"{path}/start")
    assert (refused.status, refused.json()["detail"]) == (403, "This needs the permission ticket.change.")
    assert (await admin.client.get(path)).json()["state"] == "previewed"
    started = await key(desk, admin, "ticket.bulk", "ticket.change").post(f"{path}/start")
    assert (started.status, started.json()["state"]) == (200, "running")
