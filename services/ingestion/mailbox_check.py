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
        # Both at once: one after the other may take longer than the caller waits for an answer. And each to its end,
        # whatever becomes of the other: a secret that took another's place is kept last.
        reading, sending = await asyncio.gather(
            self._imap_problem(mailbox_id, imap, secrets, keep),
            self._smtp_problem(smtp_url, secrets.smtp_password),
            return_exceptions=True,
        )
        if isinstance(reading, BaseException):
            raise reading
        if isinstance(sending, BaseException):
            raise sending
        folder, problem = reading
        problems = [each for each in (problem, sending) if each is not None]
        return MailboxCheck(ok=not problems, problems=problems, messages=folder.messages if folder else None)

    async def _imap_problem(
        self, mailbox_id: UUID, imap: ImapSettings | None, secrets: MailboxSecrets, keep: Keep
    ) -> tuple[Folder | None, MailboxProblem | None]:
        if imap is None:
            return None, None
        try:
            async with asyncio.timeout(_SECONDS):
                connection = await self._doorman.open(mailbox_id, imap, secrets, keep)
                try:
                    return await self._doorman.threads.run(connection.select), None
                finally:
                    connection.close()
        except MailboxTroubleError as error:
            return None, MailboxProblem(part="imap", reason=error.reason, words=error.words)
        except TimeoutError:
            words = f"{imap.host} does not answer in time."
            return None, MailboxProblem(part="imap", reason="timeout", words=words)

    async def _smtp_problem(self, url: str | None, password: str | None) -> MailboxProblem | None:
        if url is None:
            return None
        try:
            await self._smtp(url, password)
        except (aiosmtplib.SMTPException, OSError, ValueError, DeliveryFailed) as error:
            refused = isinstance(error, (aiosmtplib.SMTPAuthenticationError, DeliveryFailed))
            return MailboxProblem(
                part="smtp",
                reason="login_failed" if refused else "unreachable",
                words="The server refuses the login." if refused else f"The server cannot be used: {error}",
            )
        return None

    async def _smtp(self, url: str, password: str | None) -> None:
        """As a mail would: above all, no password leaves this machine without TLS."""
        transport = SmtpTransport(url, password=password, tls=self._doorman.tls, timeout_seconds=_SECONDS)
        async with asyncio.timeout(_SECONDS):
            await transport.check()
