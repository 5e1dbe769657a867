"""Who the desk is in a mail that leaves, to whom none leaves, and how many."""

from contextlib import AbstractAsyncContextManager, nullcontext
from pathlib import Path
from typing import Any
from uuid import UUID

from services.ingestion.delivery import FileTransport
from services.ingestion.domain.tokens import bounced
from services.ingestion.service.suppression import suppress
from shared.db import now_utc
from shared.events.common import Actor, ActorKind
from shared.ids import uuid7
from tests.integration.ingestion.conftest import MakeDesk
from tests.integration.ingestion.harness import Desk
from tests.integration.ingestion.test_outbound import parsed, reply

DESK = Actor(kind=ActorKind.SYSTEM, id="tickets", name="desk")


async def add_mailbox(desk: Desk, address: str, brand: str = "default", name: str = "") -> UUID:
    mailbox_id = uuid7()
    await desk.execute(
        """INSERT INTO mailboxes (id, address, name, brand, created_at, updated_at)
           VALUES (:id, :address, :name, :brand, now(), now())""",
        id=mailbox_id,
        address=address,
        name=name,
        brand=brand,
    )
    desk.mail_desk.refresh()
    return mailbox_id


async def came(desk: Desk, conversation_id: UUID, mailbox_id: UUID | None = None, *, automatic: bool = False) -> None:
    """A customer's mail is in this conversation."""
    await desk.execute(
        """INSERT INTO inbound_messages
               (id, origin, channel, status, received_at, conversation_id, mailbox_id, automatic)
           VALUES (:id, 'mail', 'email', 'accepted', now(), :conversation, :mailbox, :automatic)""",
        id=uuid7(),
        conversation=conversation_id,
        mailbox=mailbox_id,
        automatic=automatic,
    )


async def send(desk: Desk) -> list[Any]:
    """Send what is due; returns the mails, oldest first."""
    while await desk.delivery().turn():
        pass
    files = sorted(desk.settings.outgoing_dir.glob("*.eml"), key=lambda file: file.stat().st_mtime_ns)
    return [parsed(file.read_bytes()) for file in files]


async def test_a_mail_leaves_as_the_mailbox_that_the_customer_wrote_to_last(desk: Desk) -> None:
    sales = await add_mailbox(desk, "sales@shop.example", name="Sales")
    first, second = uuid7(), uuid7()
    await came(desk, first)
    await came(desk, first, sales)
    await came(desk, second, sales)
    await came(desk, second)
    await desk.consume(reply(first), reply(second))
    by_id = {mail["From"].addresses[0].addr_spec: mail for mail in await send(desk)}
    assert set(by_id) == {"sales@shop.example", "support@desk.example"}
    sold = by_id["sales@shop.example"]
    assert str(sold["From"]) == "Grace <sales@shop.example>"
    assert sold["Message-ID"].rstrip(">").endswith("@shop.example")
    assert sold["Reply-To"].addresses[0].addr_spec.startswith("sales+r.")


async def test_who_never_wrote_is_written_to_by_the_brand_of_the_ticket(desk: Desk) -> None:
    await add_mailbox(desk, "hello@toys.example", brand="toys", name="Toys")
    data = reply(uuid7())
    await desk.consume(data.model_copy(update={"ticket": data.ticket.model_copy(update={"brand": "toys"})}))
    await desk.consume(reply(uuid7()))
    assert sorted(mail["From"].addresses[0].addr_spec for mail in await send(desk)) == [
        "hello@toys.example",
        "support@desk.example",
    ]


async def test_a_mailbox_that_is_gone_leaves_the_default_to_answer(desk: Desk) -> None:
    conversation = uuid7()
    await came(desk, conversation, uuid7())
    await desk.consume(reply(conversation))
    [mail] = await send(desk)
    assert mail["From"].addresses[0].addr_spec == "support@desk.example"


async def test_who_is_suppressed_is_not_written_to_and_the_others_are(desk: Desk) -> None:
    async with desk.database.transaction() as session:
        await suppress(session, "ada@example.org", note="", expires_at=None, account_id=uuid7(), now=now_utc())
    await desk.consume(reply(uuid7()), reply(uuid7(), cc=("bo@example.org",)))
    mails = await send(desk)
    assert [mail["Cc"] for mail in mails] == ["bo@example.org"]
    failed = await desk.events("message.failed.v1")
    assert [event["reason"] for event in failed] == ["suppressed: manual"] * 2


async def test_a_mail_to_one_says_by_its_return_path_which_it_is(desk: Desk) -> None:
    data = reply(uuid7())
    await desk.consume(data)
    seen: list[str] = []

    class Looking:
        def room(self) -> AbstractAsyncContextManager[None]:
            return nullcontext()

        async def send(self, message: Any, *, sender: str, recipients: Any) -> dict[str, Any]:
            assert [str(message["To"].addresses[0].addr_spec)] == recipients
            seen.append(sender)
            return {}

        async def close(self) -> None:
            raise NotImplementedError

    await desk.delivery(Looking()).turn()
    context = await desk.mail_desk.context()
    path = bounced(context.identities, seen[0])
    assert path is not None
    assert path.message_id == data.message.id
    assert path.is_of(context.token_key, "ada@example.org")


async def test_a_ticket_sends_no_more_than_it_may_and_the_rest_waits(make_desk: MakeDesk) -> None:
    desk = await make_desk(DESK_INGESTION_MAX_MAILS_PER_TICKET=2)
    ticket = reply(uuid7()).ticket
    for _ in range(4):
        data = reply(uuid7())
        await desk.consume(data.model_copy(update={"ticket": ticket}))
    await desk.consume(reply(uuid7(), email="other@example.org"))
    assert len(await send(desk)) == 3
    waiting = await desk.scalar("SELECT array_agg(reason || attempts) FROM outbound_messages WHERE state = 'queued'")
    assert waiting == ["capped0", "capped0"]
    await desk.execute("UPDATE outbound_messages SET due_at = now(), written_at = now() - interval '2 days'")
    assert len(await send(desk)) == 3
    assert [event["reason"] for event in await desk.events("message.failed.v1")] == ["capped"] * 2


async def test_all_of_them_together_are_bounded_and_go_on_later(make_desk: MakeDesk) -> None:
    desk = await make_desk(DESK_INGESTION_MAX_MAILS=3)
    await desk.consume(*(reply(uuid7(), email=f"{number}@example.org") for number in range(5)))
    assert len(await send(desk)) == 3
    await desk.execute("UPDATE outbound_minutes SET minute = minute - interval '2 hours'")
    await desk.execute("UPDATE outbound_messages SET due_at = now()")
    assert len(await send(desk)) == 5
    assert await desk.events("message.failed.v1") == []


async def test_a_retry_is_no_further_mail(make_desk: MakeDesk) -> None:
    desk = await make_desk(DESK_INGESTION_MAX_MAILS_PER_RECIPIENT=1)
    await desk.consume(reply(uuid7()))
    for attempts in (1, 2):
        await desk.delivery(FileTransport(Path("/dev/null/out"))).turn()
        assert await desk.scalar("SELECT attempts FROM outbound_messages WHERE reason <> 'capped'") == attempts
        await desk.execute("UPDATE outbound_messages SET due_at = now()")


async def test_what_nobody_wrote_says_so_and_is_not_said_twice_to_a_machine(desk: Desk) -> None:
    conversation = uuid7()
    await came(desk, conversation, automatic=True)
    await desk.consume(reply(conversation, author=DESK), reply(conversation, author=DESK))
    [mail] = await send(desk)
    assert (mail["Auto-Submitted"], mail["X-Auto-Response-Suppress"]) == ("auto-replied", "All")
    assert [event["reason"] for event in await desk.events("message.failed.v1")] == ["capped"]

    await came(desk, conversation)
    await desk.consume(reply(conversation))
    *_, written = await send(desk)
    assert (written["Auto-Submitted"], written["X-Auto-Response-Suppress"]) == (None, None)
