"""Shapes of messages: handed in, accepted, put aside."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag

from services.ingestion.domain.messages import MAX_BATCH, IncomingMessage
from shared.events.common import Channel
from shared.events.messages import MessageSecurity


class MessageBatch(BaseModel):
    """Several messages: all of them are taken, or none."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    messages: Annotated[list[IncomingMessage], Field(min_length=1, max_length=MAX_BATCH)]


def _one_or_many(body: Any) -> str:
    return (
        "batch" if isinstance(body, MessageBatch) or (isinstance(body, Mapping) and "messages" in body) else "message"
    )


Messages = Annotated[
    Annotated[IncomingMessage, Tag("message")] | Annotated[MessageBatch, Tag("batch")], Discriminator(_one_or_many)
]


class Accepted(BaseModel):
    """What a sender is told. `status` is of the submission; `status_url` tells what became of it."""

    id: UUID
    status: Literal["stored"] = "stored"
    status_url: str


class AcceptedBatch(BaseModel):
    """One answer for each message, in order."""

    messages: list[Accepted]


class TicketLink(BaseModel):
    """The ticket a message became part of."""

    id: UUID
    number: int


class MessageStatus(BaseModel):
    """What became of a message. `reason` is why it is in quarantine; `ticket` is null until tickets has it; `security`
    is of mail that is signed or encrypted.
    """

    id: UUID
    status: Literal["stored", "parsing", "accepted", "quarantined"]
    channel: Channel
    received_at: datetime
    deliveries: int
    conversation_id: UUID | None
    ticket: TicketLink | None
    reason: str | None
    security: MessageSecurity | None


class QuarantinedMessage(BaseModel):
    """A mail that waits for somebody to look at it, as far as it could be read."""

    id: UUID
    received_at: datetime
    reason: str
    sender: str | None
    subject: str
    size_bytes: int
