"""The ticket and its messages as values, and what each kind of change makes of a ticket."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic_core import to_jsonable_python

from services.tickets.domain.errors import TicketClosedError
from services.tickets.domain.sla import NO_BADGE, SlaBadge
from services.tickets.domain.status import after_assignment, after_customer_message, after_reply, transition
from shared.events.common import (
    Actor,
    AttachmentRef,
    Channel,
    Priority,
    Requester,
    TicketSnapshot,
    TicketStatus,
    TicketType,
)
from shared.events.tickets import PUBLIC_KINDS, FieldChange, MessageKind

# What people edit: a change of any of these moves the version (the ETag) and is told by `ticket.changed`.
EDITABLE = (
    "subject",
    "status",
    "priority",
    "type",
    "assignee_id",
    "group",
    "language",
    "tags",
    "brand",
    "conversation_id",
    "solved_at",
)
# What a routing decision rests on: a proposal made before one of these moved is stale.
ROUTING_RELEVANT = frozenset({"assignee_id", "group", "type", "priority", "language", "brand"})


@dataclass(frozen=True, slots=True)
class Ticket:
    """A ticket as it stands.

    `version` moves with what people edit; `routing_version` is the version at which something that routing rests on
    moved last. `message_count` counts all messages, `public_message_count` those the customer may see.
    `diverted_from` is the known conversation that the first message claimed to belong to, but was not let into.
    `sla` is what lists show of its clocks; like a detected language, it is a fact that moves no version.
    """

    id: UUID
    subject: str
    channel: Channel
    requester: Requester
    conversation_id: UUID
    created_at: datetime
    updated_at: datetime
    number: int = 0
    version: int = 1
    routing_version: int = 1
    status: TicketStatus = TicketStatus.NEW
    priority: Priority = Priority.NORMAL
    type: TicketType = TicketType.QUESTION
    assignee_id: UUID | None = None
    group: str | None = None
    language: str | None = None
    tags: tuple[str, ...] = ()
    brand: str = "default"
    solved_at: datetime | None = None
    last_message_at: datetime | None = None
    first_reply_at: datetime | None = None
    message_count: int = 0
    public_message_count: int = 0
    last_customer_external_id: str | None = None
    follow_up_of: UUID | None = None
    diverted_from: UUID | None = None
    sla: SlaBadge = NO_BADGE


@dataclass(frozen=True, slots=True)
class Message:
    """One entry of a ticket's thread.

    `delivery_state` of a reply is `queued`, `delivered` or `failed` where it is sent, and `available` where the
    customer's own system reads it here; None for what is no reply.
    """

    id: UUID
    ticket_id: UUID
    kind: MessageKind
    author: Actor
    text: str
    channel: Channel
    added_at: datetime
    external_id: str | None = None
    attachments: tuple[AttachmentRef, ...] = ()
    text_truncated: bool = False
    raw_key: str | None = None
    delivery_state: str | None = None
    delivery_detail: str | None = None
    first_reply: bool = False


def default_priority(asked: Priority | None, type_: TicketType) -> Priority:
    """The priority of a new ticket: what was asked for, else high for an incident and normal for the rest."""
    if asked is not None:
        return asked
    return Priority.HIGH if type_ is TicketType.INCIDENT else Priority.NORMAL


def reply_channel(ticket: Ticket) -> Channel:
    """Where a reply has to go: by mail to who has an address, unless the channel has a way back of its own."""
    has_own_way = ticket.channel in {Channel.CHAT, Channel.PHONE}
    return Channel.EMAIL if ticket.requester.email and not has_own_way else ticket.channel


def snapshot(ticket: Ticket) -> TicketSnapshot:
    """The ticket as events carry it."""
    return TicketSnapshot(
        id=ticket.id,
        number=ticket.number,
        version=ticket.version,
        subject=ticket.subject,
        status=ticket.status,
        priority=ticket.priority,
        type=ticket.type,
        channel=ticket.channel,
        requester=ticket.requester,
        assignee_id=ticket.assignee_id,
        group=ticket.group,
        language=ticket.language,
        tags=ticket.tags,
        brand=ticket.brand,
        conversation_id=ticket.conversation_id,
        created_at=ticket.created_at,
        updated_at=ticket.updated_at,
        solved_at=ticket.solved_at,
    )


def differences(before: Ticket, after: Ticket) -> dict[str, FieldChange]:
    """The editable fields that differ, with their values before and after as JSON values."""
    found: dict[str, FieldChange] = {}
    for field in EDITABLE:
        old: Any = getattr(before, field)
        new: Any = getattr(after, field)
        if old != new:
            found[field] = FieldChange(before=to_jsonable_python(old), after=to_jsonable_python(new))
    return found


def moved(before: Ticket, after: Ticket, changed: set[str], now: datetime) -> Ticket:
    """`after` with versions and `updated_at` set for a change of the fields `changed`; time never runs backwards."""
    version = before.version + bool(changed)
    return replace(
        after,
        version=version,
        routing_version=version if changed & ROUTING_RELEVANT else before.routing_version,
        updated_at=max(before.updated_at, now),
    )


def with_status(ticket: Ticket, status: TicketStatus, now: datetime) -> Ticket:
    """The ticket in another status, `solved_at` kept in step. Raises InvalidTransitionError."""
    if transition(ticket.status, status) == ticket.status:
        return ticket
    if status is TicketStatus.SOLVED:
        return replace(ticket, status=status, solved_at=now)
    return replace(ticket, status=status, solved_at=ticket.solved_at if status is TicketStatus.CLOSED else None)


def with_assignee(ticket: Ticket, assignee_id: UUID | None) -> Ticket:
    """The ticket in somebody's hands, or in nobody's. Raises TicketClosedError."""
    require_not_closed(ticket)
    if assignee_id is None:
        return replace(ticket, assignee_id=None)
    return replace(ticket, assignee_id=assignee_id, status=after_assignment(ticket.status))


def with_message(ticket: Ticket, message: Message) -> Ticket:
    """The ticket with one more message counted; its status is not touched."""
    public = message.kind in PUBLIC_KINDS
    return replace(
        ticket,
        message_count=ticket.message_count + 1,
        public_message_count=ticket.public_message_count + public,
        last_message_at=max(ticket.last_message_at or message.added_at, message.added_at)
        if public
        else ticket.last_message_at,
        first_reply_at=message.added_at if message.first_reply else ticket.first_reply_at,
        last_customer_external_id=message.external_id or ticket.last_customer_external_id
        if message.kind is MessageKind.CUSTOMER
        else ticket.last_customer_external_id,
    )


def with_customer_message(ticket: Ticket, message: Message) -> Ticket:
    """The ticket after the customer wrote: open again if it waited or was solved. Raises TicketClosedError."""
    status = after_customer_message(ticket.status)
    if status is None:
        raise TicketClosedError(ticket.number)
    return with_message(with_status(ticket, status, message.added_at), message)


def with_reply(ticket: Ticket, message: Message, asked: TicketStatus | None) -> Ticket:
    """The ticket after an agent's reply, by default pending. Raises TicketClosedError, InvalidTransitionError."""
    require_not_closed(ticket)
    return with_message(with_status(ticket, after_reply(ticket.status, asked), message.added_at), message)


def require_not_closed(ticket: Ticket) -> None:
    """Raises TicketClosedError for a closed ticket."""
    if ticket.status is TicketStatus.CLOSED:
        raise TicketClosedError(ticket.number)
