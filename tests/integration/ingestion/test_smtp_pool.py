"""Connections to a mail server are kept, used again, bounded, and given up for what is wrong with them."""

import asyncio
from collections.abc import AsyncIterator
from email.message import EmailMessage

import pytest
import pytest_asyncio
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from desk.ports import free_port
from services.ingestion import delivery
from services.ingestion.delivery import DeliveryFailed, SmtpTransport


class Server:
    """A mail server that counts its sessions, and answers `DATA` as told, once for each answer."""

    def __init__(self) -> None:
        self.sessions: set[Session] = set()
        self.open = 0
        self.most = 0
        self.taken: list[str] = []
        self.answers: list[str] = []
        self.slow = 0.0
        self.port = free_port()

    async def handle_MAIL(  # noqa: N802 - the name aiosmtpd calls
        self, _server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        self.sessions.add(session)
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        self.open += 1
        self.most = max(self.most, self.open)
        await asyncio.sleep(self.slow)
        self.open -= 1
        answer = self.answers.pop(0) if self.answers else "250 OK"
        if answer == "hang up":
            assert server.transport is not None
            server.transport.close()
        elif answer.startswith("250"):
            self.taken.append(envelope.rcpt_tos[0])
        return answer


@pytest_asyncio.fixture
async def server() -> AsyncIterator[Server]:
    server = Server()
    controller = Controller(server, hostname="127.0.0.1", port=server.port)
    controller.start()
    yield server
    controller.stop()


def mail() -> EmailMessage:
    message = EmailMessage()
    message["Subject"] = "Hello"
    message.set_content("Hello")
    return message


async def send(transport: SmtpTransport, address: str = "ada@example.org") -> None:
    async with transport.room():
        assert await transport.send(mail(), sender="support@desk.example", recipients=[address]) == {}


def transport_to(server: Server, connections: int = 4) -> SmtpTransport:
    return SmtpTransport(f"smtp://127.0.0.1:{server.port}", timeout_seconds=10, connections=connections)


async def test_one_connection_carries_one_mail_after_another(server: Server) -> None:
    transport = transport_to(server)
    for _ in range(5):
        await send(transport)
    assert (len(server.taken), len(server.sessions)) == (5, 1)
    await transport.close()
    await send(transport)
    assert len(server.sessions) == 2


async def test_no_more_are_open_than_may_be(server: Server) -> None:
    server.slow = 0.02
    transport = transport_to(server, connections=2)
    await asyncio.gather(*(send(transport) for _ in range(8)))
    assert (len(server.taken), len(server.sessions), server.most) == (8, 2, 2)


async def test_a_worn_one_is_replaced(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "MAX_MAILS", 2)
    transport = transport_to(server)
    for _ in range(5):
        await send(transport)
    assert (len(server.taken), len(server.sessions)) == (5, 3)
    monkeypatch.setattr(delivery, "MAX_AGE_SECONDS", -1)
    await send(transport)
    assert len(server.sessions) == 4


async def test_an_answer_leaves_it_open_and_the_next_mail_is_no_part_of_the_last(server: Server) -> None:
    transport = transport_to(server)
    server.answers = ["554 no", "451 later"]
    with pytest.raises(DeliveryFailed, match="554") as refused:
        await send(transport, "bo@example.org")
    with pytest.raises(DeliveryFailed, match="451") as passing:
        await send(transport, "cy@example.org")
    await send(transport)
    assert (refused.value.is_final, passing.value.is_final) == (True, False)
    assert (server.taken, len(server.sessions)) == (["ada@example.org"], 1)


async def test_a_server_that_hung_up_is_called_again(server: Server) -> None:
    transport = transport_to(server)
    await send(transport)
    server.answers = ["hang up"]
    with pytest.raises(DeliveryFailed) as dropped:
        await send(transport)
    assert not dropped.value.is_final
    await send(transport)
    assert (len(server.taken), len(server.sessions)) == (2, 2)


async def test_a_kept_one_that_the_server_ended_costs_no_mail(server: Server) -> None:
    transport = transport_to(server)
    await send(transport)
    [kept] = transport._idle
    assert kept.client.transport is not None
    kept.client.transport.abort()
    await send(transport)
    assert len(server.taken) == 2


async def test_who_waits_for_too_long_sends_nothing(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its lease would end meanwhile, and another would send the mail as well."""
    monkeypatch.setattr(delivery, "ROOM_TIMEOUTS", 0.001)
    server.slow = 0.2
    transport = transport_to(server, connections=1)
    first = asyncio.create_task(send(transport))
    await asyncio.sleep(0.05)
    with pytest.raises(DeliveryFailed, match="busy") as waited:
        await send(transport, "bo@example.org")
    await first
    assert not waited.value.is_final
    assert server.taken == ["ada@example.org"]
    server.slow = 0
    await send(transport)


async def test_what_is_closed_keeps_nothing(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    server.slow = 0.05
    transport = transport_to(server)
    sending = asyncio.create_task(send(transport))
    await asyncio.sleep(0.02)
    await transport.close()
    await sending
    assert transport._idle == []
    other = transport_to(server)
    await send(other)
    await other.tidy()
    assert len(other._idle) == 1
    monkeypatch.setattr(delivery, "MAX_AGE_SECONDS", -1)
    await other.tidy()
    assert other._idle == []
