"""Whom a ticket is for."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Response

from services.tickets.api.callers import actor_of
from services.tickets.api.tickets import ticket_response
from services.tickets.repository import Profile
from services.tickets.schemas.tickets import NewRequester, TicketView
from services.tickets.service import requesters
from shared.auth import Principal, requires
from shared.db import now_utc
from shared.web import DbSession, IfMatch

router = APIRouter(prefix="/api/tickets/{ticket_id}", tags=["tickets"])


@router.post("/requester", response_model=TicketView)
async def give_ticket(
    ticket_id: UUID,
    session: DbSession,
    expected: IfMatch,
    principal: Annotated[Principal, requires("ticket.change")],
    body: NewRequester,
) -> Response:
    """Make somebody else the requester of a ticket that is still at the version of If-Match.

    It may be a customer, or an address, such as that of `forwarded_from`: a new customer if nobody has it yet. They
    see the ticket and are written to from then on; who was its requester takes part as before, but for an agent who
    only forwarded it.
    """
    await requesters.give(
        session,
        ticket_id,
        customer_id=body.customer_id,
        identity=body.identity(),
        profile=Profile(name=body.name, language=body.language),
        actor=actor_of(principal),
        expected_version=expected,
        now=now_utc(),
    )
    return await ticket_response(session, ticket_id, principal, None)
