"""Use cases: replies on their way to customers."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from services.ingestion.domain.addresses import normalise_address
from services.ingestion.domain.delivery import wait_after
from services.ingestion.domain.outgoing import MAX_REFERENCES
from services.ingestion.domain.tokens import outgoing_message_id
from services.ingestion.repository.inbound import InboundRepository
from services.ingestion.repository.outbound import DueReply, NewReply, OutboundRepository, Settlement
from services.ingestion.service.mail import MailContext
from shared.events import Event
from shared.events.common import Channel, TicketSnapshot
from shared.events.messages import MessageDelivered, MessageFailed
from shared.events.tickets import MessageKind, ThreadMessage, WithMessage
from shared.ids import uuid7
from shared.messaging import outbox

# Longer than a whole batch may take at the far end's slowest, so that a lease only ends when its holder is gone.
LEASE = timedelta(minutes=10)
BATCH = 10


@dataclass(frozen=True, slots=True)
class Claimed:
    """A reply to send, with the Message-IDs of its thread, oldest first."""

    reply: DueReply
    references: Sequence[str]


@dataclass(frozen=True, slots=True)
class Attempt:
    """What came of one attempt. `error` is None when the next hop took the mail; `is_final` means never try again."""

    reply: DueReply
    error: str | None = None
    is_final: bool = False


async def note_messages(
    session: AsyncSession, events: Sequence[Event[WithMessage]], context: MailContext, now: datetime
) -> bool:
    """Learn which tickets customers' messages became part of, and queue agents' replies for delivery.

    Returns whether there are new replies.
    """
    inbound = InboundRepository(session)
    received = [
        (event.data.message.id, event.data.ticket.id, event.data.ticket.number)
        for event in events
        if event.data.message.kind is MessageKind.CUSTOMER
    ]
    if received:
        await inbound.note_tickets(received)
    replies = {
        event.data.message.id: (_new_reply(event.data.ticket, event.data.message, context), event)
        for event in events
        if event.data.message.kind is MessageKind.REPLY
    }
    if not replies:
        return False
    added = await OutboundRepository(session).add([reply for reply, _ in replies.values()], now=now)
    new = [replies[message_id] for message_id in replies if message_id in added]
    await inbound.add_mail_ids({reply.mail_id: reply.conversation_id for reply, _ in new if reply.mail_id}, now=now)
    for reply, event in new:
        if reply.state == "failed":
            _record_failure(session, reply, reply.reason or "", attempts=0, now=now, cause=event)
    return bool(new)


def _new_reply(ticket: TicketSnapshot, message: ThreadMessage, context: MailContext) -> NewReply:
    assert ticket.conversation_id is not None
    state, reason = "available", None
    if message.channel is Channel.EMAIL:
        state = "queued"
        if normalise_address(ticket.requester.email or "") is None:
            state, reason = "failed", "no_address"
    return NewReply(
        message_id=message.id,
        ticket_id=ticket.id,
        ticket_number=ticket.number,
        conversation_id=ticket.conversation_id,
        channel=message.channel,
        state=state,
        recipient=normalise_address(ticket.requester.email or ""),
        recipient_name=ticket.requester.name,
        author_name=message.author.name,
        subject=ticket.subject,
        text=message.text,
        attachments=[file.model_dump(mode="json") for file in message.attachments],
        mail_id=(outgoing_message_id(context.token_key, context.mailbox, message.id) if state == "queued" else None),
        in_reply_to=message.reply_to_external_id,
        written_at=message.added_at,
        reason=reason,
    )


async def claim_replies(session: AsyncSession) -> list[Claimed]:
    """Take the replies that are due. They are sent outside of this transaction, and settled in another."""
    due = await OutboundRepository(session).claim(lease=uuid7(), lease_for=LEASE, limit=BATCH)
    if not due:
        return []
    threads = await InboundRepository(session).mail_ids_of(
        {reply.conversation_id for reply in due}, limit=MAX_REFERENCES + 1
    )
    return [
        Claimed(reply, [each for each in threads.get(reply.conversation_id, ()) if each != reply.mail_id])
        for reply in due
    ]


async def settle_replies(session: AsyncSession, attempts: Sequence[Attempt], now: datetime) -> None:
    """Note outcomes and announce the final ones."""
    settlements: dict[object, Settlement] = {}
    for attempt in attempts:
        wait = None if attempt.is_final else wait_after(attempt.reply.attempts)
        state = "delivered" if attempt.error is None else "queued" if wait else "failed"
        settlements[attempt.reply.message_id] = Settlement(
            message_id=attempt.reply.message_id,
            lease=attempt.reply.lease,
            state=state,
            reason=attempt.error,
            due_at=now + (wait or timedelta()),
        )
    settled = await OutboundRepository(session).settle(list(settlements.values()), now=now)
    for attempt in attempts:
        reply = attempt.reply
        if reply.message_id not in settled:
            continue
        state = settlements[reply.message_id].state
        if state == "delivered":
            delivered = MessageDelivered(
                message_id=reply.message_id,
                ticket_id=reply.ticket_id,
                conversation_id=reply.conversation_id,
                delivered_at=now,
                external_id=reply.mail_id,
            )
            outbox.record(session, delivered, aggregate_id=reply.conversation_id, time=now)
        elif state == "failed":
            _record_failure(session, reply, attempt.error or "", attempts=reply.attempts, now=now)


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
