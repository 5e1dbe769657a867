"""Use cases: replies on their way to customers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.ingestion.domain.addresses import normalise_address
from services.ingestion.domain.caps import WAIT, Caps, Mail, Verdict, judge
from services.ingestion.domain.delivery import ROOM_TIMEOUTS, SEND_TIMEOUTS, Open, wait_after
from services.ingestion.domain.outgoing import MAX_REFERENCES, copies
from services.ingestion.domain.tokens import outgoing_message_id
from services.ingestion.repository.attachments import AttachmentRepository
from services.ingestion.repository.caps import CapRepository
from services.ingestion.repository.inbound import InboundRepository, LinkedTicket
from services.ingestion.repository.outbound import DueReply, NewReply, OutboundRepository, Settlement
from services.ingestion.service.mail import MailContext
from services.ingestion.service.suppression import suppressed
from shared.events import Event
from shared.events.common import ActorKind, Channel
from shared.events.messages import MessageDelivered, MessageFailed
from shared.events.tickets import MessageKind, TicketMessageAdded, WithMessage
from shared.ids import uuid7
from shared.messaging import outbox
from shared.telemetry import get_logger

log = get_logger(__name__)

BATCH = 10
MOST_BATCHES = 20
CAPPED = "capped"


def lease_for(timeout_seconds: float) -> timedelta:
    """Longer than a mail may wait for a connection and then take at the far end's slowest, with a little time beside.

    So a lease only ends when its holder is gone, and its mails have to wait for that.
    """
    return timedelta(seconds=(ROOM_TIMEOUTS + SEND_TIMEOUTS + 2) * timeout_seconds)


@dataclass(frozen=True, slots=True)
class Claimed:
    """A reply to send, with the Message-IDs of its thread, oldest first."""

    reply: DueReply
    references: Sequence[str]


@dataclass(frozen=True, slots=True)
class Attempt:
    """What came of one attempt. `error` is None when the next hop took the mail; `is_final` means never try again.

    `outcomes` are those by address after it, None if it changed none.
    """

    reply: DueReply
    error: str | None = None
    is_final: bool = False
    outcomes: Mapping[str, str] | None = None


async def note_messages(
    session: AsyncSession, events: Sequence[Event[WithMessage]], context: MailContext, now: datetime
) -> bool:
    """Learn which tickets the messages that came in became part of and which files are used; queue agents' replies.

    Returns whether there are new replies.
    """
    inbound = InboundRepository(session)
    received = [
        LinkedTicket(event.data.message.id, event.data.ticket.id, event.data.ticket.number, _outcome(event.data))
        for event in events
        # What agents wrote by mail, and what was kept aside, came in as well.
        if event.data.message.kind is MessageKind.CUSTOMER or event.data.message.channel is Channel.EMAIL
    ]
    if received:
        await inbound.note_tickets(received)
    used = {file.id: event.data.message.id for event in events for file in event.data.message.attachments}
    if used:
        await AttachmentRepository(session).attach(used)
    written = [event for event in events if event.data.message.kind is MessageKind.REPLY]
    if not written:
        return False
    outbound = OutboundRepository(session)
    through = await outbound.mailboxes_of({each for event in written if (each := event.data.ticket.conversation_id)})
    replies = {event.data.message.id: (_new_reply(event.data, through, context), event) for event in written}
    added = await outbound.add([reply for reply, _ in replies.values()], now=now)
    new = [replies[message_id] for message_id in replies if message_id in added]
    await inbound.add_mail_ids({reply.mail_id: reply.conversation_id for reply, _ in new if reply.mail_id}, now=now)
    for reply, event in new:
        if reply.state == "failed":
            _record_failure(session, reply, reply.reason or "", attempts=0, now=now, cause=event)
    return bool(new)


def _outcome(data: WithMessage) -> str:
    """What became of a message that came in."""
    if isinstance(data, TicketMessageAdded):
        return "joined"
    return "held" if data.ticket.review else "opened"


def _new_reply(data: WithMessage, through: Mapping[UUID, UUID | None], context: MailContext) -> NewReply:
    """A reply as it is queued. Whom the customer last wrote to answers, else who speaks for the ticket's brand."""
    ticket, message = data.ticket, data.message
    added = data if isinstance(data, TicketMessageAdded) else None
    assert ticket.conversation_id is not None
    identities = context.identities
    if ticket.conversation_id in through:
        identity = identities.of(through[ticket.conversation_id])
    else:
        identity = identities.of_brand(ticket.brand)
    recipient = normalise_address(ticket.requester.email or "")
    cc, unwritable = copies(added.cc if added else (), recipient=recipient, own=identities)
    state, reason = "available", None
    if message.channel is Channel.EMAIL:
        state = "queued"
        if recipient is None:
            state, reason = "failed", "no_address"
    return NewReply(
        message_id=message.id,
        ticket_id=ticket.id,
        ticket_number=ticket.number,
        conversation_id=ticket.conversation_id,
        channel=message.channel,
        state=state,
        recipient=recipient,
        recipient_name=ticket.requester.name,
        cc=cc,
        outcomes=dict.fromkeys(unwritable, "no_address"),
        author_name=message.author.name,
        subject=ticket.subject,
        text=message.text,
        html=added.html if added else None,
        attachments=[file.model_dump(mode="json") for file in message.attachments],
        mail_id=outgoing_message_id(context.token_key, identity.mailbox, message.id) if state == "queued" else None,
        in_reply_to=message.reply_to_external_id,
        written_at=message.added_at,
        mailbox_id=identity.id,
        automatic=message.author.kind is ActorKind.SYSTEM,
        reason=reason,
    )


async def claim_replies(
    session: AsyncSession, caps: Caps, *, now: datetime, lease_for: timedelta, mailboxes: Open[UUID] | None = None
) -> list[Claimed]:
    """Take the replies that are due, of the mailboxes as which mail may leave now.

    They are sent outside of this transaction, and settled in another. What is over a cap waits or is given up, here and
    now. Who is not written to any more is settled already.
    """
    outbound = OutboundRepository(session)
    due: list[DueReply] = []
    for _ in range(MOST_BATCHES):
        claimed = await outbound.claim(lease=uuid7(), lease_for=lease_for, limit=BATCH, mailboxes=mailboxes or Open())
        due = await _within_caps(session, claimed, caps, now)
        # Where all of them are over a cap, those behind them may still leave.
        if due or not claimed:
            break
    if not due:
        return []
    unwanted = await suppressed(session, {address for reply in due for address in (reply.recipient, *reply.cc)})
    threads = await InboundRepository(session).mail_ids_of(
        {reply.conversation_id for reply in due}, limit=MAX_REFERENCES + 1
    )
    return [
        Claimed(
            replace(reply, outcomes={**_suppressions(reply, unwanted), **reply.outcomes}),
            [each for each in threads.get(reply.conversation_id, ()) if each != reply.mail_id],
        )
        for reply in due
    ]


def _suppressions(reply: DueReply, unwanted: Mapping[str, str]) -> dict[str, str]:
    """The outcomes of those of a reply's recipients who are not written to."""
    return {each: f"suppressed: {unwanted[each]}" for each in (reply.recipient, *reply.cc) if each in unwanted}


async def _within_caps(session: AsyncSession, due: Sequence[DueReply], caps: Caps, now: datetime) -> list[DueReply]:
    """Those of the claimed replies that may leave. One that was tried before was counted then."""
    counted = CapRepository(session)
    first = [reply for reply in due if reply.begun_at is None]
    if not first:
        return list(due)
    sent = await counted.of_replies({reply.ticket_id for reply in first}, {reply.recipient for reply in first}, caps)
    automatic = {reply.conversation_id for reply in first if reply.automatic}
    told_by_nobody = await counted.told_by_nobody(automatic) if automatic else set()
    mails = [
        Mail(
            recipient=reply.recipient,
            ticket_id=reply.ticket_id,
            automatic=reply.automatic,
            answers_automatic=reply.conversation_id in told_by_nobody,
            waited=now - reply.written_at,
        )
        for reply in first
    ]
    verdicts = {reply.message_id: verdict for reply, verdict in zip(first, judge(caps, mails, sent), strict=True)}
    by_verdict = {verdict: [each for each in first if verdicts[each.message_id] is verdict] for verdict in Verdict}
    outbound = OutboundRepository(session)
    if sending := by_verdict[Verdict.SEND]:
        await outbound.begin([reply.message_id for reply in sending])
        await counted.left(len(sending))
    if waiting := by_verdict[Verdict.WAIT]:
        await outbound.put_off([reply.message_id for reply in waiting], wait=WAIT, reason=CAPPED)
    if refused := by_verdict[Verdict.REFUSE]:
        await settle_replies(session, [Attempt(reply, error=CAPPED, is_final=True) for reply in refused], now)
    if waiting or refused:
        log.warning("mail.capped", waiting=len(waiting), refused=len(refused))
    return [reply for reply in due if verdicts.get(reply.message_id, Verdict.SEND) is Verdict.SEND]


async def settle_replies(session: AsyncSession, attempts: Sequence[Attempt], now: datetime) -> None:
    """Note outcomes, and announce what became of a reply as soon as that is settled for its recipient.

    Copies that are settled later change nothing of that: `message.delivered` comes again, as of the same time, only to
    tell of those that were refused since.
    """
    settlements = {attempt.reply.message_id: _settlement(attempt, now) for attempt in attempts}
    settled = await OutboundRepository(session).settle(list(settlements.values()))
    for attempt in attempts:
        reply, settlement = attempt.reply, settlements[attempt.reply.message_id]
        if reply.message_id not in settled or settlement.settled_at is None:
            continue
        is_first = reply.settled_at is None
        refused = _refused(reply, settlement.outcomes)
        if settlement.outcomes.get(reply.recipient) != "":
            if is_first:
                reason = settlement.outcomes.get(reply.recipient) or attempt.error or ""
                _record_failure(session, reply, reason, attempts=reply.attempts, now=now)
        elif is_first or refused != _refused(reply, reply.outcomes):
            delivered = MessageDelivered(
                message_id=reply.message_id,
                ticket_id=reply.ticket_id,
                conversation_id=reply.conversation_id,
                delivered_at=settlement.settled_at,
                external_id=reply.mail_id,
                refused=refused,
                again=not is_first,
            )
            outbox.record(session, delivered, aggregate_id=reply.conversation_id, time=now)


def _settlement(attempt: Attempt, now: datetime) -> Settlement:
    """What an attempt makes of a reply. Whose recipient has it was delivered, whatever became of the copies."""
    reply = attempt.reply
    wait = None if attempt.error is None or attempt.is_final else wait_after(reply.attempts)
    outcomes = dict(reply.outcomes if attempt.outcomes is None else attempt.outcomes)
    if wait is None:
        for address in (reply.recipient, *reply.cc):
            outcomes.setdefault(address, attempt.error or "")
    has_it = outcomes.get(reply.recipient) == ""
    return Settlement(
        message_id=reply.message_id,
        lease=reply.lease,
        state="queued" if wait else "delivered" if has_it else "failed",
        reason=attempt.error,
        due_at=now + (wait or timedelta()),
        outcomes=outcomes,
        settled_at=reply.settled_at or (now if reply.recipient in outcomes else None),
    )


def _refused(reply: DueReply, outcomes: Mapping[str, str]) -> dict[str, str]:
    """Who gets no copy, and why."""
    return {address: reason for address, reason in outcomes.items() if reason and address != reply.recipient}


def _record_failure(
    session: AsyncSession,
    reply: DueReply | NewReply,
    reason: str,
    *,
    attempts: int,
    now: datetime,
    cause: Event[WithMessage] | None = None,
) -> None:
    failed = MessageFailed(
        message_id=reply.message_id,
        ticket_id=reply.ticket_id,
        conversation_id=reply.conversation_id,
        failed_at=now,
        reason=reason,
        attempts=attempts,
    )
    outbox.record(session, failed, aggregate_id=reply.conversation_id, cause=cause, time=now)
