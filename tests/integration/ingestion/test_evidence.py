"""What ingestion states of a mail for tickets to decide by, and what nobody has to look at."""

from typing import Any
from uuid import UUID

from services.ingestion.domain.tokens import agent_address
from shared.events.tickets import MessageKind, TicketCreated
from shared.ids import uuid7
from tests.integration.ingestion.harness import Desk, mail
from tests.integration.ingestion.test_outbound import reply

ADA = "ada@example.org"


async def received(desk: Desk, raw: bytes) -> dict[str, Any]:
    """The event of a mail that is let in."""
    before = len(await desk.events("message.received.v1"))
    status = await desk.take_mail(raw)
    assert status["status"] == "accepted", status
    events = await desk.events("message.received.v1")
    assert len(events) == before + 1, status
    return events[-1]


async def ignored(desk: Desk, raw: bytes) -> str:
    """Why a mail was ignored."""
    before = len(await desk.events("message.received.v1"))
    status = await desk.take_mail(raw)
    assert len(await desk.events("message.received.v1")) == before
    row = "SELECT concat(outcome, ': ', reason) FROM inbound_messages WHERE id = CAST(:id AS uuid)"
    return str(await desk.scalar(row, id=status["id"]))


async def sent(desk: Desk, **changes: Any) -> tuple[Any, str]:
    """A reply on its way: its conversation and its Message-ID."""
    added = reply(uuid7(), **changes)
    await desk.consume(added)
    mail_id = "SELECT mail_id FROM outbound_messages WHERE message_id = :id"
    return added.ticket.conversation_id, f"<{await desk.scalar(mail_id, id=added.message.id)}>"


async def test_our_message_id_proves_who_was_sent_it_and_nobody_else(desk: Desk) -> None:
    conversation_id, mail_id = await sent(desk, cc=("bo@example.org",))
    for sender, is_proven in ((ADA, True), ("bo@example.org", True), ("eve@example.net", False)):
        raw = mail(From=sender, In_Reply_To=mail_id, Message_ID=f"<{uuid7()}@example.org>")
        evidence = (await received(desk, raw))["evidence"]
        assert evidence["token_conversation_id"] == (str(conversation_id) if is_proven else None)
        assert evidence["reference_conversation_id"] == str(conversation_id), "whoever has it refers to it"


async def test_a_guessed_message_id_proves_nothing(desk: Desk) -> None:
    conversation_id, mail_id = await sent(desk)
    forged = mail_id.replace(mail_id.partition(".")[2][:4], "0000", 1)
    evidence = (await received(desk, mail(From=ADA, In_Reply_To=forged)))["evidence"]
    assert (evidence["token_conversation_id"], evidence["reference_conversation_id"]) == (None, None)
    assert conversation_id


async def test_an_agents_token_is_stated_with_what_it_was_made_for(desk: Desk) -> None:
    context, ticket_id = await desk.mail_desk.context(), uuid7()
    for as_note in (True, False):
        address = agent_address(
            context.token_key, context.identities.default, ticket_id, "grace@desk.example", as_note=as_note
        )
        raw = mail(From="grace@desk.example", To=address, Message_ID=f"<{uuid7()}@desk.example>")
        stated = (await received(desk, raw))["evidence"]["agent"]
        assert stated == {"ticket_id": str(ticket_id), "as_note": as_note}
        other = mail(From="eve@desk.example", To=address, Message_ID=f"<{uuid7()}@desk.example>")
        assert (await received(desk, other))["evidence"]["agent"] is None
    away = mail(From="grace@desk.example", To=address, Auto_Submitted="auto-replied", Subject="Out of office")
    assert await ignored(desk, away) == "ignored: automatic_reply_of_agent"


async def test_copies_are_those_whom_the_sender_named(desk: Desk) -> None:
    own = (await desk.mail_desk.context()).identities.default.mailbox.address
    many = ", ".join(f"p{n}@example.org" for n in range(30))
    event = await received(
        desk, mail(From=ADA, To=f"{own}, bo@example.org, {ADA}", Cc=many, Delivered_To="all@example.org")
    )
    assert event["cc"] == ["bo@example.org", *(f"p{n}@example.org" for n in range(9))]


async def test_what_is_forwarded_names_who_wrote_it(desk: Desk) -> None:
    text = "See below.\n\n---------- Forwarded message ---------\nFrom: Bo <bo@example.org>\n"
    text += "Date: Mon, 2 Mar 2026 10:00:00 +0000\nSubject: Printer\nTo: Ada <ada@example.org>\n\nIt burns.\n"
    event = await received(desk, mail(text, From=ADA, Subject="Fwd: Printer"))
    assert (event["forwarded_from"]["address"], event["forwarded_from"]["name"]) == ("bo@example.org", "Bo")


async def test_our_own_mail_that_comes_back_and_answers_to_nothing_are_ignored(desk: Desk) -> None:
    _, mail_id = await sent(desk)
    own = (await desk.mail_desk.context()).identities.default.mailbox.address
    assert await ignored(desk, mail(From=own, Message_ID=mail_id)) == "ignored: our_own_mail"
    away = mail(From=ADA, Auto_Submitted="auto-replied", Subject="Out of office")
    assert await ignored(desk, away) == "ignored: automatic_reply_to_nothing"
    answering = mail(From=ADA, Auto_Submitted="auto-replied", Subject="Away", In_Reply_To=mail_id)
    assert (await received(desk, answering))["auto_submitted"]


async def test_what_becomes_of_a_mail_is_told_whatever_it_became(desk: Desk) -> None:
    """An agent's answer is no customer's message, and one that is held opened a ticket all the same."""
    outcomes = []
    for kind in (MessageKind.CUSTOMER, MessageKind.NOTE, MessageKind.REPLY, MessageKind.SYSTEM):
        mail_in = await received(desk, mail(From=ADA, Message_ID=f"<{uuid7()}@example.org>"))
        await desk.consume(reply(uuid7(), id=UUID(mail_in["message_id"]), kind=kind))
        outcomes.append(await outcome(desk, mail_in))
    for review in (None, "sender_takes_no_part"):
        mail_in = await received(desk, mail(From=ADA, Message_ID=f"<{uuid7()}@example.org>"))
        told = reply(uuid7(), id=UUID(mail_in["message_id"]), kind=MessageKind.CUSTOMER)
        ticket = told.ticket.model_copy(update={"review": review})
        await desk.consume(TicketCreated(ticket=ticket, message=told.message, actor=told.message.author))
        outcomes.append(await outcome(desk, mail_in))
    assert outcomes == ["joined", "joined", "joined", "joined", "opened", "held"]


async def outcome(desk: Desk, event: dict[str, Any]) -> Any:
    return await desk.scalar(
        "SELECT outcome FROM inbound_messages WHERE id = CAST(:id AS uuid)", id=event["message_id"]
    )


async def test_who_is_to_be_answered_is_offered_and_is_not_the_sender(desk: Desk) -> None:
    """Forms and shops write in their own name, for somebody else."""
    own = (await desk.mail_desk.context()).identities.default.mailbox.address
    form = {"From": "forms@shop.example", "Auto_Submitted": "auto-generated"}
    stated = await received(desk, mail(**form, Reply_To="Bo <bo@example.org>"))
    assert stated["sender"]["address"] == "forms@shop.example"
    assert (stated["forwarded_from"]["address"], stated["forwarded_from"]["name"]) == ("bo@example.org", "Bo")
    for reply_to in ("forms@shop.example", own, "bo@example.org, eve@example.net", "bo@example.org)<eve@example.net>"):
        other = mail(**form, Reply_To=reply_to, Message_ID=f"<{uuid7()}@shop.example>")
        assert (await received(desk, other))["forwarded_from"] is None, reply_to
    of_list = mail(From=ADA, List_Id="<talk.example.org>", Reply_To="talk@example.org")
    assert (await received(desk, of_list))["forwarded_from"] is None
