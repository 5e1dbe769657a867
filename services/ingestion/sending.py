"""Delivery: mails that are due are claimed in one transaction, sent outside of any, and settled in another."""

import asyncio
from collections.abc import Mapping, Sequence
from email.message import EmailMessage
from uuid import UUID

from services.ingestion.delivery import DeliveryFailed
from services.ingestion.domain.addresses import Mailbox
from services.ingestion.domain.caps import Caps
from services.ingestion.domain.delivery import Open
from services.ingestion.domain.following import with_link
from services.ingestion.domain.identities import Identities, Identity
from services.ingestion.domain.notices import render
from services.ingestion.domain.outgoing import OutgoingAttachment, OutgoingMail, Undeliverable, compose, envelope
from services.ingestion.domain.tokens import agent_address, bounce_address, outgoing_message_id, reply_address
from services.ingestion.duties import MailDesk, database_time
from services.ingestion.flow import Flow
from services.ingestion.repository.notices import DueNotice
from services.ingestion.repository.outbound import DueReply
from services.ingestion.service import notices, outbound
from services.ingestion.service.enclosing import Enclosed, EnclosingRules, enclose
from services.ingestion.service.forms import portal_url
from services.ingestion.service.mail import MailContext
from services.ingestion.settings import IngestionSettings
from services.ingestion.transports import Transports
from shared.db import Database, now_utc
from shared.events.common import AttachmentRef
from shared.events.notifications import NotificationKind
from shared.failures import summary
from shared.objects import ObjectNotFound, ObjectStore
from shared.telemetry import get_logger

log = get_logger(__name__)


def caps_of(settings: IngestionSettings) -> Caps:
    """The caps that are configured."""
    return Caps(
        per_ticket=settings.max_mails_per_ticket,
        per_recipient=settings.max_mails_per_recipient,
        automatic=settings.max_automatic_mails,
        in_all=settings.max_mails,
    )


class Delivery:
    """Sends replies that are due, a few at a time."""

    def __init__(
        self,
        database: Database,
        objects: ObjectStore,
        desk: MailDesk,
        transports: Transports,
        settings: IngestionSettings,
    ) -> None:
        self._database = database
        self._objects = objects
        self._desk = desk
        self._transports = transports
        self._flow = Flow(transports, settings.smtp_connections)
        self._own_return_paths = settings.smtp_return_paths
        self._caps = caps_of(settings)
        max_bytes = int(settings.max_outgoing_mib * 1024 * 1024)
        self._enclosing = EnclosingRules(settings.file_policy, max_bytes, settings.public_url)
        self._portal, self._public_url = settings.portal_seal, settings.public_url
        self._lease_for = outbound.lease_for(settings.smtp_timeout_seconds)

    async def turn(self) -> bool:
        """Send what is due; false when there was nothing. What takes long is on its way still when this returns."""
        context = await self._desk.context()
        of = context.identities.of
        async with self._flow.claiming(context.identities) as open_:
            async with self._database.transaction() as session:
                claimed = await outbound.claim_replies(
                    session,
                    self._caps,
                    now=await database_time(session),
                    lease_for=self._lease_for,
                    mailboxes=_mailboxes(context.identities, open_),
                )
            started = self._flow.start([(of(each.reply.mailbox_id), self._deliver(each, context)) for each in claimed])
        is_full = len(open_) <= len(context.identities.others)
        if claimed or is_full:
            await self._flow.wait(started)
        return bool(claimed) or is_full

    async def close(self) -> None:
        """Wait for what is on its way still."""
        await self._flow.close()

    async def _deliver(self, claimed: outbound.Claimed, context: MailContext) -> None:
        attempt = await self._attempt(claimed, context)
        if attempt.error is not None:
            log.warning("mail.not_sent", message_id=str(claimed.reply.message_id), reason=attempt.error)
        try:
            async with self._database.transaction() as session:
                await outbound.settle_replies(session, [attempt], await database_time(session))
        except Exception as error:  # noqa: BLE001 - it must not cancel the others, which may be half sent
            # When the lease ends it is sent again, with the same Message-ID.
            log.error("mail.not_settled", message_id=str(claimed.reply.message_id), error=summary(error))

    async def _attempt(self, claimed: outbound.Claimed, context: MailContext) -> outbound.Attempt:
        reply = claimed.reply
        identity = context.identities.of(reply.mailbox_id)
        # Whom an earlier attempt settled it for does not get it a second time.
        asked = [address for address in (reply.recipient, *reply.cc) if address not in reply.outcomes]
        if not asked:
            return _attempted(reply, {})
        try:
            transport = await self._transports.of(identity)
            async with transport.room():
                message = await self._composed(claimed, identity, context)
                addressed = dict(zip((reply.recipient, *reply.cc), envelope(message), strict=True))
                refused = await transport.send(
                    message,
                    sender=self._return_path(context, identity.mailbox, reply, asked),
                    recipients=[addressed[address] for address in asked],
                )
        except (Undeliverable, ObjectNotFound) as error:
            return outbound.Attempt(reply, error=type(error).__name__, is_final=True)
        except DeliveryFailed as error:
            return outbound.Attempt(reply, error=error.reason, is_final=error.is_final)
        except Exception as error:  # noqa: BLE001 - whatever it was, it counts towards giving up
            return outbound.Attempt(reply, error=type(error).__name__)
        return _attempted(reply, {address: refused.get(addressed[address]) for address in asked})

    async def _composed(self, claimed: outbound.Claimed, identity: Identity, context: MailContext) -> EmailMessage:
        """A reply as mail, with its files. Raises Undeliverable and ObjectNotFound."""
        reply, mailbox = claimed.reply, identity.mailbox
        enclosed = await self._enclosed(reply)
        text, html = self._followed(reply, enclosed, identity)
        mail = OutgoingMail(
            message_id=reply.mail_id,
            sender=Mailbox(mailbox.address, reply.author_name or mailbox.name),
            recipient=Mailbox(reply.recipient, reply.recipient_name),
            reply_to=reply_address(context.token_key, mailbox, reply.conversation_id, reply.recipient),
            subject=reply.subject,
            ticket_number=reply.ticket_number,
            text=text,
            html=html,
            cc=reply.cc,
            written_at=reply.written_at,
            in_reply_to=reply.in_reply_to,
            references=claimed.references,
            attachments=await self._files(enclosed.files),
            automatic="auto-replied" if reply.automatic else None,
        )
        # Files make it large, and writing it long: others go on meanwhile.
        return await asyncio.to_thread(compose, mail)

    def _return_path(self, context: MailContext, mailbox: Mailbox, reply: DueReply, asked: Sequence[str]) -> str:
        """Where reports about this mail go: an address that says of which one they are."""
        if not self._own_return_paths:
            return mailbox.address
        return bounce_address(context.token_key, mailbox, reply.message_id, asked[0] if len(asked) == 1 else "")

    async def _enclosed(self, reply: DueReply) -> Enclosed:
        files = [AttachmentRef.model_validate(row) for row in reply.attachments]
        if not files:
            return Enclosed(reply.text, reply.html, [])
        async with self._database.read() as session:
            return await enclose(
                session, files, self._enclosing, text=reply.text, html=reply.html, now=await database_time(session)
            )

    def _followed(self, reply: DueReply, enclosed: Enclosed, identity: Identity) -> tuple[str, str | None]:
        """What a reply says, with the link of its ticket. With copies it has none: it lets speak as the requester."""
        if self._portal is None or reply.cc:
            return enclosed.text, enclosed.html
        link = self._portal.link(reply.ticket_id, reply.conversation_id, reply.recipient, mailed=True, now=now_utc())
        url = portal_url(self._public_url, link)
        return with_link(enclosed.text, enclosed.html, url, language=identity.language)

    async def _files(self, refs: Sequence[AttachmentRef]) -> list[OutgoingAttachment]:
        return [OutgoingAttachment(ref.name, ref.content_type, await self._objects.get(ref.key)) for ref in refs]


def _attempted(reply: DueReply, answers: Mapping[str, DeliveryFailed | None]) -> outbound.Attempt:
    """What came of an attempt that the next hop answered, for each address."""
    settled = {
        address: refusal.reason if refusal else ""
        for address, refusal in answers.items()
        if refusal is None or refusal.is_final
    }
    outcomes = {**reply.outcomes, **settled}
    passing = [refusal.reason for refusal in answers.values() if refusal and not refusal.is_final]
    if passing:
        return outbound.Attempt(reply, error=passing[0], outcomes=outcomes)
    refused = outcomes.get(reply.recipient) or None
    return outbound.Attempt(reply, error=refused, is_final=refused is not None, outcomes=outcomes)


def _mailboxes(identities: Identities, open_: Sequence[Identity]) -> Open[UUID]:
    """The mailboxes as which mail may leave. The default identity has what came through none, or one that is gone."""
    known = [each.id for each in identities.others if each.id is not None]
    return Open.of(known, lambda id_: identities.of(id_) in open_, others=identities.default in open_)


def _brands(identities: Identities, open_: Sequence[Identity]) -> Open[str]:
    """The brands as which mail may leave. The default identity speaks where a brand has none."""
    known = {each.brand for each in (identities.default, *identities.others)}
    return Open.of(known, lambda brand: identities.of_brand(brand) in open_, others=identities.default in open_)


class NoticeDelivery:
    """Sends notifications that are due, a few at a time."""

    def __init__(self, database: Database, desk: MailDesk, transports: Transports, settings: IngestionSettings) -> None:
        self._database = database
        self._desk = desk
        self._transports = transports
        self._flow = Flow(transports, settings.smtp_connections)
        self._own_return_paths = settings.smtp_return_paths
        self._caps = caps_of(settings)
        self._lease_for = outbound.lease_for(settings.smtp_timeout_seconds)

    async def turn(self) -> bool:
        """Send what is due; false when there was nothing. What takes long is on its way still when this returns."""
        context = await self._desk.context()
        of = context.identities.of_brand
        async with self._flow.claiming(context.identities) as open_:
            async with self._database.transaction() as session:
                claimed = await notices.claim_notices(
                    session,
                    self._caps,
                    now=await database_time(session),
                    lease_for=self._lease_for,
                    brands=_brands(context.identities, open_),
                )
            started = self._flow.start([(of(each.brand), self._deliver(each, context)) for each in claimed or ()])
        is_full = len(open_) <= len(context.identities.others)
        if claimed or is_full:
            await self._flow.wait(started)
        return claimed is not None or is_full

    async def close(self) -> None:
        """Wait for what is on its way still."""
        await self._flow.close()

    async def _deliver(self, notice: DueNotice, context: MailContext) -> None:
        error, is_final = await self._attempt(notice, context)
        if error is not None:
            log.warning("notice.not_sent", notice_id=str(notice.id), kind=notice.kind, reason=error)
        try:
            async with self._database.transaction() as session:
                await notices.settle_notice(session, notice, error=error, is_final=is_final)
        except Exception as failure:  # noqa: BLE001 - as of replies
            log.error("notice.not_settled", notice_id=str(notice.id), error=summary(failure))

    async def _attempt(self, notice: DueNotice, context: MailContext) -> tuple[str | None, bool]:
        """Why it was not taken, if it was not, and whether it never will."""
        try:
            message = compose_notice(notice, context)
            identity = context.identities.of_brand(notice.brand)
            transport = await self._transports.of(identity)
            async with transport.room():
                refused = await transport.send(
                    message, sender=self._return_path(context, identity.mailbox, notice), recipients=envelope(message)
                )
        except Undeliverable as error:
            return type(error).__name__, True
        except DeliveryFailed as error:
            return error.reason, error.is_final
        except Exception as error:  # noqa: BLE001 - whatever it was, it counts towards giving up
            return type(error).__name__, False
        refusal = next(iter(refused.values()), None)
        return (None, False) if refusal is None else (refusal.reason, refusal.is_final)

    def _return_path(self, context: MailContext, mailbox: Mailbox, notice: DueNotice) -> str:
        if not self._own_return_paths:
            return mailbox.address
        return bounce_address(context.token_key, mailbox, notice.id, notice.address)


def compose_notice(notice: DueNotice, context: MailContext) -> EmailMessage:
    """A notification as mail, from who speaks for its brand. An answer to one about a ticket goes there."""
    identity = context.identities.of_brand(notice.brand)
    mailbox = identity.mailbox
    told = render(
        NotificationKind(notice.kind),
        notice.values,
        language=notice.language or identity.language,
        organisation=mailbox.name or mailbox.domain,
    )
    reply_to = None
    if notice.ticket_id is not None:
        reply_to = agent_address(
            context.token_key, identity, notice.ticket_id, notice.address, as_note=notice.answer_as_note
        )
    return compose(
        OutgoingMail(
            message_id=outgoing_message_id(context.token_key, mailbox, notice.id),
            sender=mailbox,
            recipient=Mailbox(notice.address, notice.name),
            reply_to=reply_to,
            subject=told.subject,
            ticket_number=None,
            text=told.text,
            html=told.html,
            written_at=notice.requested_at,
            automatic="auto-generated",
        )
    )
