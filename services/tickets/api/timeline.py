"""What happened to a ticket and what was written in it, as one timeline."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from services.tickets.domain.timeline import EntryKind, Position
from services.tickets.repository.timeline import TimelineRepository
from services.tickets.schemas.timeline import TimelinePage
from shared.auth import Principal, requires
from shared.web import CursorParams, NotFound, ReadSession

router = APIRouter(prefix="/api/tickets/{ticket_id}", tags=["tickets"])


@router.get("/timeline")
async def read_timeline(
    ticket_id: UUID,
    session: ReadSession,
    paging: CursorParams,
    principal: Annotated[Principal, requires("ticket.history")],
    kind: Annotated[
        list[EntryKind] | None,
        Query(
            max_length=len(EntryKind),
            description="Messages of these kinds; `change` for what changed anything, messages or not",
            examples=[["note", "change"]],
        ),
    ] = None,
) -> TimelinePage:
    """What happened to a ticket and what was written in it, with that of tickets merged into it, the newest first.

    Each entry tells who, when, through what (`via`), why (`cause`), what before and after, and the message if it is
    one. It is for those who work here: customers have the thread. Pages lead both ways: give `next_cursor` (older) or
    `previous_cursor` (newer) back as `cursor`. It takes the permission `ticket.read`, too.
    """
    principal.scope("ticket.read")
    repository = TimelineRepository(session)
    line = await repository.line(ticket_id)
    if not line:
        raise NotFound("There is no such ticket.")
    after = paging.after(bool, datetime, int)
    position = Position(at=after[1], id=after[2], newer=after[0]) if after else None
    rows = await repository.page(
        [row.id for row in line], kinds=set(kind or ()), position=position, limit=paging.limit + 1
    )
    return TimelinePage.of(rows, line[1:], position=position, limit=paging.limit)
