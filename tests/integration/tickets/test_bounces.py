"""Replies that left and did not arrive: the thread, the timeline and those who watch are told."""

from datetime import timedelta
from typing import Any

from services.tickets.service import intake
from services.tickets.service.bounces import keep_bounced
from shared.db import now_utc
from shared.events.messages import MessageBounced, MessageDelivered
from shared.ids import uuid7
from tests.integration.events import event_of
from tests.integration.tickets.harness import Desk
from tests.integration.tickets.test_scheduled import a_ticket, paths


def bounced(message_id: Any, ticket: Any, recipient: str = "ana@example.com", **fields: Any) -> MessageBounced:
    return MessageBounced(
        message_id=message_id,
        ticket_id=ticket.id,
        conversation_id=ticket.conversation_id,
        bounced_at=now_utc(),
        recipient=recipient,
        **{"is_permanent": True, "status": "5.1.1", "reason": "no such user", **fields},
    )


async def keep(desk: Desk, *data: MessageBounced) -> None:
    async with desk.database.transaction() as session:
        await keep_bounced(session, [event_of(each) for each in data])


async def test_a_reply_that_did_not_arrive_says_at_whom_and_why(desk: Desk) -> None:
    agent, ticket = await desk.person(), await a_ticket(desk)
    written = await agent.client.post(paths(ticket)[0], {"text": "Use water.", "cc": ["boss@customer.example"]})
    reply = written.json()["message"]["id"]
    at = now_utc() - timedelta(minutes=1)
    delivered = MessageDelivered(
        message_id=reply,
        ticket_id=ticket.id,
        conversation_id=ticket.conversation_id,
        delivered_at=at,
        external_id="one@desk.example",
    )
    async with desk.database.transaction() as session:
        await intake.keep_delivered(session, [event_of(delivered)])
    await keep(desk, bounced(reply, ticket))
    await keep(desk, bounced(reply, ticket, "boss@customer.example", reason="", status="4.4.7", is_permanent=False))
    async with desk.database.transaction() as session:
        await intake.keep_delivered(session, [event_of(delivered.model_copy(update={"again": True}))])

    [_, shown] = (await agent.client.get(f"/api/tickets/{ticket.id}/messages")).json()["items"]
    assert (shown["delivery_state"], shown["delivery_detail"]) == (
        "bounced",
        "ana@example.com: no such user; boss@customer.example: 4.4.7",
    )
    entries = (await agent.client.get(f"/api/tickets/{ticket.id}/timeline")).json()["items"]
    told = [entry for entry in entries if entry["cause"] == "message.bounced"]
    assert [entry["changes"]["bounced"]["after"]["recipient"] for entry in told] == [
        "boss@customer.example",
        "ana@example.com",
    ]
    changes = await desk.rows(
        "SELECT CAST(data AS jsonb) -> 'changes' -> 'bounced' -> 'after' AS after FROM outbox "
        "WHERE type = 'ticket.changed.v1' AND aggregate_id = :id AND data LIKE '%\"bounced\"%' ORDER BY id",
        id=str(ticket.id),
    )
    assert [row.after["is_permanent"] for row in changes] == [True, False]


async def test_a_bounce_of_nothing_we_know_is_skipped(desk: Desk) -> None:
    ticket = await a_ticket(desk)
    before = await desk.one("SELECT count(*) AS n FROM ticket_history")
    await keep(desk, bounced(uuid7(), ticket))
    assert (await desk.one("SELECT count(*) AS n FROM ticket_history")).n == before.n
