"""What agents do through the API, alone and all at once."""

from typing import Any, Literal
from uuid import uuid4

import pytest

from shared.events.accounts import Role
from shared.events.common import Channel
from shared.events.messages import Sender
from tests.integration.tickets.harness import Desk, received
from tests.integration.tickets.test_bulk_races import at_once


async def a_ticket(desk: Desk) -> Any:
    await desk.take(received())
    return await desk.one("SELECT * FROM tickets ORDER BY number DESC LIMIT 1")


async def test_a_ticket_is_read_with_its_version(desk: Desk) -> None:
    agent, ticket = await desk.person(), await a_ticket(desk)
    answer = await agent.client.get(f"/api/tickets/{ticket.id}")
    assert (answer.status, answer.headers["etag"]) == (200, '"1"')
    body = answer.json()
    assert body["thread_version"] == 1
    assert body["allowed_statuses"] == ["open", "pending", "on_hold", "solved"]
    assert (await agent.client.get(f"/api/tickets/{uuid4()}")).status == 404


async def test_edits_need_the_version_they_rest_on(desk: Desk) -> None:
    agent, ticket = await desk.person(), await a_ticket(desk)
    path = f"/api/tickets/{ticket.id}"
    assert (await agent.client.patch(path, {"subject": "A"})).status == 428
    first = await agent.client.patch(path, {"subject": "A"}, if_match='"1"')
    assert (first.status, first.headers["etag"]) == (200, '"2"')
    stale = await agent.client.patch(path, {"subject": "B"}, if_match='"1"')
    assert (stale.status, stale.json()["version"]) == (412, 2)
    assert (await agent.client.get(path)).json()["subject"] == "A"
    assert (await agent.client.put(f"{path}/assignee", {"assignee_id": None})).status == 428
    assert (await agent.client.put(f"{path}/assignee", {"assignee_id": None}, if_match='"1"')).status == 412


async def test_an_edit_that_changes_nothing_moves_and_tells_nothing(desk: Desk) -> None:
    agent, ticket = await desk.person(), await a_ticket(desk)
    before = await desk.event_types()
    answer = await agent.client.patch(f"/api/tickets/{ticket.id}", {"subject": ticket.subject}, if_match='"1"')
    assert (answer.status, answer.headers["etag"]) == (200, '"1"')
    assert await desk.event_types() == before


async def test_an_edit_is_one_change_in_history_and_one_event(desk: Desk) -> None:
    agent, ticket = await desk.person(name="Ada"), await a_ticket(desk)
    edit = {
        "subject": "Fire",
        "status": "open",
        "priority": "high",
        "type": "incident",
        "group": "a",
        "tags": ["x", "x"],
    }
    answer = await agent.client.patch(f"/api/tickets/{ticket.id}", edit, if_match='"1"')
    assert {**answer.json(), **edit, "tags": ["x"]} == answer.json()
    history = (await agent.client.get(f"/api/tickets/{ticket.id}/history")).json()["items"]
    assert [entry["cause"] for entry in history] == ["edit", "message.received"]
    assert history[0]["actor"] == {"kind": "agent", "id": str(agent.principal.account_id), "name": "Ada"}
    assert history[0]["changes"]["priority"] == {"before": "normal", "after": "high"}
    assert (await desk.event_types())[1:] == ["ticket.changed.v1"]
    cleared = await agent.client.patch(f"/api/tickets/{ticket.id}", {"group": None}, if_match='"2"')
    assert cleared.json()["group"] is None


async def test_an_invalid_transition_lists_what_is_allowed(desk: Desk) -> None:
    agent, ticket = await desk.person(), await a_ticket(desk)
    answer = await agent.client.patch(f"/api/tickets/{ticket.id}", {"status": "closed"}, if_match='"1"')
    assert answer.status == 409
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"] == "/problems/invalid-transition"
    assert answer.json()["allowed"] == ["open", "pending", "on_hold", "solved"]


async def test_nothing_in_a_closed_ticket_changes(desk: Desk) -> None:
    agent, ticket = await desk.person(), await a_ticket(desk)
    path = f"/api/tickets/{ticket.id}"
    for status in ("solved", "closed"):
        await agent.client.patch(path, {"status": status}, if_match="*")
    for answer in (
        await agent.client.patch(path, {"subject": "X"}, if_match="*"),
        await agent.client.post(f"{path}/replies", {"text": "X"}),
        await agent.client.post(f"{path}/claim"),
        await agent.client.put(f"{path}/assignee", {"assignee_id": None}, if_match="*"),
    ):
        assert (answer.status, answer.json()["type"]) == (409, "/problems/ticket-closed")
    reopened = await agent.client.patch(path, {"status": "open"}, if_match="*")
    assert (reopened.status, reopened.json()["allowed"]) == (409, [])


async def test_a_reply_makes_the_ticket_wait_for_the_customer(desk: Desk) -> None:
    agent, ticket = await desk.person(name="Ada"), await a_ticket(desk)
    path = f"/api/tickets/{ticket.id}/replies"
    first = await agent.client.post(path, {"text": "Use water.", "expected_version": 1})
    assert first.status == 201
    body = first.json()
    assert (body["message"]["first_reply"], body["message"]["delivery_state"]) == (True, "queued")
    assert (body["ticket"]["status"], body["ticket"]["thread_version"]) == ("pending", 2)
    second = (await agent.client.post(path, {"text": "Done?", "status": "solved"})).json()
    assert (second["message"]["first_reply"], second["ticket"]["status"]) == (False, "solved")
    third = (await agent.client.post(path, {"text": "Bye."})).json()
    assert third["ticket"]["status"] == "solved"
    added = await desk.rows("SELECT data::jsonb AS data FROM outbox WHERE type = 'ticket.message_added.v1' ORDER BY id")
    assert [row.data["message"]["first_reply"] for row in added] == [True, False, False]
    assert added[0].data["message"]["author"] == {"kind": "agent", "id": str(agent.principal.account_id), "name": "Ada"}


async def test_a_reply_names_the_message_it_answers(desk: Desk) -> None:
    agent = await desk.person()
    await desk.take(received(external_id="<1@example.com>"))
    ticket = await desk.one("SELECT * FROM tickets")
    await agent.client.post(f"/api/tickets/{ticket.id}/replies", {"text": "Use water."})
    reply = await desk.one("SELECT data::jsonb AS data FROM outbox WHERE type = 'ticket.message_added.v1'")
    assert reply.data["message"]["reply_to_external_id"] == "<1@example.com>"


async def test_a_reply_to_a_thread_that_moved_is_refused_and_shown_what_came(desk: Desk) -> None:
    agent, ticket = await desk.person(), await a_ticket(desk)
    path = f"/api/tickets/{ticket.id}"
    await agent.client.post(f"{path}/notes", {"text": "Call her first."})
    stale = await agent.client.post(f"{path}/replies", {"text": "Use water.", "expected_version": 1})
    assert (stale.status, stale.json()["type"], stale.json()["thread_version"]) == (409, "/problems/stale-thread", 2)
    assert [message["text"] for message in stale.json()["messages"]] == ["Call her first."]
    assert (await agent.client.post(f"{path}/notes", {"text": "X", "expected_version": 1})).status == 409
    ahead = await agent.client.post(f"{path}/replies", {"text": "Use water.", "expected_version": 9})
    assert ahead.status == 422
    assert (await agent.client.get(path)).json()["thread_version"] == 2


async def test_a_note_stays_inside_and_moves_no_version(desk: Desk) -> None:
    agent, ticket = await desk.person(), await a_ticket(desk)
    answer = await agent.client.post(f"/api/tickets/{ticket.id}/notes", {"text": "Grumpy."})
    assert (answer.status, answer.headers["etag"]) == (201, '"1"')
    assert answer.json()["message"]["delivery_state"] is None
    assert answer.json()["ticket"]["last_message_at"] == "2026-03-02T09:00:00Z"


async def test_a_thread_is_read_page_by_page(desk: Desk) -> None:
    agent, ticket = await desk.person(), await a_ticket(desk)
    for number in range(4):
        await agent.client.post(f"/api/tickets/{ticket.id}/notes", {"text": f"note {number}"})
    texts, cursor = [], {}
    while True:
        page = (await agent.client.get(f"/api/tickets/{ticket.id}/messages", limit=2, **cursor)).json()
        texts += [message["text"] for message in page["items"]]
        assert page["thread_version"] == 5
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert texts == ["It burns.", "note 0", "note 1", "note 2", "note 3"]


async def test_only_active_agents_get_tickets(desk: Desk) -> None:
    agent, ticket = await desk.person(), await a_ticket(desk)
    gone, customer = await desk.person(active=False), await desk.person(Role.CUSTOMER)
    path = f"/api/tickets/{ticket.id}/assignee"
    for nobody in (gone.principal.account_id, customer.principal.account_id, uuid4()):
        answer = await agent.client.put(path, {"assignee_id": str(nobody)}, if_match='"1"')
        assert (answer.status, answer.json()["type"]) == (422, "/problems/not-an-agent")
    given = await agent.client.put(path, {"assignee_id": str(agent.principal.account_id)}, if_match='"1"')
    assert given.json()["assignee"] == {"id": str(agent.principal.account_id), "name": "Agent"}
    assert given.json()["status"] == "open"
    back = await agent.client.put(path, {"assignee_id": None}, if_match='"2"')
    assert (back.json()["assignee"], back.json()["status"]) == (None, "open")


async def test_of_many_who_claim_at_once_one_wins(desk: Desk) -> None:
    agents = [await desk.person() for _ in range(8)]
    for _ in range(2):
        ticket = await a_ticket(desk)
        path = f"/api/tickets/{ticket.id}/claim"
        answers = await at_once(desk, [ticket.id], *(agent.client.post(path) for agent in agents))
        statuses = [answer.status for answer in answers]
        assert sorted(statuses) == [200] + [409] * 7
        winner = agents[statuses.index(200)]
        row = await desk.one("SELECT assignee_id, version FROM tickets WHERE id = :id", id=ticket.id)
        assert (row.assignee_id, row.version) == (winner.principal.account_id, 2)
        assert (await winner.client.post(path)).status == 200


async def test_of_many_edits_of_one_version_one_wins(desk: Desk) -> None:
    agents, ticket = [await desk.person() for _ in range(6)], await a_ticket(desk)
    answers = await at_once(
        desk,
        [ticket.id],
        *(
            agent.client.patch(f"/api/tickets/{ticket.id}", {"subject": f"by {n}"}, if_match='"1"')
            for n, agent in enumerate(agents)
        ),
    )
    assert sorted(answer.status for answer in answers) == [200] + [412] * 5
    versions = await desk.rows(
        "SELECT aggregate_version FROM outbox WHERE aggregate_id = :id ORDER BY id", id=str(ticket.id)
    )
    assert [row.aggregate_version for row in versions] == [1, 2]


async def test_replies_at_the_same_time_all_find_their_place(desk: Desk) -> None:
    agents, ticket = [await desk.person() for _ in range(6)], await a_ticket(desk)
    path = f"/api/tickets/{ticket.id}/replies"
    answers = await at_once(desk, [ticket.id], *(agent.client.post(path, {"text": "me too"}) for agent in agents))
    assert {answer.status for answer in answers} == {201}
    assert sum(answer.json()["message"]["first_reply"] for answer in answers) == 1
    positions = await desk.rows("SELECT position FROM messages ORDER BY position")
    assert [row.position for row in positions] == list(range(1, 8))


async def test_an_agent_opens_a_ticket_for_a_customer(desk: Desk) -> None:
    agent = await desk.person()
    body = {
        "text": "She called.",
        "requester": {"email": "New@Example.com", "name": "Nia", "language": "sw"},
        "type": "incident",
        "tags": ["a", "a"],
    }
    answer = await agent.client.post("/api/tickets", body)
    assert answer.status == 201
    ticket = answer.json()
    assert answer.headers["location"] == f"/api/tickets/{ticket['id']}"
    assert (ticket["subject"], ticket["priority"], ticket["channel"]) == ("She called.", "high", "email")
    assert (ticket["requester"]["name"], ticket["tags"]) == ("Nia", ["a"])
    customer_id = ticket["requester"]["customer_id"]
    again = await agent.client.post("/api/tickets", {"text": "Again.", "requester": {"customer_id": customer_id}})
    assert (again.status, again.json()["requester"]["customer_id"]) == (201, customer_id)
    await desk.take(received("new@example.com"))
    customer = (await agent.client.get(f"/api/customers/{customer_id}")).json()
    assert customer["identities"] == [{"kind": "email", "address": "new@example.com"}]
    assert len(customer["tickets"]) == 3
    created = await desk.rows("SELECT data::jsonb AS data FROM outbox WHERE type = 'ticket.created.v1' ORDER BY id")
    assert created[0].data["actor"]["kind"] == "agent"
    assert created[1].data["ticket"]["requester"]["email"] == "new@example.com"
    unknown = await agent.client.post("/api/tickets", {"text": "X", "requester": {"customer_id": str(uuid4())}})
    assert unknown.status == 422
    assert (await agent.client.post("/api/tickets", {"text": "X"})).status == 422
    assert (await agent.client.get(f"/api/customers/{uuid4()}")).status == 404


async def test_a_repeated_request_has_one_effect_and_one_answer(desk: Desk) -> None:
    agent, ticket = await desk.person(), await a_ticket(desk)
    reply = {"text": "Use water.", "expected_version": 1}
    for path, body in (
        ("/api/tickets", {"text": "X", "requester": {"email": "x@example.com"}}),
        (f"/api/tickets/{ticket.id}/replies", reply),
        (f"/api/tickets/{ticket.id}/notes", {"text": "N"}),
        (f"/api/tickets/{ticket.id}/claim", None),
    ):
        key = str(uuid4())
        first = await agent.client.post(path, body, idempotency_key=key)
        second = await agent.client.post(path, body, idempotency_key=key)
        assert first.status < 300
        assert (second.status, second.body) == (first.status, first.body)
        assert second.headers["idempotency-replayed"] == "true"
    counts = await desk.one("SELECT (SELECT count(*) FROM tickets) AS t, (SELECT count(*) FROM messages) AS m")
    assert tuple(counts) == (2, 4)


WRONG_BODIES: list[tuple[str, str, Any, str]] = [
    ("POST", "/replies", {"text": "x", "kind": "note"}, "extra_forbidden"),
    ("POST", "/replies", {"text": "a\x00b"}, "control characters"),
    ("POST", "/replies", {"text": "é" * 40_000}, "at most 65536 bytes"),
    ("POST", "/replies", {"text": " \n "}, "must not be empty"),
    ("POST", "/replies", {"text": "x", "status": "nonsense"}, "enum"),
    ("POST", "/replies", {"text": "x", "expected_version": -1}, "greater_than_equal"),
    ("POST", "/replies", b'{"text": "\\ud800"}', "unicode string"),
    ("PATCH", "", b'{"subject": "\\ud800"}', "unicode string"),
    ("POST", "/notes", {"text": "x", "internal": False}, "extra_forbidden"),
    ("PATCH", "", {"version": 7}, "extra_forbidden"),
    ("PATCH", "", {"assignee_id": None}, "extra_forbidden"),
    ("PATCH", "", {"subject": None}, "cannot be null"),
    ("PATCH", "", {"subject": "a\nBcc: x@y.example"}, "one line"),
    ("PATCH", "", {"subject": "x" * 251}, "string_too_long"),
    ("PATCH", "", {"tags": ["t"] * 51}, "too_long"),
    ("PATCH", "", {"tags": ["t" * 65]}, "string_too_long"),
    ("PATCH", "", {"group": ""}, "string_too_short"),
    ("PUT", "/assignee", {}, "missing"),
    ("PUT", "/assignee", {"assignee_id": "me"}, "uuid_parsing"),
]


async def test_a_malformed_body_is_refused_with_the_reason(desk: Desk) -> None:
    agent, ticket = await desk.person(), await a_ticket(desk)
    for method, path, body, says in WRONG_BODIES:
        answer = await agent.client.request(
            method, f"/api/tickets/{ticket.id}{path}", body=body, headers={"if_match": '"1"'}
        )
        assert (answer.status, says in answer.body.decode()) == (422, True), (path, body, answer.body)
    assert len(await desk.event_types()) == 1


async def test_a_requester_is_exactly_one_valid_address(desk: Desk) -> None:
    """`alice@co)<bob@evil>` is alice for one parser and bob for the next (CVE-2023-27043)."""
    agent = await desk.person()
    for requester in (
        {},
        {"email": "a@b.example", "phone": "+491"},
        {"email": "no-at"},
        {"email": "a@b\r\nBcc: c@d"},
        {"email": "\x00@b.example"},
        {"email": "\ud800@b.example"},
        {"email": "alice@co)<bob@evil.example>"},
        {"phone": "030 1234"},
        {"email": "a@b.example", "role": "admin"},
    ):
        answer = await agent.client.post("/api/tickets", {"text": "x", "requester": requester})
        assert answer.status == 422, (requester, answer.body)


async def test_without_a_token_nobody_gets_anything(desk: Desk) -> None:
    ticket = await a_ticket(desk)
    stranger = desk.callers.nobody()
    for path in ("/api/tickets", f"/api/tickets/{ticket.id}", f"/api/tickets/{ticket.id}/messages"):
        assert (await stranger.get(path)).status == 401


@pytest.mark.parametrize(
    ("channel", "sender", "goes", "state"),
    [
        (Channel.EMAIL, "email", "email", "queued"),
        (Channel.API, "email", "email", "queued"),
        (Channel.FORM, "email", "email", "queued"),
        (Channel.EVENT, "email", "email", "queued"),
        (Channel.CHAT, "email", "chat", "available"),
        (Channel.PHONE, "email", "phone", "available"),
        (Channel.API, "handle", "api", "available"),
        (Channel.EVENT, "handle", "event", "available"),
    ],
)
async def test_a_reply_goes_where_the_customer_can_read_it(
    desk: Desk, channel: Channel, sender: Literal["email", "handle"], goes: str, state: str
) -> None:
    """A reply that nobody sends stayed queued for ever; a customer with an address heard nothing."""
    agent = await desk.person()
    await desk.take(received(channel=channel, sender=Sender(kind=sender, address="ana@example.com")))
    ticket = await desk.one("SELECT * FROM tickets")
    answer = await agent.client.post(f"/api/tickets/{ticket.id}/replies", {"text": "Use water."})
    message = answer.json()["message"]
    assert (message["channel"], message["delivery_state"]) == (goes, state)
    added = await desk.one("SELECT data::jsonb AS data FROM outbox WHERE type = 'ticket.message_added.v1'")
    assert added.data["message"]["channel"] == goes
