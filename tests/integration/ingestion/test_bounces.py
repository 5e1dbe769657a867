"""Mail of ours that did not arrive: the report finds the message and its recipient, and a forged one finds nothing."""

from typing import Any

import pytest

from services.ingestion.domain.addresses import Mailbox
from services.ingestion.domain.bounces import Bounce, BounceKind
from services.ingestion.domain.tokens import bounce_address, outgoing_message_id
from services.ingestion.service import bounces, suppression
from shared.db import now_utc
from shared.ids import uuid7
from tests.integration.ingestion.harness import Desk

DESK = Mailbox("support@desk.example", "Support")
BOUNCED = "message.bounced.v1"


class Sent:
    """A reply that was delivered to the next hop, by its row."""

    def __init__(self, desk: Desk, *recipients: str) -> None:
        self.desk = desk
        self.id, self.ticket, self.conversation = uuid7(), uuid7(), uuid7()
        self.recipient, *self.cc = recipients or ("ada@example.org",)

    async def write(self) -> "Sent":
        self.key = (await self.desk.mail_desk.context()).token_key
        self.mail_id = outgoing_message_id(self.key, DESK, self.id)
        await self.desk.execute(
            """INSERT INTO outbound_messages (message_id, ticket_id, ticket_number, conversation_id, channel, state,
                   recipient, cc, subject, text, attachments, mail_id, written_at, due_at)
               VALUES (:id, :ticket, 7, :conversation, 'email', 'delivered', :recipient,
                   to_jsonb(string_to_array(NULLIF(:cc, ''), ',')), 'Help', 'Hello', '[]', :mail_id, now(), now())"""
            if self.cc
            else """INSERT INTO outbound_messages (message_id, ticket_id, ticket_number, conversation_id, channel,
                   state, recipient, subject, text, attachments, mail_id, written_at, due_at)
               VALUES (:id, :ticket, 7, :conversation, 'email', 'delivered', :recipient,
                   'Help', 'Hello', '[]', :mail_id, now(), now())""",
            id=self.id,
            ticket=self.ticket,
            conversation=self.conversation,
            recipient=self.recipient,
            mail_id=self.mail_id,
            **({"cc": ",".join(self.cc)} if self.cc else {}),
        )
        return self

    def path(self, recipient: str) -> str:
        return bounce_address(self.key, DESK, self.id, recipient)


def dsn(
    *,
    final: str = "ada@example.org",
    status: str = "5.1.1",
    action: str = "failed",
    mail_id: str = "",
    to: str = "support@desk.example",
) -> bytes:
    returned = f"Message-ID: <{mail_id}>" if mail_id else "Subject: Re: Help"
    return (
        f"Return-Path: <>\r\nFrom: MAILER-DAEMON@mx.example\r\nTo: {to}\r\nSubject: Undelivered\r\n"
        f"Message-ID: <{uuid7()}@mx.example>\r\n"
        "Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n"
        "--b\r\n\r\nSorry.\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example\r\n"
        f"\r\nFinal-Recipient: rfc822; {final}\r\nAction: {action}\r\nStatus: {status}\r\n"
        f"Diagnostic-Code: smtp; 550 {status} no such user\r\n\r\n--b\r\nContent-Type: text/rfc822-headers\r\n\r\n"
        f"{returned}\r\n\r\n--b--\r\n"
    ).encode()


async def suppressed(desk: Desk, *addresses: str) -> dict[str, str]:
    async with desk.database.read() as session:
        return dict(await suppression.suppressed(session, addresses))


async def test_a_report_finds_its_message_by_the_id_it_returns(desk: Desk) -> None:
    sent = await Sent(desk).write()
    status = await desk.take_mail(dsn(mail_id=sent.mail_id))
    assert (status["status"], status["reason"], status["ticket"]) == ("accepted", "bounce_noted", None)
    [event] = await desk.events(BOUNCED)
    assert event["aggregate_id"] == str(sent.conversation)
    assert (
        event.items()
        >= {
            "message_id": str(sent.id),
            "ticket_id": str(sent.ticket),
            "recipient": "ada@example.org",
            "is_permanent": False,
            "status": "5.1.1",
            "reason": "550 5.1.1 no such user",
        }.items()
    )
    assert await suppressed(desk, "ada@example.org", "bob@example.org") == {"ada@example.org": "bounce"}
    assert await desk.scalar("SELECT outcome FROM inbound_messages") == "ignored"
    assert await desk.events("message.received.v1") == []

    await desk.take_mail(dsn(mail_id=sent.mail_id))
    assert len(await desk.events(BOUNCED)) == 1


async def test_only_the_return_path_ends_an_address(desk: Desk) -> None:
    """A Message-ID stands in the References of each answer: whoever had a copy of one may have written the report."""
    ends = "SELECT expires_at - written_at FROM suppressions JOIN outbound_messages USING (message_id)"
    sent = await Sent(desk).write()
    for _ in range(2):
        await desk.take_mail(dsn(mail_id=sent.mail_id))
        assert await desk.scalar(ends) == bounces.SOFT_FOR, "told again it does not last longer"
    several = await Sent(desk, "bob@example.org", "eve@example.org").write()
    await desk.take_mail(dsn(final="bob@example.org", to=several.path("")))
    assert await desk.scalar("SELECT count(*) FROM suppressions WHERE expires_at IS NULL") == 0
    assert [event["is_permanent"] for event in await desk.events(BOUNCED)] == [False, False]

    await desk.take_mail(dsn(to=sent.path("ada@example.org")))
    assert await desk.scalar("SELECT address FROM suppressions WHERE expires_at IS NULL") == "ada@example.org"


async def test_many_reports_at_once_are_as_good_as_one(desk: Desk) -> None:
    sent = [await Sent(desk, f"ada{number}@example.org").write() for number in range(3)]
    context = await desk.mail_desk.context()
    told = [
        Bounce(kind, (each.recipient,), (each.mail_id,), is_vouched=True)
        for kind in (BounceKind.SOFT, BounceKind.PERMANENT, BounceKind.COMPLAINT)
        for each in (*sent, *sent)
    ]
    for _ in range(2):
        async with desk.database.transaction() as session:
            kinds = await bounces.note_bounces(session, told, context.identities, context.token_key, now_utc())
        assert kinds == [bounce.kind for bounce in told]
    assert [event["recipient"] for event in await desk.events(BOUNCED)] == [each.recipient for each in sent]
    found = await desk.scalar(
        "SELECT array_agg(reason || coalesce(expires_at::text, '') ORDER BY address) FROM suppressions"
    )
    assert found == ["bounce"] * 3


async def test_a_return_path_names_message_and_recipient_by_itself(desk: Desk) -> None:
    sent = await Sent(desk, "ada@example.org", "bob@example.org", "eve@example.org").write()
    await desk.take_mail(dsn(final="somebody@elsewhere.example", to=sent.path("bob@example.org")))
    assert [event["recipient"] for event in await desk.events(BOUNCED)] == ["bob@example.org"]
    assert await suppressed(desk, "ada@example.org", "bob@example.org", "somebody@elsewhere.example") == {
        "bob@example.org": "bounce"
    }


async def test_each_of_several_recipients_bounces_by_itself(desk: Desk) -> None:
    sent = await Sent(desk, "ada@example.org", "bob@exämple.org").write()
    await desk.take_mail(dsn(final="bob@xn--exmple-cua.org", mail_id=sent.mail_id))
    await desk.take_mail(dsn(final="ada@example.org", mail_id=sent.mail_id))
    assert [event["recipient"] for event in await desk.events(BOUNCED)] == ["bob@exämple.org", "ada@example.org"]


@pytest.mark.parametrize(
    ("status", "action", "bounces", "reason", "kept"),
    [
        ("4.4.1", "delayed", 0, "delivery_report_noted", {}),
        ("4.4.7", "failed", 1, "bounce_noted", {}),
        ("5.2.2", "failed", 1, "bounce_noted", {"ada@example.org": "bounce"}),
        ("2.0.0", "delivered", 0, "delivery_report_noted", {}),
    ],
)
async def test_what_passes_suppresses_nobody(
    desk: Desk, status: str, action: str, bounces: int, reason: str, kept: dict[str, str]
) -> None:
    sent = await Sent(desk).write()
    taken = await desk.take_mail(dsn(mail_id=sent.mail_id, status=status, action=action))
    assert taken["reason"] == reason
    events = await desk.events(BOUNCED)
    assert [event["is_permanent"] for event in events] == [False] * bounces
    assert await suppressed(desk, "ada@example.org") == kept
    assert await desk.scalar("SELECT count(*) FROM suppressions WHERE expires_at IS NULL") == 0


async def test_a_forged_report_changes_nothing(desk: Desk) -> None:
    """RFC 3464 section 4.1: whoever knows that a mail was sent can say that it did not arrive."""
    sent = await Sent(desk, "ada@example.org", "bob@example.org").write()
    forged_tag = f"{sent.id.hex}.{'0' * 20}@desk.example"
    path = sent.path("ada@example.org")
    forgeries = [
        dsn(),
        dsn(mail_id=forged_tag),
        dsn(mail_id=f"{uuid7().hex}.{sent.mail_id.partition('.')[2]}"),
        dsn(mail_id=sent.mail_id, final="stranger@example.org"),
        dsn(to=path[:-20] + "aaaa" + path[-16:]),
        dsn(to=path.replace("@desk.example", "@elsewhere.example")),
    ]
    for raw in forgeries:
        status = await desk.take_mail(raw)
        assert (status["status"], status["reason"]) == ("quarantined", "delivery_report")
    assert await desk.events(BOUNCED) == []
    assert await desk.scalar("SELECT count(*) FROM suppressions") == 0


async def test_a_complaint_suppresses_and_is_no_bounce(desk: Desk) -> None:
    sent = await Sent(desk).write()
    raw = (
        "From: feedback@isp.example\r\nTo: support@desk.example\r\nSubject: abuse\r\n"
        "Content-Type: multipart/report; report-type=feedback-report; boundary=b\r\n\r\n--b\r\n\r\nabuse\r\n"
        "--b\r\nContent-Type: message/feedback-report\r\n\r\nFeedback-Type: abuse\r\n\r\n"
        f"--b\r\nContent-Type: message/rfc822\r\n\r\nMessage-ID: <{sent.mail_id}>\r\n\r\nHello\r\n--b--\r\n"
    ).encode()
    assert (await desk.take_mail(raw))["reason"] == "complaint_noted"
    assert await desk.events(BOUNCED) == []
    assert await suppressed(desk, "ada@example.org") == {"ada@example.org": "complaint"}


async def test_what_a_provider_vouches_for_counts_for_the_address(desk: Desk) -> None:
    context = await desk.mail_desk.context()

    async def note(**fields: Any) -> bool:
        bounce = Bounce(BounceKind.PERMANENT, ("eve@example.org",), reason="gone", **fields)
        async with desk.database.transaction() as session:
            return bool(await bounces.note_bounces(session, [bounce], context.identities, context.token_key, now_utc()))

    assert not await note()
    assert await suppressed(desk, "eve@example.org") == {}
    assert not await note(is_vouched=True)
    assert await suppressed(desk, "eve@example.org") == {"eve@example.org": "bounce"}
    assert await desk.events(BOUNCED) == []


async def test_what_holds_longer_stays(desk: Desk) -> None:
    context = await desk.mail_desk.context()
    for kind in (BounceKind.SOFT, BounceKind.COMPLAINT, BounceKind.SOFT, BounceKind.PERMANENT):
        async with desk.database.transaction() as session:
            bounce = Bounce(kind, ("eve@example.org",), is_vouched=True)
            await bounces.note_bounces(session, [bounce], context.identities, context.token_key, now_utc())
    assert await suppressed(desk, "eve@example.org") == {"eve@example.org": "complaint"}
    await desk.execute("UPDATE suppressions SET expires_at = now() - interval '1 minute'")
    assert await suppressed(desk, "eve@example.org") == {}
