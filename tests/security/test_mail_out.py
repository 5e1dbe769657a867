"""What leaves as mail: no value is a header, nobody's form is a relay, and two machines never talk without end.

Sources: CVE-2024-6923 (an encoded line break in a header that is set), RFC 3834 sections 2 and 5 (automatic answers),
and desks that sent a form's acknowledgement, with the form's text in it, to whoever was named as its sender.
"""

from email import message_from_bytes, policy
from typing import Any

import pytest

from services.ingestion.domain.addresses import Mailbox
from services.ingestion.domain.notices import render
from services.ingestion.domain.outgoing import OutgoingAttachment, OutgoingMail, compose
from shared.db import now_utc
from shared.events.common import Actor, ActorKind
from shared.events.notifications import Addressee, NotificationKind, NotificationRequested
from shared.ids import uuid7
from tests.integration.ingestion.conftest import MakeDesk, make_desk, pool
from tests.integration.ingestion.test_outbound import reply

__all__ = ["make_desk", "pool"]

MACHINE = Actor(kind=ActorKind.SYSTEM, id="automation", name="desk")
ATTACKS = (
    "Hi =?utf-8?q?=0D=0ABcc=3A_victim=40example.org?=",
    "Hi\r\nBcc: victim@example.org\r\n\r\nspam",
    "Hi\u2028Bcc: victim@example.org",
)


async def left(desk: Any) -> list[Any]:
    while await desk.delivery().turn() or await desk.notifying().turn():
        pass
    files = desk.settings.outgoing_dir.glob("*.eml")
    return [message_from_bytes(file.read_bytes(), policy=policy.default) for file in files]


@pytest.mark.parametrize("attack", ATTACKS)
async def test_no_value_of_a_mail_is_a_header(make_desk: MakeDesk, attack: str) -> None:
    desk = await make_desk()
    person = Actor(kind=ActorKind.AGENT, id=str(uuid7()), name=attack)
    notification = NotificationRequested(
        notification_id=uuid7(),
        kind=NotificationKind.MENTION,
        to=Addressee(address="grace@desk.example", name=attack),
        values={"ticket_number": "7", "subject": attack, "author": attack, "text": attack},
        requested_at=now_utc(),
    )
    await desk.consume(reply(uuid7(), subject=attack, name=attack, author=person), notification)
    mails = await left(desk)
    assert len(mails) == 2
    for mail in mails:
        assert "Bcc" not in mail
        assert len(mail["To"].addresses) == 1
        assert "victim@example.org" not in {address.addr_spec for address in mail["To"].addresses}


def test_what_somebody_wrote_is_no_markup_in_a_notification() -> None:
    values = {"ticket_number": "7", "subject": "<img src=x onerror=1>", "author": "A", "text": "<script>1</script>"}
    html = render(NotificationKind.MENTION, values, language="en", organisation="Desk").html
    assert "<script" not in html
    assert "<img" not in html


async def test_a_form_is_no_relay(make_desk: MakeDesk) -> None:
    """Whoever is named in forms, in however many tickets, gets a bounded number of mails that nobody wrote."""
    desk = await make_desk(DESK_INGESTION_MAX_AUTOMATIC_MAILS=3)
    await desk.consume(*(reply(uuid7(), author=MACHINE, email="victim@example.org") for _ in range(12)))
    mails = await left(desk)
    assert len(mails) == 3
    assert {mail["Auto-Submitted"] for mail in mails} == {"auto-replied"}
    assert [event["reason"] for event in await desk.events("message.failed.v1")] == ["capped"] * 9


async def test_two_machines_do_not_talk_without_end(make_desk: MakeDesk) -> None:
    """Each mail of the desk is answered by a machine, and the desk answers that again."""
    desk = await make_desk()
    conversation = uuid7()
    for _ in range(6):
        await desk.execute(
            """INSERT INTO inbound_messages (id, origin, channel, status, received_at, conversation_id, automatic)
               VALUES (:id, 'mail', 'email', 'accepted', now(), :conversation, true)""",
            id=uuid7(),
            conversation=conversation,
        )
        await desk.consume(reply(conversation, author=MACHINE))
        mails = await left(desk)
    assert len(mails) == 1


@pytest.mark.parametrize("attack", [*ATTACKS, "\ud800", "x" * 5000, "=?utf-8?q?=0D=0A=0D=0A<script>?="])
def test_no_file_name_or_type_is_a_header(attack: str) -> None:
    """The fields of a part are decoded when they are set as those of the whole mail are."""
    files = [OutgoingAttachment(attack, "text/plain", b"1"), OutgoingAttachment("n", f"text/{attack}", b"2")]
    desk, ada = Mailbox("support@desk.example", "Desk"), Mailbox("ada@example.org")
    mail = OutgoingMail("a.b@desk.example", desk, ada, None, "Hi", None, "Hello", now_utc(), attachments=files)
    parsed = message_from_bytes(bytes(compose(mail)), policy=policy.default)
    parts = list(parsed.iter_attachments())
    assert [part.get_payload(decode=True) for part in parts] == [b"1", b"2"]
    for part in parts:
        assert set(part.keys()) == {"Content-Type", "Content-Transfer-Encoding", "Content-Disposition", "MIME-Version"}
