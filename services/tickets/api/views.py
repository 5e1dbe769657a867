"""Views: kept, listed, counted, and the tickets in them."""

from typing import Annotated
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query, Response

from services.tickets.api.lists import Offset, WindowLimit, page_of, window_of
from services.tickets.domain.lifecycle import Lifecycle
from services.tickets.domain.lists import Sort
from services.tickets.repository import TicketLists
from services.tickets.repository.conditions import Asker
from services.tickets.repository.rows import AnyRow
from services.tickets.repository.selections import selected
from services.tickets.repository.views import Viewer, ViewRepository
from services.tickets.schemas.lists import CountView, TicketPage, TicketWindow
from services.tickets.schemas.values import Zone
from services.tickets.schemas.views import (
    PreviewBody,
    PreviewPage,
    ViewBody,
    ViewCount,
    ViewCounts,
    ViewList,
    ViewView,
)
from services.tickets.service import views
from services.tickets.service.settings import lifecycle_of
from shared.auth import Principal, Scope, requires
from shared.db import now_utc
from shared.web import CursorParams, DbSession, Idempotency, IfMatch, ReadSession, etag

router = APIRouter(prefix="/api/views", tags=["views"])

Reader = Annotated[Principal, requires("view.read")]
Writer = Annotated[Principal, requires("view.change")]
InZone = Annotated[Zone, Query()]


@router.get("")
async def list_views(session: ReadSession, principal: Reader) -> ViewList:
    """All views of the caller in their order: everybody's, those of their groups, and their own.

    Supervisors and admins see those of all groups.
    """
    rows = await ViewRepository(session).all(_viewer(principal))
    return ViewList(items=[ViewView.of(row) for row in rows])


@router.post("", status_code=201, response_model=ViewView)
async def create_view(session: DbSession, idempotency: Idempotency, principal: Writer, body: ViewBody) -> Response:
    """Keep a view; agents keep personal ones. A condition that means nothing is 422 `bad-condition`, with its place."""

    async def call() -> Response:
        row = await views.create(session, body, by=_viewer(principal), now=now_utc())
        response = _response(row)
        response.status_code = 201
        response.headers["Location"] = f"/api/views/{row.id}"
        return response

    return await idempotency.run(session, call)


@router.get("/counts")
async def count_views(session: ReadSession, principal: Reader, zone: InZone = "UTC") -> ViewCounts:
    """How many tickets each view of the caller has, up to 10,000. A count may be five seconds old: `counted_at`.

    Counts and tickets of views take the permission `ticket.read`, too.
    """
    asker = _asker(principal, zone, await lifecycle_of(session))
    counted = await views.counts(session, _viewer(principal), asker)
    return ViewCounts(
        items=[
            ViewCount(view_id=each.view_id, counted_at=each.at, count=each.count.number, exactness=each.count.exactness)
            for each in counted
        ]
    )


@router.post("/preview")
async def preview_view(
    session: ReadSession, paging: CursorParams, principal: Reader, body: PreviewBody, zone: InZone = "UTC"
) -> PreviewPage:
    """One page of the tickets that a view of these conditions would have, and how many there are. Nothing is kept."""
    lifecycle = await lifecycle_of(session)
    selection = selected(views.condition_of(body.conditions, lifecycle), _asker(principal, zone, lifecycle))
    page = await page_of(session, selection, body.sort, paging=paging, principal=principal, lifecycle=lifecycle)
    count = await TicketLists(session).count(selection, most=views.MOST_COUNTED)
    return PreviewPage(**dict(page), total=CountView.of(count))


@router.get("/{view_id}", response_model=ViewView)
async def read_view(view_id: UUID, session: ReadSession, principal: Reader) -> Response:
    """One view, with its version as ETag."""
    return _response(await views.get(session, view_id, _viewer(principal)))


@router.put("/{view_id}", response_model=ViewView)
async def change_view(
    view_id: UUID, session: DbSession, expected: IfMatch, principal: Writer, body: ViewBody
) -> Response:
    """Put another view into the place of one that is still at the version of If-Match."""
    row = await views.change(session, view_id, body, expected_version=expected, by=_viewer(principal), now=now_utc())
    return _response(row)


@router.delete("/{view_id}", status_code=204)
async def delete_view(view_id: UUID, session: DbSession, expected: IfMatch, principal: Writer) -> None:
    """Forget a view that is still at the version of If-Match. Its tickets stay what they are."""
    await views.delete(session, view_id, expected_version=expected, by=_viewer(principal))


@router.get("/{view_id}/tickets")
async def list_tickets_of_view(
    view_id: UUID, session: ReadSession, paging: CursorParams, principal: Reader, zone: InZone = "UTC"
) -> TicketPage:
    """One page of a view's tickets, in its order; pages lead both ways, as those of `/api/tickets`."""
    view = await views.get(session, view_id, _viewer(principal))
    lifecycle = await lifecycle_of(session)
    selection = selected(views.kept_condition(view, lifecycle), _asker(principal, zone, lifecycle))
    return await page_of(session, selection, Sort(view.sort), paging=paging, principal=principal, lifecycle=lifecycle)


@router.get("/{view_id}/window")
async def read_window_of_view(
    view_id: UUID,
    session: ReadSession,
    principal: Reader,
    offset: Offset = 0,
    limit: WindowLimit = 50,
    zone: InZone = "UTC",
) -> TicketWindow:
    """Rows from the middle of a view, to jump to, as windows of `/api/tickets` are."""
    view = await views.get(session, view_id, _viewer(principal))
    lifecycle = await lifecycle_of(session)
    selection = selected(views.kept_condition(view, lifecycle), _asker(principal, zone, lifecycle))
    return await window_of(
        session,
        selection,
        Sort(view.sort),
        offset=offset,
        limit=limit,
        principal=principal,
        lifecycle=lifecycle,
    )


def _viewer(principal: Principal) -> Viewer:
    every = principal.may("view.change") and principal.scope("view.change") is Scope.ANY
    return Viewer(principal.account_id, principal.groups, every=every)


def _asker(principal: Principal, zone: str, lifecycle: Lifecycle) -> Asker:
    """Who asks for the tickets of a view. Raises Denied for whom no tickets are, as with a key for views alone."""
    principal.scope("ticket.read")
    return Asker(principal.account_id, now_utc(), ZoneInfo(zone), lifecycle=lifecycle)


def _response(row: AnyRow) -> Response:
    view = ViewView.of(row)
    response = Response(view.model_dump_json(), media_type="application/json")
    etag(response, view.version)
    return response
