"""Trying what an admin entered for a mailbox, and saying what is wrong with it."""

import asyncio
from uuid import UUID

import aiosmtplib

from services.ingestion.delivery import DeliveryFailed, SmtpTransport
from services.ingestion.domain.mailboxes import ImapSettings, MailboxSecrets, MailboxTroubleError
from services.ingestion.doorman import Doorman, Keep
from services.ingestion.imap import Folder
from services.ingestion.schemas.mailboxes import MailboxCheck, MailboxProblem

_SECONDS = 25


class MailboxChecks:
    """Logs in as the mailbox would, and changes nothing there."""

    def __init__(self, doorman: Doorman) -> None:
        self._doorman = doorman

    async def run(
        self, mailbox_id: UUID, imap: ImapSettings | None, smtp_url: str | None, secrets: MailboxSecrets, keep: Keep
    ) -> MailboxCheck:
        """What works and what does not. Secrets that take others' place are to be kept by `keep`."""
        problems: list[MailboxProblem] = []
        folder: Folder | None = None
        if imap is not None:
            try:
                async with asyncio.timeout(_SECONDS):
                    connection = await self._doorman.open(mailbox_id, imap, secrets, keep)
                    try:
                        folder = await self._doorman.threads.run(connection.select)
                    finally:
                        connection.close()
            except MailboxTroubleError as error:
                problems.append(MailboxProblem(part="imap", reason=error.reason, words=error.words))
            except TimeoutError:
                words = f"{imap.host} does not answer in time."
                problems.append(MailboxProblem(part="imap", reason="timeout", words=words))
        if smtp_url is not None:
            try:
                await self._smtp(smtp_url, secrets.smtp_password)
            except (aiosmtplib.SMTPException, OSError, DeliveryFailed) as error:
                refused = isinstance(error, (aiosmtplib.SMTPAuthenticationError, DeliveryFailed))
                problems.append(
                    MailboxProblem(
                        part="smtp",
                        reason="login_failed" if refused else "unreachable",
                        words="The server refuses the login." if refused else f"The server cannot be used: {error}",
                    )
                )
        return MailboxCheck(ok=not problems, problems=problems, messages=folder.messages if folder else None)

    async def _smtp(self, url: str, password: str | None) -> None:
        """As a mail would: above all, no password leaves this machine without TLS."""
        transport = SmtpTransport(url, password=password, tls=self._doorman.tls, timeout_seconds=_SECONDS)
        async with asyncio.timeout(_SECONDS):
            await transport.check()
