"""What a message from outside is: the contract that HTTP, CloudEvents and Kafka share, and its rules."""

import hashlib
import re
import zoneinfo
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Annotated, Any, Literal, Self
from uuid import UUID, uuid5

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

from services.ingestion.domain.addresses import normalise_address
from services.ingestion.domain.mail import MAX_SUBJECT_CHARS
from services.ingestion.domain.text import clean_line, clean_text
from shared.events.common import Channel, Priority, TicketType

MAX_TEXT_CHARS = 1_000_000
MAX_EVENT_TEXT_BYTES = 64 * 1024
MAX_BATCH = 500
MAX_ATTACHMENTS = 50

_THREADS = UUID("5f0c4f6e-7c1e-4d64-9d5c-5a2d9b1f3c10")
_PHONE = re.compile(r"\+[1-9]\d{6,14}", re.ASCII)  # E.164


@cache
def _time_zones() -> frozenset[str]:
    return frozenset(zoneinfo.available_timezones())


def _known_time_zone(value: str) -> str:
    if value not in _time_zones():
        raise ValueError("is not the name of a time zone (IANA)")
    return value


def _line(limit: int) -> Any:
    return BeforeValidator(lambda value: clean_line(value, limit) if isinstance(value, str) else value)


Language = Annotated[str, Field(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}$")]
Region = Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
TimeZone = Annotated[str, Field(max_length=64), AfterValidator(_known_time_zone)]
Name = Annotated[str, _line(200)]
Slug = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[^\s\x00-\x1f,]+$")]
ExternalId = Annotated[str, Field(min_length=1, max_length=250, pattern=r"^[^\x00-\x1f\x7f]+$")]


class IncomingSender(BaseModel):
    """Who wrote the message. E-mail addresses come out in lower case; phone numbers have to be E.164."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["email", "phone", "handle"] = "email"
    address: Annotated[str, Field(min_length=1, max_length=254)]
    name: Name = ""
    language: Language | None = None
    region: Region | None = None
    time_zone: TimeZone | None = None
    tier: Slug | None = None

    @field_validator("address")
    @classmethod
    def _fits_kind(cls, address: str, info: ValidationInfo) -> str:
        kind = info.data.get("kind")
        if kind == "email":
            normalised = normalise_address(address)
            if normalised is None:
                raise ValueError("is not an e-mail address")
            return normalised
        if kind == "phone" and not _PHONE.fullmatch(address):
            raise ValueError("is not a phone number in E.164, such as +4930123456")
        if clean_line(address, 254) != address:
            raise ValueError("has characters that do not belong into an address")
        return address


class IncomingMessage(BaseModel):
    """One message, as other systems hand it in. `thread_key` is the channel's own id of the conversation."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    channel: Channel = Channel.API
    sender: IncomingSender
    subject: Annotated[str, _line(MAX_SUBJECT_CHARS)] = ""
    text: Annotated[str, Field(max_length=MAX_TEXT_CHARS), AfterValidator(clean_text)]
    external_id: ExternalId | None = None
    thread_key: ExternalId | None = None
    language: Language | None = None
    priority: Priority | None = None
    type: TicketType | None = None
    tags: Annotated[tuple[Slug, ...], Field(max_length=20)] = ()
    brand: Slug = "default"
    attachment_ids: Annotated[tuple[UUID, ...], Field(max_length=MAX_ATTACHMENTS)] = ()

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.subject and not self.text.strip() and not self.attachment_ids:
            raise ValueError("subject, text and attachments are all empty")
        return self


@dataclass(frozen=True, slots=True)
class Submission:
    """One message on its way in, from an authenticated `origin`.

    Two with the same origin and `dedupe_key` are the same one; None never is. `owner` is whose attachments it may name.
    """

    origin: str
    dedupe_key: str | None
    owner: str | None
    message: IncomingMessage

    @property
    def identity(self) -> tuple[str, str] | None:
        """Origin and dedupe key, where there is one."""
        return None if self.dedupe_key is None else (self.origin, self.dedupe_key)


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a sender is told: the id under which the message can be asked for. A duplicate gets the same one."""

    id: UUID
    received_at: datetime


def thread_conversation(origin: str, channel: Channel, brand: str, thread_key: str) -> UUID:
    """The conversation of a channel's own thread: the same for the same thread, without a look-up."""
    return uuid5(_THREADS, f"{origin}\x1f{channel}\x1f{brand}\x1f{thread_key}")


def bounded_key(*parts: str) -> str:
    """A dedupe key of fixed size for parts of any size, unambiguous in where each ends."""
    return hashlib.sha256("".join(f"{len(part)}:{part}" for part in parts).encode()).hexdigest()
