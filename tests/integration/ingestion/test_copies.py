"""Copies of replies: one mail to all, and for each address what became of it."""

import pytest

from services.ingestion.delivery import SmtpTransport
from shared.ids import uuid7
from tests.integration.ingestion.harness import Desk
from tests.integration.ingestion.test_outbound import Mailbox, mailbox, parsed, reply

__all__ = ["mailbox"]  # the fixture

ADA, BO, CY = "ada@example.org", "bo@example.org", "cy@example.org"


async def try_again(desk: Desk, transport: SmtpTransport) -> None:
    await desk.execute("UPDATE outbound_messages SET due_at = now()")
    await desk.delivery(transport).turn()


async def test_all_get_one_mail_and_see_who_got_it(desk: Desk, mailbox: tuple[Mailbox, SmtpTransport]) -> None:
    server, transport = mailbox
    await desk.consume(reply(uuid7(), cc=(BO, CY)))
    await desk.delivery(transport).turn()
    [(recipients, raw)] = server.received
    assert recipients == [ADA, BO, CY]
    assert (parsed(raw)["To"], parsed(raw)["Cc"]) == (f"Ada <{ADA}>", f"{BO}, {CY}")
    [delivered] = await desk.events()
    assert (delivered["type"], delivered["refused"]) == ("message.delivered.v1", {})


async def test_the_desk_writes_neither_to_itself_nor_twice_to_anybody(
    desk: Desk, mailbox: tuple[Mailbox, SmtpTransport]
) -> None:
    server, transport = mailbox
    own = (await desk.mail_desk.context()).identities.default.mailbox
    loop = f"{own.local}+r.abc@{own.domain}"
    await desk.consume(reply(uuid7(), cc=(ADA.upper(), own.address, loop, BO, BO)))
    await desk.delivery(transport).turn()
    assert [recipients for recipients, _ in server.received] == [[ADA, BO]]
    [delivered] = await desk.events()
    assert delivered["refused"] == {}


async def test_a_copy_that_cannot_be_written_is_told_and_keeps_nobody_from_theirs(
    desk: Desk, mailbox: tuple[Mailbox, SmtpTransport]
) -> None:
    server, transport = mailbox
    unwritable = ["abc.@docomo.ne.jp", "jörg@example.com", "user@ex_ample.com", f"a@{'ü' * 60}.de", "a@א1a.com"]
    await desk.consume(reply(uuid7(), cc=(*unwritable, BO)))
    await desk.delivery(transport).turn()
    assert [recipients for recipients, _ in server.received] == [[ADA, BO]]
    [delivered] = await desk.events()
    assert (delivered["type"], delivered["refused"]) == (
        "message.delivered.v1",
        dict.fromkeys(unwritable, "no_address"),
    )


async def test_only_those_get_it_again_who_did_not_get_it(desk: Desk, mailbox: tuple[Mailbox, SmtpTransport]) -> None:
    server, transport = mailbox
    server.rcpt_answers = {ADA: "451 Later", CY: "550 Nobody"}
    await desk.consume(reply(uuid7(), cc=(BO, CY)))
    await desk.delivery(transport).turn()
    assert await desk.events() == []
    server.rcpt_answers = {}
    await try_again(desk, transport)
    assert [recipients for recipients, _ in server.received] == [[BO], [ADA]]
    assert parsed(server.received[1][1])["Cc"] == f"{BO}, {CY}"
    [delivered] = await desk.events()
    assert (delivered["type"], delivered["refused"]) == ("message.delivered.v1", {CY: "smtp 550"})


async def test_who_has_it_has_it_while_copies_wait_and_their_refusals_are_told_when_they_come(
    desk: Desk, mailbox: tuple[Mailbox, SmtpTransport]
) -> None:
    server, transport = mailbox
    server.rcpt_answers = {BO: "451 Later", CY: "451 Later"}
    await desk.consume(reply(uuid7(), cc=(BO, CY)))
    await desk.delivery(transport).turn()
    [delivered] = await desk.events()
    assert (delivered["type"], delivered["refused"]) == ("message.delivered.v1", {})

    server.rcpt_answers = {BO: "451 Later", CY: "550 Nobody"}
    await try_again(desk, transport)
    for _ in range(20):
        await try_again(desk, transport)
    assert len(server.received) == 1
    _, *later = await desk.events()
    assert [told["refused"] for told in later] == [{CY: "smtp 550"}, {CY: "smtp 550", BO: "smtp 451"}]
    # The reply has been there since then.
    assert {(told["type"], told["delivered_at"]) for told in later} == {(delivered["type"], delivered["delivered_at"])}
    assert (delivered["again"], [told["again"] for told in later]) == (False, [True, True])


async def test_of_copies_that_arrive_later_nothing_is_told(desk: Desk, mailbox: tuple[Mailbox, SmtpTransport]) -> None:
    server, transport = mailbox
    server.rcpt_answers = {BO: "451 Later"}
    await desk.consume(reply(uuid7(), cc=(BO,)))
    await desk.delivery(transport).turn()
    server.rcpt_answers = {}
    await try_again(desk, transport)
    assert [recipients for recipients, _ in server.received] == [[ADA], [BO]]
    assert len(await desk.events()) == 1


async def test_a_failure_is_told_once_while_copies_wait(desk: Desk, mailbox: tuple[Mailbox, SmtpTransport]) -> None:
    server, transport = mailbox
    server.rcpt_answers = {ADA: "550 Nobody", BO: "451 Later"}
    await desk.consume(reply(uuid7(), cc=(BO,)))
    await desk.delivery(transport).turn()
    [failed] = await desk.events()
    assert (failed["type"], failed["reason"]) == ("message.failed.v1", "smtp 550")
    server.rcpt_answers = {ADA: "550 Nobody"}
    await try_again(desk, transport)
    assert [recipients for recipients, _ in server.received] == [[BO]]
    assert len(await desk.events()) == 1


@pytest.mark.parametrize("refused", [(ADA,), (ADA, BO)])
async def test_who_is_written_to_decides_whether_it_failed(
    desk: Desk, mailbox: tuple[Mailbox, SmtpTransport], refused: tuple[str, ...]
) -> None:
    server, transport = mailbox
    server.rcpt_answers = dict.fromkeys(refused, "550 Nobody")
    await desk.consume(reply(uuid7(), cc=(BO,)))
    await desk.delivery(transport).turn()
    [failed] = await desk.events()
    assert (failed["type"], failed["reason"]) == ("message.failed.v1", "smtp 550")
