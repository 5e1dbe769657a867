"""Putting a ticket off, and waking it."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Response

from services.tickets.api.callers import actor_of
from services.tickets.api.tickets import ticket_response
from services.tickets.schemas.snooze import SnoozeBody
from services.tickets.schemas.tickets import TicketView
from services.tickets.service import snooze
from shared.auth import Principal, requires
from shared.db import now_utc
from shared.web import DbSession, IfMatch

router = APIRouter(prefix="/api/tickets/{ticket_id}/snooze", tags=["tickets"])


@router.put("", response_model=TicketView)
async def put_off(
    ticket_id: UUID,
    session: DbSession,
    expected: IfMatch,
    principal: Annotated[Principal, requires("ticket.snooze")],
    body: SnoozeBody,
) -> Response:
    """Put a ticket, still at the version of If-Match, off until a time. Its status stays.

    It wakes then, or at once when its customer writes or it is solved; an automatic reply does not wake it.
    """
    await snooze.put_off(
        session, ticket_id, body.until, actor=actor_of(principal), expected_version=expected, now=now_utc()
    )
    return await ticket_response(session, ticket_id, principal, None)


@router.delete("", response_model=TicketView)
async def wake(
    ticket_id: UUID,
    session: DbSession,
    expected: IfMatch,
    principal: Annotated[Principal, requires("ticket.snooze")],
) -> Response:
    """Wake a ticket that is still at the version of If-Match."""
    await snooze.put_off(session, ticket_id, None, actor=actor_of(principal), expected_version=expected, now=now_utc())
    return await ticket_response(session, ticket_id, principal, None)
