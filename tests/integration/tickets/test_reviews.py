"""Messages that claim to belong to a ticket without proof: a person decides, once, and can take it back."""

import asyncio
from typing import Any

import pytest

from services.tickets.domain.ticket import Ticket
from services.tickets.repository import TicketRepository
from shared.events.accounts import Role
from shared.events.messages import MessageReceived, Sender, ThreadingEvidence
from shared.ids import uuid7
from tests.integration.tickets.harness import Desk, received
from tests.integration.tickets.test_intake import again, close, ticket_of

EVE = Sender(kind="email", address="eve@example.net", name="Eve")


async def claimed(desk: Desk) -> tuple[MessageReceived, MessageReceived]:
    """Ana's first message, and a stranger's that names it."""
    anas = received("ana@example.com")
    evas = again(anas, 5, sender=EVE, evidence=ThreadingEvidence(reference_conversation_id=anas.conversation_id))
    await desk.take(anas)
    await desk.take(evas)
    return anas, evas


async def test_a_claim_is_held_for_review_and_found_by_a_view(desk: Desk) -> None:
    anas, evas = await claimed(desk)
    victim, held = await ticket_of(desk, anas), await ticket_of(desk, evas)
    agent = await desk.person()
    review = {"ticket_id": str(victim.id), "reason": "sender_takes_no_part"}
    assert (await agent.client.get(f"/api/tickets/{held.id}")).json()["review"] == review
    assert (await agent.client.get(f"/api/tickets/{victim.id}")).json()["review"] is None
    view = {"name": "To be reviewed", "conditions": {"not": {"field": "review", "is": []}}}
    found = (await agent.client.post("/api/views/preview", {"conditions": view["conditions"]})).json()
    assert [(row["id"], row["review"]) for row in found["items"]] == [(str(held.id), review)]
    lined = (await agent.client.get("/api/tickets?where=review:sender_takes_no_part")).json()
    assert [row["id"] for row in lined["items"]] == [str(held.id)]


async def test_joining_lets_the_sender_in_until_it_is_taken_back(desk: Desk) -> None:
    anas, evas = await claimed(desk)
    victim, held = await ticket_of(desk, anas), await ticket_of(desk, evas)
    agent = await desk.person()
    answer = await agent.client.post(f"/api/tickets/{held.id}/review", {"decision": "join"})
    assert (answer.status, answer.json()["id"]) == (200, str(victim.id)), answer.body
    thread = (await agent.client.get(f"/api/tickets/{victim.id}/messages")).json()
    assert str(evas.message_id) in {message["id"] for message in thread["items"]}
    after = (await agent.client.get(f"/api/tickets/{held.id}")).json()
    assert (after["merged_into"], after["review"]) == (str(victim.id), None)
    entries = (await agent.client.get(f"/api/tickets/{held.id}/timeline")).json()["items"]
    [told] = [entry["changes"]["review"] for entry in entries if "review" in entry["changes"]]
    assert (told["before"]["ticket_id"], told["after"]) == (str(victim.id), None)
    later = again(evas, 9)
    await desk.take(later)
    joined = await ticket_of(desk, later)
    assert (joined.id, joined.kind) == (victim.id, "customer")
    # Nothing is left to decide, and the merge is undone as any other.
    again_ = await agent.client.post(f"/api/tickets/{held.id}/review", {"decision": "separate"})
    assert (again_.status, again_.json()["type"].rpartition("/")[2]) == (409, "not-in-review")
    undone = await agent.client.delete(f"/api/tickets/{victim.id}/merges/{held.id}")
    assert (undone.status, undone.json()["merged_into"]) == (200, None)


async def test_undoing_a_join_puts_a_sender_out_who_wrote_nothing_since(desk: Desk) -> None:
    anas, evas = await claimed(desk)
    victim, held = await ticket_of(desk, anas), await ticket_of(desk, evas)
    agent = await desk.person()
    await agent.client.post(f"/api/tickets/{held.id}/review", {"decision": "join"})
    await agent.client.delete(f"/api/tickets/{victim.id}/merges/{held.id}")
    later = again(evas, 9)
    await desk.take(later)
    assert (await ticket_of(desk, later)).id == held.id


async def test_undoing_a_join_asks_for_the_decision_again(desk: Desk) -> None:
    """It was forgotten with the merge: the ticket stood by itself, and nobody had said so."""
    anas, evas = await claimed(desk)
    victim, held = await ticket_of(desk, anas), await ticket_of(desk, evas)
    agent = await desk.person()
    review = {"ticket_id": str(victim.id), "reason": "sender_takes_no_part"}
    where = "/api/tickets?where=-review:none"
    await agent.client.post(f"/api/tickets/{held.id}/review", {"decision": "join"})
    assert (await agent.client.get(where)).json()["items"] == []
    undone = await agent.client.delete(f"/api/tickets/{victim.id}/merges/{held.id}")
    assert (undone.status, undone.json()["review"]) == (200, review), undone.body
    assert [(row["id"], row["review"]) for row in (await agent.client.get(where)).json()["items"]] == [
        (str(held.id), review)
    ]
    again_ = await agent.client.post(f"/api/tickets/{held.id}/review", {"decision": "join"})
    assert (again_.status, again_.json()["id"]) == (200, str(victim.id)), again_.body


async def test_what_was_separated_is_not_asked_again(desk: Desk) -> None:
    anas, evas = await claimed(desk)
    held = await ticket_of(desk, evas)
    agent = await desk.person()
    answer = await agent.client.post(f"/api/tickets/{held.id}/review", {"decision": "separate"})
    assert (answer.status, answer.json()["id"], answer.json()["review"]) == (200, str(held.id), None)
    later = again(evas, 9)
    await desk.take(later)
    ticket = await ticket_of(desk, later)
    assert (ticket.id, ticket.review_of) == (held.id, None)
    assert (await ticket_of(desk, anas)).message_count == 1
    entries = (await agent.client.get(f"/api/tickets/{held.id}/timeline")).json()["items"]
    assert [(entry["cause"], entry["via"]) for entry in entries if "review" in entry["changes"]] == [("review", "web")]


async def test_a_claim_follows_the_ticket_where_that_was_merged(desk: Desk) -> None:
    anas, evas = await claimed(desk)
    victim, held = await ticket_of(desk, anas), await ticket_of(desk, evas)
    other = received("ana@example.com")
    await desk.take(other)
    last = await ticket_of(desk, other)
    agent = await desk.person()
    merged = await agent.client.post(f"/api/tickets/{last.id}/merges", {"sources": [str(victim.id)]})
    assert merged.status == 200, merged.body
    answer = await agent.client.post(f"/api/tickets/{held.id}/review", {"decision": "join"})
    assert answer.json()["id"] == str(last.id)


async def test_nobody_joins_what_is_closed_and_customers_decide_nothing(desk: Desk) -> None:
    anas, evas = await claimed(desk)
    victim, held = await ticket_of(desk, anas), await ticket_of(desk, evas)
    customer = await desk.person(Role.CUSTOMER, EVE.address)
    assert (await customer.client.post(f"/api/tickets/{held.id}/review", {"decision": "join"})).status == 403
    own = (await customer.client.get(f"/api/tickets/{held.id}")).json()
    assert own["review"] is None, "whose ticket it is, and that there is one, is no business of hers"
    await close(desk, victim.id)
    agent = await desk.person()
    answer = await agent.client.post(f"/api/tickets/{held.id}/review", {"decision": "join"})
    assert (answer.status, answer.json()["type"].rpartition("/")[2]) == (409, "ticket-closed")
    assert (await ticket_of(desk, evas)).review_of == victim.id
    missing = await agent.client.post(f"/api/tickets/{uuid7()}/review", {"decision": "join"})
    assert missing.status == 404


async def test_of_two_who_decide_at_once_the_first_counts(desk: Desk) -> None:
    anas, evas = await claimed(desk)
    victim, held = await ticket_of(desk, anas), await ticket_of(desk, evas)
    agent = await desk.person()
    async with desk.database.transaction() as session:
        # What separating holds until it commits.
        connection = await session.connection()
        await connection.exec_driver_sql(f"SELECT FROM tickets WHERE id = '{held.id}' FOR UPDATE")
        joining = asyncio.create_task(agent.client.post(f"/api/tickets/{held.id}/review", {"decision": "join"}))
        await asyncio.sleep(0.3)
        await connection.exec_driver_sql(
            f"UPDATE tickets SET review_of = NULL, review_reason = NULL WHERE id = '{held.id}'"
        )
    answer = await joining
    assert (answer.status, answer.json()["type"].rpartition("/")[2]) == (409, "not-in-review")
    assert (await ticket_of(desk, evas)).id == held.id
    assert (await ticket_of(desk, anas)).id == victim.id
    assert (await desk.one("SELECT count(*) AS n FROM merges")).n == 0


async def test_a_ticket_that_the_other_one_went_into_joins_it_by_saying_so(desk: Desk) -> None:
    anas, evas = await claimed(desk)
    victim, held = await ticket_of(desk, anas), await ticket_of(desk, evas)
    agent = await desk.person()
    body = {"sources": [str(victim.id)], "across_customers": True}
    merged = await agent.client.post(f"/api/tickets/{held.id}/merges", body)
    assert merged.status == 200, merged.body
    answer = await agent.client.post(f"/api/tickets/{held.id}/review", {"decision": "join"})
    assert (answer.status, answer.json()["id"], answer.json()["review"]) == (200, str(held.id), None), answer.body


async def test_what_strangers_claim_is_not_read_with_each_message(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """From a thousand addresses somebody names a conversation: each message in it locked a thousand tickets."""
    anas, evas = await claimed(desk)
    for number in range(4):
        await desk.take(again(evas, 6, sender=Sender(kind="email", address=f"eve{number}@example.net")))
    held = await ticket_of(desk, evas)
    read: list[list[Ticket]] = []
    lock_lines = TicketRepository.lock_lines

    async def observed(*given: Any, **named: Any) -> list[Ticket]:
        read.append(await lock_lines(*given, **named))
        return read[-1]

    monkeypatch.setattr(TicketRepository, "lock_lines", observed)
    await desk.take(again(anas, 9))
    await desk.take(again(evas, 9))
    victim = await ticket_of(desk, anas)
    assert [{ticket.id for ticket in each} for each in read] == [{victim.id}, {victim.id, held.id}]
