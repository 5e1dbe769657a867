"""Tickets: read, open, edit, assign, claim, history."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Response

from services.tickets.api.callers import actor_of, own_account, visible_ticket
from services.tickets.repository import Profile, TicketRepository
from services.tickets.schemas.tickets import (
    AssigneeBody,
    HistoryEntry,
    NewTicketBody,
    TicketPatch,
    TicketView,
)
from services.tickets.service import commands, templates
from services.tickets.service.settings import lifecycle_of
from shared.auth import Principal, requires
from shared.db import now_utc
from shared.web import (
    CursorParams,
    DbSession,
    Forbidden,
    Idempotency,
    IfMatch,
    Page,
    ReadSession,
    Unprocessable,
    cut_page,
    etag,
)

router = APIRouter(prefix="/api/tickets", tags=["tickets"])

_OF_CUSTOMERS = {"subject", "text", "type", "type_key", "fields"}


@router.post("", status_code=201, response_model=TicketView)
async def open_ticket(
    session: DbSession,
    idempotency: Idempotency,
    principal: Annotated[Principal, requires("ticket.create")],
    body: NewTicketBody,
) -> Response:
    """Open a ticket: an agent for a customer, from a template or not, or a customer for themselves."""
    own = own_account(principal, "ticket.create")
    if own is not None and body.model_dump(exclude_defaults=True).keys() - _OF_CUSTOMERS:
        raise Forbidden("Customers open tickets for themselves, and set no more than subject, text, type and fields.")
    if own is None and body.requester is None:
        raise Unprocessable("Name the requester this ticket is for.", slug="requester-missing")
    requester = body.requester

    async def call() -> Response:
        whole = await templates.filled(session, body)
        new = commands.NewTicket(
            text=whole.text or "",
            subject=whole.subject,
            customer_id=requester.customer_id if requester else None,
            identity=requester.identity() if requester else None,
            profile=Profile(name=requester.name, language=requester.language) if requester else Profile(),
            priority=whole.priority,
            urgency=whole.urgency,
            impact=whole.impact,
            type=whole.type,
            type_key=whole.type_key,
            group=whole.group,
            tags=tuple(dict.fromkeys(whole.tags)),
            fields=whole.fields,
        )
        ticket = await commands.open_ticket(session, new, actor=actor_of(principal), own=own, now=now_utc())
        response = await ticket_response(session, ticket.id, principal, own)
        response.status_code = 201
        response.headers["Location"] = f"/api/tickets/{ticket.id}"
        return response

    return await idempotency.run(session, call)


@router.get("/{ticket_id}")
async def read_ticket(
    ticket_id: UUID,
    response: Response,
    session: ReadSession,
    principal: Annotated[Principal, requires("ticket.read")],
) -> TicketView:
    """One ticket, with its version as ETag."""
    own = own_account(principal, "ticket.read")
    row = await visible_ticket(session, ticket_id, own)
    etag(response, row.version)
    return TicketView.of(row, role=principal.role, lifecycle=await lifecycle_of(session))


@router.patch("/{ticket_id}", response_model=TicketView)
async def edit_ticket(
    ticket_id: UUID,
    session: DbSession,
    expected: IfMatch,
    principal: Annotated[Principal, requires("ticket.change")],
    body: TicketPatch,
) -> Response:
    """Set fields of a ticket that is still at the version of If-Match, as the lifecycle lets the caller's role.

    409 `invalid-transition` and 403 `way-closed` tell which ways are open; 422 `fields-missing` what to fill in first.
    """
    await commands.edit(
        session,
        ticket_id,
        body.changes(),
        actor=actor_of(principal),
        role=principal.role,
        expected_version=expected,
        now=now_utc(),
    )
    return await ticket_response(session, ticket_id, principal, None)


@router.put("/{ticket_id}/assignee", response_model=TicketView)
async def assign_ticket(
    ticket_id: UUID,
    session: DbSession,
    expected: IfMatch,
    principal: Annotated[Principal, requires("ticket.assign")],
    body: AssigneeBody,
) -> Response:
    """Give a ticket, still at the version of If-Match, to an active agent or to nobody."""
    await commands.assign(
        session, ticket_id, body.assignee_id, actor=actor_of(principal), expected_version=expected, now=now_utc()
    )
    return await ticket_response(session, ticket_id, principal, None)


@router.post("/{ticket_id}/claim", response_model=TicketView)
async def claim_ticket(
    ticket_id: UUID,
    session: DbSession,
    idempotency: Idempotency,
    principal: Annotated[Principal, requires("ticket.assign")],
) -> Response:
    """Take a ticket that nobody has."""

    async def call() -> Response:
        await commands.claim(
            session, ticket_id, actor=actor_of(principal), account_id=principal.account_id, now=now_utc()
        )
        return await ticket_response(session, ticket_id, principal, None)

    return await idempotency.run(session, call)


@router.get("/{ticket_id}/history")
async def read_history(
    ticket_id: UUID,
    session: ReadSession,
    paging: CursorParams,
    principal: Annotated[Principal, requires("ticket.history")],
) -> Page[HistoryEntry]:
    """What happened to a ticket, newest first. It takes the permission `ticket.read`, too."""
    principal.scope("ticket.read")
    await visible_ticket(session, ticket_id, own_account(principal, "ticket.history"))
    after = paging.after(int)
    rows = await TicketRepository(session).history(
        ticket_id, before_id=after[0] if after else None, limit=paging.limit + 1
    )
    page, next_cursor = cut_page(rows, paging.limit, lambda row: (row.id,))
    return Page(items=[HistoryEntry.of(row) for row in page], next_cursor=next_cursor)


async def ticket_response(session: DbSession, ticket_id: UUID, principal: Principal, own: UUID | None) -> Response:
    """The ticket as this transaction leaves it."""
    row = await visible_ticket(session, ticket_id, own)
    view = TicketView.of(row, role=principal.role, lifecycle=await lifecycle_of(session))
    response = Response(view.model_dump_json(), media_type="application/json")
    etag(response, view.version)
    return response
