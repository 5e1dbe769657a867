"""Opening connections to mailboxes, and running what blocks in threads."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TypeVar
from uuid import UUID

from services.ingestion.domain.mailboxes import MAX_MAIL_BYTES, ImapSettings, MailboxSecrets, MailboxTroubleError
from services.ingestion.egress import Allowed, EgressClient
from services.ingestion.imap import ImapConnection
from services.ingestion.oauth import AccessTokens
from services.ingestion.settings import IngestionSettings

Result = TypeVar("Result")
Keep = Callable[[MailboxSecrets], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Limits:
    """How many connections this process opens, how long it waits for an answer, how large a mail may be.

    A server may say nothing for `timeout_seconds`, and take `call_seconds` for all it has to say to one call. After
    `lease` another process may take over from one that is gone.
    """

    connections: int = 20
    timeout_seconds: float = 30
    call_seconds: float = 300
    max_bytes: int = MAX_MAIL_BYTES
    lease: timedelta = timedelta(seconds=30)


def tls_context(ca_file: Path | None) -> ssl.SSLContext:
    """Certificates are checked, by the system's authorities and those of the file."""
    context = ssl.create_default_context()
    if ca_file is not None:
        context.load_verify_locations(cafile=ca_file)
    return context


class Threads:
    """Runs the blocking calls of connections, each for as long as it may take."""

    def __init__(self, limits: Limits) -> None:
        self._pool = ThreadPoolExecutor(limits.connections, thread_name_prefix="imap")

    async def run(self, call: Callable[..., Result], *args: object) -> Result:
        """The call's result. A caller that is cancelled has to close the connection, which ends the call."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, call, *args)

    def close(self) -> None:
        """End with the calls that are running."""
        self._pool.shutdown(wait=False, cancel_futures=True)


class Doorman:
    """Opens connections: with the password, or an access token for it."""

    def __init__(self, tls: ssl.SSLContext, limits: Limits, tokens: AccessTokens) -> None:
        self.tls = tls
        self.limits = limits
        self.threads = Threads(limits)
        self._tokens = tokens

    def close(self) -> None:
        """End with the calls that are running."""
        self.threads.close()

    async def open(
        self, mailbox_id: UUID, settings: ImapSettings, secrets: MailboxSecrets, keep: Keep
    ) -> ImapConnection:
        """A connection that is logged in. Raises MailboxTroubleError.

        Secrets that took others' place are kept before anything else may fail: the old ones may be void by now.
        """
        credential = secrets.password
        if settings.auth == "oauth2":
            token = await self._tokens.get(mailbox_id, settings, secrets)
            credential = token.value
            if token.refresh_token not in {None, secrets.refresh_token}:
                await keep(secrets.merged(MailboxSecrets(refresh_token=token.refresh_token)))
        if credential is None:
            raise MailboxTroubleError("login_failed", "There is no password: enter one.")

        def connect() -> ImapConnection:
            return ImapConnection(
                settings,
                credential=credential,
                tls=self.tls,
                timeout_seconds=self.limits.timeout_seconds,
                max_bytes=self.limits.max_bytes,
            )

        try:
            return await self.threads.run(connect)
        except MailboxTroubleError as error:
            if error.reason == "login_failed":
                self._tokens.forget(mailbox_id)
            raise


def create_doorman(settings: IngestionSettings) -> Doorman:
    """The doorman of a process."""
    limits = Limits(
        connections=settings.imap_connections,
        timeout_seconds=settings.imap_timeout_seconds,
        lease=timedelta(seconds=settings.imap_lease_seconds),
    )
    tokens = AccessTokens(EgressClient(Allowed.of(settings.egress_allowed)))
    return Doorman(tls_context(settings.mail_ca_file), limits, tokens)
