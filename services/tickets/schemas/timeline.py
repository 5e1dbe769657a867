"""Shapes of timelines: what happened to a ticket and what was written in it."""

from collections.abc import Mapping, Sequence
from typing import Any, Self
from uuid import UUID

from pydantic import Field

from services.tickets.domain.timeline import Position
from services.tickets.schemas.threads import MergedTicket, MessageView
from services.tickets.schemas.tickets import HistoryEntry
from shared.web import Page, encode_cursor


class TimelineEntry(HistoryEntry):
    """One thing that happened to a ticket: a message, changes, or both at once, as when a reply solves it.

    `ticket_id` is this ticket, or the merged one that it happened to. `names` are those of the people whose ids are in
    `changes`, as they are called now.
    """

    ticket_id: UUID
    message: MessageView | None
    names: dict[UUID, str] = Field(examples=[{"01997b6e-3c00-7a10-8b11-0242ac120002": "Ada Osei"}])

    @classmethod
    def of_both(cls, entry: Any, said: Any, names: Mapping[str, str]) -> Self:
        """The shape of a row of the history with that of its message."""
        message = None if said is None else MessageView.of(said)
        return cls(**dict(HistoryEntry.of(entry)), ticket_id=entry.ticket_id, message=message, names=names)


class TimelinePage(Page[TimelineEntry]):
    """A page of a timeline, the newest entry first.

    `next_cursor` leads to what is older, `previous_cursor` to what is newer; both are given back as `cursor`. `merged`
    are the tickets merged into this one, directly or one through the other, whose entries are among them.
    """

    previous_cursor: str | None = None
    merged: list[MergedTicket]

    @classmethod
    def of(cls, rows: Sequence[Any], merged: Sequence[Any], *, position: Position | None, limit: int) -> Self:
        """A page of at most `limit` rows, of which one more was read if there is one: the farthest from `position`."""
        newer = position is not None and position.newer
        more = len(rows) > limit
        shown = rows[-limit:] if newer else rows[:limit]

        def cursor(row: Any, *, newer: bool) -> str:
            return encode_cursor(newer, row.entry.at, row.entry.id)

        return cls(
            items=[TimelineEntry.of_both(row.entry, row.said, row.names) for row in shown],
            merged=[MergedTicket.model_validate(row, from_attributes=True) for row in merged],
            next_cursor=cursor(shown[-1], newer=False) if shown and (newer or more) else None,
            previous_cursor=cursor(shown[0], newer=True) if shown and (more if newer else position) else None,
        )
