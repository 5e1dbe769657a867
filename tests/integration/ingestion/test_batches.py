"""Mails are claimed, read and settled some at a time."""

import asyncio
from typing import Any

import pytest

from services.ingestion.reading import BATCH, MailReading
from services.ingestion.repository.mail_queue import MailQueue
from services.ingestion.service import acceptance
from services.ingestion.service import mail as use_cases
from shared.messaging.outbox import EventTooLarge
from tests.integration.ingestion.harness import Desk, mail
from tests.integration.ingestion.test_evidence import sent as reply_sent
from tests.statements import sent

WITH_A_FILE = "--b\r\n\r\nx\r\n--b\r\nContent-Disposition: attachment; filename=a.txt\r\n\r\ny\r\n--b--"


def with_file(subject: str, **headers: str) -> bytes:
    typed = {"Content_Type": "multipart/mixed; boundary=b", **headers}
    return mail(WITH_A_FILE, Subject=subject, Message_ID=f"<{subject}@x>", **typed)


async def test_what_waits_is_settled_in_one_turn_and_told_in_its_order(desk: Desk) -> None:
    for number in range(6):
        references = f"<m{number - 1}@x>" if number % 3 else "<elsewhere@x>"
        await desk.post_mail(mail(str(number), Message_ID=f"<m{number}@x>", References=references))
    assert await desk.reading.turn()

    events = await desk.events("message.received.v1")
    assert [event["text"] for event in events] == list("012345")
    assert len({event["conversation_id"] for event in events}) == 1, "all of them hang together by what they name"
    assert not await desk.reading.turn()


async def test_many_take_no_more_statements_than_few(desk: Desk) -> None:
    counts = set()
    for mails in (2, 8):
        _, answered = await reply_sent(desk)
        for number in range(mails):
            await desk.post_mail(with_file(f"{mails}.{number}", In_Reply_To=answered))
        async with sent(desk.database) as statements:
            assert await desk.reading.turn()
        counts.add(len(statements))
    events = await desk.events("message.received.v1")
    assert {(len(event["attachments"]), bool(event["evidence"]["token_conversation_id"])) for event in events} == {
        (1, True)
    }
    assert (len(events), len(counts)) == (10, 1), counts


async def test_a_turn_is_bounded_in_mails_and_in_bytes(desk: Desk) -> None:
    for number in range(BATCH + 2):
        await desk.post_mail(mail(str(number)))
    assert await desk.reading.turn()
    assert await desk.scalar("SELECT count(*) FROM inbound_messages WHERE status = 'accepted'") == BATCH

    async with desk.database.transaction() as session:
        few = await use_cases.claim_mails(session, limit=10, max_bytes=1)
    assert len(few) == 1, "one that is larger than that comes by itself"


async def test_a_mail_that_was_claimed_before_comes_alone(desk: Desk) -> None:
    for number in range(3):
        await desk.post_mail(mail(str(number)))
    async with desk.database.transaction() as session:
        crashed = await use_cases.claim_mails(session, limit=10, max_bytes=1_000_000)
    assert len(crashed) == 3
    await desk.execute("UPDATE inbound_messages SET leased_until = now() - interval '1 second'")

    for _ in crashed:  # which of them ended the process shows now
        async with desk.database.transaction() as session:
            assert len(await use_cases.claim_mails(session, limit=10, max_bytes=1_000_000)) == 1


async def test_the_rest_of_a_batch_is_released_when_reading_took_long(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.ingestion.reading.READ_SECONDS", -1)
    for number in range(3):
        await desk.post_mail(mail(str(number)))
    for settled in (1, 2, 3):
        assert await desk.reading.turn()
        assert await desk.scalar("SELECT count(*) FROM inbound_messages WHERE status = 'accepted'") == settled
    assert await desk.scalar("SELECT max(attempts) FROM inbound_messages") == 1


async def test_a_mail_that_cannot_be_settled_holds_up_no_other(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    made = acceptance._message

    def too_large(each: Any, *others: Any) -> Any:
        if each.read.mail.subject == "guilty":
            raise EventTooLarge("more than any event may have")
        return made(each, *others)

    monkeypatch.setattr(acceptance, "_message", too_large)
    for subject in ("first", "guilty", "last"):
        await desk.post_mail(with_file(subject))
    assert await desk.reading.turn()

    events = await desk.events("message.received.v1")
    assert [event["subject"] for event in events] == ["first", "last"]
    for event in events:
        assert await desk.objects.get(event["attachments"][0]["key"]) == b"y"
    assert await desk.scalar("SELECT reason FROM inbound_messages WHERE status = 'quarantined'") == "cannot_be_settled"
    assert len([path for path in desk.objects.root.rglob("*") if path.is_file()]) == 3 + 2


async def test_a_mail_of_which_nonsense_was_read_holds_up_no_other(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """It was given back with all that was claimed with it, every 15 seconds and for ever."""
    parse = desk.pool.parse

    async def nonsense(raw: bytes, get_keys: Any) -> Any:
        if b"guilty" in raw:
            raise KeyError("mail")
        return await parse(raw, get_keys)

    monkeypatch.setattr(desk.pool, "parse", nonsense)
    for subject in ("first", "guilty", "last"):
        await desk.post_mail(mail(Subject=subject))
    assert await desk.reading.turn()

    assert [event["subject"] for event in await desk.events("message.received.v1")] == ["first", "last"]
    assert await desk.scalar("SELECT reason FROM inbound_messages WHERE status = 'quarantined'") == "unreadable"


async def test_a_fault_of_the_moment_gives_all_of_them_back(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    async def away(*_: Any) -> Any:
        raise ConnectionResetError("the database is away")

    for subject in ("one", "two"):
        await desk.post_mail(with_file(subject))
    with monkeypatch.context() as patched:
        patched.setattr(MailQueue, "settle", away)
        with pytest.raises(ConnectionResetError):
            await desk.reading.turn()
    assert await desk.scalar("SELECT max(attempts) FROM inbound_messages") == 0
    assert len([path for path in desk.objects.root.rglob("*") if path.is_file()]) == 2, "files of the attempt are gone"
    await desk.execute("UPDATE inbound_messages SET leased_until = NULL")
    await desk.parse_all()
    assert len(await desk.events("message.received.v1")) == 2


async def test_racing_batches_agree_on_one_conversation(desk: Desk) -> None:
    readers = [MailReading(desk.database, desk.objects, desk.mail_desk, desk.pool, batch=3) for _ in range(4)]
    for round_ in range(4):
        chain = [f"<r{round_}.{number}@x>" for number in range(12)]
        for number, own in enumerate(chain):
            await desk.post_mail(mail(f"{round_}.{number}", Message_ID=own, References=" ".join(chain[:number])))
        async with asyncio.timeout(60), asyncio.TaskGroup() as group:
            for reader in readers:
                group.create_task(reader.turn())
    events = await desk.events("message.received.v1")
    assert len(events) == 4 * 12
    assert len({event["conversation_id"] for event in events}) == 4
    assert await desk.scalar("SELECT count(DISTINCT conversation_id) FROM mail_ids") == 4
