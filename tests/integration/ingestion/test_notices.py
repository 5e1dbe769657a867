"""Notifications leave as mail: once each, in time, and with nothing of what fills them alive."""

from contextlib import AbstractAsyncContextManager, nullcontext
from datetime import timedelta
from typing import Any
from uuid import UUID

from services.ingestion.domain.tokens import agent_token
from services.ingestion.service.suppression import suppress
from shared.db import now_utc
from shared.events.notifications import Addressee, NotificationKind, NotificationRequested
from shared.ids import uuid7
from tests.integration.ingestion.conftest import MakeDesk
from tests.integration.ingestion.harness import Desk
from tests.integration.ingestion.test_bounces import dsn
from tests.integration.ingestion.test_outbound import parsed

GRACE = "grace@desk.example"


def told(kind: NotificationKind = NotificationKind.SIGN_IN, **changes: Any) -> NotificationRequested:
    values = {"url": "https://desk.example/sign-in?token=abc", "minutes": "15"}
    fields: dict[str, Any] = {
        "notification_id": uuid7(),
        "kind": kind,
        "to": Addressee(address=GRACE, name="Grace"),
        "values": values,
        "requested_at": now_utc(),
    }
    return NotificationRequested(**{**fields, **changes})


async def send(desk: Desk) -> list[Any]:
    while await desk.notifying().turn():
        pass
    return [parsed(file.read_bytes()) for file in sorted(desk.settings.outgoing_dir.glob("*.eml"))]


async def state(desk: Desk, notification_id: UUID) -> tuple[str, str | None, dict[str, str]]:
    row = await desk.scalar(
        "SELECT jsonb_build_array(state, reason, values) FROM notices WHERE id = :id", id=notification_id
    )
    return row[0], row[1], row[2]


async def test_one_that_is_told_twice_is_one_mail(desk: Desk) -> None:
    data = told()
    await desk.consume(data, data)
    [mail] = await send(desk)
    await desk.consume(data)
    assert len(await send(desk)) == 1
    assert mail["To"].addresses[0].addr_spec == GRACE
    assert (mail["Auto-Submitted"], mail["X-Auto-Response-Suppress"]) == ("auto-generated", "All")
    assert "Reply-To" not in mail
    assert "https://desk.example/sign-in?token=abc" in mail.get_body(("plain",)).get_content()
    # The link is gone with the mail.
    assert await state(desk, data.notification_id) == ("delivered", None, {})


async def test_late_ones_are_not_sent(desk: Desk) -> None:
    data = told(expires_at=now_utc() - timedelta(seconds=1))
    await desk.consume(data)
    assert await send(desk) == []
    assert await state(desk, data.notification_id) == ("expired", "expired", {})


async def test_nobody_is_told_who_is_not_written_to(desk: Desk) -> None:
    async with desk.database.transaction() as session:
        await suppress(session, GRACE, note="", expires_at=None, account_id=uuid7(), now=now_utc())
    wanted, crooked = told(), told(to=Addressee(address="grace@desk.example>, <x@evil.example"))
    await desk.consume(wanted, crooked)
    assert await send(desk) == []
    assert await state(desk, wanted.notification_id) == ("failed", "suppressed", {})
    assert await state(desk, crooked.notification_id) == ("failed", "no_address", {})


async def test_an_answer_to_a_mention_is_a_note_of_the_agent_it_was_sent_to(desk: Desk) -> None:
    ticket_id = uuid7()
    values = {"ticket_number": "7", "subject": "Printer", "author": "Alan", "text": "Look at\n<b>this</b>"}
    await desk.consume(told(NotificationKind.MENTION, values=values, ticket_id=ticket_id, answer_as_note=True))
    [mail] = await send(desk)
    context = await desk.mail_desk.context()
    to = mail["Reply-To"].addresses[0].addr_spec
    token = agent_token(context.token_key, context.identities, (to,), GRACE)
    assert token is not None
    assert (token.ticket_id, token.as_note) == (ticket_id, True)
    assert agent_token(context.token_key, context.identities, (to,), "mallory@desk.example") is None
    assert mail["Subject"] == "[#7] Alan mentioned you: Printer"


async def test_it_is_tried_again_and_counted(make_desk: MakeDesk) -> None:
    desk = await make_desk(DESK_INGESTION_MAX_MAILS_PER_RECIPIENT=1)
    first, second = told(), told()
    await desk.consume(first)

    class Away:
        def room(self) -> AbstractAsyncContextManager[None]:
            return nullcontext()

        async def send(self, message: Any, *, sender: str, recipients: Any) -> dict[str, Any]:
            raise ConnectionError(f"{message['To']} {sender} {recipients}")

        async def close(self) -> None:
            raise NotImplementedError

    await desk.notifying(Away()).turn()
    assert (await state(desk, first.notification_id))[:2] == ("queued", "ConnectionError")
    await desk.execute("UPDATE notices SET due_at = now()")
    await desk.consume(second)
    assert len(await send(desk)) == 1
    assert (await state(desk, first.notification_id))[0] == "delivered"
    assert (await state(desk, second.notification_id))[:2] == ("queued", "capped")


UNDELIVERED = {"ticket_number": "7", "subject": "Printer", "recipient": "ada@example.org", "reason": "bounced"}


async def test_thousands_that_failed_are_told_in_a_few_mails_and_keep_no_link(make_desk: MakeDesk) -> None:
    """A bulk reply that reaches nobody tells its author of each; behind those waits the link to sign in with."""
    desk = await make_desk(DESK_INGESTION_MAX_AUTOMATIC_MAILS=3, DESK_INGESTION_MAX_MAILS_PER_RECIPIENT=3)
    await desk.consume(*(told(NotificationKind.UNDELIVERED, values=UNDELIVERED) for _ in range(45)), told())
    mails = await send(desk)
    subjects = sorted(mail["Subject"] for mail in mails)
    assert subjects == ["Sign in to Support", *["[#7] Not delivered: Printer"] * 3]
    assert await desk.scalar("SELECT count(*) FROM notices WHERE state = 'failed' AND reason = 'capped'") == 42


async def test_one_that_comes_back_is_told_to_nobody(desk: Desk) -> None:
    """Or who is told of it would be told by a mail that comes back as well."""
    data = told(NotificationKind.UNDELIVERED, values=UNDELIVERED)
    await desk.consume(data)
    [mail] = await send(desk)
    taken = await desk.take_mail(dsn(final=GRACE, mail_id=mail["Message-ID"].strip("<>")))
    assert (taken["status"], taken["reason"]) == ("accepted", "bounce_noted")
    assert await state(desk, data.notification_id) == ("failed", "bounced", {})
    assert await desk.events() == []
    later = told()
    await desk.consume(later)
    await send(desk)
    assert await state(desk, later.notification_id) == ("failed", "suppressed", {})


async def test_a_report_is_found_by_its_return_path_and_may_be_faster(desk: Desk) -> None:
    paths: list[str] = []

    class Quick:
        def room(self) -> AbstractAsyncContextManager[None]:
            return nullcontext()

        async def send(self, _message: Any, *, sender: str, recipients: Any) -> dict[str, Any]:
            assert recipients == [GRACE]
            paths.append(sender)
            await desk.take_mail(dsn(final="other@elsewhere.example", to=sender))
            return {}

        async def close(self) -> None:
            raise NotImplementedError

    data = told()
    await desk.consume(data)
    await desk.notifying(Quick()).turn()
    assert paths[0].startswith("support+b.")
    assert await state(desk, data.notification_id) == ("failed", "bounced", {})
    assert await desk.scalar("SELECT address || ' ' || (message_id IS NULL) FROM suppressions") == f"{GRACE} true"
