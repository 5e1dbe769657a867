"""Who works here is told of what concerns them by others, and of nothing they did themselves."""

import json
from typing import Any

from services.tickets.service.notices import tell_undelivered
from shared.db import now_utc
from shared.events.accounts import Role
from shared.events.messages import MessageFailed
from tests.integration.events import event_of
from tests.integration.tickets.harness import Desk
from tests.integration.tickets.test_bounces import bounced
from tests.integration.tickets.test_scheduled import a_ticket, paths


async def told(desk: Desk) -> list[dict[str, Any]]:
    rows = await desk.rows("SELECT data, aggregate_id FROM outbox WHERE topic = 'desk.notifications' ORDER BY id")
    notices = [json.loads(row.data) for row in rows]
    assert [row.aggregate_id for row in rows] == [notice["notification_id"] for notice in notices]
    return notices


async def test_whom_a_note_mentions_is_told_and_may_answer_with_a_note(desk: Desk) -> None:
    ada, ben, ticket = await desk.person(name="Ada"), await desk.person(name="Ben"), await a_ticket(desk)
    everybody = [str(person.principal.account_id) for person in (ada, ben)]
    note = await ada.client.post(f"/api/tickets/{ticket.id}/notes", {"text": "@Ben look", "mentions": everybody})
    assert note.status == 201, note.body
    [notice] = await told(desk)
    assert (notice["kind"], notice["to"]["name"], notice["ticket_id"]) == ("mention", "Ben", str(ticket.id))
    assert notice["answer_as_note"] is True
    assert notice["values"] == {
        "ticket_number": str(ticket.number),
        "subject": ticket.subject,
        "author": "Ada",
        "text": "@Ben look",
    }


async def test_who_is_given_a_ticket_by_somebody_else_is_told(desk: Desk) -> None:
    ada, ben, ticket = await desk.person(name="Ada"), await desk.person(name="Ben"), await a_ticket(desk)
    path = f"/api/tickets/{ticket.id}/assignee"
    for person in (ada, ben, ben):
        body = {"assignee_id": str(person.principal.account_id)}
        answer = await ada.client.put(path, body, if_match="*")
        assert answer.status == 200, answer.body
    [notice] = await told(desk)
    assert (notice["kind"], notice["to"]["name"], notice["values"]["author"]) == ("assignment", "Ben", "Ada")
    assert notice["answer_as_note"] is False


async def test_an_author_is_told_that_a_reply_did_not_arrive(desk: Desk) -> None:
    ada, gone, ticket = await desk.person(name="Ada"), await desk.person(name="Gone"), await a_ticket(desk)
    replies = []
    for person in (ada, gone):
        answer = await person.client.post(paths(ticket)[0], {"text": "Use water."})
        assert answer.status == 201, answer.body
        replies.append(answer.json()["message"]["id"])
    await desk.execute("UPDATE accounts SET active = false WHERE name = 'Gone'")
    failed = [
        MessageFailed(
            message_id=reply,
            ticket_id=ticket.id,
            conversation_id=ticket.conversation_id,
            failed_at=now_utc(),
            reason="smtp 550",
            attempts=1,
        )
        for reply in replies
    ]
    async with desk.database.transaction() as session:
        await tell_undelivered(session, [event_of(each) for each in failed])
        await tell_undelivered(session, [event_of(bounced(replies[0], ticket, "boss@customer.example"))])
    first, second = await told(desk)
    assert (first["to"]["name"], first["kind"]) == ("Ada", "undelivered")
    assert (first["values"]["recipient"], first["values"]["reason"]) == ("ana@example.com", "smtp 550")
    assert (second["values"]["recipient"], second["values"]["reason"]) == ("boss@customer.example", "no such user")
    inside = await desk.rows(
        "SELECT data, aggregate_id FROM outbox WHERE type = 'ticket.reply_undelivered.v1' ORDER BY id"
    )
    assert [row.aggregate_id for row in inside] == [str(ticket.id)] * 2
    for row in inside:
        undelivered = json.loads(row.data)
        del undelivered["undelivered_at"]
        assert undelivered == {
            "ticket_id": str(ticket.id),
            "ticket_number": ticket.number,
            "message_id": replies[0],
            "author_id": str(ada.principal.account_id),
        }


async def test_a_customer_is_told_nothing(desk: Desk) -> None:
    customer, ticket = await desk.person(Role.CUSTOMER), await a_ticket(desk)
    await desk.execute("UPDATE messages SET author_id = :id", id=str(customer.principal.account_id))
    [message] = await desk.rows("SELECT id FROM messages WHERE ticket_id = :id", id=ticket.id)
    async with desk.database.transaction() as session:
        await tell_undelivered(session, [event_of(bounced(message.id, ticket))])
    assert await told(desk) == []
