"""Use cases: who works here is told by mail of what concerns them. Nobody is told of what they did themselves."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.tickets.domain.ticket import Message, Ticket
from services.tickets.repository.notices import NoticeRepository
from services.tickets.repository.rows import AnyRow
from shared.events import Event
from shared.events.common import Actor, ActorKind
from shared.events.messages import MessageBounced, MessageFailed
from shared.events.notifications import Addressee, NotificationKind, NotificationRequested
from shared.events.tickets import TicketReplyUndelivered
from shared.ids import uuid7
from shared.messaging import outbox

# What was written is quoted so far; an event has its bound.
MAX_TEXT_CHARS = 10_000
# Whom nothing could be sent to for so long looks into the desk first.
EXPIRES_AFTER = timedelta(days=2)


async def tell_mentioned(session: AsyncSession, ticket: Ticket, note: Message, now: datetime) -> None:
    """Tell those whom a note mentions; what they answer becomes a note."""
    account_ids = {mention.id for mention in note.mentions} - _self(note.author)
    values = {"author": note.author.name, "text": note.text[:MAX_TEXT_CHARS]}
    for person in await NoticeRepository(session).colleagues(account_ids):
        data = _notice(NotificationKind.MENTION, person, _of(ticket), values, now)
        _tell(session, data.model_copy(update={"answer_as_note": True}))


async def tell_assigned(session: AsyncSession, ticket: Ticket, actor: Actor, now: datetime) -> None:
    """Tell an agent that somebody gave them this ticket."""
    account_ids = {ticket.assignee_id} if ticket.assignee_id else set()
    for person in await NoticeRepository(session).colleagues(account_ids - _self(actor)):
        _tell(session, _notice(NotificationKind.ASSIGNMENT, person, _of(ticket), {"author": actor.name}, now))


async def tell_undelivered(
    session: AsyncSession, events: Sequence[Event[MessageFailed] | Event[MessageBounced]]
) -> None:
    """Tell the authors of replies that these did not arrive, by mail and inside the desk."""
    by_message = {event.data.message_id: event for event in events}
    for row in await NoticeRepository(session).authors(by_message):
        event = by_message[row.message_id]
        data = event.data
        recipient = data.recipient if isinstance(data, MessageBounced) else row.requester_email or ""
        values = {"recipient": recipient, "reason": data.reason or "bounced"}
        about = _About(row.ticket_id, row.number, row.subject, row.brand)
        _tell(session, _notice(NotificationKind.UNDELIVERED, row, about, values, event.time), cause=event)
        undelivered = TicketReplyUndelivered(
            ticket_id=row.ticket_id,
            ticket_number=row.number,
            message_id=row.message_id,
            author_id=row.author_id,
            undelivered_at=event.time,
        )
        outbox.record(session, undelivered, aggregate_id=row.ticket_id, cause=event, time=event.time)


@dataclass(frozen=True, slots=True)
class _About:
    """The ticket that somebody is told of."""

    ticket_id: UUID
    number: int
    subject: str
    brand: str


def _of(ticket: Ticket) -> _About:
    return _About(ticket.id, ticket.number, ticket.subject, ticket.brand)


def _notice(
    kind: NotificationKind, person: AnyRow, about: _About, values: Mapping[str, str], now: datetime
) -> NotificationRequested:
    return NotificationRequested(
        notification_id=uuid7(),
        kind=kind,
        to=Addressee(address=person.email, name=person.name),
        values={"ticket_number": str(about.number), "subject": about.subject, **values},
        brand=about.brand,
        ticket_id=about.ticket_id,
        requested_at=now,
        expires_at=now + EXPIRES_AFTER,
    )


def _tell(session: AsyncSession, data: NotificationRequested, cause: Event[Any] | None = None) -> None:
    outbox.record(session, data, aggregate_id=data.notification_id, cause=cause, time=data.requested_at)


def _self(actor: Actor) -> set[UUID]:
    return {UUID(actor.id)} if actor.kind is ActorKind.AGENT else set()
