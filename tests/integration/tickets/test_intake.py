"""Messages from outside become tickets and threads: in batches, in parallel, and never in somebody else's ticket."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from services.tickets.service import intake
from shared.events.accounts import Role
from shared.events.common import AttachmentRef, Channel, Priority, TicketType
from shared.events.messages import Authentication, MessageReceived, Sender, ThreadingEvidence
from shared.ids import uuid7
from tests.integration.events import START, event_of
from tests.integration.tickets.harness import Desk, received
from tests.statements import sent

# Enough for any number of messages: what a batch needs is read, and what it decides is written, by one statement each.
MAX_STATEMENTS = 15


def again(data: MessageReceived, minutes: int = 5, **fields: Any) -> MessageReceived:
    """Another message of the same sender in the same conversation, some minutes later."""
    update = {"message_id": uuid7(), "received_at": data.received_at + timedelta(minutes=minutes)}
    return data.model_copy(update=update | fields)


async def close(desk: Desk, ticket_id: UUID) -> None:
    """Close a ticket the way an agent does."""
    agent = await desk.person()
    for status in ("solved", "closed"):
        answer = await agent.client.patch(f"/api/tickets/{ticket_id}", {"status": status}, if_match="*")
        assert answer.status == 200, answer.body


async def ticket_of(desk: Desk, data: MessageReceived) -> Any:
    """The ticket a message went into."""
    return await desk.one(
        "SELECT t.*, m.kind, m.position FROM tickets t JOIN messages m ON m.ticket_id = t.id WHERE m.id = :id",
        id=data.message_id,
    )


async def test_a_first_message_opens_a_ticket_and_tells_it_once(desk: Desk) -> None:
    message = received(
        priority=Priority.URGENT,
        ticket_type=TicketType.BILLING,
        tags=("vip", "vip", "invoice"),
        external_id="<1@example.com>",
        attachments=(AttachmentRef(id=uuid7(), key="k", name="a.pdf", content_type="application/pdf", size_bytes=3),),
    )
    await desk.take(message)
    ticket = await ticket_of(desk, message)
    assert (ticket.number, ticket.version, ticket.status, ticket.priority, ticket.type) == (
        1,
        1,
        "new",
        "urgent",
        "billing",
    )
    assert ticket.tags == ["vip", "invoice"]
    assert (ticket.created_at, ticket.updated_at, ticket.last_message_at) == (START, START, START)
    assert ticket.conversation_id == message.conversation_id
    assert ticket.last_customer_external_id == "<1@example.com>"
    assert await desk.event_types() == ["ticket.created.v1"]
    event = await desk.one("SELECT data::jsonb AS data FROM outbox")
    assert event.data["ticket"]["number"] == 1
    assert event.data["message"]["id"] == str(message.message_id)
    assert event.data["message"]["attachments"][0]["name"] == "a.pdf"
    history = await desk.one("SELECT * FROM ticket_history")
    assert (history.cause, history.actor_kind, history.changes) == ("message.received", "customer", {})


async def test_a_batch_takes_as_many_statements_as_one_message(desk: Desk) -> None:
    batch = [received(f"customer{n % 400}@example.com", text=f"message {n}") for n in range(500)]
    async with sent(desk.database) as statements, desk.database.transaction() as session:
        await intake.receive_messages(session, [event_of(data, data.conversation_id) for data in batch])
    assert len(statements) <= MAX_STATEMENTS, statements
    counts = await desk.one(
        "SELECT (SELECT count(*) FROM tickets) AS tickets, (SELECT count(DISTINCT number) FROM tickets) AS numbers, "
        "(SELECT count(*) FROM messages) AS messages, (SELECT count(*) FROM customers) AS customers, "
        "(SELECT count(*) FROM ticket_history) AS history"
    )
    assert tuple(counts) == (500, 500, 500, 400, 500)
    assert len(await desk.event_types()) == 500

    replies = [again(data) for data in batch]
    async with sent(desk.database) as statements, desk.database.transaction() as session:
        await intake.receive_messages(session, [event_of(data, data.conversation_id) for data in replies])
    assert len(statements) <= MAX_STATEMENTS, statements
    assert (await desk.one("SELECT count(*) AS n FROM tickets WHERE message_count = 2")).n == 500


async def test_one_conversation_twice_in_one_batch_is_one_ticket(desk: Desk) -> None:
    first = received()
    by_token = received(
        evidence=ThreadingEvidence(token_conversation_id=first.conversation_id),
        received_at=START + timedelta(minutes=1),
    )
    await desk.take(first, again(first, 2), by_token)
    ticket = await desk.one("SELECT * FROM tickets")
    assert (ticket.message_count, ticket.version) == (3, 1)
    positions = await desk.rows("SELECT position, id FROM messages ORDER BY position")
    assert [row.position for row in positions] == [1, 2, 3]
    assert positions[0].id == first.message_id
    assert await desk.event_types() == ["ticket.created.v1"] + ["ticket.message_added.v1"] * 2
    # Both conversations go on in it from now on.
    later = again(by_token, 9, evidence=ThreadingEvidence())
    await desk.take(later)
    assert (await ticket_of(desk, later)).id == ticket.id


async def test_one_customer_in_many_conversations_is_one_customer(desk: Desk) -> None:
    nameless = Sender(kind="email", address="Ana@Example.com")
    await desk.take(
        received(sender=nameless), received("ana@example.com"), received("ana@example.com"), received("ben@example.com")
    )
    rows = await desk.rows("SELECT requester_id, count(*) AS n FROM tickets GROUP BY 1 ORDER BY 2")
    assert [row.n for row in rows] == [1, 3]
    await desk.take(received("ana@example.com"))
    assert (await desk.one("SELECT name FROM customers WHERE id = :id", id=rows[1].requester_id)).name == "Ana"


async def test_a_message_that_is_there_already_is_skipped(desk: Desk) -> None:
    message = received()
    await desk.take(message, message)
    await desk.take(message)
    assert (await desk.one("SELECT message_count FROM tickets")).message_count == 1
    assert len(await desk.event_types()) == 1


@pytest.mark.parametrize("status", ["pending", "on_hold", "solved"])
async def test_the_customers_word_reopens(desk: Desk, status: str) -> None:
    message = received()
    await desk.take(message)
    agent = await desk.person()
    ticket = await ticket_of(desk, message)
    assert (await agent.client.patch(f"/api/tickets/{ticket.id}", {"status": status}, if_match='"1"')).status == 200
    reply = again(message, 60)
    await desk.take(reply)
    ticket = await ticket_of(desk, reply)
    assert (ticket.status, ticket.version, ticket.solved_at) == ("open", 3, None)
    changed = (await desk.rows("SELECT data::jsonb AS data FROM outbox WHERE type = 'ticket.changed.v1' ORDER BY id"))[
        -1
    ]
    assert changed.data["cause"] == "message.received"
    assert changed.data["changes"]["status"] == {"before": status, "after": "open"}


async def test_a_message_to_a_closed_ticket_opens_a_follow_up_that_takes_the_conversation_over(desk: Desk) -> None:
    message = received()
    await desk.take(message)
    closed = await ticket_of(desk, message)
    await close(desk, closed.id)
    late = again(message, 600)
    await desk.take(late, again(message, 601))
    follow_up = await ticket_of(desk, late)
    assert (follow_up.follow_up_of, follow_up.status, follow_up.message_count) == (closed.id, "new", 2)
    assert follow_up.conversation_id == message.conversation_id
    assert (await desk.one("SELECT count(*) AS n FROM tickets")).n == 2
    assert (await desk.one("SELECT message_count FROM tickets WHERE id = :id", id=closed.id)).message_count == 1


async def test_a_second_event_about_a_solved_matter_reopens_it(desk: Desk) -> None:
    sender = Sender(kind="handle", address="/monitoring")
    token = ThreadingEvidence(token_conversation_id=uuid7(), authentication=Authentication.PASS)
    first = received(channel=Channel.EVENT, sender=sender, evidence=token, conversation_id=token.token_conversation_id)
    await desk.take(first)
    agent = await desk.person()
    ticket = await ticket_of(desk, first)
    await agent.client.patch(f"/api/tickets/{ticket.id}", {"status": "solved"}, if_match="*")
    second = again(first, 5, sender=Sender(kind="handle", address="/other-monitoring"))
    await desk.take(second)
    assert ((await ticket_of(desk, second)).id, (await ticket_of(desk, second)).status) == (ticket.id, "open")


async def test_tickets_and_their_follow_ups_are_locked_in_one_order(desk: Desk) -> None:
    """Locked by two statements, they met another batch that had them the other way round."""
    message = received()
    await desk.take(message)
    closed = await ticket_of(desk, message)
    await close(desk, closed.id)
    await desk.take(again(message, 600))
    late = received(evidence=ThreadingEvidence(ticket_number=closed.number, authentication=Authentication.PASS))
    async with sent(desk.database) as statements, desk.database.transaction() as session:
        await intake.receive_messages(session, [event_of(late, late.conversation_id)])
    assert len([each for each in statements if "UPDATE OF tickets" in each.sql]) == 1
    assert (await ticket_of(desk, late)).follow_up_of == closed.id


async def test_who_goes_on_naming_a_closed_ticket_stays_in_its_follow_up(desk: Desk) -> None:
    message = received()
    await desk.take(message)
    closed = await ticket_of(desk, message)
    await close(desk, closed.id)
    evidence = ThreadingEvidence(ticket_number=closed.number, authentication=Authentication.PASS)
    first, second = received(evidence=evidence), received(evidence=evidence, received_at=START + timedelta(hours=1))
    await desk.take(first)
    await desk.take(second)
    follow_up = await ticket_of(desk, first)
    assert follow_up.follow_up_of == closed.id
    assert (await ticket_of(desk, second)).id == follow_up.id


@pytest.mark.parametrize("way", ["number", "token", "portal"])
async def test_of_two_ways_to_a_closed_ticket_at_once_one_makes_the_follow_up(desk: Desk, way: str) -> None:
    """Whoever waited for the closed ticket did not see what had followed it up meanwhile, and made one more."""
    message, customer = received(), await desk.person(Role.CUSTOMER, "ana@example.com")
    await desk.take(message)
    closed = await ticket_of(desk, message)
    await close(desk, closed.id)
    number = ThreadingEvidence(ticket_number=closed.number, authentication=Authentication.PASS)
    token = ThreadingEvidence(token_conversation_id=message.conversation_id)
    first, second = received(evidence=number), received(evidence=token if way == "token" else number)
    async with desk.database.transaction() as session:
        await intake.receive_messages(session, [event_of(first, first.conversation_id)])
        if way == "portal":
            answer = customer.client.post(f"/api/tickets/{closed.id}/replies", {"text": "Again"})
            coming: asyncio.Task[Any] = asyncio.create_task(answer)
        else:
            coming = asyncio.create_task(desk.take(second))
        await asyncio.sleep(0.3)
        assert not coming.done()
    await coming
    follow_up = await ticket_of(desk, first)
    assert (follow_up.follow_up_of, follow_up.message_count) == (closed.id, 2)
    assert (await desk.one("SELECT count(*) AS n FROM tickets")).n == 2


async def test_a_stranger_with_a_real_reference_reads_and_writes_nothing_there(desk: Desk) -> None:
    """Anybody can put a known Message-ID into References (RFC 5322); that once was enough to get into a thread."""
    message = received("ana@example.com")
    await desk.take(message)
    victim = await ticket_of(desk, message)
    evidence = ThreadingEvidence(
        reference_conversation_id=message.conversation_id,
        ticket_number=victim.number,
        authentication=Authentication.PASS,
    )
    forged = again(message, 5, sender=Sender(kind="email", address="eve@example.net"), evidence=evidence)
    await desk.take(forged)
    apart = await ticket_of(desk, forged)
    assert apart.id != victim.id
    assert apart.conversation_id != message.conversation_id, "a reply token of hers would open the victim's thread"
    assert apart.follow_up_of is None
    note = await desk.one("SELECT * FROM messages WHERE ticket_id = :id AND kind = 'note'", id=apart.id)
    assert note.text == f"This message refers to ticket #{victim.number}, but its sender takes no part in it."
    # She goes on in her own ticket, and Ana in hers.
    evas, anas = again(forged, 10), again(message, 10)
    await desk.take(evas, anas)
    assert (await ticket_of(desk, evas)).id == apart.id
    assert (await ticket_of(desk, anas)).id == victim.id


async def test_a_token_lets_a_colleague_in_who_then_takes_part(desk: Desk) -> None:
    message = received("ana@example.com")
    await desk.take(message)
    colleague = Sender(kind="email", address="bo@example.com", name="Bo")
    token = ThreadingEvidence(token_conversation_id=message.conversation_id)
    by_token = again(message, 5, sender=colleague, evidence=token)
    plain = again(message, 6, sender=colleague)
    await desk.take(by_token, plain)
    assert (await desk.one("SELECT message_count FROM tickets")).message_count == 2 + 1
    assert (await desk.one("SELECT count(*) AS n FROM participants")).n == 2


async def test_an_automatic_reply_is_kept_but_wakes_nothing(desk: Desk) -> None:
    """Two machines answering each other once filled a desk overnight (RFC 3834 section 2)."""
    message = received()
    await desk.take(message)
    ticket = await ticket_of(desk, message)
    agent = await desk.person()
    await agent.client.patch(f"/api/tickets/{ticket.id}", {"status": "solved"}, if_match='"1"')
    away = again(message, 5, auto_submitted=True)
    await desk.take(away)
    kept = await ticket_of(desk, away)
    assert (kept.id, kept.status, kept.kind, kept.version) == (ticket.id, "solved", "system", 2)
    assert (kept.message_count, kept.public_message_count) == (2, 1)


async def test_texts_that_postgresql_cannot_hold_are_cleaned(desk: Desk) -> None:
    message = received(
        subject="a\x00b",
        text="\x00\x01" + "é" * 40_000,
        sender=Sender(kind="email", address="ana@example.com", name="A\x00na"),
        tags=("\x00",),
        external_id="<\x00@x>",
    )
    await desk.take(message)
    ticket = await ticket_of(desk, message)
    assert ticket.subject == "a\ufffdb"
    stored = await desk.one("SELECT text, text_truncated FROM messages")
    assert stored.text.startswith("\ufffd\ufffdé")
    assert len(stored.text.encode()) <= 64 * 1024
    assert stored.text_truncated


async def test_an_impossible_ticket_number_is_no_evidence(desk: Desk) -> None:
    await desk.take(received(evidence=ThreadingEvidence(ticket_number=10**30)))
    assert (await desk.one("SELECT count(*) AS n FROM tickets")).n == 1


async def test_two_batches_at_once_make_one_customer_and_one_ticket(desk: Desk) -> None:
    """Two consumers with the same new sender and conversation: both wait for each other at the same place."""
    conversation = uuid7()
    for round_ in range(5):
        address = f"new{round_}@example.com"
        batches = [[received(address), received(f"other{round_}@example.com"), received(address)] for _ in range(4)]
        shared = [received(address, conversation_id=conversation) for _ in batches]
        async with asyncio.timeout(60), asyncio.TaskGroup() as group:
            for batch, together in zip(batches, shared, strict=True):
                group.create_task(desk.take(*batch, together))
        conversation = uuid7()
    assert (await desk.one("SELECT count(*) AS n FROM customers")).n == 10
    rows = await desk.rows("SELECT message_count AS n, count(*) AS tickets FROM tickets GROUP BY 1 ORDER BY 1")
    assert [tuple(row) for row in rows] == [(1, 5 * 12), (4, 5)]


async def test_a_phone_and_an_address_are_two_customers_until_somebody_merges_them(desk: Desk) -> None:
    phone = received(channel=Channel.PHONE, sender=Sender(kind="phone", address="+4930123456", name="Ana"))
    await desk.take(phone, received())
    rows = await desk.rows("SELECT requester_email FROM tickets ORDER BY requester_email NULLS FIRST")
    assert [row.requester_email for row in rows] == [None, "ana@example.com"]
