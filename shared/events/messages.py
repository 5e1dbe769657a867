"""Events of ingestion: what came in, and what became of what went out. Topic `desk.messages`."""

from datetime import datetime
from enum import StrEnum
from typing import ClassVar, Literal
from uuid import UUID

from pydantic import Field

from shared.events.base import EventData, EventModel
from shared.events.common import AttachmentRef, Channel, Priority, TicketType
from shared.events.forms import FilledForm


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


class AgentToken(EventModel):
    """A verified token that an agent was written to with, about a ticket: what an agent answers by mail goes there.

    It was made for the very address the message came from. `as_note` says that it stays internal. Whether that address
    is an agent's who may answer is for tickets to decide.
    """

    ticket_id: UUID
    as_note: bool


class ThreadingEvidence(EventModel):
    """What ties a message to an earlier conversation, strongest first. Tickets decides; ingestion only states.

    `token_conversation_id` comes from a verified signed reply token; `reference_conversation_id` from a known
    Message-ID in References or In-Reply-To (RFC 5322 section 3.6.4), which anybody can forge;
    `ticket_number` from a tag in the subject, the weakest. `agent` is of mail that answers what an agent was sent.
    """

    token_conversation_id: UUID | None = None
    reference_conversation_id: UUID | None = None
    ticket_number: int | None = None
    authentication: Authentication = Authentication.NONE
    agent: AgentToken | None = None


class MessageSecurity(EventModel):
    """That a mail was signed or encrypted, and what came of looking at it with the keys of the desk.

    `signature` is what that of the whole mail is worth: `valid` is of a key that is known, or vouched for by an
    authority that is, and of the very address the mail is from. `expired` is revoked, too; `partial` is of a part, of
    which nothing follows for the rest; `unchecked` is made by means that the desk does not know. `signer` is an
    address of the key, and is proven where `valid`, `expired` or `wrong_address`. `problem` is why something stayed
    encrypted.
    """

    scheme: Literal["smime", "pgp"]
    encrypted: bool = False
    decrypted: bool = False
    problem: Literal["no_key", "damaged", "unsupported", "not_whole", "nested", "out_of_bounds"] | None = None
    signature: Literal["valid", "altered", "unknown_key", "expired", "wrong_address", "partial", "unchecked"] | None = (
        None
    )
    signer: str | None = None
    fingerprint: str | None = None


class MessageReceived(_MessageData):
    """A message from outside is stored. Aggregate: the conversation, so that a reply never overtakes what it answers.

    `text` is at most 64 KiB of UTF-8; where it was longer, `text_truncated` is set and the whole is in the object
    store under `raw_key`. `received_at` is our receive time; clocks start there, never at a `Date:` header.

    Of mail: `quoted` says that what it answers or a signature was left out of `text` (the raw mail has it all), `cc`
    are further addresses it went to but for the desk's own, `forwarded_from` is who wrote what an agent or a customer
    forwards, `group` is where the mailbox it came through belongs, `security` is of what is signed or encrypted.

    `form` is what a visitor filled in of the public form that it came by.
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
    quoted: bool = False
    cc: tuple[str, ...] = ()
    forwarded_from: Sender | None = None
    group: str | None = None
    form: FilledForm | None = None
    security: MessageSecurity | None = None


class FileUploaded(_MessageData):
    """Somebody uploaded a file, which a message of theirs may use until `kept_until`. Aggregate: the file."""

    type: ClassVar[str] = "file.uploaded.v1"

    file: AttachmentRef
    account_id: UUID
    kept_until: datetime


class MessageDelivered(_MessageData):
    """An outbound message was accepted by the next hop. Aggregate: the conversation.

    `refused` are addresses that were to get a copy and that it was not accepted for, with the reason. One that was
    refused since is told by the same delivery once more (`again`), with all that are known by then.
    """

    type: ClassVar[str] = "message.delivered.v1"

    message_id: UUID
    ticket_id: UUID
    conversation_id: UUID
    delivered_at: datetime
    external_id: str
    refused: dict[str, str] = Field(default={})
    again: bool = False


class MessageFailed(_MessageData):
    """An outbound message could not be delivered and will not be tried again. Aggregate: the conversation."""

    type: ClassVar[str] = "message.failed.v1"

    message_id: UUID
    ticket_id: UUID
    conversation_id: UUID
    failed_at: datetime
    reason: str
    attempts: int


class MessageBounced(_MessageData):
    """A message that a next hop had accepted did not arrive at one of its recipients. Aggregate: the conversation.

    `status` is the enhanced code of RFC 3463 where one was told; `is_permanent` says that the address is not written to
    any more. One message may bounce for several recipients, each an event of its own.
    """

    type: ClassVar[str] = "message.bounced.v1"

    message_id: UUID
    ticket_id: UUID
    conversation_id: UUID
    bounced_at: datetime
    recipient: str
    is_permanent: bool
    status: str | None = None
    reason: str = ""
