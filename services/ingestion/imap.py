"""One connection to an IMAP server (RFC 3501, RFC 9051), by IMAPClient. It blocks: its calls belong into a thread.

What a server sends is bounded: a literal, a line, and all that comes in answer to one command.
"""

import contextlib
import socket
import ssl
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from imapclient import SEEN, IMAPClient
from imapclient.exceptions import IMAPClientAbortError, IMAPClientError, LoginError

from services.ingestion.domain.mailboxes import ImapSettings, MailboxTroubleError

HEADER_BYTES = 64 * 1024
# Beside the mails of one command.
_OVERHEAD_BYTES = 4 * 1024 * 1024
# A line of UIDs in answer to a search has to stay below what imaplib takes for a line.
_UIDS_AT_ONCE = 50_000
_WORDS = 300
# Nobody had mail before; a server that says so knows no better.
_FIRST_YEAR = 1970


class FetchRefusedError(Exception):
    """The server would not hand out these mails, though the connection is well or broke only then."""


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder as it was selected: UIDs are valid only under the same `uid_validity`."""

    uid_validity: int
    uid_next: int
    messages: int


@dataclass(frozen=True, slots=True)
class Listed:
    """A mail in the folder, before it is fetched."""

    uid: int
    size_bytes: int
    received_at: datetime | None


class ImapConnection:
    """A connection that is logged in. Every call raises MailboxTroubleError when the server or the way to it fails."""

    def __init__(
        self, settings: ImapSettings, *, credential: str, tls: ssl.SSLContext, timeout_seconds: float, max_bytes: int
    ) -> None:
        self._settings = settings
        self._max_bytes = max_bytes
        self._left = self._allowed = _OVERHEAD_BYTES
        with self._troubles():
            self._client = IMAPClient(
                settings.host,
                settings.port,
                ssl=settings.security == "tls",
                ssl_context=tls,
                timeout=timeout_seconds,
            )
        try:
            with self._troubles():
                self._client.normalise_times = False
                self._bound()
                if settings.security == "starttls":
                    self._client.starttls(tls)
                if settings.auth == "oauth2":
                    self._client.oauth2_login(settings.username, credential)
                elif not (settings.username + credential).isascii():
                    # LOGIN has no way to say them.
                    self._client.plain_login(settings.username, credential)
                else:
                    self._client.login(settings.username, credential)
        except BaseException:
            self.close()
            raise

    @property
    def can_idle(self) -> bool:
        """Whether the server tells of new mail by itself (RFC 2177)."""
        with self._troubles():
            return bool(self._client.has_capability("IDLE"))

    def fileno(self) -> int:
        """The socket, to wait for."""
        return int(self._client.socket().fileno())

    def select(self) -> Folder:
        """Open the folder, and see what it has now."""
        with self._troubles():
            try:
                found = self._client.select_folder(self._settings.folder)
            except IMAPClientAbortError:
                raise
            except IMAPClientError as error:
                raise MailboxTroubleError("no_folder", f"The server has no folder {self._settings.folder}.") from error
            if (move_to := self._settings.move_to) and not self._client.folder_exists(move_to):
                raise MailboxTroubleError("no_folder", f"The server has no folder {move_to} to move mail to.")
            return Folder(int(found[b"UIDVALIDITY"]), int(found.get(b"UIDNEXT", 0)), int(found.get(b"EXISTS", 0)))

    def last(self, folder: Folder) -> Listed | None:
        """The mail that came last, None in an empty folder."""
        if not folder.messages:
            return None
        with self._troubles():
            self._client.use_uid = False
            try:
                answer = self._client.fetch([folder.messages], ["UID", "RFC822.SIZE", "INTERNALDATE"])
            finally:
                self._client.use_uid = True
            found = answer[folder.messages]
            return Listed(int(found[b"UID"]), int(found[b"RFC822.SIZE"]), _moment(found.get(b"INTERNALDATE")))

    def list_after(self, uid: int, folder: Folder, *, limit: int) -> list[Listed]:
        """The next `limit` mails after `uid`, in order of UID."""
        with self._troubles():
            found: list[int] = []
            while not found:
                last = uid + _UIDS_AT_ONCE if folder.uid_next else 0
                # A range with `*` has the last mail in it even where that is below its start.
                criteria = ["UID", f"{uid + 1}:{last or '*'}"]
                found = sorted(each for each in self._client.search(criteria) if each > uid)[:limit]
                if not last or last + 1 >= folder.uid_next:
                    break
                uid = last
            if not found:
                return []
            answers = self._client.fetch(found, ["RFC822.SIZE", "INTERNALDATE"])
            return [
                Listed(each, int(answers[each].get(b"RFC822.SIZE", 0)), _moment(answers[each].get(b"INTERNALDATE")))
                for each in found
                if each in answers
            ]

    def fetch(self, uids: Sequence[int], *, size_bytes: int) -> dict[int, bytes]:
        """The mails by UID, as they are: at most one byte more than `max_bytes` of each. Those gone are left out.

        `size_bytes` is what they are together, by the server's word; it may be wrong about that. Raises
        FetchRefusedError when the server fails at exactly this.
        """
        self._allowed = max(2 * size_bytes, self._max_bytes + 1) + _OVERHEAD_BYTES
        try:
            return self._parts(uids, f"BODY.PEEK[]<0.{self._max_bytes + 1}>", b"BODY[]")
        finally:
            self._allowed = _OVERHEAD_BYTES

    def header(self, uid: int) -> bytes:
        """The start of a mail's header. Raises FetchRefusedError."""
        return self._parts([uid], f"BODY.PEEK[HEADER]<0.{HEADER_BYTES}>", b"BODY[HEADER]").get(uid, b"")

    def _parts(self, uids: Sequence[int], item: str, name: bytes) -> dict[int, bytes]:
        with self._troubles():
            try:
                answers = self._client.fetch(uids, [item])
            except (IMAPClientError, OSError, ValueError, TypeError) as error:
                raise FetchRefusedError from error
            except MailboxTroubleError as error:
                # The rest of what it sends must not be taken for answers to anything else.
                self.close()
                raise FetchRefusedError from error
            parts: dict[int, bytes] = {}
            for uid, answer in answers.items():
                # Some leave out where the part begins when it is the whole.
                part = answer.get(name + b"<0>", answer.get(name))
                if not isinstance(part, bytes):
                    # It is there, and is not handed out: that is not the same as gone.
                    raise FetchRefusedError
                parts[uid] = part
            return parts

    def settle(self, uids: Sequence[int]) -> None:
        """Do with stored mails what the settings say. Doing it once more changes nothing."""
        after = self._settings.after
        if not uids or after == "leave":
            return
        with self._troubles():
            try:
                self._settle(uids)
            except IMAPClientAbortError:
                raise
            except IMAPClientError as error:
                words = f"The server does not let the desk do with stored mail what is set ({after}): {_said(error)}"
                raise MailboxTroubleError("not_settled", words) from error

    def _settle(self, uids: Sequence[int]) -> None:
        if self._settings.after == "seen":
            self._client.add_flags(uids, [SEEN], silent=True)
            return
        if self._settings.after == "move":
            if self._client.has_capability("MOVE"):
                self._client.move(uids, self._settings.move_to)
                return
            self._client.copy(uids, self._settings.move_to)
        self._client.delete_messages(uids, silent=True)
        # Without UIDPLUS an expunge would take away what others have marked: then it stays marked.
        if self._client.has_capability("UIDPLUS"):
            self._client.uid_expunge(uids)

    def idle(self) -> bool:
        """Have the server tell of new mail from now on; true where it has by now, of which the socket tells no more."""
        with self._troubles():
            self._client.idle()
            sock = self._client.socket()
            timeout = sock.gettimeout()
            sock.settimeout(0)
            try:
                return bool(self._client._imap.file.peek(1))  # noqa: SLF001 - what was read with the line before
            except (BlockingIOError, ssl.SSLWantReadError):
                return False
            finally:
                sock.settimeout(timeout)

    def idle_done(self) -> None:
        """Take commands again."""
        with self._troubles():
            self._client.idle_done()

    def close(self) -> None:
        """End the connection, also under a call in another thread."""
        with contextlib.suppress(Exception):
            self._client.socket().shutdown(socket.SHUT_RDWR)
        with contextlib.suppress(Exception):
            self._client.shutdown()

    def _bound(self) -> None:
        """Have imaplib count what it reads, and stop at a bound that every command starts anew."""
        imap: Any = self._client._imap  # noqa: SLF001 - neither library bounds literals
        read, readline, new_tag = imap.read, imap.readline, imap._new_tag  # noqa: SLF001

        def counted(size: int) -> None:
            self._left -= size
            if self._left < 0:
                raise MailboxTroubleError("protocol", "The server sends more than it was asked for.")

        def bounded_read(size: int) -> Any:
            counted(size)
            return read(size)

        def bounded_readline() -> Any:
            line = readline()
            counted(len(line))
            return line

        def start_command() -> Any:
            self._left = self._allowed
            return new_tag()

        imap.read, imap.readline, imap._new_tag = bounded_read, bounded_readline, start_command  # noqa: SLF001

    @contextlib.contextmanager
    def _troubles(self) -> Iterator[None]:
        host, port = self._settings.host, self._settings.port
        try:
            yield
        except LoginError as error:
            raise MailboxTroubleError("login_failed", f"The server refuses the login: {_said(error)}") from error
        except ssl.SSLCertVerificationError as error:
            words = f"The certificate of {host} is not trusted: {error.verify_message}."
            raise MailboxTroubleError("tls_failed", words) from error
        except ssl.SSLError as error:
            words = f"{host} does not speak TLS on port {port}. Is it the port for starttls?"
            raise MailboxTroubleError("tls_failed", words) from error
        except socket.gaierror as error:
            raise MailboxTroubleError("host_unknown", f"There is no server {host}: check its name.") from error
        except TimeoutError as error:
            raise MailboxTroubleError("timeout", f"{host} does not answer on port {port} in time.") from error
        except OSError as error:
            raise MailboxTroubleError("unreachable", f"{host} cannot be reached on port {port}.") from error
        except (IMAPClientError, LookupError, ValueError, TypeError, AttributeError, AssertionError) as error:
            raise MailboxTroubleError(
                "protocol", f"The server broke off or is no IMAP server: {_said(error)}"
            ) from error


def _moment(told: object) -> datetime | None:
    """When the server got a mail; None where it does not say, or nothing that can be."""
    if not isinstance(told, datetime) or told.tzinfo is None or told.year < _FIRST_YEAR:
        return None
    try:
        return told.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _said(error: Exception) -> str:
    text = str(error).removeprefix("b'").strip("'\" ")
    return "".join(char for char in text if char.isprintable())[:_WORDS]
