"""Replies that others get a copy of: who they are, what they may do then, and what becomes of their copies."""

from typing import Any

import pytest

from services.tickets.service import intake, scheduled
from shared.db import now_utc
from shared.events.accounts import Role
from shared.events.common import Channel
from shared.events.messages import MessageDelivered, Sender, ThreadingEvidence
from tests.integration.events import event_of
from tests.integration.tickets.harness import Desk, Person, received
from tests.integration.tickets.test_scheduled import LATER, a_ticket, paths

BOSS = "boss@customer.example"


async def replied(agent: Person, ticket: Any, **body: Any) -> Any:
    return await agent.client.post(paths(ticket)[0], {"text": "Use water.", "cc": [BOSS], **body})


async def boss_answers(desk: Desk, ticket: Any) -> Any:
    """The boss answers the mail, which proves nothing but which conversation it belongs to."""
    answer = received(BOSS, evidence=ThreadingEvidence(reference_conversation_id=ticket.conversation_id))
    await desk.take(answer)
    return await desk.one("SELECT ticket_id FROM messages WHERE id = :id", id=answer.message_id)


async def test_who_gets_a_copy_takes_part(desk: Desk) -> None:
    agent, ticket = await desk.person(), await a_ticket(desk)
    apart = await boss_answers(desk, ticket)
    assert apart.ticket_id != ticket.id
    written = await replied(agent, ticket, cc=["Boss@Customer.Example", BOSS, "ana@example.com"])
    assert (written.status, written.json()["message"]["cc"]) == (201, [BOSS])
    told = await desk.rows(
        "SELECT CAST(data AS jsonb) AS data FROM outbox WHERE type = 'ticket.message_added.v1' AND aggregate_id = :id",
        id=str(ticket.id),
    )
    assert [row.data["cc"] for row in told] == [[BOSS]]
    assert (await boss_answers(desk, ticket)).ticket_id == ticket.id


async def test_who_gets_a_copy_reads_their_mail_and_nothing_here(desk: Desk) -> None:
    agent, boss, ticket = await desk.person(), await desk.person(Role.CUSTOMER, BOSS), await a_ticket(desk)
    ana = await desk.person(Role.CUSTOMER, "ana@example.com")
    await replied(agent, ticket)
    assert (await boss.client.get(f"/api/tickets/{ticket.id}")).status == 404
    assert (await boss.client.get("/api/tickets")).json()["items"] == []
    thread = (await ana.client.get(f"/api/tickets/{ticket.id}/messages")).json()["items"]
    assert thread[1]["cc"] == [BOSS]


async def test_a_copy_leaves_with_its_reply_and_comes_back_with_it(desk: Desk) -> None:
    agent, ticket = await desk.person(), await a_ticket(desk)
    waiting = await replied(agent, ticket, undo_seconds=60)
    assert (waiting.status, waiting.json()["cc"]) == (202, [BOSS])
    await agent.client.delete(waiting.headers["location"])
    draft = (await agent.client.get(f"/api/tickets/{ticket.id}/draft")).json()["draft"]
    assert draft["cc"] == [BOSS]
    assert (await boss_answers(desk, ticket)).ticket_id != ticket.id

    await replied(agent, ticket, undo_seconds=60)
    async with desk.database.transaction() as session:
        await scheduled.release_due(session, now=now_utc() + LATER)
    assert (await desk.one("SELECT cc FROM messages WHERE kind = 'reply'")).cc == [BOSS]
    assert (await boss_answers(desk, ticket)).ticket_id == ticket.id


async def test_customers_send_no_copies_and_what_is_no_mail_has_none(desk: Desk) -> None:
    agent, ana = await desk.person(), await desk.person(Role.CUSTOMER, "ana@example.com")
    ticket = await a_ticket(desk)
    assert (await replied(ana, ticket)).status == 403
    await desk.take(received(sender=Sender(kind="phone", address="+4930123456", name="Bo"), channel=Channel.PHONE))
    called = await desk.one("SELECT * FROM tickets ORDER BY number DESC LIMIT 1")
    refused = await replied(agent, called)
    assert (refused.status, refused.json()["type"]) == (422, "/problems/copies-need-mail")


@pytest.mark.parametrize("cc", [["nobody"], ["a@b\r\nBcc: x@y"], [f"a{n}@b.example" for n in range(11)]])
async def test_what_is_no_address_and_what_is_too_much_is_refused(desk: Desk, cc: list[str]) -> None:
    agent, ticket = await desk.person(), await a_ticket(desk)
    assert (await replied(agent, ticket, cc=cc)).status == 422


async def test_agents_are_told_who_got_no_copy(desk: Desk) -> None:
    agent, ticket = await desk.person(), await a_ticket(desk)
    message = (await replied(agent, ticket)).json()["message"]
    delivered = MessageDelivered(
        message_id=message["id"],
        ticket_id=ticket.id,
        conversation_id=ticket.conversation_id,
        delivered_at=now_utc(),
        external_id="x@desk.example",
        refused={BOSS: "smtp 550"},
    )
    await desk.handle(intake.keep_delivered, event_of(delivered, ticket.conversation_id))
    thread = (await agent.client.get(f"/api/tickets/{ticket.id}/messages")).json()["items"]
    assert (thread[1]["delivery_state"], thread[1]["delivery_detail"]) == ("delivered", f"{BOSS}: smtp 550")
