"""Events of tickets, the system of record. Topic `desk.tickets`, aggregate: the ticket."""

from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar
from uuid import UUID

from shared.events.base import EventData, EventModel
from shared.events.common import Actor, AttachmentRef, Channel, TicketSnapshot


class _TicketData(EventData):
    topic: ClassVar[str] = "desk.tickets"
    source: ClassVar[str] = "tickets"


class MessageKind(StrEnum):
    """What a message in a thread is. `note` never leaves the desk."""

    CUSTOMER = "customer"
    REPLY = "reply"
    NOTE = "note"
    SYSTEM = "system"


# Messages that the customer may see; only these count as a ticket's last message.
PUBLIC_KINDS = frozenset({MessageKind.CUSTOMER, MessageKind.REPLY})


class ThreadMessage(EventModel):
    """A message that is in a ticket's thread and released: for a reply, this is the moment it may be sent.

    `text` is at most 64 KiB. `channel` is where a customer's message came from, or where a reply has to go.
    `first_reply` marks the first public reply of an agent. `reply_to_external_id` is the Message-ID (or channel's own
    id) of the customer's last message.
    """

    id: UUID
    kind: MessageKind
    channel: Channel
    author: Actor
    text: str
    attachments: tuple[AttachmentRef, ...] = ()
    added_at: datetime
    first_reply: bool = False
    reply_to_external_id: str | None = None


class TicketCreated(_TicketData):
    """A ticket exists, with its first message, for which no `ticket.message_added.v1` follows."""

    type: ClassVar[str] = "ticket.created.v1"

    ticket: TicketSnapshot
    message: ThreadMessage
    actor: Actor


class FieldChange(EventModel):
    """A field's value before and after, as JSON values."""

    before: Any = None
    after: Any = None


class TicketChanged(_TicketData):
    """Fields of a ticket changed together.

    `changes` is keyed by field names: the snapshot's, those that only tickets knows, such as `status_key`, and
    `fields.KEY` for a field of the organisation's own. `leaving` alone is no change of the ticket: an agent's reply
    leaves at a time from now on (`after`), or does not leave any more (`before`). Nor is `bounced`: a reply did not
    arrive, and `after` has its `message_id`, `recipient`, `reason`, `status` and `is_permanent`. The cause
    `snooze.over` is of a ticket that was put off until now.
    """

    type: ClassVar[str] = "ticket.changed.v1"

    ticket: TicketSnapshot
    changes: dict[str, FieldChange]
    actor: Actor
    cause: str
    changed_at: datetime


class TicketMessageAdded(_TicketData):
    """A further message is in the thread of a ticket. `mentions` are the accounts of agents whom a note names.

    `html` is what a reply's text was made from where an agent formatted it, clean, and at most 48 KiB. `cc` are the
    addresses that get a copy of a reply, beside the requester.
    """

    type: ClassVar[str] = "ticket.message_added.v1"

    ticket: TicketSnapshot
    message: ThreadMessage
    mentions: tuple[UUID, ...] = ()
    html: str | None = None
    cc: tuple[str, ...] = ()


class TicketRoutingDeclined(_TicketData):
    """A routing proposal was not applied (the ticket had moved on); the reservation is to be freed."""

    type: ClassVar[str] = "ticket.routing_declined.v1"

    ticket: TicketSnapshot
    decision_id: UUID
    reason: str


class TicketFollowersChanged(_TicketData):
    """`followers` are the accounts of all who follow a ticket from now on.

    Told when it changes, and not with what they are to learn of: a message costs nothing more for that.
    """

    type: ClassVar[str] = "ticket.followers_changed.v1"

    ticket_id: UUID
    followers: tuple[UUID, ...]


class TicketReplyUndelivered(_TicketData):
    """A reply did not arrive at somebody it was for, and the agent who wrote it (`author_id`) is to know."""

    type: ClassVar[str] = "ticket.reply_undelivered.v1"

    ticket_id: UUID
    ticket_number: int
    message_id: UUID
    author_id: UUID
    undelivered_at: datetime


# Both bring a message, one that came with its ticket or a further one.
WithMessage = TicketCreated | TicketMessageAdded
# What becomes of a ticket.
OfTicket = WithMessage | TicketChanged
