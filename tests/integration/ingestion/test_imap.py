"""Mail fetched from a real IMAP server: each once, in order, whatever happens between."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio

from services.ingestion.admission import Admission
from services.ingestion.domain.mailboxes import ImapSettings, MailboxSecrets
from services.ingestion.doorman import Doorman, Limits, tls_context
from services.ingestion.egress import Allowed, EgressClient
from services.ingestion.fetching import Fetching
from services.ingestion.oauth import AccessTokens
from services.ingestion.sealing import load_seal
from shared.ids import uuid7
from tests.dovecot import PASSWORD, Dovecot, require_dovecot
from tests.integration.ingestion.harness import Desk, mail

LIMITS = Limits(connections=4, timeout_seconds=20, max_bytes=100_000, lease=timedelta(seconds=20))
PATIENCE_SECONDS = 60


@pytest.fixture(scope="module")
def dovecot() -> Iterator[Dovecot]:
    require_dovecot()
    with Dovecot() as server:
        yield server


class Mailboxes:
    """Mailboxes of a desk that a fetcher reads."""

    def __init__(self, desk: Desk, server: Dovecot) -> None:
        self.desk = desk
        self.server = server
        self.fetching = self.fetcher()

    def fetcher(self, limits: Limits = LIMITS) -> Fetching:
        """Another process, as far as the database is concerned."""
        tokens = AccessTokens(EgressClient(Allowed.of("127.0.0.1/32")))
        doorman = Doorman(tls_context(self.server.ca_file), limits, tokens)
        return Fetching(self.desk.database, self.desk.objects, doorman, self.desk.app.state.admission)

    async def add(self, user: str, secrets: MailboxSecrets | None = None, **settings: Any) -> UUID:
        """A mailbox of the desk for a new user of the server."""
        secrets = secrets or MailboxSecrets(password=PASSWORD)
        self.server.add_user(user)
        given = {"host": "localhost", "port": self.server.tls_port, "username": user, "poll_seconds": 1, **settings}
        imap = ImapSettings.model_validate(given)
        mailbox_id = uuid7()
        async with self.desk.database.transaction() as session:
            sealed = (await load_seal(session, None)).seal(secrets.model_dump_json())
        await self.desk.execute(
            "INSERT INTO mailboxes (id, address, inbound, secrets, created_at, updated_at) "
            "VALUES (:id, :address, CAST(:inbound AS jsonb), :secrets, now(), now())",
            id=mailbox_id,
            address=f"{user}@desk.example",
            inbound=json.dumps({"imap": imap.model_dump(mode="json")}),
            secrets=sealed,
        )
        await self.desk.execute("INSERT INTO mailbox_fetching (mailbox_id, due_at) VALUES (:id, now())", id=mailbox_id)
        return mailbox_id

    async def hurry(self) -> None:
        """Whatever waits for its turn is due."""
        await self.desk.execute("UPDATE mailbox_fetching SET due_at = now()")

    async def read_until(self, sql: str, expected: Any, **parameters: Any) -> None:
        """Read until this is so."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while (found := await self.desk.scalar(sql, **parameters)) != expected:
                await self.fetching.turn()
                await asyncio.sleep(0.02)
        assert found == expected

    async def state(self, mailbox_id: UUID, column: str) -> Any:
        return await self.desk.scalar(f"SELECT {column} FROM mailbox_fetching WHERE mailbox_id = :id", id=mailbox_id)


COUNT = "SELECT count(*) FROM inbound_messages"
DELIVERIES = "SELECT count(*) FROM mail_deliveries"
READ = "SELECT last_uid FROM mailbox_fetching WHERE mailbox_id = :id AND unsettled = '{}'"


@pytest_asyncio.fixture
async def desk(shared_desk: Desk) -> Desk:
    """All tests share a database, without what others left in it: a server of their own costs more than they do."""
    await shared_desk.execute("TRUNCATE mailboxes, mailbox_fetching, mail_deliveries, inbound_messages, outbox")
    return shared_desk


@pytest_asyncio.fixture
async def mailboxes(desk: Desk, dovecot: Dovecot) -> AsyncIterator[Mailboxes]:
    mailboxes = Mailboxes(desk, dovecot)
    yield mailboxes
    await mailboxes.fetching.close()


async def test_mail_is_fetched_and_what_comes_later_too(mailboxes: Mailboxes) -> None:
    mailbox_id = await mailboxes.add("ada")
    for number in range(3):
        mailboxes.server.deliver("ada", mail(f"Mail {number}"))
    await mailboxes.read_until(COUNT, 3)
    await mailboxes.read_until("SELECT checked_at IS NOT NULL FROM mailbox_fetching", expected=True)
    mailboxes.server.deliver("ada", mail("One more"))
    await mailboxes.read_until(COUNT, 4)
    assert await mailboxes.desk.scalar("SELECT count(DISTINCT received_at) FROM inbound_messages") >= 1
    assert await mailboxes.state(mailbox_id, "last_uid") == 4
    await mailboxes.desk.parse_all()
    events = await mailboxes.desk.events("message.received.v1")
    assert [event["text"].strip() for event in events] == ["Mail 0", "Mail 1", "Mail 2", "One more"]


async def test_two_fetchers_share_the_work_and_none_reads_what_the_other_reads(mailboxes: Mailboxes) -> None:
    await mailboxes.add("bo")
    other = mailboxes.fetcher()
    try:
        assert await mailboxes.fetching.turn()
        assert not await other.turn()
    finally:
        await other.close()


async def test_a_change_of_uidvalidity_reads_all_again_and_doubles_nothing(
    mailboxes: Mailboxes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor does a transaction wait until the second copies are deleted: a slow store had all of it rolled back."""
    waiting = mailboxes.desk.watch_deletes(monkeypatch)
    mailbox_id = await mailboxes.add("cy")
    for number in range(5):
        mailboxes.server.deliver("cy", mail(f"Mail {number}"))
    await mailboxes.read_until(DELIVERIES, 5)
    before = await mailboxes.state(mailbox_id, "uid_validity")
    mailboxes.server.stop()
    mailboxes.server.change_uid_validity("cy")
    mailboxes.server.deliver("cy", mail("Mail 5"))
    mailboxes.server.start()
    await mailboxes.read_until("SELECT reason IS NOT NULL FROM mailbox_fetching", expected=True)
    await mailboxes.hurry()
    await mailboxes.read_until(DELIVERIES, 11)
    assert await mailboxes.desk.scalar(COUNT) == 6
    assert await mailboxes.state(mailbox_id, "uid_validity") != before
    await mailboxes.fetching.close()
    assert waiting == [0] * 5


@pytest.mark.parametrize(
    ("settings", "left", "done"),
    [({"after": "seen"}, 2, 0), ({"after": "delete"}, 0, 0), ({"after": "move", "move_to": "Done"}, 0, 2)],
)
async def test_what_becomes_of_mail_at_the_server_once_it_is_stored(
    mailboxes: Mailboxes, settings: dict[str, str], left: int, done: int
) -> None:
    user = f"after-{settings['after']}"
    mailbox_id = await mailboxes.add(user, **settings)
    for number in range(2):
        mailboxes.server.deliver(user, mail(f"Mail {number}"))
    await mailboxes.read_until(READ, 2, id=mailbox_id)
    files = mailboxes.server.inbox(user)
    assert len(files) == left
    assert all(name.endswith("S") for name in files)
    assert len(mailboxes.server.inbox(user, "Done")) == done


async def test_what_was_stored_before_a_crash_is_settled_with_the_server_after_it(mailboxes: Mailboxes) -> None:
    mailbox_id = await mailboxes.add("di", after="delete")
    mailboxes.server.deliver("di", mail("Mail 0"))
    await mailboxes.read_until(READ, 1, id=mailbox_id)
    await mailboxes.fetching.close()
    mailboxes.server.deliver("di", mail("Mail 1"))
    # As a process leaves it that ends between its commit and the server's answer.
    await mailboxes.desk.execute("UPDATE mailbox_fetching SET last_uid = 2, unsettled = '{2}', due_at = now()")
    mailboxes.fetching = mailboxes.fetcher()
    await mailboxes.read_until(READ, 2, id=mailbox_id)
    assert mailboxes.server.inbox("di") == []


async def test_a_mail_that_is_too_large_stands_in_nobodys_way(mailboxes: Mailboxes) -> None:
    mailbox_id = await mailboxes.add("ed", after="delete")
    mailboxes.server.deliver("ed", mail("First"))
    mailboxes.server.deliver("ed", mail("x" * 70 + "\r\n" + ("y" * 70 + "\r\n") * 2000, Subject="Too much"))
    mailboxes.server.deliver("ed", mail("Last"))
    await mailboxes.read_until(READ, 3, id=mailbox_id)
    assert await mailboxes.desk.scalar(COUNT) == 3
    raw_key = await mailboxes.desk.scalar("SELECT raw_key FROM inbound_messages WHERE reason = 'mail_too_large'")
    assert b"Subject: Too much" in await mailboxes.desk.objects.get(raw_key)
    # What is not here whole stays there.
    assert len(mailboxes.server.inbox("ed")) == 1


async def test_earlier_mail_is_left_alone_where_it_should_be(mailboxes: Mailboxes) -> None:
    mailbox_id = await mailboxes.add("flo", start="new")
    mailboxes.server.deliver("flo", mail("From before"), age=timedelta(days=2))
    mailboxes.server.deliver("flo", mail("From before, too"), age=timedelta(days=1))
    await mailboxes.read_until("SELECT checked_at IS NOT NULL FROM mailbox_fetching", expected=True)
    # Somebody may move an old mail in: it is not one that was there.
    mailboxes.server.deliver("flo", mail("From now on"), age=timedelta(days=9))
    await mailboxes.read_until(READ, 3, id=mailbox_id)
    assert await mailboxes.desk.scalar(COUNT) == 1
    mailboxes.server.stop()
    mailboxes.server.change_uid_validity("flo")
    mailboxes.server.start()
    await mailboxes.read_until("SELECT reason IS NOT NULL FROM mailbox_fetching", expected=True)
    await mailboxes.hurry()
    await mailboxes.read_until("SELECT last_uid = 3 AND reason IS NULL FROM mailbox_fetching", expected=True)
    # Rather the last of the old ones than none of the new ones.
    assert await mailboxes.desk.scalar(COUNT) == 2


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"username": "stranger"}, "login_failed"),
        ({"folder": "Nowhere"}, "no_folder"),
        ({"host": "127.0.0.1"}, "tls_failed"),
        ({"port": 1}, "unreachable"),
        ({"host": "nowhere.invalid"}, "host_unknown"),
    ],
)
async def test_trouble_is_told_in_words_and_left_alone_for_a_while(
    mailboxes: Mailboxes, settings: dict[str, Any], reason: str
) -> None:
    mailbox_id = await mailboxes.add(f"trouble-{reason}", **settings)
    await mailboxes.read_until("SELECT reason FROM mailbox_fetching", reason)
    assert len(await mailboxes.state(mailbox_id, "words")) > 20
    assert await mailboxes.state(mailbox_id, "due_at > now()")
    assert await mailboxes.state(mailbox_id, "lease") is None


async def test_one_mailbox_in_trouble_keeps_no_other_waiting(mailboxes: Mailboxes) -> None:
    for number in range(4):
        await mailboxes.add(f"wrong-{number}", folder="Nowhere")
    await mailboxes.add("right", security="starttls", port=mailboxes.server.port)
    mailboxes.server.deliver("right", mail())
    await mailboxes.read_until(COUNT, 1)


async def test_more_mailboxes_than_connections_take_turns(mailboxes: Mailboxes) -> None:
    mailboxes.fetching = mailboxes.fetcher(Limits(connections=2, max_bytes=100_000))
    for number in range(5):
        await mailboxes.add(f"many-{number}")
        mailboxes.server.deliver(f"many-{number}", mail(f"Mail {number}"))
    await mailboxes.read_until(COUNT, 5)


async def test_mail_stays_at_the_server_while_there_is_no_room_for_it(mailboxes: Mailboxes) -> None:
    full = Admission(mailboxes.desk.database, mailboxes.desk.objects, max_unsent_events=1, min_free_disk_mib=2**40)
    roomy, mailboxes.fetching.admission = mailboxes.fetching.admission, full
    mailbox_id = await mailboxes.add("hal", after="delete")
    mailboxes.server.deliver("hal", mail())
    await mailboxes.read_until("SELECT reason FROM mailbox_fetching", "no_room")
    assert len(mailboxes.server.inbox("hal")) == 1
    mailboxes.fetching.admission = roomy
    await mailboxes.hurry()
    await mailboxes.read_until(READ, 1, id=mailbox_id)


async def test_who_lost_the_lease_stores_nothing(mailboxes: Mailboxes) -> None:
    """A process that was frozen for longer than its lease finds another one reading: its batch must not count."""
    mailbox_id = await mailboxes.add("gil")
    await mailboxes.read_until("SELECT checked_at IS NOT NULL FROM mailbox_fetching", expected=True)
    await mailboxes.desk.execute("UPDATE mailbox_fetching SET lease = :other", other=uuid7())
    mailboxes.server.deliver("gil", mail())
    async with asyncio.timeout(PATIENCE_SECONDS):
        while mailboxes.fetching._tasks:
            await asyncio.sleep(0.02)
    assert await mailboxes.desk.scalar(COUNT) == 0
    assert await mailboxes.state(mailbox_id, "last_uid") == 0


async def test_an_access_token_is_got_by_a_refresh_token_that_may_take_its_place(desk: Desk) -> None:
    require_dovecot()
    asked: list[str] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Both the service that gives tokens, and the one that the mail server asks about them."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        if head.startswith("POST"):
            length = int(head.lower().partition("content-length:")[2].split()[0])
            asked.append((await reader.readexactly(length)).decode())
            body = json.dumps({"access_token": "at-1", "refresh_token": "rt-2", "expires_in": 3600})
        else:
            body = json.dumps({"active": "at-1" in head, "user": "olga"})
        writer.write(
            f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
            f"Connection: close\r\n\r\n{body}".encode()
        )
        await writer.drain()
        writer.close()

    tokens = await asyncio.start_server(answer, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{tokens.sockets[0].getsockname()[1]}"
    with Dovecot(introspection_url=f"{url}/introspect?token=") as server:
        mailboxes = Mailboxes(desk, server)
        oauth = {"auth": "oauth2", "token_url": f"{url}/token", "client_id": "desk"}
        await mailboxes.add("olga", MailboxSecrets(refresh_token="rt-1"), **oauth)
        server.deliver("olga", mail())
        await mailboxes.read_until(COUNT, 1)
        await mailboxes.fetching.close()
    tokens.close()
    assert asked == ["grant_type=refresh_token&refresh_token=rt-1&client_id=desk"]
    async with desk.database.transaction() as session:
        sealed = await desk.scalar("SELECT secrets FROM mailboxes")
        assert json.loads((await load_seal(session, None)).open(sealed)) == {"refresh_token": "rt-2"}
