"""Shapes of drafts."""

from datetime import datetime
from typing import Any, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, model_validator

from services.tickets.domain.rich import text_of
from services.tickets.schemas.people import PersonView
from services.tickets.schemas.values import AttachmentIds, Closed, Copies, DraftText, ReplyHtml, ThreadVersion

_MADE: TypeAdapter[str] = TypeAdapter(DraftText)


class DraftBody(Closed):
    """What an agent has begun to write, as text, as HTML in the subset of replies, or both.

    A text that is missing is made from the HTML. `thread_version` is what of the thread they had read.
    """

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"kind": "reply", "text": "Hello Ana, the part", "thread_version": 3}]}
    )

    kind: Literal["reply", "note"]
    text: DraftText
    html: ReplyHtml | None = None
    cc: Copies = Field(default=[])
    attachment_ids: AttachmentIds = Field(default=[])
    thread_version: ThreadVersion

    @model_validator(mode="after")
    def _says_what_it_shows(self) -> Self:
        # A draft is empty where its text is.
        if self.html is not None and not self.text.strip():
            self.text = _MADE.validate_python(text_of(self.html))
        return self


class DraftView(BaseModel):
    """A draft. `version` is what If-Match refers to; one that is not there has the version 0."""

    ticket_id: UUID
    kind: Literal["reply", "note"]
    text: str
    html: str | None
    cc: list[str]
    attachment_ids: list[UUID]
    thread_version: int
    version: int
    updated_at: datetime


class DraftsView(BaseModel):
    """The caller's own draft on a ticket, and who else has begun to write there."""

    draft: DraftView | None
    others: list[PersonView]

    @classmethod
    def of(cls, draft: Any, others: Any) -> Self:
        """The shape of rows of drafts."""
        return cls(
            draft=DraftView.model_validate(draft, from_attributes=True) if draft else None,
            others=[PersonView(id=row.id, name=row.name) for row in others],
        )
