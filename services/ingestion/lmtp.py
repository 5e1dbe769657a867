"""The door for mail servers in the own network: LMTP (RFC 2033). It speaks no TLS and knows no users.

A mail is acknowledged after its commit, once for every recipient. Whatever is wrong on our side is a temporary failure,
so that the mail server keeps the mail and comes again.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, AnyStr

from aiosmtpd.lmtp import LMTP
from aiosmtpd.smtp import Envelope, Session

from services.ingestion.admission import Admission
from services.ingestion.domain.addresses import normalise_address
from services.ingestion.domain.identities import Identity
from services.ingestion.domain.mail import fingerprint
from services.ingestion.domain.mailboxes import MAX_MAIL_BYTES
from services.ingestion.repository.deliveries import Delivered
from services.ingestion.service import mail
from services.ingestion.service.mail import MailContext
from shared.db import Database, now_utc
from shared.failures import summary
from shared.objects import ObjectStore
from shared.telemetry import get_logger
from shared.web import Unavailable

log = get_logger(__name__)
# aiosmtpd tells every command, and whose mail it is.
logging.getLogger("mail.log").setLevel(logging.WARNING)

MAX_RECIPIENTS = 100
# Far more than RFC 5322 section 2.1.1 allows, because mail is as it is.
MAX_LINE_BYTES = 1024 * 1024

_OUR_TROUBLE = "451 4.3.0 Not now: try again later"
_NO_ROOM = "452 4.3.1 There is no room at the moment"
_UNKNOWN = "550 5.1.1 There is no such mailbox here"
_TOO_LARGE = "552 5.3.4 The mail or a line of it is too large"
_TOO_MANY = b"421 4.3.2 Too many connections\r\n"
_IDLE_SECONDS = 300


class LmtpHandler:
    """Takes mail for the identities of this desk. Names of methods are aiosmtpd's."""

    def __init__(
        self,
        database: Database,
        objects: ObjectStore,
        context: Callable[[], Awaitable[MailContext]],
        admission: Admission,
        stored: asyncio.Event,
    ) -> None:
        self._database = database
        self._objects = objects
        self._context = context
        self._admission = admission
        self._stored = stored

    async def handle_RCPT(  # noqa: N802
        self, _server: LMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        """Know the recipient, or say that we do not."""
        if len(envelope.rcpt_tos) >= MAX_RECIPIENTS:
            return "452 4.5.3 Too many recipients"
        if await self._identity(address) is None:
            return _UNKNOWN
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, _server: LMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Store a mail for all of its recipients, or for none."""
        try:
            await self._admission.require()
            await self._store(envelope)
        except Unavailable:
            return _NO_ROOM
        except Exception as error:  # noqa: BLE001 - whatever it was, the mail server still has the mail
            log.error("lmtp.not_stored", error=summary(error))
            return _OUR_TROUBLE
        self._stored.set()
        return "250 2.0.0 Stored"

    async def handle_exception(self, error: Exception) -> str:
        """What went wrong anywhere else, too, is no reason to give a mail back."""
        log.error("lmtp.failed", error=summary(error))
        return _OUR_TROUBLE

    async def _identity(self, address: str) -> Identity | None:
        normalised = normalise_address(address)
        return None if normalised is None else (await self._context()).identities.of_address(normalised)

    async def _store(self, envelope: Envelope) -> None:
        content = envelope.original_content or b""
        reached = {each.id: each for address in envelope.rcpt_tos if (each := await self._identity(address))}
        raw = _trace(envelope) + content
        digest = await asyncio.to_thread(fingerprint, content)
        raw_key = await self._objects.put(raw)
        async with self._database.transaction() as session:
            delivered = tuple(Delivered("lmtp", mailbox_id) for mailbox_id in reached)
            incoming = mail.Incoming(delivered, digest, raw_key, len(content))
            received = await mail.receive_mails(session, [incoming], now=now_utc())
        await mail.discard(self._objects, received.spare)


class _Connection(LMTP):
    """One connection. After the data, aiosmtpd answers once; LMTP wants an answer for each recipient."""

    line_length_limit = MAX_LINE_BYTES

    def __init__(self, door: "LmtpDoor", handler: LmtpHandler) -> None:
        super().__init__(
            handler,
            data_size_limit=MAX_MAIL_BYTES,
            enable_SMTPUTF8=True,
            hostname="desk",
            ident="desk",
            timeout=_IDLE_SECONDS,
            loop=asyncio.get_running_loop(),
        )
        self._door = door
        self._answers = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection, or send it away where there are too many."""
        super().connection_made(transport)
        self._door.open.add(self)
        if len(self._door.open) > self._door.connections and isinstance(transport, asyncio.WriteTransport):
            transport.write(_TOO_MANY)
            transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        """Make room."""
        self._door.open.discard(self)
        super().connection_lost(error)

    def end(self) -> None:
        """Close it; what was not acknowledged comes again."""
        if self.transport is not None:
            self.transport.close()

    async def push(self, status: AnyStr) -> None:
        """Answer."""
        text = status.decode() if isinstance(status, bytes) else str(status)
        if text.startswith("354"):
            assert self.envelope is not None
            self._answers = len(self.envelope.rcpt_tos)
        elif self._answers:
            text = _TOO_LARGE if text.startswith(("500", "552")) else text
            text, self._answers = "\r\n".join([text] * self._answers), 0
        await super().push(text)


class LmtpDoor:
    """Listens for mail servers. `connections` are open at most."""

    def __init__(self, listen: str, handler: LmtpHandler, *, connections: int) -> None:
        self._host, _, port = listen.rpartition(":")
        self._port = int(port)
        self._handler = handler
        self._server: asyncio.Server | None = None
        self.connections = connections
        self.open: set[_Connection] = set()

    @property
    def port(self) -> int:
        """Where it listens by now."""
        assert self._server is not None
        return int(self._server.sockets[0].getsockname()[1])

    async def start(self) -> None:
        """Listen."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: _Connection(self, self._handler), self._host.strip("[]"), self._port
        )
        log.info("lmtp.listening", port=self.port)

    async def close(self) -> None:
        """Listen no more, and end what is open."""
        if self._server is not None:
            self._server.close()
            for each in list(self.open):
                each.end()

    async def run(self, stop: asyncio.Event) -> None:
        """Listen until `stop`."""
        await self.start()
        try:
            await stop.wait()
        finally:
            await self.close()


def _trace(envelope: Envelope) -> bytes:
    """Whom it is from and for, as final delivery adds it (RFC 5321 section 4.4): a header does not tell it."""
    fields = [("Return-Path", f"<{envelope.mail_from or ''}>"), *(("Delivered-To", each) for each in envelope.rcpt_tos)]
    return "".join(f"{name}: {value}\r\n" for name, value in fields if _is_plain(value)).encode()


def _is_plain(value: Any) -> bool:
    return isinstance(value, str) and value.isprintable() and " " not in value
