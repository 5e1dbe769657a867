"""Shapes of mail that was put aside."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

MAX_REPLAYED = 200

Reason = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$", examples=["sender_unreadable"])]


class QuarantinedMail(BaseModel):
    """A mail as far as it could be read, as plain text: `headers` as they came, `text` as it was understood."""

    id: UUID
    received_at: datetime
    reason: str
    sender: str | None
    subject: str
    size_bytes: int
    deliveries: int
    headers: str
    text: str


class ReasonCount(BaseModel):
    """How many mails are aside for a reason, and when the oldest of them came."""

    reason: str
    count: int
    oldest_at: datetime


class QuarantineSummary(BaseModel):
    """All that is aside."""

    total: int
    reasons: list[ReasonCount]


class ReplayBody(BaseModel):
    """Which mails are read again: those with these ids, or the oldest of those aside for a reason.

    With `release` they are let in whatever the rules say.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        json_schema_extra={"examples": [{"reason": "parser_timeout", "limit": 100, "release": False}]},
    )

    ids: Annotated[list[UUID], Field(min_length=1, max_length=MAX_REPLAYED)] | None = None
    reason: Reason | None = None
    limit: int = Field(default=MAX_REPLAYED, ge=1, le=MAX_REPLAYED)
    release: bool = False

    @model_validator(mode="after")
    def _names_them_once(self) -> Self:
        if (self.ids is None) is (self.reason is None):
            raise ValueError("give either ids or a reason")
        return self


class ReplayedMail(BaseModel):
    """What became of one: `stored` to be read again, or why not.

    `not-whole` are those of which only the header was fetched, or nothing.
    """

    id: UUID
    result: Literal["stored", "not-whole", "not-in-quarantine", "not-found"]


class Replay(BaseModel):
    """One result for each mail."""

    items: list[ReplayedMail]


class Deletion(BaseModel):
    """A mail that was deleted: who wanted it (null: its age), when and why. Nothing of what it said is kept."""

    message_id: UUID
    reason: str
    received_at: datetime
    size_bytes: int
    deleted_at: datetime
    deleted_by: UUID | None
    why: str

    @classmethod
    def of(cls, row: Any) -> Self:
        """The shape of a row."""
        return cls.model_validate(row, from_attributes=True)
