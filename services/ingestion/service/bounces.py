"""Use cases: mail that we sent and that did not arrive, whoever tells it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncSession

from services.ingestion.domain.addresses import in_ascii
from services.ingestion.domain.bounces import MAX_REASON_CHARS, SOFT_FOR, Bounce, BounceKind, MailReport
from services.ingestion.domain.identities import Identities
from services.ingestion.domain.text import clean_line
from services.ingestion.domain.tokens import ReturnPath, bounced, sent_message
from services.ingestion.repository.notices import NoticeRepository
from services.ingestion.repository.suppressions import (
    BounceRepository,
    NewBounce,
    NewSuppression,
    SuppressionRepository,
)
from shared.events.messages import MessageBounced
from shared.messaging import outbox

_DID_NOT_ARRIVE = frozenset({BounceKind.PERMANENT, BounceKind.SOFT, BounceKind.TRANSIENT})
_SUPPRESSING = frozenset({BounceKind.PERMANENT, BounceKind.SOFT, BounceKind.COMPLAINT})


@dataclass(frozen=True, slots=True)
class _Proof:
    """The message and the recipient of ours that a report is about.

    `is_sure` where the provider tells it, or it came to the return path that only this recipient's side knows. A
    Message-ID is known to everybody who had a copy or an answer to one.
    """

    message: Row[Any]
    recipient: str
    is_sure: bool

    @property
    def is_of_notice(self) -> bool:
        """Whether it is about a notification, and not a message of a conversation."""
        return self.message.conversation_id is None


async def note_report(
    session: AsyncSession, report: MailReport, return_paths: tuple[str, ...], own: Identities, key: bytes, now: datetime
) -> str | None:
    """Note what a mail tells of mails that we sent; returns what it was, or None where none of it is proven."""
    proven = await note_bounces(session, report.bounces(return_paths), own, key, now)
    if not proven:
        return None
    if BounceKind.COMPLAINT in proven:
        return "complaint_noted"
    return "bounce_noted" if _DID_NOT_ARRIVE.intersection(proven) else "delivery_report_noted"


async def note_bounces(
    session: AsyncSession, bounces: Sequence[Bounce], own: Identities, key: bytes, now: datetime
) -> list[BounceKind]:
    """Note what reports say, each of one recipient; returns the kinds of those that are about a message of ours.

    `message.bounced` is recorded once for each message and recipient; of a notification nobody is told, who would be
    told by another. What is not proven to be about a mail of ours changes nothing, unless a provider vouches for it:
    then it counts for the address.
    """
    repository = BounceRepository(session)
    sent = await repository.sent({message_id for bounce in bounces for message_id in _claimed(bounce, own, key)})
    found = [(bounce, _correlated(bounce, sent, own, key)) for bounce in bounces]
    proven = [(bounce, proof) for bounce, proof in found if proof is not None]
    lost = [(bounce, proof) for bounce, proof in proven if bounce.kind in _DID_NOT_ARRIVE]
    if notices := {proof.message.message_id for _, proof in lost if proof.is_of_notice}:
        await NoticeRepository(session).bounced(notices)
    replies = [each for each in lost if not each[1].is_of_notice]
    unheard = await repository.add([_row(*each, now) for each in replies])
    for bounce, proof in replies:
        known_as = (proof.message.message_id, proof.recipient)
        if known_as in unheard:
            unheard.remove(known_as)
            outbox.record(session, _event(bounce, proof, now), aggregate_id=proof.message.conversation_id, time=now)
    suppressions = [new for bounce, proof in found if (new := _suppression(bounce, proof, now)) is not None]
    await SuppressionRepository(session).add(suppressions, now=now)
    return [bounce.kind for bounce, _ in proven]


def _row(bounce: Bounce, proof: _Proof, now: datetime) -> NewBounce:
    reason = clean_line(bounce.reason, MAX_REASON_CHARS)
    return NewBounce(proof.message.message_id, proof.recipient, bounce.kind, bounce.status, reason, now)


def _event(bounce: Bounce, proof: _Proof, now: datetime) -> MessageBounced:
    return MessageBounced(
        message_id=proof.message.message_id,
        ticket_id=proof.message.ticket_id,
        conversation_id=proof.message.conversation_id,
        bounced_at=now,
        recipient=proof.recipient,
        is_permanent=bounce.kind is BounceKind.PERMANENT and proof.is_sure,
        status=bounce.status,
        reason=clean_line(bounce.reason, MAX_REASON_CHARS),
    )


def _suppression(bounce: Bounce, proof: _Proof | None, now: datetime) -> NewSuppression | None:
    """Have nobody write to an address that is gone or complained; for a while to one that refused. Else go on.

    What is not sure ends some time after the message, too, and not after the report: telling it again adds nothing.
    """
    recipient = proof.recipient if proof else next(iter(bounce.addresses), None) if bounce.is_vouched else None
    if recipient is None or bounce.kind not in _SUPPRESSING:
        return None
    expires_at = now + SOFT_FOR if bounce.kind is BounceKind.SOFT else None
    if proof is not None and not proof.is_sure:
        expires_at = proof.message.written_at + SOFT_FOR
    return NewSuppression(
        recipient,
        "complaint" if bounce.kind is BounceKind.COMPLAINT else "bounce",
        detail=clean_line(f"{bounce.status or ''} {bounce.reason}", MAX_REASON_CHARS),
        message_id=proof.message.message_id if proof and not proof.is_of_notice else None,
        expires_at=expires_at,
    )


def _claimed(bounce: Bounce, own: Identities, key: bytes) -> Iterator[UUID]:
    yield from (path.message_id for path in _paths(bounce, own))
    yield from filter(None, (sent_message(key, mail_id) for mail_id in bounce.mail_ids))


def _paths(bounce: Bounce, own: Identities) -> list[ReturnPath]:
    return [path for address in bounce.return_paths if (path := bounced(own, address)) is not None]


def _correlated(bounce: Bounce, sent: Mapping[UUID, Row[Any]], own: Identities, key: bytes) -> _Proof | None:
    """The message of ours that is proven, and which of its recipients it is about.

    A return path is of one recipient, whatever the report says. Of a Message-ID everybody knows who got the mail, so
    the report only chooses among those; where one address was forwarded to another, there is but one to choose.
    """
    for path in _paths(bounce, own):
        message = sent.get(path.message_id)
        if message is None:
            continue
        for recipient in (message.recipient, *message.cc):
            if recipient and path.is_of(key, recipient):
                return _Proof(message, recipient, is_sure=True)
        if path.is_of(key, "") and (among := _among(message, bounce.addresses)):
            return _Proof(message, among, is_sure=bounce.is_vouched)
    for mail_id in bounce.mail_ids:
        message_id = sent_message(key, mail_id)
        message = sent.get(message_id) if message_id else None
        if message is not None and (among := _among(message, bounce.addresses)):
            return _Proof(message, among, is_sure=bounce.is_vouched)
    return None


def _among(message: Row[Any], addresses: tuple[str, ...]) -> str | None:
    """Which recipient of the message is meant."""
    recipients = [each for each in (message.recipient, *message.cc) if each]
    named = {in_ascii(address) for address in addresses}
    found = next((each for each in recipients if in_ascii(each) in named), None)
    return found or (recipients[0] if len(recipients) == 1 else None)
