"""Replies that leave later: looked at, moved, taken back. They are written as any reply is."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Response

from services.tickets.api.callers import actor_of, visible_ticket
from services.tickets.domain.scheduled import Scheduled
from services.tickets.repository import ScheduledRepository
from services.tickets.schemas.scheduled import ScheduledPatch, ScheduledView
from services.tickets.service import scheduled as use_cases
from shared.auth import Principal, requires
from shared.db import now_utc
from shared.web import CursorParams, DbSession, IfMatch, NotFound, Page, ReadSession, cut_page, etag

# What they answer has the reply's text.
router = APIRouter(
    prefix="/api/tickets/{ticket_id}/scheduled",
    tags=["scheduled"],
    dependencies=[requires("ticket.schedule"), requires("ticket.read")],
)


@router.get("")
async def list_scheduled(
    ticket_id: UUID,
    session: ReadSession,
    paging: CursorParams,
) -> Page[ScheduledView]:
    """A ticket's replies that were to leave later, newest first, and what became of them in the last 30 days.

    It takes the permission `ticket.read`, too.
    """
    await visible_ticket(session, ticket_id, None)
    after = paging.after(UUID)
    found = await ScheduledRepository(session).page(
        ticket_id, before=after[0] if after else None, limit=paging.limit + 1
    )
    page, next_cursor = cut_page(found, paging.limit, lambda scheduled: (scheduled.id,))
    return Page(items=[ScheduledView.of(scheduled) for scheduled in page], next_cursor=next_cursor)


@router.get("/{scheduled_id}")
async def read_scheduled(
    ticket_id: UUID,
    scheduled_id: UUID,
    response: Response,
    session: ReadSession,
) -> ScheduledView:
    """One of them, with its version as ETag. It takes the permission `ticket.read`, too."""
    scheduled = await ScheduledRepository(session).get(ticket_id, scheduled_id)
    if scheduled is None:
        raise NotFound("There is no such scheduled reply.")
    etag(response, scheduled.version)
    return ScheduledView.of(scheduled)


@router.patch("/{scheduled_id}", response_model=ScheduledView)
async def move_scheduled(
    ticket_id: UUID,
    scheduled_id: UUID,
    session: DbSession,
    expected: IfMatch,
    principal: Annotated[Principal, requires("ticket.schedule")],
    body: ScheduledPatch,
) -> Response:
    """Let a reply, still at the version of If-Match, leave at another time. 409 `not-waiting` if it has left.

    It takes the permission `ticket.read`, too.
    """
    moved = await use_cases.move(
        session,
        ticket_id,
        scheduled_id,
        body.send_at,
        actor=actor_of(principal),
        expected_version=expected,
        now=now_utc(),
    )
    return scheduled_response(moved)


@router.delete("/{scheduled_id}", response_model=ScheduledView)
async def take_back(
    ticket_id: UUID,
    scheduled_id: UUID,
    session: DbSession,
    principal: Annotated[Principal, requires("ticket.schedule")],
) -> Response:
    """Take a reply back before it leaves; it is its author's draft again. 409 `already-released` if it has left.

    It takes the permission `ticket.read`, too.
    """
    cancelled = await use_cases.take_back(session, ticket_id, scheduled_id, actor=actor_of(principal), now=now_utc())
    return scheduled_response(cancelled)


def scheduled_response(scheduled: Scheduled, *, accepted: bool = False) -> Response:
    """A scheduled reply as this transaction leaves it, with its version as ETag and where it is found."""
    response = Response(ScheduledView.of(scheduled).model_dump_json(), media_type="application/json")
    etag(response, scheduled.version)
    if accepted:
        response.status_code = 202
        response.headers["Location"] = f"/api/tickets/{scheduled.ticket_id}/scheduled/{scheduled.id}"
    return response
