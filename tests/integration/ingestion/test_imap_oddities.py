"""IMAP servers that do as they like: no mail is lost by it, none blocks the next, and nothing is held for ever."""

import contextlib
import socketserver
import ssl
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from services.ingestion.domain.mailboxes import ImapSettings, MailboxSecrets, MailboxTroubleError
from services.ingestion.doorman import Doorman, Limits
from services.ingestion.egress import Allowed, EgressClient
from services.ingestion.imap import FetchRefusedError, Folder, ImapConnection, Listed
from services.ingestion.oauth import AccessToken, AccessTokens
from shared.ids import uuid7

MAX_BYTES = 10_000
# What it says to a command: lines before its OK, or None for a NO.
Script = Callable[[str], bytes | None]
KNOWN = {
    "CAPABILITY": b"* CAPABILITY IMAP4rev1 IDLE AUTH=PLAIN\r\n",
    "SELECT": b"* 1 EXISTS\r\n* OK [UIDVALIDITY 3] x\r\n* OK [UIDNEXT 8] x\r\n",
}


class OddServer(socketserver.ThreadingTCPServer):
    """Answers each command with what `script` says to it, then OK."""

    daemon_threads = True

    def __init__(self, script: Script) -> None:
        super().__init__(("127.0.0.1", 0), _Talk)
        self.script = script
        self.heard: list[str] = []


class _Talk(socketserver.StreamRequestHandler):
    server: OddServer

    def handle(self) -> None:
        self.wfile.write(b"* OK [CAPABILITY IMAP4rev1 IDLE AUTH=PLAIN] hello\r\n")
        with contextlib.suppress(ConnectionError):
            for line in self.rfile:
                tag, _, command = line.decode().strip().partition(" ")
                self.server.heard.append(command)
                if command == "AUTHENTICATE PLAIN":
                    self.wfile.write(b"+ \r\n")
                    self.server.heard.append(self.rfile.readline().decode().strip())
                told = KNOWN.get(command.partition(" ")[0]) or self.server.script(command)
                if told is None:
                    self.wfile.write(f"{tag} NO never\r\n".encode())
                else:
                    self.wfile.write(told if told.startswith(b"+") else told + f"{tag} OK done\r\n".encode())


def nothing(_command: str) -> bytes:
    return b""


@contextlib.contextmanager
def connected(
    script: Script, credential: str = "pass", **settings: Any
) -> Iterator[tuple[ImapConnection, Folder, OddServer]]:
    with OddServer(script) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        given = {"host": "127.0.0.1", "port": server.server_address[1], "security": "none", "username": "ada"}
        connection = ImapConnection(
            ImapSettings.model_validate(given | settings),
            credential=credential,
            tls=ssl.create_default_context(),
            timeout_seconds=20,
            max_bytes=MAX_BYTES,
        )
        try:
            yield connection, connection.select(), server
        finally:
            connection.close()
            server.shutdown()


@pytest.mark.parametrize(
    "answer",
    [
        b"* 1 FETCH (UID 1 BODY[]<0> NIL)\r\n",
        b"* 1 FETCH (UID 1 FLAGS (\\Seen))\r\n",
        b"* 1 FETCH (UID 1 BODY[]<0> {99999999}\r\n",
        b"* 1 FETCH (UID 1 BODY[]<0> (x\r\n",
    ],
)
def test_a_mail_that_is_there_and_not_handed_out_is_not_taken_for_gone(answer: bytes) -> None:
    def script(command: str) -> bytes:
        return answer if "FETCH" in command else b""

    with connected(script) as (connection, _, _), pytest.raises(FetchRefusedError):
        connection.fetch([1], size_bytes=100)


def test_a_whole_mail_may_come_without_the_place_where_it_begins() -> None:
    def script(command: str) -> bytes:
        return b"* 1 FETCH (UID 1 BODY[] {4}\r\nmail)\r\n" if "FETCH" in command else b""

    with connected(script) as (connection, _, _):
        assert connection.fetch([1, 2], size_bytes=100) == {1: b"mail"}


@pytest.mark.parametrize(
    ("told", "understood"),
    [
        ("17-Jul-1996 02:44:25 -0700", datetime(1996, 7, 17, 9, 44, 25, tzinfo=UTC)),
        ("01-Jan-0200 00:00:00 +2359", None),
        ("17-Jul-1996 02:44:25 +9999", None),
        ("17-Jul-1996 02:44:25", None),
        ("whenever", None),
    ],
)
def test_a_date_that_is_none_blocks_nothing(told: str, understood: datetime | None) -> None:
    def script(command: str) -> bytes:
        if "SEARCH" in command:
            return b"* SEARCH 7\r\n"
        if "FETCH" in command:
            return f'* 1 FETCH (UID 7 RFC822.SIZE 5 INTERNALDATE "{told}")\r\n'.encode()
        return b""

    with connected(script) as (connection, folder, _):
        assert connection.list_after(0, folder, limit=10) == [Listed(7, 5, understood)]


def test_what_is_told_together_with_the_begin_of_waiting_is_heard() -> None:
    """Mail that came just before waiting began was seen only when that ended."""

    def script(command: str) -> bytes:
        return b"+ idling\r\n* 1 EXISTS\r\n" if command == "IDLE" else b""

    with connected(script) as (connection, _, _):
        assert connection.idle()

    def silent(command: str) -> bytes:
        return b"+ idling\r\n" if command == "IDLE" else b""

    with connected(silent) as (connection, _, _):
        assert not connection.idle()


def test_a_password_may_have_letters_of_any_language() -> None:
    with connected(nothing, "pässwörd") as (_, _, server):
        assert server.heard[-3:-1] == ["AUTHENTICATE PLAIN", "AGFkYQBww6Rzc3fDtnJk"]


def test_a_server_that_keeps_what_it_should_delete_is_told_as_that() -> None:
    def script(command: str) -> bytes | None:
        return None if "STORE" in command else b""

    with connected(script, after="delete") as (connection, _, _):
        with pytest.raises(MailboxTroubleError) as trouble:
            connection.settle([1])
        assert trouble.value.reason == "not_settled"
        assert "never" in trouble.value.words


class RotatingTokens(AccessTokens):
    """A token service that gives another refresh token each time; the one before is void."""

    async def get(self, *_: Any) -> AccessToken:
        return AccessToken("at-2", "rt-2", 0)


async def test_a_new_refresh_token_is_kept_though_the_mail_server_is_away() -> None:
    """It was lost with the login that failed, and the mailbox had to be entered anew."""
    doorman = Doorman(ssl.create_default_context(), Limits(), RotatingTokens(EgressClient(Allowed.of(""))))
    settings = ImapSettings(
        host="127.0.0.1", port=1, username="ada", auth="oauth2", client_id="desk", token_url="https://id.example/token"
    )
    kept: list[MailboxSecrets] = []

    async def keep(secrets: MailboxSecrets) -> None:
        kept.append(secrets)

    with pytest.raises(MailboxTroubleError, match="unreachable"):
        await doorman.open(uuid7(), settings, MailboxSecrets(refresh_token="rt-1"), keep)
    doorman.close()
    assert [each.refresh_token for each in kept] == ["rt-2"]
