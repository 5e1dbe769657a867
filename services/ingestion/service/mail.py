"""Use cases: mail from its raw bytes to an accepted message, or into quarantine."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.ingestion.domain.identities import Identities
from services.ingestion.domain.mail import MailKind, ParsedMail
from services.ingestion.domain.messages import Receipt
from services.ingestion.domain.tokens import agent_token, conversation_of, is_reply_address, sent_message
from services.ingestion.repository.deliveries import Delivered, Delivery, MailDeliveryRepository
from services.ingestion.repository.inbound import InboundRepository, NewMessage
from services.ingestion.repository.mail_queue import ClaimedMail, MailQueue, Settlement
from shared.events.common import Channel
from shared.failures import summary
from shared.ids import uuid7
from shared.objects import ObjectStore
from shared.telemetry import get_logger

log = get_logger(__name__)

ORIGIN = "mail"
# Longer than the slowest attempt at parsing, so that a lease only ends when its holder is gone.
LEASE = timedelta(minutes=2)
MAX_ATTEMPTS = 3
# How many objects are deleted at once.
_DELETES = 4


@dataclass(frozen=True, slots=True)
class MailContext:
    """What the rules of mail need to know of this desk."""

    identities: Identities
    token_key: bytes
    trusted_authserv_id: str | None


@dataclass(frozen=True, slots=True)
class Incoming:
    """A mail as it came, its bytes in the object store.

    It may have come for several mailboxes at once. `received_at` is when it came to us, where that was earlier than
    now. With the reason `refused` it goes to quarantine unread: what is stored is not the whole of it.
    """

    delivered: tuple[Delivered, ...]
    fingerprint: str
    raw_key: str | None
    size_bytes: int
    received_at: datetime | None = None
    refused: str | None = None


@dataclass(frozen=True, slots=True)
class Received:
    """The receipts of mails, in their order, and the `spare` keys: for `discard`, once this is committed."""

    receipts: list[Receipt]
    spare: list[str]


async def receive_mails(session: AsyncSession, mails: Sequence[Incoming], *, now: datetime) -> Received:
    """Store mails in a handful of statements, however many; parsing follows.

    The same mail again, before or among these, is the same message and gets the same receipt; each time it comes is a
    delivery, and its bytes are kept once.
    """
    if not mails:
        return Received([], [])
    first: dict[str, Incoming] = {}
    for mail in mails:
        first.setdefault(mail.fingerprint, mail)
    receipts = await _stored(session, first, now)
    again: Counter[UUID] = Counter()
    deliveries: list[Delivery] = []
    spare: list[str] = []
    for mail in mails:
        receipt, is_new = receipts[mail.fingerprint]
        makes_message = is_new and mail is first[mail.fingerprint]
        if not makes_message and mail.raw_key is not None:
            spare.append(mail.raw_key)
        for place, delivered in enumerate(mail.delivered):
            made = makes_message and place == 0
            deliveries.append(Delivery(delivered, receipt.id, made))
            again[receipt.id] += not made
    await InboundRepository(session).count_deliveries(+again)
    await MailDeliveryRepository(session).add(deliveries, now=now)
    return Received([receipts[mail.fingerprint][0] for mail in mails], spare)


async def discard(objects: ObjectStore, keys: Sequence[str]) -> None:
    """Delete objects that nothing names, in no transaction: a store that is slow would end it. Never raises.

    What is left is swept later.
    """
    at_once = asyncio.Semaphore(_DELETES)

    async def delete(key: str) -> None:
        async with at_once:
            await objects.delete(key)

    failed = [each for each in await asyncio.gather(*map(delete, keys), return_exceptions=True) if each is not None]
    if failed:
        log.warning("objects.not_discarded", objects=len(failed), error=summary(failed[0]))


async def _stored(
    session: AsyncSession, mails: Mapping[str, Incoming], now: datetime
) -> dict[str, tuple[Receipt, bool]]:
    """The receipts of mails by their fingerprints, and whether each is of a new message."""
    inbound = InboundRepository(session)
    rows = [_row(mail, now) for mail in mails.values()]
    added = await inbound.add(rows, received_at=now)
    receipts = {
        mail.fingerprint: (Receipt(row.id, row.received_at or now), True)
        for mail, row in zip(mails.values(), rows, strict=True)
        if row.id in added
    }
    if before := [(ORIGIN, each) for each in mails if each not in receipts]:
        known = await inbound.known(before)
        receipts |= {fingerprint: (receipt, False) for (_, fingerprint), receipt in known.items()}
    return receipts


def _row(mail: Incoming, now: datetime) -> NewMessage:
    return NewMessage(
        id=uuid7(),
        origin=ORIGIN,
        dedupe_key=mail.fingerprint,
        channel=Channel.EMAIL,
        status="stored" if mail.refused is None else "quarantined",
        reason=mail.refused,
        raw_key=mail.raw_key,
        size_bytes=mail.size_bytes,
        mailbox_id=mail.delivered[0].mailbox_id,
        received_at=mail.received_at or now,
    )


async def claim_mails(session: AsyncSession, *, limit: int, max_bytes: int) -> list[ClaimedMail]:
    """Take the oldest stored mails for parsing; none when there are none.

    One that was claimed too often without being settled has ended its whole process each time: it is put aside.
    """
    queue = MailQueue(session)
    while claimed := await queue.claim(lease=uuid7(), lease_for=LEASE, limit=limit, max_bytes=max_bytes):
        spent = [each for each in claimed if each.attempts > MAX_ATTEMPTS]
        if not spent:
            return claimed
        await queue.settle([Settlement(each, "quarantined", "parser_crashed") for each in spent])
    return []


def ignore_reason(mail: ParsedMail, context: MailContext) -> str | None:
    """Why nobody has to look at a mail, or None: it is our own come back, or a machine answering for an agent."""
    if mail.sender is None:
        return None
    if context.identities.of_address(mail.sender.address) is not None:
        is_ours = mail.message_id is not None and sent_message(context.token_key, mail.message_id) is not None
        return "our_own_mail" if is_ours else None
    if mail.kind is MailKind.AUTO_REPLY or is_automatic(mail, context):
        agent = agent_token(context.token_key, context.identities, mail.delivered_to, mail.sender.address)
        return "automatic_reply_of_agent" if agent is not None else None
    return None


def quarantine_reason(mail: ParsedMail, context: MailContext, *, released: bool) -> str | None:
    """Why a mail does not become a message by itself, or None. A person who released it has overruled the rules."""
    if mail.sender is None:
        return "sender_unreadable"
    if released:
        return None
    if context.identities.of_address(mail.sender.address) is not None:
        return "from_our_own_address"
    if mail.kind is MailKind.DELIVERY_REPORT:
        return "delivery_report"
    # A stranger who signs up somewhere with our reply address wants the confirmation to land in his own ticket.
    if is_automatic(mail, context) and any(
        is_reply_address(context.identities, address) for address in mail.delivered_to
    ):
        return "automatic_mail_to_reply_address"
    return None


def is_automatic(mail: ParsedMail, context: MailContext) -> bool:
    """Whether a machine wrote it. Mail through a list is a person's where the reply token was given to its sender."""
    if mail.kind is MailKind.LIST and mail.sender is not None:
        given = context.token_key, context.identities, mail.delivered_to, mail.sender.address
        is_proven = conversation_of(*given) is not None or agent_token(*given) is not None
        return not is_proven or mail.from_machine_address
    return mail.kind is MailKind.AUTOMATIC or mail.from_machine_address
