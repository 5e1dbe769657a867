"""HTTP shapes of tickets. What comes in is closed (`extra="forbid"`) and bounded; what goes out fits who reads it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from services.tickets.domain.identity import Identity, IdentityKind, identity
from services.tickets.domain.sla import SlaState
from services.tickets.domain.status import TRANSITIONS
from services.tickets.domain.texts import CONTROL, MAX_SUBJECT_CHARS, MAX_TEXT_BYTES
from shared.events.common import ActorKind, Channel, Priority, TicketStatus, TicketType
from shared.events.sla import SlaMetric
from shared.events.tickets import MessageKind


def _plain(text: str) -> str:
    if CONTROL.search(text):
        raise ValueError("must not contain NUL, other control characters or lone surrogates")
    return text


def _one_line(text: str) -> str:
    if "\n" in text or "\r" in text:
        raise ValueError("must be one line")
    return _plain(text)


def _said(text: str) -> str:
    if not text.strip():
        raise ValueError("must not be empty")
    return text


def _fits(text: str) -> str:
    if len(text.encode()) > MAX_TEXT_BYTES:
        raise ValueError(f"must be at most {MAX_TEXT_BYTES} bytes of UTF-8")
    return text


Subject = Annotated[
    str, Field(min_length=1, max_length=MAX_SUBJECT_CHARS), AfterValidator(_one_line), AfterValidator(_said)
]
OptionalSubject = Annotated[str, Field(max_length=MAX_SUBJECT_CHARS), AfterValidator(_one_line)]
MessageText = Annotated[str, Field(min_length=1), AfterValidator(_plain), AfterValidator(_said), AfterValidator(_fits)]
Tag = Annotated[str, Field(min_length=1, max_length=64), AfterValidator(_one_line)]
Name = Annotated[str, Field(max_length=200), AfterValidator(_one_line)]
Group = Annotated[str, Field(min_length=1, max_length=100), AfterValidator(_one_line)]
Language = Annotated[str, Field(pattern=r"^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$", max_length=35)]
Email = Annotated[
    str,
    Field(pattern=r'^[^@\s<>()\[\],;:\\"]+@[^@\s<>()\[\],;:\\"]+$', max_length=254),
    AfterValidator(_plain),
]
Phone = Annotated[str, Field(pattern=r"^\+[1-9][0-9]{1,14}$")]


class _Closed(BaseModel):
    model_config = ConfigDict(extra="forbid")


class NewRequester(_Closed):
    """Whom an agent opens a ticket for: a known customer, or an address (a new customer if nobody has it yet)."""

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


class NewTicketBody(_Closed):
    """A ticket to open. Agents name the requester; customers are it, and set no more than type and text."""

    subject: OptionalSubject = ""
    text: MessageText
    requester: NewRequester | None = None
    priority: Priority | None = None
    type: TicketType = TicketType.QUESTION
    group: Group | None = None
    tags: Annotated[list[Tag], Field(max_length=50)] = []


class ReplyBody(_Closed):
    """A public message. `expected_version` is the thread version the writer has read."""

    text: MessageText
    status: TicketStatus | None = None
    expected_version: Annotated[int, Field(ge=0, lt=2**31)] | None = None


class NoteBody(_Closed):
    """An internal note."""

    text: MessageText
    expected_version: Annotated[int, Field(ge=0, lt=2**31)] | None = None


class TicketPatch(_Closed):
    """Fields to set. Only `group` may be null."""

    subject: Subject | None = None
    status: TicketStatus | None = None
    priority: Priority | None = None
    type: TicketType | None = None
    group: Group | None = None
    tags: Annotated[list[Tag], Field(max_length=50)] | None = None

    @model_validator(mode="after")
    def _no_nulls(self) -> Self:
        if nulls := sorted(name for name in self.model_fields_set - {"group"} if getattr(self, name) is None):
            raise ValueError(f"{', '.join(nulls)} cannot be null")
        return self

    def fields(self) -> dict[str, Any]:
        """What is to be set, by the field names of the domain."""
        given: dict[str, Any] = {name: getattr(self, name) for name in self.model_fields_set}
        if "tags" in given:
            given["tags"] = tuple(dict.fromkeys(given["tags"]))
        return given


class AssigneeBody(_Closed):
    """Who has the ticket; null for nobody."""

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


class TicketRow(BaseModel):
    """A ticket as lists and live frames show it."""

    id: UUID
    number: int
    subject: str
    status: TicketStatus
    priority: Priority
    type: TicketType
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

    @classmethod
    def of(cls, row: Any, *, internal: bool) -> Self:
        """The shape of a row of `TicketLists`. Without `internal`, what the desk keeps to itself is left out."""
        return cls.model_validate(_row_fields(row, internal=internal))


class TicketView(TicketRow):
    """A ticket by itself. `thread_version` counts the messages that the caller may see."""

    brand: str
    solved_at: datetime | None
    first_reply_at: datetime | None
    follow_up_of: UUID | None
    thread_version: int
    allowed_statuses: list[TicketStatus]

    @classmethod
    def of(cls, row: Any, *, internal: bool) -> Self:
        """The shape of a row of `TicketLists`. Without `internal`, what the desk keeps to itself is left out."""
        status = TicketStatus(row.status)
        allowed = [other for other in TicketStatus if other in TRANSITIONS[status]] if internal else []
        return cls.model_validate(
            {
                **_row_fields(row, internal=internal),
                "brand": row.brand,
                "solved_at": row.solved_at,
                "first_reply_at": row.first_reply_at,
                "follow_up_of": row.follow_up_of if internal else None,
                "thread_version": row.message_count if internal else row.public_message_count,
                "allowed_statuses": allowed,
            }
        )


class AuthorView(BaseModel):
    """Who wrote a message or made a change."""

    kind: ActorKind
    id: str
    name: str


class AttachmentView(BaseModel):
    """A file of a message; its content is at `/api/attachments/{id}`."""

    id: UUID
    name: str
    content_type: str
    size_bytes: int


class MessageView(BaseModel):
    """One message of a thread.

    `delivery_state` of a reply that is sent is `queued`, `delivered` (the next hop has it) or `failed`; `available`
    says that it is only to be read here.
    """

    id: UUID
    kind: MessageKind
    author: AuthorView
    text: str
    text_truncated: bool
    channel: Channel
    attachments: list[AttachmentView]
    added_at: datetime
    first_reply: bool
    delivery_state: str | None
    delivery_detail: str | None

    @classmethod
    def of(cls, row: Any, *, internal: bool) -> Self:
        """The shape of a message row. Without `internal`, why a delivery failed is left out."""
        return cls(
            id=row.id,
            kind=row.kind,
            author=AuthorView(kind=row.author_kind, id=row.author_id, name=row.author_name),
            text=row.text,
            text_truncated=row.text_truncated,
            channel=row.channel,
            attachments=[AttachmentView.model_validate(attachment) for attachment in row.attachments],
            added_at=row.added_at,
            first_reply=row.first_reply,
            delivery_state=row.delivery_state,
            delivery_detail=row.delivery_detail if internal else None,
        )


class ThreadPage(BaseModel):
    """A page of a thread, oldest message first. `thread_version` is what a reply's `expected_version` refers to."""

    items: list[MessageView]
    next_cursor: str | None
    thread_version: int


class WrittenMessage(BaseModel):
    """A message just added, and the ticket as it is after it."""

    message: MessageView
    ticket: TicketView


class HistoryEntry(BaseModel):
    """One change of a ticket: who, when, why, and each field before and after."""

    id: int
    version: int
    at: datetime
    actor: AuthorView
    cause: str
    changes: dict[str, Any]
    message_id: UUID | None

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
        )


class IdentityView(BaseModel):
    """An address a customer is recognised by."""

    kind: IdentityKind
    address: str


class CustomerView(BaseModel):
    """A customer with all addresses and the tickets touched last."""

    id: UUID
    name: str
    language: str | None
    region: str | None
    time_zone: str | None
    tier: str
    created_at: datetime
    identities: list[IdentityView]
    tickets: list[TicketRow]

    @classmethod
    def of(cls, row: Any, identities: Sequence[Identity], tickets: Sequence[Any]) -> Self:
        """The shape of a customer's row, identities and ticket rows."""
        return cls(
            id=row.id,
            name=row.name,
            language=row.language,
            region=row.region,
            time_zone=row.time_zone,
            tier=row.tier,
            created_at=row.created_at,
            identities=[IdentityView(kind=one.kind, address=one.address) for one in identities],
            tickets=[TicketRow.of(ticket, internal=True) for ticket in tickets],
        )


def _row_fields(row: Any, *, internal: bool) -> dict[str, Any]:
    assignee = {"id": row.assignee_id, "name": row.assignee_name or ""} if row.assignee_id else None
    return {
        "id": row.id,
        "number": row.number,
        "subject": row.subject,
        "status": row.status,
        "priority": row.priority,
        "type": row.type,
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
    }
