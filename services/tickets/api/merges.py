"""Merging tickets, taking that back, and splitting messages off."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Response

from services.tickets.api.callers import actor_of, visible_ticket
from services.tickets.api.tickets import ticket_response
from services.tickets.repository.merges import MergeRepository
from services.tickets.schemas.merges import MergeBody, MergeView, SplitBody
from services.tickets.schemas.tickets import TicketView
from services.tickets.service import merges, splits
from shared.auth import Principal, requires
from shared.db import now_utc
from shared.web import CursorParams, DbSession, Idempotency, Page, ReadSession, cut_page

router = APIRouter(prefix="/api/tickets/{ticket_id}", tags=["merges"])


@router.post("/merges", response_model=TicketView)
async def merge_tickets(
    ticket_id: UUID,
    session: DbSession,
    idempotency: Idempotency,
    principal: Annotated[Principal, requires("ticket.merge")],
    body: MergeBody,
) -> Response:
    """Merge tickets into this one, and return it.

    They are closed, whatever they wait for, and keep their threads and histories; what their customers write from then
    on comes here, or where this one is merged into later. If one of them waited for the desk, this one does, too.
    409 `already-merged` if one of them, or this one, went into another ticket; 409 `other-customer` unless
    `across_customers` says that this is meant: then neither customer sees what the other one writes; 409
    `too-many-merged` beyond 200 tickets, with those that were merged into them before.
    """

    async def call() -> Response:
        await merges.merge(
            session,
            ticket_id,
            body.sources,
            across_customers=body.across_customers,
            actor=actor_of(principal),
            now=now_utc(),
        )
        return await ticket_response(session, ticket_id, principal, None)

    return await idempotency.run(session, call)


@router.get("/merges")
async def read_merges(
    ticket_id: UUID,
    session: ReadSession,
    paging: CursorParams,
    principal: Annotated[Principal, requires("ticket.merge")],
) -> Page[MergeView]:
    """What was merged into this ticket itself, the newest first, with what was undone.

    It takes the permission `ticket.read`, too.
    """
    principal.scope("ticket.read")
    await visible_ticket(session, ticket_id, None)
    after = paging.after(UUID)
    rows = await MergeRepository(session).page(ticket_id, before=after[0] if after else None, limit=paging.limit + 1)
    page, next_cursor = cut_page(rows, paging.limit, lambda row: (row.id,))
    return Page(items=[MergeView.of(row) for row in page], next_cursor=next_cursor)


@router.delete("/merges/{source_id}", response_model=TicketView)
async def undo_merge(
    ticket_id: UUID,
    source_id: UUID,
    session: DbSession,
    principal: Annotated[Principal, requires("ticket.merge")],
) -> Response:
    """Take a merge back, and return the ticket that is on its own again, in the status it had.

    What was written since stays in this ticket; what comes from now on for the other one goes there. 409 `merged-on`
    if this ticket was merged on: take that back first.
    """
    await merges.undo(session, ticket_id, source_id, actor=actor_of(principal), now=now_utc())
    return await ticket_response(session, source_id, principal, None)


@router.post("/split", status_code=201, response_model=TicketView, responses={200: {"model": TicketView}})
async def split_message(
    ticket_id: UUID,
    session: DbSession,
    principal: Annotated[Principal, requires("ticket.split")],
    body: SplitBody,
) -> Response:
    """Open a ticket with a message of this one, and return it; its customer is who wrote the message.

    The message stays here, too: a thread is never rewritten. Without a `subject` the ticket has this one's if that
    customer opened it, else the message's beginning. A message is split off once: asked again, this answers
    200 with the ticket it went into. 422 `not-a-customers-message` for what no customer wrote.
    """
    new_id, created = await splits.split(
        session,
        ticket_id,
        body.message_id,
        following=body.following,
        subject=body.subject,
        actor=actor_of(principal),
        now=now_utc(),
    )
    response = await ticket_response(session, new_id, principal, None)
    response.status_code = 201 if created else 200
    response.headers["Location"] = f"/api/tickets/{new_id}"
    return response
