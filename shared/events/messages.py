"""Events of ingestion: what came in, and what became of what went out. Topic `desk.messages`."""

from datetime import datetime
from enum import StrEnum
from typing import ClassVar, Literal
from uuid import UUID

from shared.events.base import EventData, EventModel
from shared.events.common import AttachmentRef, Channel, Priority, TicketType


class _MessageData(EventData):
    topic: ClassVar[str] = "desk.messages"
    source: ClassVar[str] = "ingestion"


class Authentication(StrEnum):
    """Result of checking that the sender is who the message says (SPF/DKIM/DMARC, signature, API credentials)."""

    PASS = "pass"  # noqa: S105 - an authentication result
    FAIL = "fail"
    NONE = "none"


class Sender(EventModel):
    """Who wrote a message. `address` is normalised: lower-case e-mail, E.164 phone, or a channel's own handle."""

    kind: Literal["email", "phone", "handle"]
    address: str
    name: str = ""
    language: str | None = None
    region: str | None = None
    time_zone: str | None = None
    tier: str | None = None


class ThreadingEvidence(EventModel):
    """What ties a message to an earlier conversation, strongest first. Tickets decides; ingestion only states.

    `token_conversation_id` comes from a verified signed reply token; `reference_conversation_id` from a known
    Message-ID in References or In-Reply-To (RFC 5322 section 3.6.4), which anybody can forge;
    `ticket_number` from a tag in the subject, the weakest.
    """

    token_conversation_id: UUID | None = None
    reference_conversation_id: UUID | None = None
    ticket_number: int | None = None
    authentication: Authentication = Authentication.NONE


class MessageReceived(_MessageData):
    """A message from outside is stored. Aggregate: the conversation, so that a reply never overtakes what it answers.

    `text` is at most 64 KiB of UTF-8; where it was longer, `text_truncated` is set and the whole is in the object
    store under `raw_key`. `received_at` is our receive time; clocks start there, never at a `Date:` header.
    """

    type: ClassVar[str] = "message.received.v1"

    message_id: UUID
    conversation_id: UUID
    channel: Channel
    received_at: datetime
    sender: Sender
    subject: str
    text: str
    text_truncated: bool = False
    raw_key: str | None = None
    external_id: str | None = None
    language: str | None = None
    priority: Priority | None = None
    ticket_type: TicketType | None = None
    tags: tuple[str, ...] = ()
    brand: str = "default"
    attachments: tuple[AttachmentRef, ...] = ()
    evidence: ThreadingEvidence = ThreadingEvidence()
    auto_submitted: bool = False


class MessageDelivered(_MessageData):
    """An outbound message was accepted by the next hop. Aggregate: the conversation."""

    type: ClassVar[str] = "message.delivered.v1"

    message_id: UUID
    ticket_id: UUID
    conversation_id: UUID
    delivered_at: datetime
    external_id: str


class MessageFailed(_MessageData):
    """An outbound message could not be delivered and will not be tried again. Aggregate: the conversation."""

    type: ClassVar[str] = "message.failed.v1"

    message_id: UUID
    ticket_id: UUID
    conversation_id: UUID
    failed_at: datetime
    reason: str
    attempts: int
