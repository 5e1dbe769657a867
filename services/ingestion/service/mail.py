"""Use cases: mail from its raw bytes to an accepted message, or into quarantine."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.ingestion.domain.addresses import Mailbox
from services.ingestion.domain.authentication import sender_authentication
from services.ingestion.domain.mail import MailKind, ParsedMail
from services.ingestion.domain.messages import MAX_EVENT_TEXT_BYTES, Receipt
from services.ingestion.domain.text import truncate_utf8
from services.ingestion.domain.tokens import conversation_of, is_own_address, is_reply_address
from services.ingestion.repository.attachments import AttachmentRepository
from services.ingestion.repository.inbound import ClaimedMail, InboundRepository, NewMessage
from shared.events.common import AttachmentRef, Channel
from shared.events.messages import MessageReceived, Sender, ThreadingEvidence
from shared.ids import uuid7
from shared.messaging import outbox
from shared.objects import ObjectStore

ORIGIN = "mail"
# Longer than the slowest attempt at parsing, so that a lease only ends when its holder is gone.
LEASE = timedelta(minutes=2)
RETRY = timedelta(seconds=15)
MAX_ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class MailContext:
    """What the rules of mail need to know of this desk."""

    mailbox: Mailbox
    token_key: bytes
    trusted_authserv_id: str | None


async def receive_mail(
    session: AsyncSession, *, fingerprint: str, raw_key: str, size_bytes: int, objects: ObjectStore, now: datetime
) -> Receipt:
    """Store a mail whose bytes are in the object store; parsing follows. The same mail again gets the same receipt."""
    inbound = InboundRepository(session)
    message_id = uuid7()
    row = NewMessage(
        id=message_id,
        origin=ORIGIN,
        dedupe_key=fingerprint,
        channel=Channel.EMAIL,
        status="stored",
        raw_key=raw_key,
        size_bytes=size_bytes,
    )
    if await inbound.add([row], received_at=now):
        return Receipt(message_id, now)
    await objects.delete(raw_key)
    first = (await inbound.known([(ORIGIN, fingerprint)]))[ORIGIN, fingerprint]
    await inbound.count_delivery(first.id)
    return first


async def claim_mail(session: AsyncSession) -> ClaimedMail | None:
    """Take the oldest stored mail for parsing, or None when there is none.

    One that was claimed too often without being settled has ended its whole process each time: it is put aside.
    """
    inbound = InboundRepository(session)
    while (mail := await inbound.claim_mail(lease=uuid7(), lease_for=LEASE)) is not None:
        if mail.attempts <= MAX_ATTEMPTS:
            return mail
        await inbound.quarantine_mail(mail, reason="parser_crashed")
    return None


async def release_claim(session: AsyncSession, claimed: ClaimedMail) -> None:
    """Give a mail back after a fault that was not its own: it is tried again soon, and as often as it takes."""
    await InboundRepository(session).release_mail(claimed, wait=RETRY)


async def accept_mail(
    session: AsyncSession,
    claimed: ClaimedMail,
    mail: ParsedMail,
    files: Sequence[AttachmentRef],
    context: MailContext,
    now: datetime,
) -> bool:
    """Settle a parsed mail: announce it, or put it aside for a reason. False when the lease was lost."""
    inbound = InboundRepository(session)
    reason = quarantine_reason(mail, context, released=claimed.released)
    text = truncate_utf8(mail.text, MAX_EVENT_TEXT_BYTES)
    if reason is not None or mail.sender is None:
        sender = {"kind": "email", "address": mail.sender.address, "name": mail.sender.name} if mail.sender else None
        reason = reason or "sender_unreadable"
        return await inbound.quarantine_mail(claimed, reason=reason, sender=sender, subject=mail.subject, text=text)
    token = conversation_of(context.token_key, context.mailbox, mail.delivered_to, mail.sender.address)
    conversation_id, reference = await _conversation(inbound, mail, token, now)
    sender_data = Sender(kind="email", address=mail.sender.address, name=mail.sender.name, language=mail.language)
    settled = await inbound.accept_mail(
        claimed,
        conversation_id=conversation_id,
        sender=sender_data.model_dump(mode="json"),
        subject=mail.subject,
        body=text,
        external_id=mail.message_id,
    )
    if not settled:
        return False
    await AttachmentRepository(session).add(files, owner=ORIGIN, message_id=claimed.id, now=now)
    data = MessageReceived(
        message_id=claimed.id,
        conversation_id=conversation_id,
        channel=Channel.EMAIL,
        received_at=claimed.received_at,
        sender=sender_data,
        subject=mail.subject,
        text=text,
        text_truncated=mail.text_truncated or text != mail.text,
        raw_key=claimed.raw_key,
        external_id=mail.message_id,
        language=mail.language,
        attachments=tuple(files),
        evidence=ThreadingEvidence(
            token_conversation_id=token,
            reference_conversation_id=reference,
            ticket_number=mail.ticket_number,
            authentication=sender_authentication(
                mail.authentication_results, trusted=context.trusted_authserv_id, sender_domain=mail.sender.domain
            ),
        ),
        auto_submitted=mail.kind in {MailKind.AUTO_REPLY, MailKind.DELIVERY_REPORT} or _is_automatic(mail, context),
    )
    outbox.record(session, data, aggregate_id=conversation_id, time=now)
    return True


async def _conversation(
    inbound: InboundRepository, mail: ParsedMail, token: UUID | None, now: datetime
) -> tuple[UUID, UUID | None]:
    """The conversation of a mail, and the one it refers to, if that was known.

    All ids of a thread are noted with its first mail to come, whichever that is: parsers work side by side, and an
    answer may be read before what it answers. Anybody can name or use any id, so a conversation lets nobody in: that is
    for tickets to decide, by who takes part.
    """
    own = [mail.message_id] if mail.message_id is not None else []
    chosen = token or await inbound.conversation_of(mail.references) or await inbound.conversation_of(own) or uuid7()
    added = await inbound.add_mail_ids(dict.fromkeys([*mail.references, *own], chosen), now=now)
    # Another parser may have been first with one of them.
    reference = await inbound.conversation_of([each for each in mail.references if each not in added])
    known = token or reference or await inbound.conversation_of([each for each in own if each not in added])
    if known is not None and known != chosen:
        await inbound.move_mail_ids(added, known)
        chosen = known
    return chosen, reference


async def refuse_mail(session: AsyncSession, claimed: ClaimedMail, reason: str) -> bool:
    """Put a mail aside that could not be parsed within the bounds. False when the lease was lost."""
    return await InboundRepository(session).quarantine_mail(claimed, reason=reason)


def quarantine_reason(mail: ParsedMail, context: MailContext, *, released: bool) -> str | None:
    """Why a mail does not become a message by itself, or None. A person who released it has overruled the rules."""
    if mail.sender is None:
        return "sender_unreadable"
    if released:
        return None
    if is_own_address(context.mailbox, mail.sender.address):
        return "from_our_own_address"
    if mail.kind is MailKind.DELIVERY_REPORT:
        return "delivery_report"
    # A stranger who signs up somewhere with our reply address wants the confirmation to land in his own ticket.
    if _is_automatic(mail, context) and any(
        is_reply_address(context.mailbox, address) for address in mail.delivered_to
    ):
        return "automatic_mail_to_reply_address"
    return None


def _is_automatic(mail: ParsedMail, context: MailContext) -> bool:
    """Whether a machine wrote it. Mail through a list is a person's where the reply token was given to its sender."""
    if mail.kind is MailKind.LIST and mail.sender is not None:
        proven = conversation_of(context.token_key, context.mailbox, mail.delivered_to, mail.sender.address)
        return proven is None or mail.from_machine_address
    return mail.kind is MailKind.AUTOMATIC or mail.from_machine_address


async def retry_mail(session: AsyncSession, message_id: UUID) -> bool:
    """Have a quarantined mail parsed and judged again; false when it is not in quarantine."""
    return await InboundRepository(session).store_again(message_id, released=False)


async def release_mail(session: AsyncSession, message_id: UUID) -> bool:
    """Let a quarantined mail in whatever the rules say of it; the parser's bounds still hold. False when not there."""
    return await InboundRepository(session).store_again(message_id, released=True)
