"""Deciding about tickets that are held for review."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Response

from services.tickets.api.callers import actor_of
from services.tickets.api.tickets import ticket_response
from services.tickets.schemas.reviews import ReviewBody, ReviewDecision
from services.tickets.schemas.tickets import TicketView
from services.tickets.service import reviews
from shared.auth import Principal, requires
from shared.db import now_utc
from shared.web import DbSession

router = APIRouter(prefix="/api/tickets/{ticket_id}", tags=["reviews"])


@router.post("/review", response_model=TicketView)
async def decide_review(
    ticket_id: UUID,
    session: DbSession,
    principal: Annotated[Principal, requires("ticket.merge")],
    body: ReviewBody,
) -> Response:
    """Decide about a ticket whose first message claims to belong to another one (`review`).

    `join` merges it into that one, or where that one went on, and answers with it: its customer takes part there, so
    that what they write next joins by itself. It is taken back as any merge is. `separate` lets it stand by itself:
    what its sender goes on writing in that conversation comes here. It takes the permission `ticket.read`, too.

    409 `not-in-review` if there is nothing to decide any more; `ticket-closed` if the other one is closed.
    """
    principal.scope("ticket.read")
    if body.decision is ReviewDecision.JOIN:
        ticket_id = await reviews.join(session, ticket_id, actor=actor_of(principal), now=now_utc())
    else:
        await reviews.separate(session, ticket_id, actor=actor_of(principal), now=now_utc())
    return await ticket_response(session, ticket_id, principal, None)
