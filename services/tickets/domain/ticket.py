"""The ticket and its messages as values, and what each kind of change makes of a ticket."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic_core import to_jsonable_python

from services.tickets.domain.errors import TicketClosedError
from services.tickets.domain.fields import PREFIX
from services.tickets.domain.lifecycle import Level
from services.tickets.domain.reviews import Review
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
from shared.events.messages import MessageSecurity
from shared.events.tickets import PUBLIC_KINDS, FieldChange, MessageKind

# What people edit, beside fields of the organisation's own: a change of any of these moves the version (the ETag) and
# is told by `ticket.changed`.
EDITABLE = (
    "subject",
    "status",
    "status_key",
    "priority",
    "priority_by_hand",
    "urgency",
    "impact",
    "type",
    "type_key",
    "requester_id",
    "assignee_id",
    "group",
    "language",
    "tags",
    "brand",
    "conversation_id",
    "solved_at",
    "snoozed_until",
    "merged_into",
    "review",
)
# What a routing decision rests on: a proposal made before one of these moved is stale.
ROUTING_RELEVANT = frozenset({"assignee_id", "group", "type", "priority", "language", "brand"})


@dataclass(frozen=True, slots=True)
class ForwardedFrom:
    """Who wrote what somebody else forwarded to the desk, as the forwarded text says; nothing proves it."""

    kind: str
    address: str
    name: str


@dataclass(frozen=True, slots=True)
class Ticket:
    """A ticket as it stands.

    `version` moves with what people edit; `routing_version` is the version at which something that routing rests on
    moved last. `message_count` counts all messages, `public_message_count` those the customer may see.
    `status_key` names the organisation's own status inside the category `status`, None for the first one there; so does
    `type_key` its own type inside `type`.
    `fields` holds values of the organisation's own fields, by key. `priority_by_hand` keeps urgency and impact from
    moving the priority.
    `snoozed_until` keeps it out of the way until then, or until its customer writes; its status stays.
    `diverted_from` is the known conversation that the first message claimed to belong to, but was not let into.
    `review` is the ticket that it may belong to, until somebody has decided.
    `forwarded_from` may be who it is really for: the first message was forwarded, and nobody has settled that yet.
    `merged_into` is the ticket in which its conversations go on. `blocked_by` counts the children that have to be
    solved before it; that is looked up where people change tickets, and nowhere else.
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
    status_key: str | None = None
    priority: Priority = Priority.NORMAL
    priority_by_hand: bool = False
    urgency: Level | None = None
    impact: Level | None = None
    type: TicketType = TicketType.QUESTION
    type_key: str | None = None
    assignee_id: UUID | None = None
    group: str | None = None
    language: str | None = None
    tags: tuple[str, ...] = ()
    fields: Mapping[str, Any] = field(default_factory=dict)
    brand: str = "default"
    solved_at: datetime | None = None
    snoozed_until: datetime | None = None
    last_message_at: datetime | None = None
    first_reply_at: datetime | None = None
    message_count: int = 0
    public_message_count: int = 0
    last_customer_external_id: str | None = None
    follow_up_of: UUID | None = None
    diverted_from: UUID | None = None
    review: Review | None = None
    forwarded_from: ForwardedFrom | None = None
    merged_into: UUID | None = None
    blocked_by: int = 0
    sla: SlaBadge = NO_BADGE

    @property
    def requester_id(self) -> UUID:
        """The customer it is for."""
        return self.requester.customer_id


@dataclass(frozen=True, slots=True)
class Mention:
    """An agent whom a note names, with the name they had."""

    id: UUID
    name: str


@dataclass(frozen=True, slots=True)
class Message:
    """One entry of a ticket's thread.

    `delivery_state` of a reply is `queued`, `delivered`, `failed` or `bounced` where it is sent, and `available` where
    the customer's own system reads it here; None for what is no reply.
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
    mentions: tuple[Mention, ...] = ()
    # What `text` was made from, where an agent formatted it; clean.
    html: str | None = None
    # Addresses that get a copy of a reply, or got one of a customer's mail.
    cc: tuple[str, ...] = ()
    # Of a mail: whether what it answers, or a signature, was left out of `text`.
    quoted: bool = False
    # Of a mail that was signed or encrypted: what came of it.
    security: MessageSecurity | None = None
    text_truncated: bool = False
    raw_key: str | None = None
    delivery_state: str | None = None
    delivery_detail: str | None = None
    first_reply: bool = False


def is_withheld(security: MessageSecurity | None) -> bool:
    """Whether customers are not shown what a mail holds: it was decrypted, and no signature proves whose it is.

    Whoever copies what somebody else encrypted into a mail of their own would read here what the desk decrypts of it.
    """
    return security is not None and security.decrypted and security.signature != "valid"


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
        status_key=ticket.status_key,
        snoozed_until=ticket.snoozed_until,
        type_key=ticket.type_key,
        review=ticket.review.reason if ticket.review else None,
    )


def differences(before: Ticket, after: Ticket) -> dict[str, FieldChange]:
    """The editable fields that differ, with their values before and after as JSON values."""
    found: dict[str, FieldChange] = {}
    for name in EDITABLE:
        old: Any = getattr(before, name)
        new: Any = getattr(after, name)
        if old != new:
            found[name] = FieldChange(before=to_jsonable_python(old), after=to_jsonable_python(new))
    was, now = before.requester, after.requester
    if was.customer_id == now.customer_id and was.email != now.email:
        # Replies go elsewhere from here on, and who sees them.
        found["requester_email"] = FieldChange(before=was.email, after=now.email)
    if before.fields != after.fields:
        for key in sorted(before.fields.keys() | after.fields.keys()):
            if before.fields.get(key) != after.fields.get(key):
                found[PREFIX + key] = FieldChange(before=before.fields.get(key), after=after.fields.get(key))
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
    """The ticket in the first status of another category, `solved_at` kept in step. Raises InvalidTransitionError."""
    if transition(ticket.status, status) == ticket.status:
        return ticket
    ticket = replace(ticket, status=status, status_key=None)
    if status is TicketStatus.SOLVED:
        return replace(ticket, solved_at=now, snoozed_until=None)
    if status is TicketStatus.CLOSED:
        # It would wake up, and nothing in it changes any more.
        return replace(ticket, snoozed_until=None)
    return replace(ticket, solved_at=None)


def with_assignee(ticket: Ticket, assignee_id: UUID | None) -> Ticket:
    """The ticket in somebody's hands, or in nobody's. Raises TicketClosedError."""
    require_not_closed(ticket)
    if assignee_id is None:
        return replace(ticket, assignee_id=None)
    status = after_assignment(ticket.status)
    key = ticket.status_key if status is ticket.status else None
    return replace(ticket, assignee_id=assignee_id, status=status, status_key=key)


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
    """The ticket after the customer wrote: awake, and open again if it waited or was solved.

    Raises TicketClosedError.
    """
    status = after_customer_message(ticket.status)
    if status is None:
        raise TicketClosedError(ticket.number)
    return with_message(with_status(replace(ticket, snoozed_until=None), status, message.added_at), message)


def with_reply(ticket: Ticket, message: Message, asked: TicketStatus | None) -> Ticket:
    """The ticket after an agent's reply, by default pending. Raises TicketClosedError, InvalidTransitionError."""
    require_not_closed(ticket)
    return with_message(with_status(ticket, after_reply(ticket.status, asked), message.added_at), message)


def require_not_closed(ticket: Ticket) -> None:
    """Raises TicketClosedError for a closed ticket."""
    if ticket.status is TicketStatus.CLOSED:
        raise TicketClosedError(ticket.number)
