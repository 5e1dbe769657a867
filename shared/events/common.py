"""Values that more than one event carries."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from pydantic import Field

from shared.events.base import EventModel


class Channel(StrEnum):
    """How a message reached the desk."""

    API = "api"
    EMAIL = "email"
    FORM = "form"
    CHAT = "chat"
    EVENT = "event"
    PHONE = "phone"


class Priority(StrEnum):
    """Urgency of a ticket, lowest first."""

    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"
    URGENT = "urgent"


class TicketType(StrEnum):
    """What kind of work a ticket is."""

    QUESTION = "question"
    TECHNICAL = "technical"
    BILLING = "billing"
    FEATURE_REQUEST = "feature_request"
    INCIDENT = "incident"


class TicketStatus(StrEnum):
    """Life cycle of a ticket. `closed` is final: a later reply opens a follow-up."""

    NEW = "new"
    OPEN = "open"
    PENDING = "pending"
    ON_HOLD = "on_hold"
    SOLVED = "solved"
    CLOSED = "closed"


class ActorKind(StrEnum):
    """Who did something."""

    AGENT = "agent"
    CUSTOMER = "customer"
    SYSTEM = "system"


class Actor(EventModel):
    """Who did something. `id` is an agent's account, a customer's id, or the name of the service that acted."""

    kind: ActorKind
    id: str
    name: str = ""


class AttachmentRef(EventModel):
    """A file in the object store. `key` is opaque; `size_bytes` is of the stored file."""

    id: UUID
    key: str
    name: str
    content_type: str
    size_bytes: int = Field(ge=0)


class Requester(EventModel):
    """The customer a ticket is for, as far as others need to know. `language` is BCP 47, `region` ISO 3166-1."""

    customer_id: UUID
    name: str
    email: str | None = None
    language: str | None = None
    region: str | None = None
    time_zone: str | None = None
    tier: str = "standard"


class TicketSnapshot(EventModel):
    """A ticket as it stood right after the event. `version` is the editable version (the ETag).

    `status_key` is the organisation's own status inside `status`, None for the first one there; `type_key` is its own
    type inside `type`. `review` says why somebody has to look at whether it is part of another one; None for what is
    not held for review.
    """

    id: UUID
    number: int
    version: int
    subject: str
    status: TicketStatus
    priority: Priority
    type: TicketType
    channel: Channel
    requester: Requester
    assignee_id: UUID | None = None
    group: str | None = None
    language: str | None = None
    tags: tuple[str, ...] = ()
    brand: str = "default"
    conversation_id: UUID | None = None
    created_at: datetime
    updated_at: datetime
    solved_at: datetime | None = None
    status_key: str | None = None
    snoozed_until: datetime | None = None
    type_key: str | None = None
    review: str | None = None
