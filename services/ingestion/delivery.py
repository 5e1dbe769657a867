"""The two ways a mail leaves: through a mail server, or as a file."""

import asyncio
import os
import re
import ssl
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext, suppress
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

import aiosmtplib

from services.ingestion.domain.delivery import ROOM_TIMEOUTS, SEND_TIMEOUTS

_FILE_NAME = re.compile(r"[A-Za-z0-9._-]{1,120}", re.ASCII)
_LOOPBACK = {"127.0.0.1", "::1", "localhost"}
_PERMANENT = range(500, 600)
_TOO_LARGE = 552

# What one session with a mail server carries. Servers have bounds of their own, which are larger than these.
MAX_MAILS = 100
MAX_AGE_SECONDS = 300.0
QUIT_SECONDS = 5.0


class DeliveryFailed(Exception):
    """The next hop did not take the mail. `reason` has no personal data; `is_final` means it never will."""

    def __init__(self, reason: str, *, is_final: bool) -> None:
        super().__init__(reason)
        self.reason = reason
        self.is_final = is_final


class Transport(Protocol):
    """Takes a mail to the next hop, or raises DeliveryFailed. Once it returns, the mail is somebody else's duty."""

    def room(self) -> AbstractAsyncContextManager[None]:
        """A place to send one mail in. Many may wait for it: what is large about a mail is read in here."""

    async def send(
        self, message: EmailMessage, *, sender: str, recipients: Sequence[str]
    ) -> Mapping[str, DeliveryFailed]:
        """Hand over one mail, in a `room`; returns why, for those of the recipients whom it was not taken for."""

    async def close(self) -> None:
        """Let go of what is kept open; what is being sent is sent."""


@dataclass(slots=True)
class _Connection:
    """One session with a mail server, which may carry many mails."""

    client: aiosmtplib.SMTP
    opened_at: float
    mails: int = 0

    @property
    def is_worn(self) -> bool:
        """Whether it should carry no further mail: servers end sessions that last, and balance new ones."""
        return self.mails >= MAX_MAILS or time.monotonic() - self.opened_at > MAX_AGE_SECONDS


class SmtpTransport:
    """A mail server (RFC 5321), with a few connections that are kept and used again.

    `url` is `smtp://[user:password@]host[:port]` (TLS where the server offers it, and always before a password leaves
    this machine) or `smtps://…`. Raises ValueError for any other. `password` is for where the URL has none. No more
    than `connections` are open at a time; who finds them all in use waits.
    """

    def __init__(
        self,
        url: str,
        *,
        timeout_seconds: float,
        connections: int = 4,
        password: str | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"smtp", "smtps"} or not parts.hostname:
            raise ValueError("the SMTP URL has to be smtp://host[:port] or smtps://host[:port]")
        self._host = parts.hostname
        self._port = parts.port
        self._user = unquote(parts.username) if parts.username else None
        self._password = unquote(parts.password) if parts.password else password
        self._tls = tls
        self._use_tls = parts.scheme == "smtps"
        needs_tls = self._user is not None and not self._use_tls and self._host not in _LOOPBACK
        self._start_tls = True if needs_tls else None if not self._use_tls else False
        self._timeout = timeout_seconds
        self._room = asyncio.Semaphore(connections)
        self._idle: list[_Connection] = []
        self._is_closed = False

    @asynccontextmanager
    async def room(self) -> AsyncIterator[None]:
        """A place among the connections. Who waits for too long fails: another may have claimed the mail since."""
        try:
            async with asyncio.timeout(ROOM_TIMEOUTS * self._timeout):
                await self._room.acquire()
        except TimeoutError as error:
            raise DeliveryFailed("busy", is_final=False) from error
        try:
            yield
        finally:
            self._room.release()

    async def send(
        self, message: EmailMessage, *, sender: str, recipients: Sequence[str]
    ) -> Mapping[str, DeliveryFailed]:
        """Hand over one mail. Only a refusal of a recipient or of this content is final: the rest may pass."""
        try:
            # Of a mail with files it takes seconds, which neither others nor the server have to wait for.
            data = await asyncio.to_thread(bytes, message)
            async with asyncio.timeout(SEND_TIMEOUTS * self._timeout), self._connection() as client:
                refused, _ = await client.sendmail(sender, list(recipients), data)
        except aiosmtplib.SMTPRecipientsRefused as error:
            return {each.recipient: _refusal(each.code) for each in error.recipients}
        except aiosmtplib.SMTPDataError as error:
            raise _refusal(error.code) from error
        except aiosmtplib.SMTPResponseException as error:
            # Told the size before the content, a server refuses what is too large at once (RFC 1870 section 6.1).
            raise DeliveryFailed(f"smtp {error.code}", is_final=error.code == _TOO_LARGE) from error
        except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
            raise DeliveryFailed(type(error).__name__, is_final=False) from error
        return {address: _refusal(answer.code) for address, answer in refused.items()}

    async def close(self) -> None:
        """End the sessions that are not in use, and keep none of the others."""
        self._is_closed = True
        idle, self._idle = self._idle, []
        await asyncio.gather(*(_end(connection.client) for connection in idle))

    async def tidy(self) -> None:
        """End the sessions that are not in use and have lasted."""
        worn = [connection for connection in self._idle if connection.is_worn]
        self._idle = [connection for connection in self._idle if not connection.is_worn]
        await asyncio.gather(*(_end(connection.client) for connection in worn))

    async def check(self) -> None:
        """Log in, and send nothing. Raises SMTPException, OSError, or DeliveryFailed where there is no password."""
        await _end((await self._opened()).client)

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[aiosmtplib.SMTP]:
        """A session for one mail. It is kept for the next one unless something else than an answer ended this one."""
        connection = await self._opened()
        is_sound = False
        try:
            yield connection.client
            is_sound = True
        except (aiosmtplib.SMTPResponseException, aiosmtplib.SMTPRecipientsRefused):
            is_sound = True
            raise
        finally:
            connection.mails += 1
            if is_sound and connection.client.is_connected and not connection.is_worn and not self._is_closed:
                self._idle.append(connection)
            elif is_sound:
                await _end(connection.client)
            else:
                connection.client.close()

    async def _opened(self) -> _Connection:
        """One that was kept and whose server still answers, else a new one."""
        while self._idle:
            connection = self._idle.pop()
            if connection.is_worn:
                await _end(connection.client)
                continue
            try:
                await connection.client.rset()
            except (aiosmtplib.SMTPException, OSError):
                connection.client.close()
                continue
            except BaseException:
                connection.client.close()
                raise
            return connection
        if self._user is not None and not self._password:
            raise DeliveryFailed("no_password", is_final=False)
        client = aiosmtplib.SMTP(
            hostname=self._host,
            port=self._port,
            username=self._user,
            password=self._password,
            use_tls=self._use_tls,
            start_tls=self._start_tls,
            tls_context=self._tls,
            timeout=self._timeout,
        )
        try:
            await client.connect()
        except BaseException:
            client.close()
            raise
        return _Connection(client, time.monotonic())


async def _end(client: aiosmtplib.SMTP) -> None:
    """Take leave of a server, which may not be there any more."""
    try:
        with suppress(aiosmtplib.SMTPException, OSError):
            await client.quit(timeout=QUIT_SECONDS)
    finally:
        client.close()


def _refusal(code: int) -> DeliveryFailed:
    return DeliveryFailed(f"smtp {code}", is_final=code in _PERMANENT)


class FileTransport:
    """A directory of `.eml` files, for a desk without a mail server. A file appears complete or not at all."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory.absolute()

    def room(self) -> AbstractAsyncContextManager[None]:
        """There is always some."""
        return nullcontext()

    async def send(
        self,
        message: EmailMessage,
        *,
        sender: str,  # noqa: ARG002 - the envelope is in the mail
        recipients: Sequence[str],  # noqa: ARG002
    ) -> Mapping[str, DeliveryFailed]:
        """Write one mail; the same one again replaces its file."""
        name = str(message["Message-ID"]).strip("<>").partition("@")[0]
        if not _FILE_NAME.fullmatch(name):
            raise DeliveryFailed("file_name", is_final=True)
        try:
            await asyncio.to_thread(self._write, name, message)
        except OSError as error:
            raise DeliveryFailed(type(error).__name__, is_final=False) from error
        return {}

    async def close(self) -> None:
        """Nothing is kept open."""

    def _write(self, name: str, message: EmailMessage) -> None:
        data = bytes(message)
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        staged = self._directory / f".{name}.part"
        with os.fdopen(os.open(staged, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        staged.rename(self._directory / f"{name}.eml")
