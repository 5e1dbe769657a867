"""Mail handed over by a mail server: acknowledged when it is stored, and not before."""

import asyncio
import logging
import smtplib
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from services.ingestion import lmtp
from services.ingestion.admission import create_admission
from services.ingestion.lmtp import LmtpDoor, LmtpHandler
from services.ingestion.wake import wakes
from shared.events.accounts import Role
from shared.objects import ObjectStore
from tests.integration.ingestion.harness import Desk, mail

ADDRESS = "support@desk.example"


class FullStore:
    """A store whose disk is full."""

    async def put(self, *_: Any, **__: Any) -> str:
        raise OSError(28, "No space left on device")


async def door_of(desk: Desk, objects: ObjectStore | FullStore | None = None, connections: int = 5) -> LmtpDoor:
    admission = create_admission(desk.settings, desk.database, desk.objects)
    store: Any = objects or desk.objects
    handler = LmtpHandler(desk.database, store, desk.mail_desk.context, admission, wakes(desk.database).mail_stored)
    door = LmtpDoor("127.0.0.1:0", handler, connections=connections)
    await door.start()
    return door


@pytest_asyncio.fixture
async def door(desk: Desk) -> AsyncIterator[LmtpDoor]:
    door = await door_of(desk)
    yield door
    await door.close()


def talk(port: int, raw: bytes, *recipients: str, sender: str = "ada@example.org") -> list[bytes]:
    """What the server says to each recipient, and to the data."""
    answers: list[bytes] = []
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection, connection.makefile("rb") as answer:
        answer.readline()

        def say(line: str) -> bytes:
            connection.sendall(line.encode() + b"\r\n")
            while (found := answer.readline())[3:4] == b"-":
                pass
            return found

        say("LHLO mx.example.org")
        say(f"MAIL FROM:<{sender}>")
        answers += [say(f"RCPT TO:<{each}>") for each in recipients]
        taken = sum(each.startswith(b"250") for each in answers)
        if taken and say("DATA").startswith(b"354"):
            connection.sendall(raw + b".\r\n")
            answers += [answer.readline() for _ in range(taken)]
        assert say("NOOP").startswith(b"250")  # nothing more was said
    return [each[:3] for each in answers]


async def test_a_mail_server_hands_mail_over(desk: Desk, door: LmtpDoor) -> None:
    def send() -> None:
        with smtplib.LMTP("127.0.0.1", door.port) as client:
            client.sendmail("ada@example.org", [ADDRESS], mail())

    await asyncio.to_thread(send)
    await desk.parse_all()
    [event] = await desk.events("message.received.v1")
    assert event["text"].strip() == "My printer is on fire."
    raw = await desk.objects.get(event["raw_key"])
    assert raw.startswith(b"Return-Path: <ada@example.org>\r\nDelivered-To: support@desk.example\r\nFrom:")


async def test_each_recipient_gets_an_answer_and_each_mailbox_a_delivery(desk: Desk, door: LmtpDoor) -> None:
    body = {"address": "help@desk.example", "name": "Help"}
    assert (await desk.as_(Role.ADMIN).post("/api/channels/mailboxes", body)).status == 201
    desk.mail_desk.refresh()
    recipients = (ADDRESS, "nobody@desk.example", "help@desk.example", "help+r.abc@desk.example")
    answers = await asyncio.to_thread(talk, door.port, mail(), *recipients)
    assert answers == [b"250", b"550", b"250", b"250", b"250", b"250", b"250"]
    assert await desk.scalar("SELECT count(*) FROM inbound_messages") == 1
    assert await desk.scalar("SELECT count(*) FROM mail_deliveries") == 2
    # The bytes are still there: the second mailbox did not take them for a copy.
    assert await desk.objects.get(await desk.scalar("SELECT raw_key FROM inbound_messages"))


async def test_no_transaction_waits_while_the_bytes_of_a_known_mail_are_deleted(
    desk: Desk, door: LmtpDoor, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting = desk.watch_deletes(monkeypatch)
    for _ in range(2):
        assert await asyncio.to_thread(talk, door.port, mail(), ADDRESS) == [b"250", b"250"]
    assert waiting == [0]


async def test_nobodys_address_is_logged(door: LmtpDoor, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    await asyncio.to_thread(talk, door.port, mail(), ADDRESS)
    assert "ada@" not in caplog.text


async def test_lines_of_others_end_no_mail(desk: Desk, door: LmtpDoor) -> None:
    """A line feed by itself ends no line: what follows it would be a mail of its own, in another's name."""
    hidden = b"One\n.\nMAIL FROM:<boss@example.org>\n.\r\n..Two\r\n"
    assert await asyncio.to_thread(talk, door.port, mail() + hidden, ADDRESS) == [b"250", b"250"]
    raw = await desk.objects.get(await desk.scalar("SELECT raw_key FROM inbound_messages"))
    assert raw.endswith(hidden.replace(b"..Two", b".Two"))


async def test_the_same_mail_again_is_a_delivery_more(desk: Desk, door: LmtpDoor) -> None:
    for _ in range(2):
        assert await asyncio.to_thread(talk, door.port, mail(), ADDRESS) == [b"250", b"250"]
    assert await desk.scalar("SELECT deliveries FROM inbound_messages") == 2


async def test_our_trouble_is_temporary(desk: Desk) -> None:
    door = await door_of(desk, FullStore())
    try:
        assert await asyncio.to_thread(talk, door.port, mail(), ADDRESS, ADDRESS) == [b"250", b"250", b"451", b"451"]
    finally:
        await door.close()
    assert await desk.scalar("SELECT count(*) FROM mail_deliveries") == 0


async def test_too_large_is_for_good(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lmtp, "MAX_MAIL_BYTES", 10_000)
    door = await door_of(desk)
    try:
        raw = mail("\r\n".join(["x" * 70] * 500))
        assert await asyncio.to_thread(talk, door.port, raw, ADDRESS, ADDRESS) == [b"250", b"250", b"552", b"552"]
    finally:
        await door.close()


async def test_connections_are_bounded(desk: Desk) -> None:
    door = await door_of(desk, connections=1)
    try:
        _, first = await asyncio.open_connection("127.0.0.1", door.port)
        reader, second = await asyncio.open_connection("127.0.0.1", door.port)
        assert b"421 4.3.2" in await asyncio.wait_for(reader.read(), 60)
        first.close()
        second.close()
    finally:
        await door.close()
