"""Shapes of threads: what is written, and how it is read."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter, model_validator

from services.tickets.domain.rich import text_of
from services.tickets.domain.scheduled import MAX_UNDO_SECONDS
from services.tickets.schemas.people import PersonView
from services.tickets.schemas.tickets import AuthorView, TicketView
from services.tickets.schemas.values import AttachmentIds, Closed, Copies, MessageText, ReplyHtml, ThreadVersion
from shared.events.common import AttachmentRef, Channel, TicketStatus
from shared.events.messages import MessageSecurity
from shared.events.tickets import MessageKind
from shared.objects.links import account_audience, link_query

_MADE: TypeAdapter[str] = TypeAdapter(MessageText)


class _Written(Closed):
    expected_version: ThreadVersion | None = None
    force: bool = False

    @model_validator(mode="after")
    def _forces_something(self) -> Self:
        if self.force and self.expected_version is None:
            raise ValueError("force needs expected_version: what was read, before more came")
        return self


class ReplyBody(_Written):
    """A public message: `text`, or `html` in a small subset (paragraphs, lists, links, bold), from which it is made.

    `expected_version` is the thread version the writer has read; with `force` it is sent whatever came since. With
    `send_at` (at most 90 days ahead) or `undo_seconds` an agent's reply is kept and leaves then, unless it is taken
    back; with `only_if_unanswered` it does not leave if the customer wrote in the meantime. `cc` get a copy by mail,
    for all to see, and take part in the ticket from then on: what they answer joins it. `attachment_ids` are files that
    the writer uploaded (`POST /api/attachments`) and that no message has yet; 409 `attachments-not-there` for others.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"text": "It is on its way.", "status": "solved", "expected_version": 3, "undo_seconds": 10},
                {"html": "<p>Use <b>water</b>.</p><ul><li>Much of it</li></ul>", "expected_version": 3},
                {"text": "The invoice is on its way.", "cc": ["accounts@customer.example"], "expected_version": 3},
                {
                    "text": "Has it arrived?",
                    "expected_version": 4,
                    "send_at": "2026-12-01T08:00:00Z",
                    "only_if_unanswered": True,
                },
            ]
        }
    )

    text: MessageText | None = None
    html: ReplyHtml | None = None
    cc: Copies = Field(default=[])
    attachment_ids: AttachmentIds = Field(default=[])
    status: TicketStatus | None = None
    send_at: AwareDatetime | None = None
    undo_seconds: Annotated[int, Field(ge=0, le=MAX_UNDO_SECONDS)] = 0
    only_if_unanswered: bool = False

    @model_validator(mode="after")
    def _says_something_once(self) -> Self:
        if (self.text is None) is (self.html is None):
            raise ValueError("give either text or html: the text is made from the html")
        if self.html is not None:
            _MADE.validate_python(text_of(self.html))
        return self

    def said(self) -> str:
        """The text, given or made."""
        return self.text if self.text is not None else text_of(self.html or "")

    @model_validator(mode="after")
    def _leaves_once(self) -> Self:
        if self.send_at is not None and self.undo_seconds:
            raise ValueError("give either send_at or undo_seconds: what leaves later can be taken back until then")
        if self.only_if_unanswered and self.send_at is None and not self.undo_seconds:
            raise ValueError("only_if_unanswered is for a reply that leaves later: give send_at or undo_seconds")
        return self


class NoteBody(_Written):
    """An internal note. `mentions` are accounts of agents, who follow the ticket from then on.

    `attachment_ids` are files that the writer uploaded; no customer ever gets them.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "text": "@Ada do you know this printer?",
                    "mentions": ["01997b6e-3c00-7a10-8b11-0242ac120002"],
                    "expected_version": 3,
                }
            ]
        }
    )

    text: MessageText
    attachment_ids: AttachmentIds = Field(default=[])
    mentions: list[UUID] = Field(default=[], max_length=50)


@dataclass(frozen=True, slots=True)
class OwnReader:
    """A customer who reads what is theirs, and when: the addresses of files are made for them."""

    account_id: UUID
    now: datetime

    def link(self, file: AttachmentRef) -> str:
        """The query by which their account gets the file."""
        return link_query(file.id, file.key, audience=account_audience(self.account_id), now=self.now)


class AttachmentView(BaseModel):
    """A file of a message; its content is at `url`, which for a customer holds for an hour or two and for them alone.

    With `/thumbnail` or `/image` after the id, and the same query, it is a picture of an image.
    """

    id: UUID
    name: str
    content_type: str
    size_bytes: int
    url: str

    @classmethod
    def of(cls, file: AttachmentRef, own: OwnReader | None = None) -> Self:
        """The shape of a file for agents, or for the customer who reads."""
        query = "" if own is None else "?" + own.link(file)
        return cls(
            id=file.id,
            name=file.name,
            content_type=file.content_type,
            size_bytes=file.size_bytes,
            url=f"/api/attachments/{file.id}{query}",
        )


class MergedTicket(BaseModel):
    """A ticket whose messages a thread shows beside its own; `merged_into` only where that is shown, too."""

    id: UUID
    number: int
    subject: str
    merged_into: UUID | None

    @classmethod
    def of(cls, row: Any, *, shown: Collection[UUID]) -> Self:
        """The shape of a ticket's row; `shown` are the tickets whose messages there are to see."""
        into = row.merged_into if row.merged_into in shown else None
        return cls(id=row.id, number=row.number, subject=row.subject, merged_into=into)


class MessageView(BaseModel):
    """One message of a thread, of the ticket or of one merged into it.

    `html` is what an agent's text was made from, clean, where they formatted it.

    `delivery_state` of a reply that is sent is `queued`, `delivered` (the next hop has it), `failed`, or `bounced` (it
    did not arrive at a recipient, whom `delivery_detail` names with the reason); `available`
    says that it is only to be read here. `cc` got a copy; those it was not delivered to are in
    `delivery_detail`. `quoted` says that what a mail answers, or a signature, was left out of its text.
    A customer's mail is shown as they formatted it, to agents, at `/api/ingest/messages/{id}/html`. `security` tells
    agents that it was signed or encrypted; what was decrypted is shown to customers only where a valid signature proves
    who wrote it.
    """

    id: UUID
    ticket_id: UUID
    kind: MessageKind
    author: AuthorView
    text: str
    html: str | None
    cc: list[str]
    quoted: bool
    text_truncated: bool
    channel: Channel
    attachments: list[AttachmentView]
    mentions: list[PersonView]
    added_at: datetime
    first_reply: bool
    delivery_state: str | None
    delivery_detail: str | None
    security: MessageSecurity | None = None

    @classmethod
    def of(cls, row: Any, own: OwnReader | None = None) -> Self:
        """The shape of a message row for agents, or for the customer who reads: with what is theirs to know."""
        internal = own is None
        return cls(
            id=row.id,
            ticket_id=row.ticket_id,
            kind=row.kind,
            author=AuthorView(kind=row.author_kind, id=row.author_id, name=row.author_name),
            text=row.text,
            html=row.html,
            cc=row.cc,
            quoted=row.quoted,
            text_truncated=row.text_truncated,
            channel=row.channel,
            attachments=[AttachmentView.of(AttachmentRef.model_validate(file), own) for file in row.attachments],
            mentions=[PersonView.model_validate(mention) for mention in row.mentions] if internal else [],
            added_at=row.added_at,
            first_reply=row.first_reply,
            delivery_state=row.delivery_state,
            delivery_detail=row.delivery_detail if internal else None,
            security=MessageSecurity.model_validate(row.security) if internal and row.security else None,
        )


class ThreadPage(BaseModel):
    """A page of a thread, oldest message first. `thread_version` is what a reply's `expected_version` refers to.

    `merged` are the tickets merged into this one, directly or one through the other, whose messages are shown too.
    """

    items: list[MessageView]
    merged: list[MergedTicket]
    next_cursor: str | None
    thread_version: int


class WrittenMessage(BaseModel):
    """A message just added, and the ticket as it is after it."""

    message: MessageView
    ticket: TicketView
