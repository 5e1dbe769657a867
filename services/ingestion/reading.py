"""The duty that reads stored mail: claims some in one transaction, reads them without any, settles them in another."""

import time
from collections.abc import Iterable, Sequence
from datetime import timedelta
from functools import partial
from uuid import UUID

from services.ingestion.duties import MailDesk, database_time
from services.ingestion.parsing import ParserFailed, ParserPool
from services.ingestion.repository.mail_queue import ClaimedMail, MailQueue
from services.ingestion.service import attachments, mail
from services.ingestion.service.acceptance import ReadMail, Unreadable, settle_mails
from services.ingestion.service.mail import MailContext
from shared.db import Database
from shared.failures import is_transient, summary
from shared.objects import ObjectNotFound, ObjectStore
from shared.telemetry import get_logger

log = get_logger(__name__)

# Of so many mails, or so much of them, one transaction is made; and what is read is settled after so long, whatever is
# left of them: the first is waiting for the last.
BATCH = 25
BATCH_BYTES = 16 * 1024 * 1024
READ_SECONDS = 5.0
RETRY = timedelta(seconds=15)
# What the parser said of a mail is not what can be said of one. No trouble with disk, network or processes is of these.
_NOT_UNDERSTOOD = (ValueError, TypeError, LookupError)


class MailReading:
    """Reads stored mails, some each turn."""

    def __init__(
        self, database: Database, objects: ObjectStore, desk: MailDesk, pool: ParserPool, *, batch: int = BATCH
    ) -> None:
        self._batch = batch
        self._database = database
        self._objects = objects
        self._desk = desk
        self._pool = pool

    async def turn(self) -> bool:
        """Read and settle the oldest stored mails; false when there are none.

        A fault that is not a mail's own (a full disk, no database) gives them back and is raised.
        """
        async with self._database.transaction() as session:
            claimed = await mail.claim_mails(session, limit=self._batch, max_bytes=BATCH_BYTES)
        if not claimed:
            return False
        read: list[ReadMail | Unreadable] = []
        try:
            # The first mails of a new mailbox come sooner than anybody looks for mailboxes.
            context = await self._desk.context(each.mailbox_id for each in claimed)
            begun = time.monotonic()
            for each in claimed:
                if read and time.monotonic() - begun > READ_SECONDS:
                    break
                read.append(await self._read(each, context))
            await self._settle(read, context)
        except BaseException:
            async with self._database.transaction() as session:
                await MailQueue(session).release(claimed, wait=RETRY)
            raise
        if left := claimed[len(read) :]:
            async with self._database.transaction() as session:
                await MailQueue(session).release(left, wait=timedelta())
        return True

    async def _read(self, claimed: ClaimedMail, context: MailContext) -> ReadMail | Unreadable:
        try:
            get_keys = partial(self._desk.keys, claimed.received_at)
            parsed = await self._pool.parse(await self._objects.get(claimed.raw_key), get_keys)
            welcome = mail.quarantine_reason(parsed, context, released=claimed.released) is None
            files = await attachments.store_mail_files(self._objects, parsed) if welcome else []
        except (ParserFailed, ObjectNotFound, *_NOT_UNDERSTOOD) as error:
            reason = _reason(error)
            log.warning("mail.quarantined", message_id=str(claimed.id), reason=reason, error=summary(error))
            return Unreadable(claimed, reason)
        return ReadMail(claimed, parsed, files)

    async def _settle(self, read: Sequence[ReadMail | Unreadable], context: MailContext) -> None:
        """Settle them together; or one by one, where something about one of them keeps all from it."""
        try:
            accepted = await self._settle_together(read, context)
        except _Unsettled as fault:
            log.warning("mail.not_settled", mails=len(read), error=summary(fault.__cause__ or fault))
            if len(read) > 1:
                for each in read:
                    await self._settle([each], context)
                return
            accepted = await self._settle_together([Unreadable(read[0].claimed, "cannot_be_settled")], context)
        await self._discard(each for each in read if each.claimed.id not in accepted)

    async def _settle_together(self, read: Sequence[ReadMail | Unreadable], context: MailContext) -> set[UUID]:
        async with self._database.transaction() as session:
            try:
                return await settle_mails(session, read, context, await database_time(session))
            except Exception as error:
                if not is_transient(error):
                    raise _Unsettled from error
                await self._discard(read)
                raise
        # From here the commit decides, which may succeed unheard: what it left behind is swept.

    async def _discard(self, read: Iterable[ReadMail | Unreadable]) -> None:
        for each in read:
            if isinstance(each, ReadMail):
                await attachments.discard_files(self._objects, list(each.files))


def _reason(error: Exception) -> str:
    if isinstance(error, ParserFailed):
        return error.reason
    return "raw_missing" if isinstance(error, ObjectNotFound) else "unreadable"


class _Unsettled(Exception):
    """It is not the moment's fault that these mails cannot be settled."""
