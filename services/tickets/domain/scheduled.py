"""Replies that leave later: taking one back within seconds and sending one next week are the same thing."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from shared.events.common import AttachmentRef, TicketStatus

MAX_AHEAD = timedelta(days=90)
MAX_UNDO_SECONDS = 60
# What leaves within the longest time to take it back is as good as in the thread: who answers has to know of it.
LEAVING = timedelta(seconds=MAX_UNDO_SECONDS)
# Of one ticket. More than a few are a mistake of some program.
MAX_WAITING = 20


class ScheduledState(StrEnum):
    """What became of a reply that was to leave later."""

    WAITING = "waiting"
    RELEASED = "released"
    CANCELLED = "cancelled"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Scheduled:
    """A reply that leaves at `release_at`, unless it is taken back before.

    `thread_version` is what there was of the thread when it was written; with `only_if_unanswered` it does not leave if
    the customer wrote since. `forced_from` is the older version that the author had read, if they knew and sent it
    anyway.
    """

    id: UUID
    ticket_id: UUID
    author_id: UUID
    author_name: str
    text: str
    html: str | None
    cc: tuple[str, ...]
    status: TicketStatus | None
    thread_version: int
    forced_from: int | None
    only_if_unanswered: bool
    release_at: datetime
    created_at: datetime
    state: ScheduledState = ScheduledState.WAITING
    reason: str | None = None
    version: int = 1
    settled_at: datetime | None = None
    attachments: tuple[AttachmentRef, ...] = ()


def release_time(now: datetime, *, send_at: datetime | None, undo_seconds: int) -> datetime | None:
    """When a reply leaves; None for at once. Raises ValueError, with the reason, for a time that cannot be."""
    if send_at is None:
        return now + timedelta(seconds=undo_seconds) if undo_seconds else None
    if send_at <= now:
        raise ValueError("is over already")
    if send_at > now + MAX_AHEAD:
        raise ValueError(f"is more than {MAX_AHEAD.days} days ahead")
    return send_at
