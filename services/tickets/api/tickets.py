"""Tickets: list, read, open, edit, assign, claim, history."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Response

from services.tickets.api.callers import actor_of, own_account, visible_ticket
from services.tickets.repository import Filters, Position, Profile, Sort, TicketLists, TicketRepository, sort_value
from services.tickets.schemas import (
    AssigneeBody,
    Group,
    HistoryEntry,
    Language,
    NewTicketBody,
    TicketPatch,
    TicketRow,
    TicketView,
)
from services.tickets.service import commands
from shared.auth import Principal, requires
from shared.db import now_utc
from shared.events.common import Channel, Priority, TicketStatus
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


@router.get("")
async def list_tickets(
    session: ReadSession,
    paging: CursorParams,
    principal: Annotated[Principal, requires("ticket.read")],
    status: Annotated[list[TicketStatus] | None, Query()] = None,
    assignee: Literal["me", "none"] | UUID | None = None,
    group: Group | None = None,
    channel: Channel | None = None,
    language: Language | None = None,
    priority: Priority | None = None,
    requester: UUID | None = None,
    sort: Sort = Sort.UPDATED_DESC,
) -> Page[TicketRow]:
    """One page of tickets. Customers see their own, and cannot sort or filter by what they do not see."""
    own = own_account(principal, "ticket.read")
    if own is not None and (group is not None or sort is Sort.SLA_DUE):
        raise Forbidden("Customers cannot filter by group or sort by SLA.")
    filters = Filters(
        statuses=tuple(status or ()),
        assignee=principal.account_id if assignee == "me" else assignee,
        group=group,
        channel=channel,
        language=language,
        priority=priority,
        requester_id=requester,
    )
    rows = await TicketLists(session).page(
        filters, sort, after=_position(paging, sort), limit=paging.limit + 1, account_id=own
    )
    page, next_cursor = cut_page(
        rows, paging.limit, lambda row: (sort.value, sort_value(row, sort, public=own is not None), row.id)
    )
    return Page(items=[TicketRow.of(row, internal=own is None) for row in page], next_cursor=next_cursor)


@router.post("", status_code=201, response_model=TicketView)
async def open_ticket(
    session: DbSession,
    idempotency: Idempotency,
    principal: Annotated[Principal, requires("ticket.create")],
    body: NewTicketBody,
) -> Response:
    """Open a ticket: an agent for a customer, or a customer for themselves."""
    own = own_account(principal, "ticket.create")
    if own is not None and (body.requester or body.priority or body.group or body.tags):
        raise Forbidden("Customers open tickets for themselves, and set no priority, group or tags.")
    if own is None and body.requester is None:
        raise Unprocessable("Name the requester this ticket is for.", slug="requester-missing")
    requester = body.requester

    async def call() -> Response:
        new = commands.NewTicket(
            text=body.text,
            subject=body.subject,
            customer_id=requester.customer_id if requester else None,
            identity=requester.identity() if requester else None,
            profile=Profile(name=requester.name, language=requester.language) if requester else Profile(),
            priority=body.priority,
            type=body.type,
            group=body.group,
            tags=tuple(dict.fromkeys(body.tags)),
        )
        ticket = await commands.open_ticket(session, new, actor=actor_of(principal), own=own, now=now_utc())
        response = await _ticket_response(session, ticket.id, own)
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
    return TicketView.of(row, internal=own is None)


@router.patch("/{ticket_id}", response_model=TicketView)
async def edit_ticket(
    ticket_id: UUID,
    session: DbSession,
    expected: IfMatch,
    principal: Annotated[Principal, requires("ticket.change")],
    body: TicketPatch,
) -> Response:
    """Set fields of a ticket that is still at the version of If-Match."""
    await commands.edit(
        session, ticket_id, body.fields(), actor=actor_of(principal), expected_version=expected, now=now_utc()
    )
    return await _ticket_response(session, ticket_id, None)


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
    return await _ticket_response(session, ticket_id, None)


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
        return await _ticket_response(session, ticket_id, None)

    return await idempotency.run(session, call)


@router.get("/{ticket_id}/history")
async def read_history(
    ticket_id: UUID,
    session: ReadSession,
    paging: CursorParams,
    principal: Annotated[Principal, requires("ticket.history")],
) -> Page[HistoryEntry]:
    """What happened to a ticket, newest first."""
    await visible_ticket(session, ticket_id, own_account(principal, "ticket.history"))
    after = paging.after(int)
    rows = await TicketRepository(session).history(
        ticket_id, before_id=after[0] if after else None, limit=paging.limit + 1
    )
    page, next_cursor = cut_page(rows, paging.limit, lambda row: (row.id,))
    return Page(items=[HistoryEntry.of(row) for row in page], next_cursor=next_cursor)


def _position(paging: CursorParams, sort: Sort) -> Position | None:
    after = paging.after(str, datetime | None, UUID)
    if after is None:
        return None
    cursor_sort, value, ticket_id = after
    if cursor_sort != sort.value or (value is None and sort is not Sort.SLA_DUE):
        raise Unprocessable("The cursor belongs to another sort.", slug="bad-cursor")
    return Position(value, ticket_id)


async def _ticket_response(session: DbSession, ticket_id: UUID, own: UUID | None) -> Response:
    """The ticket as this transaction leaves it."""
    row = await visible_ticket(session, ticket_id, own)
    view = TicketView.of(row, internal=own is None)
    response = Response(view.model_dump_json(), media_type="application/json")
    etag(response, view.version)
    return response
