"""Somebody is to be told something. Topic `desk.notifications`; ingestion delivers it."""

from datetime import datetime
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from pydantic import Field

from shared.events.base import EventData, EventModel


class NotificationKind(StrEnum):
    """What somebody is told; ingestion has a template in each language for each of them.

    `values` of a notification are, of `MENTION`, `ticket_number`, `subject`, `author`, `text`; of `ASSIGNMENT`,
    `ticket_number`, `subject`, `author`; of `UNDELIVERED`, `ticket_number`, `subject`, `recipient`, `reason`; of
    `SIGN_IN`, `url`, `minutes`; of `SURVEY`, `ticket_number`, `subject`, `url`; of `RECEIVED`, `ticket_number`, `url`:
    nothing that whoever asked for it wrote, who may be anybody.
    """

    MENTION = "mention"
    ASSIGNMENT = "assignment"
    UNDELIVERED = "undelivered"
    SIGN_IN = "sign_in"
    SURVEY = "survey"
    RECEIVED = "received"


class Addressee(EventModel):
    """Whom to tell: an address, in a language (BCP 47; None for the organisation's)."""

    address: str
    name: str = ""
    language: str | None = None


class NotificationRequested(EventData):
    """Tell one person something by mail. Aggregate: the notification itself.

    Never a ticket, whose versions have to be contiguous on the topic of tickets. Any service may ask for it. `values`
    fill the template of `kind`, as plain text. With `ticket_id` an answer by mail goes into that ticket, as a note
    where `answer_as_note`; only agents are sent such. Not sent after `expires_at`.
    """

    type: ClassVar[str] = "notification.requested.v1"
    topic: ClassVar[str] = "desk.notifications"
    # Of whichever service records it.
    source: ClassVar[str] = ""

    notification_id: UUID
    kind: NotificationKind
    to: Addressee
    values: dict[str, str] = Field(default={})
    brand: str = "default"
    ticket_id: UUID | None = None
    answer_as_note: bool = False
    requested_at: datetime
    expires_at: datetime | None = None
