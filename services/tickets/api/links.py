"""Links between tickets."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from services.tickets.api.callers import actor_of, visible_ticket
from services.tickets.domain.links import Relation, sides
from services.tickets.repository.links import LinkRepository
from services.tickets.schemas.links import (
    LinkBody,
    LinkView,
    RefusedIncident,
    SolvedIncidents,
    SolveIncidentsBody,
)
from services.tickets.service import links
from services.tickets.service.settings import lifecycle_of
from shared.auth import Principal, requires
from shared.db import now_utc
from shared.web import CursorParams, DbSession, Idempotency, Page, ReadSession, cut_page

router = APIRouter(prefix="/api/tickets/{ticket_id}", tags=["links"])


@router.get("/links")
async def read_links(
    ticket_id: UUID,
    session: ReadSession,
    paging: CursorParams,
    principal: Annotated[Principal, requires("ticket.link")],
    relation: Annotated[list[Relation] | None, Query(max_length=len(Relation))] = None,
) -> Page[LinkView]:
    """Links of a ticket, whichever side they were made from, the newest first.

    It takes the permission `ticket.read`, too.
    """
    principal.scope("ticket.read")
    await visible_ticket(session, ticket_id, None)
    after = paging.after(UUID)
    rows = await LinkRepository(session).page(
        ticket_id, only=sides(relation or ()), before=after[0] if after else None, limit=paging.limit + 1
    )
    page, next_cursor = cut_page(rows, paging.limit, lambda row: (row.id,))
    lifecycle = await lifecycle_of(session)
    return Page(items=[LinkView.of(row, lifecycle) for row in page], next_cursor=next_cursor)


@router.post("/links", status_code=201, responses={200: {"model": LinkView}})
async def link_tickets(
    ticket_id: UUID,
    session: DbSession,
    principal: Annotated[Principal, requires("ticket.link")],
    body: LinkBody,
    response: Response,
) -> LinkView:
    """Make another ticket the parent, a child, an incident … of this one.

    200 if it is that already; `blocks` is set as asked. A ticket has one parent, one problem, one original and one that
    it follows: 409 `link-taken`. No ticket comes before itself: 409 `link-circle`.
    """
    link, created = await links.link(
        session,
        ticket_id,
        body.relation,
        body.ticket_id,
        blocks=body.blocks,
        actor=actor_of(principal),
        now=now_utc(),
    )
    response.status_code = 201 if created else 200
    return LinkView.of(await LinkRepository(session).one(ticket_id, link.id), await lifecycle_of(session))


@router.delete("/links/{link_id}", status_code=204)
async def unlink_tickets(
    ticket_id: UUID,
    link_id: UUID,
    session: DbSession,
    principal: Annotated[Principal, requires("ticket.link")],
) -> None:
    """Remove a link, from whichever side."""
    await links.unlink(session, ticket_id, link_id, actor=actor_of(principal), now=now_utc())


@router.post("/incidents/solve", response_model=SolvedIncidents)
async def solve_incidents(
    ticket_id: UUID,
    session: DbSession,
    idempotency: Idempotency,
    principal: Annotated[Principal, requires("ticket.change")],
    body: SolveIncidentsBody,
) -> Response:
    """Solve the incidents of this problem, up to a hundred per call, each with the reply if one is given.

    Ask again with `after` set to `next` until that is null. What cannot be solved stays as it is and is told in
    `refused`. A reply takes the permission `ticket.reply`.
    """
    if body.reply is not None:
        principal.scope("ticket.reply")

    async def call() -> Response:
        done = await links.solve_incidents(
            session,
            ticket_id,
            reply=body.reply,
            after=body.after,
            actor=actor_of(principal),
            role=principal.role,
            now=now_utc(),
        )
        answer = SolvedIncidents(
            solved=done.solved,
            refused=[
                RefusedIncident(id=each.ticket_id, number=each.number, problem=each.slug, detail=each.detail)
                for each in done.refused
            ],
            remaining=done.remaining,
            next=done.last if done.remaining else None,
        )
        return Response(answer.model_dump_json(), media_type="application/json")

    return await idempotency.run(session, call)
