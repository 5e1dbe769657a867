"""Use cases: what was read of mails, settled together: each announced, put aside for a reason, or ignored for one."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.ingestion.domain.addresses import Mailbox
from services.ingestion.domain.authentication import sender_authentication
from services.ingestion.domain.conversations import Named, Placed, place
from services.ingestion.domain.mail import MailKind, ParsedMail, SignatureOf
from services.ingestion.domain.messages import MAX_EVENT_TEXT_BYTES
from services.ingestion.domain.text import truncate_utf8
from services.ingestion.domain.tokens import agent_token
from services.ingestion.repository.attachments import AttachmentRepository
from services.ingestion.repository.inbound import InboundRepository
from services.ingestion.repository.mail_queue import ClaimedMail, MailQueue, Settlement
from services.ingestion.service.bounces import note_report
from services.ingestion.service.evidence import copies, proven_conversations
from services.ingestion.service.mail import ORIGIN, MailContext, ignore_reason, is_automatic, quarantine_reason
from shared.events.common import AttachmentRef, Channel
from shared.events.messages import MessageReceived, MessageSecurity, Sender, ThreadingEvidence
from shared.ids import uuid7
from shared.messaging import outbox


@dataclass(frozen=True, slots=True)
class ReadMail:
    """A claimed mail as the parser read it, with its files as they are in the store."""

    claimed: ClaimedMail
    mail: ParsedMail
    files: Sequence[AttachmentRef] = ()


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A claimed mail that could not be read within the bounds."""

    claimed: ClaimedMail
    reason: str


@dataclass(frozen=True, slots=True)
class _Welcome:
    """A mail that becomes a message, from whom, and what is proven of its conversation."""

    read: ReadMail
    sender: Mailbox
    token: UUID | None = None


async def settle_mails(
    session: AsyncSession, mails: Iterable[ReadMail | Unreadable], context: MailContext, now: datetime
) -> set[UUID]:
    """Settle mails in a handful of statements, oldest first; returns the ids of those that became messages.

    What another process settles meanwhile is left to it.
    """
    judged = [await _judged(session, each, context, now) for each in mails]
    welcome = await _proven(session, [each for each in judged if isinstance(each, _Welcome)], context)
    named = [Named(each.read.mail.message_id, each.read.mail.references, each.token) for each in welcome]
    settlements = [each for each in judged if isinstance(each, Settlement)]
    messages: dict[UUID, tuple[_Welcome, MessageReceived]] = {}
    for each, placed in zip(welcome, await _places(session, named, now), strict=True):
        if _answers_nothing(each, placed):
            settlements.append(_aside(each.read, "accepted", "automatic_reply_to_nothing", outcome="ignored"))
            continue
        message = _message(each, placed, context)
        messages[message.message_id] = each, message
        settlements.append(_accepted(each.read, message, context))
    settled = await MailQueue(session).settle(settlements)
    accepted = settled & messages.keys()
    files = [(file, message_id) for message_id in sorted(accepted) for file in messages[message_id][0].read.files]
    await AttachmentRepository(session).add(files, owner=ORIGIN, now=now)
    for message_id in sorted(accepted):
        _, message = messages[message_id]
        outbox.record(session, message, aggregate_id=message.conversation_id, time=now)
    return accepted


async def _judged(
    session: AsyncSession, read: ReadMail | Unreadable, context: MailContext, now: datetime
) -> _Welcome | Settlement:
    """What the rules say of one mail. A person who released it has overruled them."""
    if isinstance(read, Unreadable):
        return Settlement(read.claimed, "quarantined", read.reason, mailbox_id=read.claimed.mailbox_id)
    mail, released = read.mail, read.claimed.released
    if mail.report is not None and not released:
        noted = await note_report(session, mail.report, mail.delivered_to, context.identities, context.token_key, now)
        if noted is not None:
            return _aside(read, "accepted", noted, outcome="ignored")
    unheeded = None if released else ignore_reason(mail, context)
    if unheeded is not None:
        return _aside(read, "accepted", unheeded, outcome="ignored")
    reason = quarantine_reason(mail, context, released=released)
    if reason is not None or mail.sender is None:
        return _aside(read, "quarantined", reason or "sender_unreadable")
    return _Welcome(read, mail.sender)


async def _proven(session: AsyncSession, welcome: Sequence[_Welcome], context: MailContext) -> list[_Welcome]:
    mails = [(each.read.mail, each.sender) for each in welcome]
    tokens = await proven_conversations(session, mails, context.identities, context.token_key)
    return [replace(each, token=token) for each, token in zip(welcome, tokens, strict=True)]


async def _places(session: AsyncSession, named: Sequence[Named], now: datetime) -> list[Placed]:
    """The conversations of mails; the Message-IDs that are new by them are noted.

    Another parser may note one of them first, and is waited for: then all of these are placed anew, knowing it.
    """
    inbound = InboundRepository(session)
    ids = [each for mail in named for each in mail.ids]
    while True:
        placed, new = place(named, await inbound.conversations_of(ids), uuid7)
        if not new:
            return placed
        async with session.begin_nested() as savepoint:
            if len(await inbound.add_mail_ids(new, now=now)) == len(new):
                return placed
            await savepoint.rollback()


def _answers_nothing(each: _Welcome, placed: Placed) -> bool:
    """Whether a machine answers to nothing that is known here."""
    mail, claimed = each.read.mail, each.read.claimed
    refers = each.token or placed.reference or mail.ticket_number
    return mail.kind is MailKind.AUTO_REPLY and not claimed.released and not refers


def _aside(read: ReadMail, status: str, reason: str, *, outcome: str | None = None) -> Settlement:
    mail = read.mail
    return Settlement(
        read.claimed,
        status,
        reason,
        outcome,
        sender=_told(mail.sender) if mail.sender else None,
        subject=mail.subject,
        text=truncate_utf8(mail.text, MAX_EVENT_TEXT_BYTES),
        mailbox_id=read.claimed.mailbox_id,
    )


def _accepted(read: ReadMail, message: MessageReceived, context: MailContext) -> Settlement:
    return Settlement(
        read.claimed,
        "accepted",
        conversation_id=message.conversation_id,
        sender=message.sender.model_dump(mode="json"),
        subject=message.subject,
        text=message.text,
        external_id=message.external_id,
        mailbox_id=context.identities.reached(read.claimed.mailbox_id, read.mail.delivered_to).id,
        automatic=message.auto_submitted,
        security=None if message.security is None else message.security.model_dump(mode="json"),
    )


def _message(each: _Welcome, placed: Placed, context: MailContext) -> MessageReceived:
    mail, claimed, sender = each.read.mail, each.read.claimed, each.sender
    identity = context.identities.reached(claimed.mailbox_id, mail.delivered_to)
    text = truncate_utf8(mail.text, MAX_EVENT_TEXT_BYTES)
    return MessageReceived(
        message_id=claimed.id,
        conversation_id=placed.conversation_id,
        channel=Channel.EMAIL,
        received_at=claimed.received_at,
        sender=Sender(kind="email", address=sender.address, name=sender.name, language=mail.language),
        subject=mail.subject,
        text=text,
        text_truncated=mail.text_truncated or text != mail.text,
        raw_key=claimed.raw_key,
        external_id=mail.message_id,
        language=mail.language,
        brand=identity.brand,
        group=identity.group,
        attachments=tuple(each.read.files),
        evidence=ThreadingEvidence(
            token_conversation_id=each.token,
            reference_conversation_id=placed.reference,
            ticket_number=mail.ticket_number,
            authentication=sender_authentication(
                mail.authentication_results, trusted=context.trusted_authserv_id, sender_domain=sender.domain
            ),
            agent=agent_token(context.token_key, context.identities, mail.delivered_to, sender.address),
        ),
        auto_submitted=mail.kind in {MailKind.AUTO_REPLY, MailKind.DELIVERY_REPORT} or is_automatic(mail, context),
        quoted=mail.quoted,
        cc=copies(mail, sender, context.identities),
        forwarded_from=_original_sender(mail, sender, context),
        security=_security_of(mail),
    )


def _security_of(mail: ParsedMail) -> MessageSecurity | None:
    told = mail.security
    if told is None:
        return None
    signature = told.signature or (SignatureOf("unchecked") if told.signed else None)
    return MessageSecurity.model_validate(
        {
            "scheme": told.scheme,
            "encrypted": told.encrypted,
            "decrypted": told.decrypted,
            "problem": told.problem or None,
            "signature": signature and signature.state,
            "signer": (signature and signature.signer) or None,
            "fingerprint": (signature and signature.fingerprint) or None,
        }
    )


def _original_sender(mail: ParsedMail, sender: Mailbox, context: MailContext) -> Sender | None:
    """Who wrote what the mail passes on; the desk itself is nobody's customer.

    Forms and shops say it in Reply-To, which counts as what is forwarded does: nobody vouches for it. What a list has
    there is the list.
    """
    original = mail.forwarded_from or (mail.reply_to if mail.kind is not MailKind.LIST else None)
    if original is None or original.address == sender.address or context.identities.of_address(original.address):
        return None
    return Sender(kind="email", address=original.address, name=original.name)


def _told(sender: Mailbox) -> Mapping[str, str]:
    return {"kind": "email", "address": sender.address, "name": sender.name}
