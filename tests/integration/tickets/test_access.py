"""Customers see their own tickets, and of those only what is meant for them."""

from datetime import timedelta
from typing import Any

from shared.db import now_utc
from shared.events.accounts import Role
from shared.ids import uuid7
from tests.integration.events import START
from tests.integration.tickets.harness import Desk, Person, received


async def ana_and_eve(desk: Desk) -> tuple[Person, Person, Any]:
    """Two customers with accounts, and a ticket of Ana's with a reply, a note, tags, a group and an agent."""
    ana = await desk.person(Role.CUSTOMER, "Ana@example.com", name="Ana")
    eve = await desk.person(Role.CUSTOMER, "eve@example.net", name="Eve")
    await desk.take(received("ana@example.com"), received("eve@example.net"))
    agent = await desk.person(name="Ada")
    ticket = await desk.one("SELECT * FROM tickets WHERE requester_email = 'ana@example.com'")
    path = f"/api/tickets/{ticket.id}"
    await agent.client.post(f"{path}/claim")
    await agent.client.patch(path, {"tags": ["secret"], "group": "secret"}, if_match="*")
    await agent.client.post(f"{path}/notes", {"text": "secret"})
    await agent.client.post(f"{path}/replies", {"text": "Use water."})
    return ana, eve, ticket


async def test_a_customer_sees_own_tickets_without_what_stays_inside(desk: Desk) -> None:
    ana, _, ticket = await ana_and_eve(desk)
    listed = await ana.client.get("/api/tickets")
    assert [item["id"] for item in listed.json()["items"]] == [str(ticket.id)]
    read = await ana.client.get(f"/api/tickets/{ticket.id}")
    assert (read.status, read.json()["thread_version"], read.json()["allowed_statuses"]) == (200, 2, [])
    thread = await ana.client.get(f"/api/tickets/{ticket.id}/messages")
    assert [message["kind"] for message in thread.json()["items"]] == ["customer", "reply"]
    assert thread.json()["thread_version"] == 2
    for answer in (listed, read, thread):
        assert b"secret" not in answer.body


async def test_somebody_elses_ticket_does_not_exist(desk: Desk) -> None:
    ana, eve, ticket = await ana_and_eve(desk)
    path = f"/api/tickets/{ticket.id}"
    for answer in (
        await eve.client.get(path),
        await eve.client.get(f"{path}/messages"),
        await eve.client.post(f"{path}/replies", {"text": "let me in"}),
    ):
        assert answer.status == 404, answer.body
    narrowed = await eve.client.get("/api/tickets", requester=str(ticket.requester_id))
    assert narrowed.json()["items"] == []
    assert (await ana.client.get(path)).json()["thread_version"] == 2


async def test_what_customers_may_never_do(desk: Desk) -> None:
    ana, _, ticket = await ana_and_eve(desk)
    path = f"/api/tickets/{ticket.id}"
    for answer in (
        await ana.client.get(f"{path}/history"),
        await ana.client.post(f"{path}/notes", {"text": "x"}),
        await ana.client.patch(path, {"status": "solved"}, if_match="*"),
        await ana.client.put(f"{path}/assignee", {"assignee_id": None}, if_match="*"),
        await ana.client.post(f"{path}/claim"),
        await ana.client.get(f"/api/customers/{ticket.requester_id}"),
        await ana.client.get("/api/tickets", group="secret"),
        await ana.client.get("/api/tickets", sort="sla_due"),
        await ana.client.post("/api/tickets", {"text": "x", "requester": {"email": "eve@example.net"}}),
        await ana.client.post("/api/tickets", {"text": "x", "priority": "urgent"}),
    ):
        assert answer.status == 403, answer.body
    assert (await ana.client.post(f"{path}/replies", {"text": "x", "status": "solved"})).status == 422


async def test_a_customers_reply_reopens_and_is_the_customers_word(desk: Desk) -> None:
    ana, _, ticket = await ana_and_eve(desk)
    answer = await ana.client.post(f"/api/tickets/{ticket.id}/replies", {"text": "Thanks", "expected_version": 2})
    assert answer.status == 201, answer.body
    assert (answer.json()["message"]["kind"], answer.json()["message"]["author"]["id"]) == (
        "customer",
        str(ticket.requester_id),
    )
    assert (answer.json()["ticket"]["status"], answer.json()["ticket"]["thread_version"]) == ("open", 3)
    stale = await ana.client.post(f"/api/tickets/{ticket.id}/replies", {"text": "Hm", "expected_version": 1})
    assert stale.status == 409
    assert [message["kind"] for message in stale.json()["messages"]] == ["reply", "customer"]
    assert b"secret" not in stale.body


async def test_a_customer_opens_a_ticket_before_ever_having_written(desk: Desk) -> None:
    new = await desk.person(Role.CUSTOMER, "new@example.com", name="Nia")
    answer = await new.client.post("/api/tickets", {"subject": "Help", "text": "It burns."})
    assert answer.status == 201, answer.body
    assert (answer.json()["requester"]["name"], answer.json()["channel"]) == ("Nia", "form")
    await desk.take(received("new@example.com"))
    assert len((await new.client.get("/api/tickets")).json()["items"]) == 2


async def test_a_customer_whose_account_has_not_arrived_is_asked_to_try_again(desk: Desk) -> None:
    known = await desk.person(Role.CUSTOMER)
    async with desk.database.transaction() as session:
        await (await session.connection()).exec_driver_sql("DELETE FROM accounts")
    answer = await known.client.post("/api/tickets", {"text": "x"})
    assert (answer.status, answer.headers["retry-after"]) == (503, "2")
    assert (await known.client.get("/api/tickets")).json()["items"] == []


async def test_a_customer_does_not_see_that_something_happened_inside(desk: Desk) -> None:
    """The time of the last change once told of every note, and so did the order of the list."""
    ana = await desk.person(Role.CUSTOMER, "ana@example.com", name="Ana")
    older, newer = received("ana@example.com"), received("ana@example.com", received_at=START + timedelta(minutes=1))
    await desk.take(older, newer)
    rows = await desk.rows("SELECT id FROM tickets ORDER BY created_at DESC")
    agent = await desk.person()
    assert (await agent.client.post(f"/api/tickets/{rows[1].id}/notes", {"text": "secret"})).status == 201
    held = older.model_copy(update={"message_id": uuid7(), "auto_submitted": True, "received_at": now_utc()})
    await desk.take(held)

    seen: list[Any] = []
    cursor: dict[str, str] = {}
    while True:
        page = (await ana.client.get("/api/tickets", limit=1, **cursor)).json()
        seen += page["items"]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert [item["id"] for item in seen] == [str(row.id) for row in rows]
    assert [item["updated_at"] for item in seen] == [item["last_message_at"] for item in seen]
    read = (await ana.client.get(f"/api/tickets/{rows[1].id}")).json()
    assert read["updated_at"] == read["last_message_at"] == read["created_at"]
    listed = (await agent.client.get("/api/tickets")).json()["items"]
    assert [item["id"] for item in listed] == [str(row.id) for row in rows[::-1]]
