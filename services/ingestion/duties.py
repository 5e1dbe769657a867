"""What duties share: work that takes longer than a transaction may stay open.

So it is no timer's: each turn claims work in one transaction, does it without any, and settles it in another.
"""

import asyncio
import contextlib
import secrets
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from services.ingestion.domain.identities import Identities, Identity
from services.ingestion.domain.mail import MailKeys
from services.ingestion.domain.tokens import KEY_BYTES
from services.ingestion.repository.mailboxes import MailboxRepository
from services.ingestion.repository.secrets import SecretRepository
from services.ingestion.sealing import load_seal
from services.ingestion.service import mail_keys
from services.ingestion.service.mail import MailContext
from services.ingestion.settings import IngestionSettings
from shared.db import Database
from shared.failures import summary
from shared.telemetry import get_logger

log = get_logger(__name__)

# What is stored here wakes a duty at once; the look is for retries and for what a process that died had claimed.
IDLE_SECONDS = 5.0
# How old what is known of the mailboxes may be.
REFRESH_SECONDS = 5.0


@dataclass(slots=True)
class Duty:
    """Repeats `turn` at once while it returns true, else when woken or after a pause."""

    name: str
    turn: Callable[[], Awaitable[bool]]
    woken: asyncio.Event = field(default_factory=asyncio.Event)
    idle_seconds: float = IDLE_SECONDS

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop`. A turn that raises is logged and repeated after the pause."""
        stopping = asyncio.create_task(stop.wait())
        try:
            while not stop.is_set():
                self.woken.clear()
                did_something = False
                try:
                    did_something = await self.turn()
                except Exception as error:  # noqa: BLE001 - a duty outlives every failure of one turn
                    log.error("duty.failed", duty=self.name, error=summary(error))
                if not did_something:
                    await self._pause(stopping)
        finally:
            stopping.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await stopping

    async def _pause(self, stopping: "asyncio.Task[Literal[True]]") -> None:
        waking = asyncio.create_task(self.woken.wait())
        await asyncio.wait({waking, stopping}, timeout=self.idle_seconds, return_when=asyncio.FIRST_COMPLETED)
        waking.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await waking


class MailDesk:
    """What parsers and delivery share: the rules' context, with a key that every process of this service has."""

    def __init__(self, database: Database, settings: IngestionSettings) -> None:
        self._database = database
        self._settings = settings
        self._key: bytes | None = None
        self._context: MailContext | None = None
        self._read_at = 0.0

    async def context(self, mailboxes: Iterable[UUID | None] = ()) -> MailContext:
        """The context, with the mailboxes as they were a few seconds ago; of `mailboxes`, one that is new is known.

        A key that is not configured is made once, in a transaction of its own.
        """
        known, age = self._context, time.monotonic() - self._read_at
        if known is None or age > REFRESH_SECONDS or not known.identities.knows(mailboxes):
            self._read_at = time.monotonic()
            known = self._context = MailContext(
                await self._identities(), await self._token_key(), self._settings.trusted_authserv_id
            )
        return known

    async def keys(self, at: datetime) -> MailKeys:
        """The keys for a signed or encrypted mail that came at that time; read each time, so that none stays here."""
        async with self._database.transaction() as session:
            seal = await load_seal(session, self._settings.sealing_keys)
            return await mail_keys.all_keys(session, seal=seal, at=at)

    def refresh(self) -> None:
        """Have the mailboxes read anew when they are next asked for."""
        self._context = None

    async def _identities(self) -> Identities:
        async with self._database.read() as session:
            others = await MailboxRepository(session).identities()
        default = Identity(None, self._settings.mailbox)
        # A row of the same address says more of it.
        return Identities(
            next((each for each in others if each.mailbox.address == default.mailbox.address), default), others
        )

    async def _token_key(self) -> bytes:
        if self._key is None:
            if self._settings.token_key is not None:
                self._key = bytes.fromhex(self._settings.token_key)
            else:
                async with self._database.transaction() as session:
                    self._key = await SecretRepository(session).get_or_add("mail_token", secrets.token_bytes(KEY_BYTES))
        return self._key


async def database_time(session: AsyncSession) -> datetime:
    """The database's clock (UTC), so that processes on different machines agree."""
    now: datetime | None = await session.scalar(text("SELECT clock_timestamp()"))
    assert now is not None
    return now
