"""Shapes of tickets: what opens and edits them, how lists and readers see them."""

from datetime import datetime
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator

from services.tickets.domain.fields import seen_by_customers
from services.tickets.domain.identity import Identity, identity
from services.tickets.domain.lifecycle import Level, Lifecycle
from services.tickets.domain.reviews import ReviewReason
from services.tickets.domain.sla import SlaState
from services.tickets.domain.via import Via
from services.tickets.schemas.fields import Values
from services.tickets.schemas.people import PersonView
from services.tickets.schemas.values import (
    Closed,
    Email,
    Group,
    Language,
    MessageText,
    Name,
    OptionalSubject,
    Phone,
    StatusKey,
    Subject,
    Tag,
    TypeKey,
)
from shared.events.accounts import Role
from shared.events.common import ActorKind, Channel, Priority, TicketStatus, TicketType
from shared.events.sla import SlaMetric


class NewRequester(Closed):
    """Whom an agent opens a ticket for: a known customer, or an address (a new customer if nobody has it yet)."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"email": "ana@example.com", "name": "Ana"}]})

    customer_id: UUID | None = None
    email: Email | None = None
    phone: Phone | None = None
    name: Name = ""
    language: Language | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if sum(value is not None for value in (self.customer_id, self.email, self.phone)) != 1:
            raise ValueError("give exactly one of customer_id, email and phone")
        return self

    def identity(self) -> Identity | None:
        """The address, unless it is a known customer."""
        if self.email is not None:
            return identity("email", self.email)
        return identity("phone", self.phone) if self.phone is not None else None


class NewTicketBody(Closed):
    """A ticket to open. Agents name the requester; customers are it, and set no more than type, text
    and the fields that are theirs.

    `type_key` is a type of the organisation's own, instead of `type`. Without a `priority`, `urgency` and `impact`
    together make it. What is not given, the template of `template_id` has.
    """

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "subject": "Lamp arrived broken",
                    "text": "The glass is cracked.",
                    "requester": {"email": "ana@example.com", "name": "Ana"},
                    "type": "technical",
                    "tags": ["returns"],
                }
            ]
        },
    )

    template_id: UUID | None = None
    subject: OptionalSubject = ""
    text: MessageText | None = None
    requester: NewRequester | None = None
    priority: Priority | None = None
    urgency: Level | None = None
    impact: Level | None = None
    type: TicketType = TicketType.QUESTION
    type_key: TypeKey | None = None
    group: Group | None = None
    tags: list[Tag] = Field(default=[], max_length=50)
    fields: Values = Field(default={}, max_length=200)

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.text is None and self.template_id is None:
            raise ValueError("give a text, or a template_id")
        if self.type_key is not None and "type" in self.model_fields_set:
            raise ValueError("give type or type_key, not both")
        return self


_NULLABLE = {"status_key", "type_key", "priority", "urgency", "impact", "group"}


class TicketPatch(Closed):
    """Fields to set.

    `status` puts the ticket into the first status of that category, `status_key` into one of the organisation's own;
    `type` and `type_key` are alike. Of null mean: `status_key` and `type_key` the first of the category, `priority`
    that urgency and impact make it, as they do until somebody sets it; `group`, `urgency` and `impact` that there is
    none. Others cannot be null. `fields` are those of the organisation's own, by key: null clears one, and what is not
    named stays.
    """

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"status": "pending", "priority": "high", "tags": ["returns", "vip"]}]},
    )

    subject: Subject | None = None
    status: TicketStatus | None = None
    status_key: StatusKey | None = None
    priority: Priority | None = None
    urgency: Level | None = None
    impact: Level | None = None
    type: TicketType | None = None
    type_key: TypeKey | None = None
    group: Group | None = None
    tags: Annotated[list[Tag], Field(max_length=50)] | None = None
    fields: Values | None = None

    @model_validator(mode="after")
    def _no_nulls(self) -> Self:
        if nulls := sorted(name for name in self.model_fields_set - _NULLABLE if getattr(self, name) is None):
            raise ValueError(f"{', '.join(nulls)} cannot be null")
        if self.status is not None and self.status_key is not None:
            raise ValueError("give status or status_key, not both")
        if self.type is not None and self.type_key is not None:
            raise ValueError("give type or type_key, not both")
        return self

    def changes(self) -> dict[str, Any]:
        """What is to be set, by the field names of the domain."""
        given: dict[str, Any] = {name: getattr(self, name) for name in self.model_fields_set}
        if "tags" in given:
            given["tags"] = tuple(dict.fromkeys(given["tags"]))
        return given


class AssigneeBody(Closed):
    """Who has the ticket; null for nobody."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"assignee_id": "01997b6e-3c00-7a10-8b11-0242ac120002"}]},
    )

    assignee_id: UUID | None


class RequesterView(BaseModel):
    """The customer a ticket is for."""

    customer_id: UUID
    name: str


class AssigneeView(BaseModel):
    """The agent who has a ticket. The name is empty while the account is not known here yet."""

    id: UUID
    name: str


class SlaView(BaseModel):
    """The most urgent SLA clock of a ticket."""

    next_due_at: datetime | None
    state: SlaState | None
    metric: SlaMetric | None


class ReviewView(BaseModel):
    """What is to be reviewed: whether the ticket is part of `ticket_id`, which its first message claims to belong to.

    `reason` tells why that was not settled by itself: the sender takes no part there, nothing proves who they are, or
    their domain denies it.
    """

    ticket_id: UUID
    reason: ReviewReason


class TicketRow(BaseModel):
    """A ticket as lists show it. `status_key` is the organisation's own status inside the category `status`, `type_key`
    its own type inside `type`.
    """

    id: UUID
    number: int
    subject: str
    status: TicketStatus
    status_key: str
    status_labels: dict[str, str]
    priority: Priority
    type: TicketType
    type_key: str
    type_labels: dict[str, str]
    channel: Channel
    language: str | None
    requester: RequesterView
    assignee: AssigneeView | None
    group: str | None
    tags: list[str]
    created_at: datetime
    updated_at: datetime
    version: int
    sla: SlaView
    last_message_at: datetime | None
    review: ReviewView | None

    @classmethod
    def of(cls, row: Any, *, role: Role, lifecycle: Lifecycle) -> Self:
        """The shape of a row of `TicketLists` for a caller of this role: what the desk keeps to itself is left out."""
        return cls.model_validate(row_fields(row, lifecycle, internal=role is not Role.CUSTOMER))


class ForwardedView(BaseModel):
    """Who wrote what was forwarded, as the forwarded text says."""

    kind: str
    address: str
    name: str


class TicketView(TicketRow):
    """A ticket by itself. `thread_version` counts the messages that the caller may see.

    `allowed_statuses` are the categories that the caller may put it into. Urgency and impact make the priority, unless
    it was set by hand. `merged_into` is where its conversation goes on. `open_incidents` counts the unsolved ones of
    this problem, up to 1,000, which can be solved with it. `forwarded_from` is who wrote what was forwarded to open it;
    `POST …/requester` makes them its requester.
    """

    brand: str
    solved_at: datetime | None
    first_reply_at: datetime | None
    snoozed_until: datetime | None
    follow_up_of: UUID | None
    merged_into: UUID | None
    open_incidents: int
    thread_version: int
    followers: list[PersonView]
    allowed_statuses: list[TicketStatus]
    urgency: Level | None
    impact: Level | None
    priority_by_hand: bool
    fields: dict[str, JsonValue]
    forwarded_from: ForwardedView | None

    @classmethod
    def of(cls, row: Any, *, role: Role, lifecycle: Lifecycle) -> Self:
        """The shape of a row of `TicketLists` for a caller of this role: what the desk keeps to itself is left out."""
        internal = role is not Role.CUSTOMER
        ways = lifecycle.ways(role, TicketStatus(row.status)) if internal else frozenset()
        return cls.model_validate(
            {
                **row_fields(row, lifecycle, internal=internal),
                "brand": row.brand,
                "solved_at": row.solved_at,
                "first_reply_at": row.first_reply_at,
                "snoozed_until": row.snoozed_until if internal else None,
                "follow_up_of": row.follow_up_of if internal else None,
                # A ticket of another customer is not there for this one.
                "merged_into": row.merged_into if internal or row.merged_into_own else None,
                "open_incidents": row.open_incidents if internal else 0,
                "thread_version": row.message_count if internal else row.public_message_count,
                "followers": row.followers or [] if internal else [],
                "allowed_statuses": [status for status in TicketStatus if status in ways],
                "urgency": row.urgency if internal else None,
                "impact": row.impact if internal else None,
                "priority_by_hand": internal and row.priority_by_hand,
                "fields": row.fields if internal else seen_by_customers(lifecycle.fields, row.fields),
                "forwarded_from": row.forwarded_from if internal else None,
            }
        )


class AuthorView(BaseModel):
    """Who wrote a message or made a change."""

    kind: ActorKind
    id: str
    name: str


class HistoryEntry(BaseModel):
    """One change of a ticket: who, when, through what, why, and each field before and after.

    `via` is null of what happened before it was kept.
    """

    id: int
    version: int
    at: datetime
    actor: AuthorView
    cause: str
    changes: dict[str, Any]
    message_id: UUID | None
    via: Via | None

    @classmethod
    def of(cls, row: Any) -> Self:
        """The shape of a history row."""
        return cls(
            id=row.id,
            version=row.version,
            at=row.at,
            actor=AuthorView(kind=row.actor_kind, id=row.actor_id, name=row.actor_name),
            cause=row.cause,
            changes=row.changes,
            message_id=row.message_id,
            via=row.via,
        )


def row_fields(row: Any, lifecycle: Lifecycle, *, internal: bool) -> dict[str, Any]:
    """What a row of a list becomes, for agents (`internal`) or for its customer."""
    status = lifecycle.shown(TicketStatus(row.status), row.status_key)
    type_ = lifecycle.shown_type(TicketType(row.type), row.type_key)
    assignee = {"id": row.assignee_id, "name": row.assignee_name or ""} if row.assignee_id else None
    return {
        "id": row.id,
        "number": row.number,
        "subject": row.subject,
        "status": row.status,
        "status_key": status.key,
        "status_labels": status.labels,
        "priority": row.priority,
        "type": row.type,
        "type_key": type_.key,
        "type_labels": type_.labels,
        "channel": row.channel,
        "language": row.language,
        "requester": {"customer_id": row.requester_id, "name": row.requester_name},
        "assignee": assignee,
        "group": row.group if internal else None,
        "tags": row.tags if internal else [],
        "created_at": row.created_at,
        # Notes and held messages move the other one.
        "updated_at": row.updated_at if internal else row.last_message_at or row.created_at,
        "version": row.version,
        "sla": {
            "next_due_at": row.sla_next_due_at if internal else None,
            "state": row.sla_state if internal else None,
            "metric": row.sla_metric if internal else None,
        },
        "last_message_at": row.last_message_at,
        "review": {"ticket_id": row.review_of, "reason": row.review_reason} if internal and row.review_reason else None,
    }
