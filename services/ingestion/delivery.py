"""The two ways a mail leaves: through a mail server, or as a file."""

import asyncio
import os
import re
from email.message import EmailMessage
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

import aiosmtplib

_FILE_NAME = re.compile(r"[A-Za-z0-9._-]{1,120}", re.ASCII)
_LOOPBACK = {"127.0.0.1", "::1", "localhost"}
_PERMANENT = range(500, 600)


class DeliveryFailed(Exception):
    """The next hop did not take the mail. `reason` has no personal data; `is_final` means it never will."""

    def __init__(self, reason: str, *, is_final: bool) -> None:
        super().__init__(reason)
        self.reason = reason
        self.is_final = is_final


class Transport(Protocol):
    """Takes a mail to the next hop, or raises DeliveryFailed. Once it returns, the mail is somebody else's duty."""

    async def send(self, message: EmailMessage, *, sender: str, recipient: str) -> None:
        """Hand over one mail."""


class SmtpTransport:
    """A mail server (RFC 5321), one connection for each mail.

    `url` is `smtp://[user:password@]host[:port]` (TLS where the server offers it, and always before a password leaves
    this machine) or `smtps://…`. Raises ValueError for any other.
    """

    def __init__(self, url: str, *, timeout_seconds: float) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"smtp", "smtps"} or not parts.hostname:
            raise ValueError("the SMTP URL has to be smtp://host[:port] or smtps://host[:port]")
        self._host = parts.hostname
        self._port = parts.port
        self._user = unquote(parts.username) if parts.username else None
        self._password = unquote(parts.password) if parts.password else None
        self._use_tls = parts.scheme == "smtps"
        needs_tls = self._user is not None and not self._use_tls and self._host not in _LOOPBACK
        self._start_tls = True if needs_tls else None if not self._use_tls else False
        self._timeout = timeout_seconds

    async def send(self, message: EmailMessage, *, sender: str, recipient: str) -> None:
        """Hand over one mail. Only a refusal of this recipient or this content is final: the rest may pass."""
        try:
            async with asyncio.timeout(2 * self._timeout):
                await aiosmtplib.send(
                    bytes(message),
                    sender=sender,
                    recipients=[recipient],
                    hostname=self._host,
                    port=self._port,
                    username=self._user,
                    password=self._password,
                    use_tls=self._use_tls,
                    start_tls=self._start_tls,
                    timeout=self._timeout,
                )
        except aiosmtplib.SMTPRecipientsRefused as error:
            code = max(refused.code for refused in error.recipients)
            raise DeliveryFailed(f"smtp {code}", is_final=code in _PERMANENT) from error
        except aiosmtplib.SMTPDataError as error:
            raise DeliveryFailed(f"smtp {error.code}", is_final=error.code in _PERMANENT) from error
        except aiosmtplib.SMTPResponseException as error:
            raise DeliveryFailed(f"smtp {error.code}", is_final=False) from error
        except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
            raise DeliveryFailed(type(error).__name__, is_final=False) from error


class FileTransport:
    """A directory of `.eml` files, for a desk without a mail server. A file appears complete or not at all."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory.absolute()

    async def send(self, message: EmailMessage, *, sender: str, recipient: str) -> None:  # noqa: ARG002 - the envelope is in the mail
        """Write one mail; the same one again replaces its file."""
        name = str(message["Message-ID"]).strip("<>").partition("@")[0]
        if not _FILE_NAME.fullmatch(name):
            raise DeliveryFailed("file_name", is_final=True)
        try:
            await asyncio.to_thread(self._write, name, bytes(message))
        except OSError as error:
            raise DeliveryFailed(type(error).__name__, is_final=False) from error

    def _write(self, name: str, data: bytes) -> None:
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        staged = self._directory / f".{name}.part"
        with os.fdopen(os.open(staged, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        staged.rename(self._directory / f"{name}.eml")
