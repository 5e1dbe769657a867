"""Parsing and delivery: work that takes longer than a transaction may stay open.

So it is no timer's: each turn claims work in one transaction, does it without any, and settles it in another.
"""

import asyncio
import contextlib
import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from services.ingestion.delivery import DeliveryFailed, Transport
from services.ingestion.domain.addresses import Mailbox
from services.ingestion.domain.outgoing import OutgoingAttachment, OutgoingMail, Undeliverable, compose
from services.ingestion.domain.tokens import KEY_BYTES, reply_address
from services.ingestion.parsing import ParserFailed, ParserPool
from services.ingestion.repository.inbound import ClaimedMail
from services.ingestion.repository.secrets import SecretRepository
from services.ingestion.service import attachments, mail, outbound
from services.ingestion.service.mail import MailContext
from services.ingestion.settings import IngestionSettings
from shared.db import Database
from shared.events.common import AttachmentRef
from shared.failures import summary
from shared.objects import ObjectNotFound, ObjectStore
from shared.telemetry import get_logger

log = get_logger(__name__)

# What is stored here wakes a duty at once; the look is for retries and for what a process that died had claimed.
IDLE_SECONDS = 5.0


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
        self._context: MailContext | None = None

    async def context(self) -> MailContext:
        """The context. A key that is not configured is made once, in a transaction of its own."""
        if self._context is None:
            if self._settings.token_key is not None:
                key = bytes.fromhex(self._settings.token_key)
            else:
                async with self._database.transaction() as session:
                    key = await SecretRepository(session).get_or_add("mail_token", secrets.token_bytes(KEY_BYTES))
            self._context = MailContext(self._settings.mailbox, key, self._settings.trusted_authserv_id)
        return self._context


class MailParsing:
    """Parses stored mails, one each turn."""

    def __init__(self, database: Database, objects: ObjectStore, desk: MailDesk, pool: ParserPool) -> None:
        self._database = database
        self._objects = objects
        self._desk = desk
        self._pool = pool

    async def turn(self) -> bool:
        """Parse the oldest stored mail; false when there is none.

        A fault that is not the mail's own (a full disk, no database) gives it back and is raised.
        """
        async with self._database.transaction() as session:
            claimed = await mail.claim_mail(session)
        if claimed is None:
            return False
        try:
            await self._parse(claimed)
        except Exception:
            async with self._database.transaction() as session:
                await mail.release_claim(session, claimed)
            raise
        return True

    async def _parse(self, claimed: ClaimedMail) -> None:
        try:
            parsed = await self._pool.parse(await self._objects.get(claimed.raw_key))
        except (ParserFailed, ObjectNotFound) as error:
            reason = error.reason if isinstance(error, ParserFailed) else "raw_missing"
            log.warning("mail.quarantined", message_id=str(claimed.id), reason=reason)
            async with self._database.transaction() as session:
                await mail.refuse_mail(session, claimed, reason)
            return
        context = await self._desk.context()
        welcome = mail.quarantine_reason(parsed, context, released=claimed.released) is None
        files = await attachments.store_mail_files(self._objects, parsed) if welcome else []
        async with self._database.transaction() as session:
            now = await _database_time(session)
            accepted = False
            try:
                accepted = await mail.accept_mail(session, claimed, parsed, files, context, now)
            finally:
                # After this the commit decides, which may succeed unheard: what it left behind is swept.
                if not accepted:
                    await attachments.discard_files(self._objects, files)


class Delivery:
    """Sends replies that are due, a few at a time."""

    def __init__(self, database: Database, objects: ObjectStore, desk: MailDesk, transport: Transport) -> None:
        self._database = database
        self._objects = objects
        self._desk = desk
        self._transport = transport

    async def turn(self) -> bool:
        """Send what is due; false when there was nothing."""
        async with self._database.transaction() as session:
            claimed = await outbound.claim_replies(session)
        context = await self._desk.context()
        async with asyncio.TaskGroup() as group:
            for each in claimed:
                group.create_task(self._deliver(each, context))
        return bool(claimed)

    async def _deliver(self, claimed: outbound.Claimed, context: MailContext) -> None:
        attempt = await self._attempt(claimed, context)
        if attempt.error is not None:
            log.warning("mail.not_sent", message_id=str(claimed.reply.message_id), reason=attempt.error)
        try:
            async with self._database.transaction() as session:
                await outbound.settle_replies(session, [attempt], await _database_time(session))
        except Exception as error:  # noqa: BLE001 - it must not cancel the others, which may be half sent
            # When the lease ends it is sent again, with the same Message-ID.
            log.error("mail.not_settled", message_id=str(claimed.reply.message_id), error=summary(error))

    async def _attempt(self, claimed: outbound.Claimed, context: MailContext) -> outbound.Attempt:
        reply = claimed.reply
        try:
            message = compose(
                OutgoingMail(
                    message_id=reply.mail_id,
                    sender=Mailbox(context.mailbox.address, reply.author_name or context.mailbox.name),
                    recipient=Mailbox(reply.recipient, reply.recipient_name),
                    reply_to=reply_address(context.token_key, context.mailbox, reply.conversation_id, reply.recipient),
                    subject=reply.subject,
                    ticket_number=reply.ticket_number,
                    text=reply.text,
                    written_at=reply.written_at,
                    in_reply_to=reply.in_reply_to,
                    references=claimed.references,
                    attachments=await self._files(reply.attachments),
                )
            )
            await self._transport.send(
                message, sender=context.mailbox.address, recipient=str(message["To"].addresses[0].addr_spec)
            )
        except (Undeliverable, ObjectNotFound) as error:
            return outbound.Attempt(reply, error=type(error).__name__, is_final=True)
        except DeliveryFailed as error:
            return outbound.Attempt(reply, error=error.reason, is_final=error.is_final)
        except Exception as error:  # noqa: BLE001 - whatever it was, it counts towards giving up
            return outbound.Attempt(reply, error=type(error).__name__)
        return outbound.Attempt(reply)

    async def _files(self, rows: Sequence[dict[str, object]]) -> list[OutgoingAttachment]:
        refs = [AttachmentRef.model_validate(row) for row in rows]
        return [OutgoingAttachment(ref.name, ref.content_type, await self._objects.get(ref.key)) for ref in refs]


async def _database_time(session: AsyncSession) -> datetime:
    """The database's clock (UTC), so that processes on different machines agree."""
    now: datetime | None = await session.scalar(text("SELECT clock_timestamp()"))
    assert now is not None
    return now
