"""Shapes of replies that leave later."""

from datetime import datetime
from typing import Self
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict

from services.tickets.domain.scheduled import Scheduled, ScheduledState
from services.tickets.schemas.people import PersonView
from services.tickets.schemas.threads import AttachmentView
from services.tickets.schemas.values import Closed
from shared.events.common import TicketStatus


class ScheduledPatch(Closed):
    """Another time for a reply to leave at, at most 90 days ahead."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"send_at": "2026-12-01T08:00:00Z"}]})

    send_at: AwareDatetime


class ScheduledView(BaseModel):
    """A reply that leaves at `release_at`.

    Once it is `released` the thread has it under the same id, and its text is there alone. `reason` is why it was
    `refused`: `answered-meanwhile`, `author-inactive`, or the problem that a reply would have met (`ticket-closed`, …).
    A refused or cancelled one is its author's draft again, unless they had begun another.
    """

    id: UUID
    ticket_id: UUID
    author: PersonView
    text: str
    html: str | None
    cc: list[str]
    attachments: list[AttachmentView]
    status: TicketStatus | None
    thread_version: int
    only_if_unanswered: bool
    release_at: datetime
    state: ScheduledState
    reason: str | None
    version: int
    created_at: datetime
    settled_at: datetime | None

    @classmethod
    def of(cls, scheduled: Scheduled) -> Self:
        """The shape of a scheduled reply."""
        return cls(
            id=scheduled.id,
            ticket_id=scheduled.ticket_id,
            author=PersonView(id=scheduled.author_id, name=scheduled.author_name),
            text=scheduled.text,
            html=scheduled.html,
            cc=list(scheduled.cc),
            attachments=[AttachmentView.of(file) for file in scheduled.attachments],
            status=scheduled.status,
            thread_version=scheduled.thread_version,
            only_if_unanswered=scheduled.only_if_unanswered,
            release_at=scheduled.release_at,
            state=scheduled.state,
            reason=scheduled.reason,
            version=scheduled.version,
            created_at=scheduled.created_at,
            settled_at=scheduled.settled_at,
        )
