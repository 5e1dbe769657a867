"""Through which server a mail leaves: that of its mailbox where it has one of its own, else everybody's."""

import asyncio
import time
from uuid import UUID

from services.ingestion.delivery import FileTransport, SmtpTransport, Transport
from services.ingestion.domain.identities import Identity
from services.ingestion.doorman import tls_context
from services.ingestion.duties import REFRESH_SECONDS
from services.ingestion.repository.mailboxes import MailboxRepository
from services.ingestion.sealing import Seal, load_seal
from services.ingestion.service.mailboxes import secrets_of
from services.ingestion.settings import IngestionSettings
from shared.db import Database


class Transports:
    """Finds the way of each identity. Mailboxes of the same server and login share its connections.

    `default` is the way of those without a server of their own; without it the one of the settings.
    """

    def __init__(self, database: Database, settings: IngestionSettings, default: Transport | None = None) -> None:
        self._database = database
        self._settings = settings
        self._tls = tls_context(settings.mail_ca_file)
        self._seal: Seal | None = None
        self._default = default or self._of_settings()
        # URL and password of the mailboxes that have a server, and what leads there.
        self._servers: dict[UUID, tuple[str, str | None]] = {}
        self._pools: dict[tuple[str, str | None], SmtpTransport] = {}
        self._refreshing = asyncio.Lock()
        self._read_at: float | None = None

    async def of(self, identity: Identity) -> Transport:
        """The way for mail of an identity, as its mailbox was a few seconds ago. Raises ValueError for a wrong URL."""
        if identity.id is None:
            return self._default
        async with self._refreshing:
            if self._read_at is None or time.monotonic() - self._read_at > REFRESH_SECONDS:
                await self._refresh()
        server = self._servers.get(identity.id)
        if server is None:
            return self._default
        if server not in self._pools:
            self._pools[server] = self._smtp(*server)
        return self._pools[server]

    def refresh(self) -> None:
        """Have the mailboxes read anew when one is next asked for."""
        self._read_at = None

    async def close(self) -> None:
        """End all sessions."""
        await asyncio.gather(self._default.close(), *(pool.close() for pool in self._pools.values()))

    async def _refresh(self) -> None:
        async with self._database.transaction() as session:
            if self._seal is None:
                self._seal = await load_seal(session, self._settings.sealing_keys)
            rows = await MailboxRepository(session).with_server()
        self._servers = {row.id: (row.smtp_url, secrets_of(row, self._seal).smtp_password) for row in rows}
        self._read_at = time.monotonic()
        gone = [self._pools.pop(server) for server in self._pools.keys() - set(self._servers.values())]
        # Servers end sessions that nobody uses, and a mailbox that sends seldom would keep its dead ones.
        await asyncio.gather(*(pool.close() for pool in gone), *(pool.tidy() for pool in self._pools.values()))

    def _of_settings(self) -> Transport:
        if self._settings.smtp_url is None:
            return FileTransport(self._settings.outgoing_dir)
        return self._smtp(self._settings.smtp_url, None)

    def _smtp(self, url: str, password: str | None) -> SmtpTransport:
        return SmtpTransport(
            url,
            password=password,
            tls=self._tls,
            timeout_seconds=self._settings.smtp_timeout_seconds,
            connections=self._settings.smtp_connections,
        )
