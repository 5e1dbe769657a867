"""Macros: written, listed, previewed and applied."""

from datetime import date, timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from services.tickets.api.callers import actor_of, visible_ticket
from services.tickets.domain.rendering import FILTERS, PLACEHOLDERS, TAGS
from services.tickets.repository.macros import Audience, MacroFilters, MacroPlace, MacroRepository
from services.tickets.schemas.macros import (
    MacroAppliedView,
    MacroBody,
    MacroChangeView,
    MacroPreviewBody,
    MacroPreviewView,
    MacroProblemView,
    MacroTextView,
    MacroUseBody,
    MacroUseView,
    MacroView,
    PlaceholdersView,
    Shortcut,
)
from services.tickets.schemas.tickets import TicketView
from services.tickets.schemas.values import Name
from services.tickets.service import applying, macros
from services.tickets.service.settings import lifecycle_of
from services.tickets.service.threads import Seen
from shared.auth import Principal, Scope, requires
from shared.db import Database, now_utc
from shared.web import (
    CursorParams,
    DbSession,
    Forbidden,
    Idempotency,
    IfMatch,
    NotFound,
    Page,
    ReadSession,
    cut_page,
    etag,
)
from shared.web.problem import Problem
from shared.words import folded

router = APIRouter(tags=["macros"])

_COUNTED = timedelta(days=30)


@router.get("/api/macros")
async def list_macros(
    session: ReadSession,
    paging: CursorParams,
    principal: Annotated[Principal, requires("macro.read")],
    q: Annotated[Name, Query(description="A part of the name")] = "",
    shortcut: Annotated[Shortcut | None, Query(description="What an agent typed to insert one")] = None,
    active: bool | None = None,
    every: Annotated[bool, Query(description="Those of all groups, for supervisors and admins")] = False,
) -> Page[MacroView]:
    """Macros that the caller may use, by position and name: everybody's, those of their groups, and their own.

    Canned replies are those whose `actions` are empty.
    """
    audience = _audience(principal)
    if every and not audience.every:
        raise Forbidden("Only supervisors and admins list the macros of all groups. Leave out `every`.")
    after = paging.after(int, str, UUID)
    rows = await MacroRepository(session).page(
        Audience(audience.account_id, audience.groups, every=every),
        MacroFilters(folded(q), shortcut, active),
        after=MacroPlace(*after) if after else None,
        limit=paging.limit + 1,
        since=_since(),
    )
    page, next_cursor = cut_page(rows, paging.limit, lambda row: (row.position, row.folded_name, row.id))
    return Page(items=[MacroView.of(row) for row in page], next_cursor=next_cursor)


@router.get("/api/macros/placeholders", dependencies=[requires("macro.read")])
async def read_placeholders(session: ReadSession) -> PlaceholdersView:
    """What texts of macros can name, and what they can do with it: a part of Liquid."""
    fields = (await lifecycle_of(session)).fields.by_key
    return PlaceholdersView(
        placeholders=[
            *(f"{root}.{name}" for root, names in PLACEHOLDERS.items() for name in names),
            *(f"ticket.{kind}.{key}" for key in fields for kind in ("fields", "labels")),
        ],
        filters=list(FILTERS),
        tags=list(TAGS),
    )


@router.post("/api/macros", status_code=201, response_model=MacroView)
async def create_macro(
    session: DbSession,
    idempotency: Idempotency,
    principal: Annotated[Principal, requires("macro.change")],
    body: MacroBody,
) -> Response:
    """Write a macro; agents write personal ones. A text that names what there is not is 422 `bad-template`, with place.

    What its texts can name is told by `/api/macros/placeholders`.
    """

    async def call() -> Response:
        macro_id = await macros.create(session, body, by=_audience(principal), now=now_utc())
        response = await _macro_response(session, macro_id, principal)
        response.status_code = 201
        response.headers["Location"] = f"/api/macros/{macro_id}"
        return response

    return await idempotency.run(session, call)


@router.get("/api/macros/{macro_id}", response_model=MacroView)
async def read_macro(
    macro_id: UUID, session: ReadSession, principal: Annotated[Principal, requires("macro.read")]
) -> Response:
    """One macro, with its version as ETag."""
    return await _macro_response(session, macro_id, principal)


@router.put("/api/macros/{macro_id}", response_model=MacroView)
async def change_macro(
    macro_id: UUID,
    session: DbSession,
    expected: IfMatch,
    principal: Annotated[Principal, requires("macro.change")],
    body: MacroBody,
) -> Response:
    """Put another macro into the place of one that is still at the version of If-Match."""
    await macros.change(session, macro_id, body, expected_version=expected, by=_audience(principal), now=now_utc())
    return await _macro_response(session, macro_id, principal)


@router.delete("/api/macros/{macro_id}", status_code=204)
async def delete_macro(
    macro_id: UUID,
    session: DbSession,
    expected: IfMatch,
    principal: Annotated[Principal, requires("macro.change")],
) -> None:
    """Forget a macro that is still at the version of If-Match. To keep its figures, make it inactive instead."""
    await macros.delete(session, macro_id, expected_version=expected, by=_audience(principal))


@router.get("/api/macros/{macro_id}/uses")
async def list_uses(
    macro_id: UUID,
    session: ReadSession,
    paging: CursorParams,
    principal: Annotated[Principal, requires("macro.read")],
) -> Page[MacroUseView]:
    """Who has applied a macro how often, by day, the latest first."""
    await _macro(session, macro_id, principal)
    after = paging.after(date, UUID)
    rows = await MacroRepository(session).uses(
        macro_id, after=(after[0], after[1]) if after else None, limit=paging.limit + 1
    )
    page, next_cursor = cut_page(rows, paging.limit, lambda row: (row.day.isoformat(), row.account_id))
    items = [MacroUseView.model_validate(row, from_attributes=True) for row in page]
    return Page(items=items, next_cursor=next_cursor)


@router.post("/api/macros/{macro_id}/preview")
async def preview_macro(
    macro_id: UUID,
    request: Request,
    principal: Annotated[Principal, requires("macro.use")],
    body: MacroPreviewBody,
) -> MacroPreviewView:
    """What a macro would make of a ticket, what it would say, and what stands against it. Nothing of it happens.

    It takes the permission to read tickets; each other that applying it takes, and the caller has not, is a problem.
    """
    principal.scope("ticket.read")
    database: Database = request.app.state.database
    asked = applying.Asked(language=body.language, send=body.send)
    try:
        async with database.transaction() as session:
            macro = await _macro(session, macro_id, principal)
            foreseen = await applying.foresee(
                session, body.ticket_id, macro, asked, by=principal, actor=actor_of(principal), now=now_utc()
            )
            raise _NothingStays
    except _NothingStays:
        pass
    return MacroPreviewView(
        version=foreseen.before.version,
        thread_version=foreseen.before.message_count,
        changes={
            name: MacroChangeView(before=change.before, after=change.after) for name, change in foreseen.changes.items()
        },
        text=_text_view(macro, foreseen.applied),
        problems=[_problem_view(step, problem) for step, problem in foreseen.problems],
    )


@router.post("/api/tickets/{ticket_id}/macro", response_model=MacroAppliedView)
async def apply_macro(
    ticket_id: UUID,
    session: DbSession,
    expected: IfMatch,
    idempotency: Idempotency,
    principal: Annotated[Principal, requires("macro.use")],
    body: MacroUseBody,
) -> Response:
    """Apply a macro to a ticket that is still at the version of If-Match: all of it, or nothing.

    Its text goes below what the caller has begun to write, or with `send` to the customer. Each thing it does needs the
    permission that it needs by itself, and is refused as it is by itself: 409 `stale-thread`, `invalid-transition`,
    422 `fields-missing`, and so on.
    """
    asked = applying.Asked(
        language=body.language,
        send=body.send,
        undo_seconds=body.undo_seconds,
        seen=Seen(body.expected_version, body.force),
        expected_version=expected,
    )

    async def call() -> Response:
        macro = await _macro(session, body.macro_id, principal)
        for action in macro.needs(send=body.send).values():
            principal.scope(action)
        applied = await applying.apply(
            session, ticket_id, macro, asked, by=principal, actor=actor_of(principal), now=now_utc()
        )
        row = await visible_ticket(session, ticket_id, None)
        view = MacroAppliedView(
            ticket=TicketView.of(row, role=principal.role, lifecycle=await lifecycle_of(session)),
            text=_text_view(macro, applied),
            message_id=applied.message_id,
            scheduled_id=applied.scheduled_id,
            leaves_at=applied.leaves_at,
        )
        response = Response(view.model_dump_json(), media_type="application/json")
        etag(response, row.version)
        return response

    return await idempotency.run(session, call)


class _NothingStays(Exception):
    """Rolls back the transaction of a preview."""


def _audience(principal: Principal) -> Audience:
    every = principal.may("macro.change") and principal.scope("macro.change") is Scope.ANY
    return Audience(principal.account_id, principal.groups, every=every)


def _since() -> date:
    return (now_utc() - _COUNTED).date()


async def _macro(session: DbSession, macro_id: UUID, principal: Principal) -> MacroView:
    row = await MacroRepository(session).get(macro_id, _audience(principal), since=_since())
    if row is None:
        raise NotFound("There is no such macro.")
    return MacroView.of(row)


async def _macro_response(session: DbSession, macro_id: UUID, principal: Principal) -> Response:
    macro = await _macro(session, macro_id, principal)
    response = Response(macro.model_dump_json(), media_type="application/json")
    etag(response, macro.version)
    return response


def _text_view(macro: MacroView, applied: applying.Applied) -> MacroTextView | None:
    if applied.text is None or applied.language is None:
        return None
    return MacroTextView(
        kind=macro.writes,
        language=applied.language.tag,
        language_from=applied.language.because,
        text=applied.text.text,
        html=applied.text.html,
    )


def _problem_view(step: str, problem: Problem) -> MacroProblemView:
    return MacroProblemView(
        **problem.fields,
        step=step,
        status=problem.status,
        type=f"/problems/{problem.slug}",
        title=problem.title,
        detail=problem.detail,
    )
