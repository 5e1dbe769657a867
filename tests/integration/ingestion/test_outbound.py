"""Replies on their way out: sent by a real mail server or as files, never called delivered before they are."""

import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from datetime import timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any, Never
from uuid import UUID

import pytest
import pytest_asyncio
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from desk.ports import free_port
from services.ingestion import sending
from services.ingestion.delivery import DeliveryFailed, FileTransport, SmtpTransport, Transport
from services.ingestion.domain.addresses import Mailbox as Address
from services.ingestion.domain.caps import Caps
from services.ingestion.domain.outgoing import OutgoingMail, compose
from services.ingestion.domain.tokens import conversation_of
from services.ingestion.service import outbound
from services.ingestion.wake import wakes
from shared.db import now_utc
from shared.events.common import (
    Actor,
    ActorKind,
    AttachmentRef,
    Channel,
    Priority,
    Requester,
    TicketSnapshot,
    TicketStatus,
    TicketType,
)
from shared.events.tickets import MessageKind, ThreadMessage, TicketCreated, TicketMessageAdded
from shared.ids import uuid7
from tests.integration.ingestion.harness import Desk, event_of, mail


def reply(conversation_id: UUID | None, **changes: Any) -> TicketMessageAdded:
    """An agent's reply to Ada."""
    email = changes.pop("email", "ada@example.org")
    subject = changes.pop("subject", "Printer")
    name = changes.pop("name", "Ada")
    now = now_utc()
    ticket = TicketSnapshot(
        id=uuid7(),
        number=42,
        version=2,
        subject=subject,
        status=TicketStatus.OPEN,
        priority=Priority.NORMAL,
        type=TicketType.QUESTION,
        channel=Channel.EMAIL,
        requester=Requester(customer_id=uuid7(), name=name, email=email),
        conversation_id=conversation_id,
        created_at=now,
        updated_at=now,
    )
    fields: dict[str, Any] = {
        "id": uuid7(),
        "kind": MessageKind.REPLY,
        "channel": Channel.EMAIL,
        "author": Actor(kind=ActorKind.AGENT, id=str(uuid7()), name="Grace"),
        "text": "Have you tried water?\n.\nGrüße",
        "added_at": now,
        "first_reply": True,
    }
    html, cc = changes.pop("html", None), changes.pop("cc", ())
    return TicketMessageAdded(ticket=ticket, message=ThreadMessage(**{**fields, **changes}), html=html, cc=cc)


class Mailbox:
    """A mail server's handler: keeps what it takes, and answers as told."""

    def __init__(self) -> None:
        self.received: list[tuple[list[str], bytes]] = []
        self.rcpt_answer = "250 OK"
        self.rcpt_answers: dict[str, str] = {}
        self.data_answer = "250 OK"

    async def handle_RCPT(  # noqa: N802 - the name aiosmtpd calls
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        answer = self.rcpt_answers.get(address, self.rcpt_answer)
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        if self.data_answer.startswith("250"):
            assert isinstance(envelope.content, bytes)
            self.received.append((list(envelope.rcpt_tos), envelope.content))
        return self.data_answer


@pytest_asyncio.fixture
async def mailbox() -> AsyncIterator[tuple[Mailbox, SmtpTransport]]:
    """A real mail server, and the transport to it."""
    handler = Mailbox()
    port = free_port()
    controller = Controller(handler, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield handler, SmtpTransport(f"smtp://127.0.0.1:{port}", timeout_seconds=10)
    finally:
        controller.stop()


def parsed(raw: bytes) -> EmailMessage:
    message = message_from_bytes(raw, policy=policy.default)
    assert isinstance(message, EmailMessage)
    return message


async def test_a_reply_reaches_the_customer_in_the_thread(desk: Desk, mailbox: tuple[Mailbox, SmtpTransport]) -> None:
    server, transport = mailbox
    await desk.take_mail(mail(Message_ID="<m1@x>"))
    [received] = await desk.events("message.received.v1")
    conversation = UUID(received["conversation_id"])
    key = await desk.objects.put(b"\x89PNG\r\n\x1a\n...")
    file = AttachmentRef(id=uuid7(), key=key, name="plän.png", content_type="image/png", size_bytes=11)
    data = reply(conversation, reply_to_external_id="m1@x", attachments=(file,))
    await desk.consume(data)

    assert await desk.delivery(transport).turn()
    assert not await desk.delivery(transport).turn()

    [(recipients, raw)] = server.received
    message = parsed(raw)
    assert recipients == ["ada@example.org"]
    assert message["Subject"] == "Re: Printer [#42]"
    assert message["From"] == "Grace <support@desk.example>"
    assert message["In-Reply-To"] == "<m1@x>"
    assert message["References"] == "<m1@x>"
    body = message.get_body()
    assert body is not None
    assert body.get_content().replace("\r\n", "\n").strip() == data.message.text
    assert [part.get_filename() for part in message.iter_attachments()] == ["plän.png"]
    context = await desk.mail_desk.context()
    reply_to = message["Reply-To"].addresses[0].addr_spec
    assert conversation_of(context.token_key, context.identities, (reply_to,), "ada@example.org") == conversation

    [delivered] = await desk.events("message.delivered.v1")
    assert delivered["aggregate_id"] == str(conversation)
    assert delivered["message_id"] == str(data.message.id)
    assert f"<{delivered['external_id']}>" == message["Message-ID"]

    await desk.take_mail(mail("Thanks!", Subject="Re: Printer [#42]", In_Reply_To=message["Message-ID"]))
    answer = (await desk.events("message.received.v1"))[-1]
    assert answer["evidence"]["reference_conversation_id"] == str(conversation)
    assert answer["evidence"]["ticket_number"] == 42


async def test_a_formatted_reply_is_sent_as_it_was_formatted(
    desk: Desk, mailbox: tuple[Mailbox, SmtpTransport]
) -> None:
    server, transport = mailbox
    await desk.consume(reply(uuid7(), html="<p>Have you tried <b>water</b>?</p>"))
    await desk.delivery(transport).turn()
    [(_, raw)] = server.received
    plain, rich = (parsed(raw).get_body((kind,)) for kind in ("plain", "html"))
    assert plain is not None
    assert rich is not None
    assert "tried water" in plain.get_content()
    assert "<b>water</b>" in rich.get_content()


async def test_a_ticket_that_begins_with_a_reply_sends_it(desk: Desk, mailbox: tuple[Mailbox, SmtpTransport]) -> None:
    server, transport = mailbox
    data = reply(uuid7())
    await desk.consume(TicketCreated(ticket=data.ticket, message=data.message, actor=data.message.author))
    await desk.delivery(transport).turn()
    [(recipients, raw)] = server.received
    assert recipients == ["ada@example.org"]
    assert parsed(raw)["In-Reply-To"] is None
    [delivered] = await desk.events("message.delivered.v1")
    assert delivered["message_id"] == str(data.message.id)


async def test_the_same_event_twice_is_one_mail(desk: Desk, mailbox: tuple[Mailbox, SmtpTransport]) -> None:
    server, transport = mailbox
    data = reply(uuid7())
    await desk.consume(data, data)
    while await desk.delivery(transport).turn():
        pass
    assert len(server.received) == 1


async def test_a_passing_failure_is_tried_again_with_the_same_message_id(
    desk: Desk, mailbox: tuple[Mailbox, SmtpTransport]
) -> None:
    server, transport = mailbox
    server.data_answer = "451 later"
    await desk.consume(reply(uuid7()))
    await desk.delivery(transport).turn()
    assert await desk.events() == []
    assert not await desk.delivery(transport).turn()
    due = await desk.scalar("SELECT due_at FROM outbound_messages")
    assert due > now_utc() + timedelta(seconds=10)

    server.data_answer = "250 OK"
    await desk.execute("UPDATE outbound_messages SET due_at = now()")
    await desk.delivery(transport).turn()

    assert len(server.received) == 1
    [delivered] = await desk.events()
    assert delivered["external_id"] == await desk.scalar("SELECT mail_id FROM outbound_messages")


async def test_a_refused_recipient_is_a_failure_at_once(desk: Desk, mailbox: tuple[Mailbox, SmtpTransport]) -> None:
    server, transport = mailbox
    server.rcpt_answer = "550 5.1.1 no such user"
    data = reply(uuid7())
    await desk.consume(data)
    await desk.delivery(transport).turn()

    [failed] = await desk.events()
    assert failed["type"] == "message.failed.v1"
    assert (failed["message_id"], failed["reason"], failed["attempts"]) == (str(data.message.id), "smtp 550", 1)
    assert not await desk.delivery(transport).turn()


async def test_attempts_end_with_a_failure(desk: Desk) -> None:
    transport = SmtpTransport(f"smtp://127.0.0.1:{free_port()}", timeout_seconds=10)
    await desk.consume(reply(uuid7()))
    turns = 0
    while not await desk.events():
        await desk.execute("UPDATE outbound_messages SET due_at = now()")
        await desk.delivery(transport).turn()
        turns += 1
        assert turns < 20

    [failed] = await desk.events()
    assert (failed["type"], failed["attempts"]) == ("message.failed.v1", turns)


async def test_an_error_nobody_thought_of_is_an_attempt_like_any_other(desk: Desk) -> None:
    """It was never settled: the reply stayed queued, and took the others of its batch with it."""

    class Broken:
        def room(self) -> AbstractAsyncContextManager[None]:
            return nullcontext()

        async def send(self, message: EmailMessage, *, sender: str, recipients: Sequence[str]) -> Never:
            raise LookupError(f"{message['Subject']} {sender} {recipients}")

        async def close(self) -> None:
            raise NotImplementedError

    await desk.consume(reply(uuid7()), reply(uuid7()))
    turns = 0
    while not await desk.events():
        await desk.execute("UPDATE outbound_messages SET due_at = now()")
        await desk.delivery(Broken()).turn()
        turns += 1
        assert turns < 20

    failed = await desk.events("message.failed.v1")
    assert [(event["reason"], event["attempts"]) for event in failed] == [("LookupError", turns)] * 2


async def test_delivery_is_woken_once_a_reply_is_stored(desk: Desk) -> None:
    woken = wakes(desk.database).reply_noted
    async with desk.database.transaction() as session:
        for handler in desk.handlers.by_type[TicketMessageAdded.type]:
            await handler(session, [event_of(reply(uuid7()))])
        assert not woken.is_set()
    assert woken.is_set()


async def test_what_is_no_message_id_is_not_answered_to(desk: Desk, mailbox: tuple[Mailbox, SmtpTransport]) -> None:
    """A customer who came by API has the caller's own id as external id."""
    server, transport = mailbox
    await desk.consume(reply(uuid7(), reply_to_external_id="order-7"))
    await desk.delivery(transport).turn()
    [(_, raw)] = server.received
    assert "In-Reply-To" not in parsed(raw)


async def test_a_reply_under_lease_is_not_sent_by_another(desk: Desk, mailbox: tuple[Mailbox, SmtpTransport]) -> None:
    server, transport = mailbox
    await desk.consume(reply(uuid7()))
    async with desk.database.transaction() as session:
        [claimed] = await outbound.claim_replies(
            session, Caps(), now=now_utc(), lease_for=outbound.lease_for(timeout_seconds=30)
        )

    assert not await desk.delivery(transport).turn()
    assert server.received == []
    # The claimer died; its lease ends.
    await desk.execute("UPDATE outbound_messages SET due_at = now()")
    await desk.delivery(transport).turn()
    async with desk.database.transaction() as session:
        await outbound.settle_replies(
            session, [outbound.Attempt(claimed.reply, error="late", is_final=True)], now_utc()
        )
    assert [event["type"] for event in await desk.events()] == ["message.delivered.v1"]


async def test_other_channels_are_available_and_never_delivered(desk: Desk) -> None:
    await desk.consume(
        reply(uuid7(), channel=Channel.CHAT), reply(uuid7(), email=None), reply(uuid7(), kind=MessageKind.NOTE)
    )
    assert not await desk.delivery().turn()

    assert await desk.scalar("SELECT array_agg(state ORDER BY state) FROM outbound_messages") == ["available", "failed"]
    [failed] = await desk.events()
    assert (failed["type"], failed["reason"]) == ("message.failed.v1", "no_address")


@pytest.mark.parametrize("field", ["subject", "name", "reply_to_external_id", "author"])
async def test_line_breaks_never_make_a_header(desk: Desk, mailbox: tuple[Mailbox, SmtpTransport], field: str) -> None:
    """CVE-2024-6923: Python's own `email` wrote a live Bcc from a Subject with an encoded line break."""
    server, transport = mailbox
    attack = "x\r\nBcc: victim@example.org\r\n\r\nspam =?utf-8?q?=0D=0ABcc=3A?= victim@example.org"
    value = Actor(kind=ActorKind.AGENT, id="1", name=attack) if field == "author" else attack
    await desk.consume(reply(uuid7(), **{field: value}))
    await desk.delivery(transport).turn()

    [(recipients, raw)] = server.received
    message = parsed(raw)
    assert recipients == ["ada@example.org"]
    assert "Bcc" not in message
    assert [name for name in message if name.lower() == "subject"] == ["Subject"]
    body = message.get_body()
    assert body is not None
    assert body.get_content().startswith("Have you tried water?")


@pytest.mark.parametrize("kind", ["smtp", "files"])
async def test_every_transport_takes_a_mail_or_says_that_it_failed(
    kind: str, tmp_path: Path, mailbox: tuple[Mailbox, SmtpTransport]
) -> None:
    """One suite for both ways out."""
    server, smtp = mailbox
    transport: Transport = smtp if kind == "smtp" else FileTransport(tmp_path / "out")
    message = compose(
        OutgoingMail(
            message_id=f"{uuid7().hex}.ab@desk.example",
            sender=Address("support@desk.example", "Support"),
            recipient=Address("ada@example.org", "Ada"),
            reply_to="support@desk.example",
            subject="Hi",
            ticket_number=1,
            text="From here\n.\n..\nжук",
            written_at=now_utc(),
        )
    )
    for _ in range(2):
        async with transport.room():
            await transport.send(message, sender="support@desk.example", recipients=["ada@example.org"])
    if kind == "smtp":
        raws = [raw for _, raw in server.received]
        assert len(raws) == 2
    else:
        files = list((tmp_path / "out").iterdir())
        assert [file.suffix for file in files] == [".eml"]  # the same mail again replaces its file
        raws = [file.read_bytes() for file in files]
    for raw in raws:
        body = parsed(raw).get_body()
        assert body is not None
        assert body.get_content().replace("\r\n", "\n").strip() == "From here\n.\n..\nжук"

    broken: Transport = (
        SmtpTransport(f"smtp://127.0.0.1:{free_port()}", timeout_seconds=10)
        if kind == "smtp"
        else FileTransport(Path("/dev/null/out"))
    )
    with pytest.raises(DeliveryFailed) as failure:
        await broken.send(message, sender="support@desk.example", recipients=["ada@example.org"])
    assert not failure.value.is_final


@pytest.mark.parametrize("kind", ["smtp", "files"])
async def test_a_mail_is_written_beside_the_loop(
    kind: str,
    desk: Desk,
    tmp_path: Path,
    mailbox: tuple[Mailbox, SmtpTransport],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One with files took two seconds of it, in which nothing else of the process went on."""
    wrote: list[threading.Thread] = []

    class Large(EmailMessage):
        def as_bytes(self, *args: Any, **kwargs: Any) -> bytes:
            wrote.append(threading.current_thread())
            return super().as_bytes(*args, **kwargs)

    def composed(mail: OutgoingMail) -> EmailMessage:
        wrote.append(threading.current_thread())
        message = compose(mail)
        message.__class__ = Large
        return message

    monkeypatch.setattr(sending, "compose", composed)
    await desk.consume(reply(uuid7()))
    await desk.delivery(mailbox[1] if kind == "smtp" else FileTransport(tmp_path / "out")).turn()
    assert await desk.scalar("SELECT state FROM outbound_messages") == "delivered"
    assert len(wrote) == 2
    assert threading.current_thread() not in wrote
