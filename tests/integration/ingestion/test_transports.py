"""A mailbox with a server of its own sends through that, with its own login; changes count within seconds."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from desk.ports import free_port
from services.ingestion import flow
from services.ingestion.delivery import SmtpTransport
from services.ingestion.domain.identities import Identity
from services.ingestion.sending import Delivery, NoticeDelivery
from services.ingestion.service.outbound import BATCH
from services.ingestion.transports import Transports
from shared.events.accounts import Role
from shared.events.common import AttachmentRef
from shared.events.notifications import Addressee
from shared.ids import uuid7
from tests.integration.ingestion.conftest import MakeDesk
from tests.integration.ingestion.harness import Desk
from tests.integration.ingestion.test_notices import told
from tests.integration.ingestion.test_outbound import reply
from tests.integration.ingestion.test_sending import came

_TABLES = {"replies": "outbound_messages", "notices": "notices"}


class Server:
    """A mail server: who logged in, and from whom mail came."""

    def __init__(self) -> None:
        self.port = free_port()
        self.logins: list[tuple[bytes, bytes]] = []
        self.senders: list[str] = []
        self.hangs = False
        self.waiting = 0

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        self.waiting += 1
        while self.hangs:
            await asyncio.sleep(0.01)
        self.waiting -= 1
        content = envelope.content
        assert isinstance(content, bytes)
        self.senders.append(next(line for line in content.decode().splitlines() if line.startswith("From:")))
        return "250 OK"

    def authenticate(self, _server: Any, _session: Any, _envelope: Any, _mechanism: str, data: Any) -> AuthResult:
        assert isinstance(data, LoginPassword)
        self.logins.append((data.login, data.password))
        return AuthResult(success=data.password != b"wrong", handled=False)


@pytest_asyncio.fixture
async def servers() -> AsyncIterator[tuple[Server, Server]]:
    both = Server(), Server()
    controllers = [
        Controller(
            server, hostname="127.0.0.1", port=server.port, authenticator=server.authenticate, auth_require_tls=False
        )
        for server in both
    ]
    for controller in controllers:
        controller.start()
    yield both
    for controller in controllers:
        controller.stop()


def url(server: Server) -> str:
    return f"smtp://sales%40shop.example@127.0.0.1:{server.port}"


async def add_mailbox(
    desk: Desk, server: Server, password: str | None = "s3cret", address: str = "sales@shop.example"
) -> Any:
    body = {"address": address, "name": "Sales", "smtp_url": url(server)}
    secrets = {"secrets": {"smtp_password": password}} if password else {}
    answer = await desk.as_(Role.ADMIN).post("/api/channels/mailboxes", {**body, **secrets})
    assert answer.status == 201, answer.body
    desk.mail_desk.refresh()
    return answer.json()


async def send(desk: Desk, transports: Transports, mailbox_id: Any) -> None:
    conversation = uuid7()
    await came(desk, conversation, mailbox_id)
    await desk.consume(reply(conversation))
    delivery = Delivery(desk.database, desk.objects, desk.mail_desk, transports, desk.settings)
    while await delivery.turn():
        pass


async def test_each_mailbox_sends_through_its_own_server(make_desk: MakeDesk, servers: tuple[Server, Server]) -> None:
    everybodys, own = servers
    desk = await make_desk(DESK_INGESTION_SMTP_URL=f"smtp://127.0.0.1:{everybodys.port}")
    mailbox = await add_mailbox(desk, own)
    transports = Transports(desk.database, desk.settings)
    await send(desk, transports, None)
    await send(desk, transports, mailbox["id"])
    await send(desk, transports, mailbox["id"])
    assert everybodys.senders == ["From: Grace <support@desk.example>"]
    assert own.senders == ["From: Grace <sales@shop.example>"] * 2
    # The session was kept.
    assert own.logins == [(b"sales@shop.example", b"s3cret")]
    await transports.close()


async def test_a_change_of_the_mailbox_is_picked_up(desk: Desk, servers: tuple[Server, Server]) -> None:
    first, second = servers
    mailbox = await add_mailbox(desk, first)
    transports = Transports(desk.database, desk.settings)
    identity = (await desk.mail_desk.context()).identities.others[0]
    before = await transports.of(identity)
    await send(desk, transports, mailbox["id"])
    path = f"/api/channels/mailboxes/{mailbox['id']}"
    body = {"address": "sales@shop.example", "smtp_url": url(second), "secrets": {"smtp_password": "n3w"}}
    assert (await desk.as_(Role.ADMIN).put(path, body, **{"if-match": '"1"'})).status == 200
    assert await transports.of(identity) is before
    transports.refresh()
    assert await transports.of(identity) is not before
    assert isinstance(before, SmtpTransport)
    assert before._idle == []
    await send(desk, transports, mailbox["id"])
    assert (len(first.senders), second.logins) == (1, [(b"sales@shop.example", b"n3w")])
    assert (await desk.as_(Role.ADMIN).delete(path, **{"if-match": '"2"'})).status == 204
    transports.refresh()
    default = Identity(None, identity.mailbox)
    assert await transports.of(identity) is await transports.of(default)
    await transports.close()


async def test_mailboxes_of_one_login_share_connections(desk: Desk, servers: tuple[Server, Server]) -> None:
    await add_mailbox(desk, servers[0])
    body = {"address": "help@shop.example", "smtp_url": url(servers[0]), "secrets": {"smtp_password": "s3cret"}}
    assert (await desk.as_(Role.ADMIN).post("/api/channels/mailboxes", body)).status == 201
    transports = Transports(desk.database, desk.settings)
    identities = (await desk.mail_desk.context()).identities.others
    ways = await asyncio.gather(*(transports.of(each) for each in identities))
    assert len(ways) == 2
    assert ways[0] is ways[1]


async def test_a_login_that_fails_waits_for_a_better_one(desk: Desk, servers: tuple[Server, Server]) -> None:
    server = servers[0]
    mailbox = await add_mailbox(desk, server, password=None)
    transports = Transports(desk.database, desk.settings)
    await send(desk, transports, mailbox["id"])
    states = "SELECT state || ' ' || reason FROM outbound_messages"
    assert await desk.scalar(states) == "queued no_password"
    assert server.logins == []
    path = f"/api/channels/mailboxes/{mailbox['id']}"
    assert (await desk.as_(Role.ADMIN).post(f"{path}/check")).json()["problems"][0]["reason"] == "login_failed"
    body = {"address": "sales@shop.example", "smtp_url": url(server), "secrets": {"smtp_password": "wrong"}}
    assert (await desk.as_(Role.ADMIN).put(path, body, **{"if-match": '"1"'})).status == 200
    await desk.execute("DELETE FROM outbound_messages")
    transports.refresh()
    await send(desk, transports, mailbox["id"])
    assert await desk.scalar(states) == "queued smtp 535"
    assert server.senders == []
    assert (await desk.as_(Role.ADMIN).post(f"{path}/check")).json()["problems"][0]["reason"] == "login_failed"
    await transports.close()


async def test_a_port_that_is_none_is_refused(desk: Desk) -> None:
    body = {"address": "sales@shop.example", "smtp_url": "smtp://mail.example.com:70000"}
    assert (await desk.as_(Role.ADMIN).post("/api/channels/mailboxes", body)).status == 422


@pytest.mark.parametrize("kind", ["replies", "notices"])
@pytest.mark.parametrize("whose", ["its own", "everybody's"])
async def test_a_server_that_hangs_keeps_only_its_own_mails_waiting(
    kind: str, whose: str, make_desk: MakeDesk, servers: tuple[Server, Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those due before them were claimed first, and a turn lasted as long as its slowest mail: minutes."""
    monkeypatch.setattr(flow, "PATIENCE_SECONDS", 0.2)
    everybodys, own = servers
    hanging, other = (own, everybodys) if whose == "its own" else (everybodys, own)
    hanging.hangs = True
    desk = await make_desk(DESK_INGESTION_SMTP_URL=f"smtp://127.0.0.1:{everybodys.port}")
    mailbox = await add_mailbox(desk, own)
    await desk.execute("UPDATE mailboxes SET brand = 'toys'")
    for number in range(2 * BATCH + 1):
        is_own = (hanging if number < 2 * BATCH else other) is own
        if kind == "replies":
            conversation = uuid7()
            await came(desk, conversation, mailbox["id"] if is_own else None)
            await desk.consume(reply(conversation, email=f"{number}@example.org"))
        else:
            to = Addressee(address=f"{number}@desk.example", name="")
            await desk.consume(told(brand="toys" if is_own else "nobody's", to=to))
    transports = Transports(desk.database, desk.settings)
    delivery: Delivery | NoticeDelivery = NoticeDelivery(desk.database, desk.mail_desk, transports, desk.settings)
    if kind == "replies":
        delivery = Delivery(desk.database, desk.objects, desk.mail_desk, transports, desk.settings)
    try:
        async with asyncio.timeout(20):
            while not other.senders:
                assert await delivery.turn()
        assert hanging.senders == []
        # What is on its way is noted in the end, and the rest of them follows.
        hanging.hangs = False
        await delivery.close()
        assert len(hanging.senders) == BATCH
        while await delivery.turn():
            pass
        assert len(hanging.senders) == 2 * BATCH
        assert await desk.scalar(f"SELECT count(*) FROM {_TABLES[kind]} WHERE state = 'delivered'") == 2 * BATCH + 1
    finally:
        hanging.hangs = False
        await delivery.close()
        await transports.close()


async def queue(desk: Desk, mailbox_id: Any, mails: int, **changes: Any) -> None:
    """Replies that leave as one mailbox, each to somebody else."""
    for _ in range(mails):
        conversation = uuid7()
        await came(desk, conversation, mailbox_id)
        await desk.consume(reply(conversation, email=f"{conversation}@example.org", **changes))


async def test_servers_that_hang_keep_no_other_mails_waiting_however_many_they_are(
    make_desk: MakeDesk, servers: tuple[Server, Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sixty mails might be on their way in all: seven mailboxes of a provider that hung stopped everybody's mail."""
    monkeypatch.setattr(flow, "PATIENCE_SECONDS", 0.1)
    healthy, hanging = servers
    hanging.hangs = True
    desk = await make_desk(DESK_INGESTION_SMTP_URL=f"smtp://127.0.0.1:{healthy.port}")
    for number in range(7):
        # A password of its own makes it a login of its own.
        mailbox = await add_mailbox(desk, hanging, f"s3cret{number}", f"sales{number}@shop.example")
        await queue(desk, mailbox["id"], BATCH)
    await queue(desk, None, BATCH + 1)
    transports = Transports(desk.database, desk.settings)
    delivery = Delivery(desk.database, desk.objects, desk.mail_desk, transports, desk.settings)
    try:
        async with asyncio.timeout(20):
            while len(healthy.senders) < BATCH + 1:
                assert await delivery.turn()
        assert hanging.senders == []
    finally:
        hanging.hangs = False
        await delivery.close()
        await transports.close()


async def test_two_who_claim_at_once_take_no_more_than_one_may(
    make_desk: MakeDesk, servers: tuple[Server, Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both saw a server that was free, and each took ten for it: what one process holds, no other can send."""
    monkeypatch.setattr(flow, "PATIENCE_SECONDS", 0.1)
    server, _ = servers
    server.hangs = True
    desk = await make_desk(DESK_INGESTION_SMTP_URL=f"smtp://127.0.0.1:{server.port}")
    await queue(desk, None, 2 * BATCH)
    transports = Transports(desk.database, desk.settings)
    delivery = Delivery(desk.database, desk.objects, desk.mail_desk, transports, desk.settings)
    try:
        await asyncio.gather(delivery.turn(), delivery.turn())
        assert await desk.scalar("SELECT count(*) FROM outbound_messages WHERE lease IS NOT NULL") == BATCH
    finally:
        server.hangs = False
        await delivery.close()
        await transports.close()


async def test_who_waits_for_a_connection_has_not_read_its_files(
    make_desk: MakeDesk, servers: tuple[Server, Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mail has twenty megabytes with its files, and all those that waited for a server that hung had theirs."""
    monkeypatch.setattr(flow, "PATIENCE_SECONDS", 0.1)
    server, _ = servers
    server.hangs = True
    desk = await make_desk(DESK_INGESTION_SMTP_URL=f"smtp://127.0.0.1:{server.port}", DESK_INGESTION_SMTP_CONNECTIONS=2)
    key = await desk.objects.put(b"a file")
    read: list[str] = []
    get = desk.objects.get

    async def counted(key: str) -> bytes:
        read.append(key)
        return await get(key)

    monkeypatch.setattr(desk.objects, "get", counted)
    file = AttachmentRef(id=uuid7(), key=key, name="a.txt", content_type="text/plain", size_bytes=6)
    await queue(desk, None, BATCH, attachments=(file,))
    transports = Transports(desk.database, desk.settings)
    delivery = Delivery(desk.database, desk.objects, desk.mail_desk, transports, desk.settings)
    try:
        async with asyncio.timeout(20):
            while server.waiting < 2:
                await delivery.turn()
        assert len(read) == 2
        server.hangs = False
        await delivery.close()
        assert (len(read), len(server.senders)) == (BATCH, BATCH)
    finally:
        server.hangs = False
        await delivery.close()
        await transports.close()
