"""Templates of tickets. Opening a ticket names one as `template_id`."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from services.tickets.repository.templates import TemplatePlace, TemplateRepository
from services.tickets.schemas.templates import TicketTemplateBody, TicketTemplateView
from services.tickets.schemas.values import Name
from services.tickets.service import templates
from shared.auth import Principal, requires
from shared.db import now_utc
from shared.web import CursorParams, DbSession, Idempotency, IfMatch, NotFound, Page, ReadSession, cut_page, etag
from shared.words import folded

router = APIRouter(prefix="/api/tickets/templates", tags=["templates"])


@router.get("", dependencies=[requires("ticket_template.read")])
async def list_templates(
    session: ReadSession,
    paging: CursorParams,
    q: Annotated[Name, Query(description="A part of the name")] = "",
    active: bool | None = None,
) -> Page[TicketTemplateView]:
    """Templates of tickets, by position and name."""
    after = paging.after(int, str, UUID)
    rows = await TemplateRepository(session).page(
        folded(q), active=active, after=TemplatePlace(*after) if after else None, limit=paging.limit + 1
    )
    page, next_cursor = cut_page(rows, paging.limit, lambda row: (row.position, row.folded_name, row.id))
    return Page(items=[TicketTemplateView.of(row) for row in page], next_cursor=next_cursor)


@router.post("", status_code=201, response_model=TicketTemplateView)
async def create_template(
    session: DbSession,
    idempotency: Idempotency,
    principal: Annotated[Principal, requires("ticket_template.change")],
    body: TicketTemplateBody,
) -> Response:
    """Write a template. Values of fields that no ticket could have are 422 `fields-invalid`."""

    async def call() -> Response:
        template_id = await templates.create(session, body, by=principal.account_id, now=now_utc())
        response = await _template_response(session, template_id)
        response.status_code = 201
        response.headers["Location"] = f"/api/tickets/templates/{template_id}"
        return response

    return await idempotency.run(session, call)


@router.get("/{template_id}", dependencies=[requires("ticket_template.read")], response_model=TicketTemplateView)
async def read_template(template_id: UUID, session: ReadSession) -> Response:
    """One template, with its version as ETag."""
    return await _template_response(session, template_id)


@router.put("/{template_id}", response_model=TicketTemplateView)
async def change_template(
    template_id: UUID,
    session: DbSession,
    expected: IfMatch,
    principal: Annotated[Principal, requires("ticket_template.change")],
    body: TicketTemplateBody,
) -> Response:
    """Put another template into the place of one that is still at the version of If-Match."""
    await templates.change(
        session, template_id, body, expected_version=expected, by=principal.account_id, now=now_utc()
    )
    return await _template_response(session, template_id)


@router.delete("/{template_id}", status_code=204, dependencies=[requires("ticket_template.change")])
async def delete_template(template_id: UUID, session: DbSession, expected: IfMatch) -> None:
    """Forget a template that is still at the version of If-Match. Tickets opened from it stay as they are."""
    await templates.delete(session, template_id, expected_version=expected)


async def _template_response(session: DbSession, template_id: UUID) -> Response:
    row = await TemplateRepository(session).get(template_id)
    if row is None:
        raise NotFound("There is no such template.")
    response = Response(TicketTemplateView.of(row).model_dump_json(), media_type="application/json")
    etag(response, row.version)
    return response
