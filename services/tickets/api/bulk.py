"""Changes of many tickets."""

from typing import Annotated
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Response

from services.tickets.api.callers import actor_of, own_account
from services.tickets.domain.askable import askable, checked
from services.tickets.domain.bulk import MAX_OWN_TICKETS, MAX_TICKETS, Actions, Result
from services.tickets.domain.conditions import ConditionError
from services.tickets.domain.query import QueryError, read
from services.tickets.repository.bulk import BulkRepository
from services.tickets.repository.conditions import Asker
from services.tickets.repository.rows import AnyRow
from services.tickets.schemas.bulk import BulkBody, ItemView, JobView, SelectionBody, actions_from
from services.tickets.service import bulk
from services.tickets.service.settings import lifecycle_of
from shared.auth import Principal, requires
from shared.db import now_utc
from shared.web import (
    CursorParams,
    DbSession,
    Idempotency,
    NotFound,
    Page,
    ReadSession,
    Unprocessable,
    cut_page,
)

router = APIRouter(prefix="/api/bulk", tags=["tickets"])

_ACTION = "ticket.bulk"

Caller = Annotated[Principal, requires(_ACTION)]


@router.post("", status_code=202, response_model=JobView)
async def change_tickets(session: DbSession, idempotency: Idempotency, principal: Caller, body: BulkBody) -> Response:
    """Change many tickets at once: agents up to 100, supervisors and admins up to 10,000.

    The answer is a job; look at it again to see how far it is. Each ticket is changed as it would be by itself, with
    the permissions of whoever asked, or refused with the problem that would have met. 422 `too-many-tickets` and
    `nothing-selected` tell of the selection, 409 `too-many-jobs` that ten of yours run already.
    """
    _require_all(principal, body.actions.to_domain())

    async def call() -> Response:
        job_id = await bulk.create(
            session,
            body.actions.document(),
            await _selected(session, body.selection, principal),
            actor=actor_of(principal),
            role=principal.role,
            dry_run=body.dry_run,
            now=now_utc(),
        )
        return await _made(session, job_id)

    return await idempotency.run(session, call)


@router.get("")
async def list_jobs(session: ReadSession, paging: CursorParams, principal: Caller) -> Page[JobView]:
    """Jobs of the last 30 days, the newest first: agents see their own."""
    after = paging.after(UUID)
    rows = await BulkRepository(session).page(
        account_id=own_account(principal, _ACTION), before=after[0] if after else None, limit=paging.limit + 1
    )
    page, next_cursor = cut_page(rows, paging.limit, lambda row: (row.id,))
    return Page(items=[JobView.of(row) for row in page], next_cursor=next_cursor)


@router.get("/{job_id}")
async def read_job(job_id: UUID, session: ReadSession, principal: Caller) -> JobView:
    """How far a job is."""
    return JobView.of(await _job(session, job_id, principal))


@router.get("/{job_id}/items")
async def read_items(
    job_id: UUID, session: ReadSession, paging: CursorParams, principal: Caller, result: Result | None = None
) -> Page[ItemView]:
    """What became of each ticket of a job, in the order in which it takes them; with `result`, those alone."""
    job = await _job(session, job_id, principal)
    after = paging.after(int)
    rows = await BulkRepository(session).items(
        job, result=result, after=after[0] if after else 0, limit=paging.limit + 1
    )
    page, next_cursor = cut_page(rows, paging.limit, lambda row: (row.position,))
    return Page(items=[ItemView.of(row, state=job.state) for row in page], next_cursor=next_cursor)


@router.post("/{job_id}/start", response_model=JobView)
async def start_job(job_id: UUID, session: DbSession, principal: Caller) -> Response:
    """Let a job run that was a dry run: it changes the tickets it was previewed with, as they are by then.

    It takes the same permissions as to make the job.
    """
    job = await _job(session, job_id, principal)
    _require_all(principal, actions_from(job.actions))
    await bulk.start(session, job_id, own=own_account(principal, _ACTION), now=now_utc())
    return await _response(session, job_id)


@router.post("/{job_id}/cancel", response_model=JobView)
async def cancel_job(job_id: UUID, session: DbSession, principal: Caller) -> Response:
    """Stop a job. What it has changed stays so, until that is undone; 409 `bulk-done` where nothing is left to stop."""
    await bulk.cancel(session, job_id, own=own_account(principal, _ACTION), now=now_utc())
    return await _response(session, job_id)


@router.post("/{job_id}/undo", status_code=202, response_model=JobView)
async def undo_job(job_id: UUID, session: DbSession, idempotency: Idempotency, principal: Caller) -> Response:
    """Put back what a job changed that is done or cancelled; that is another job.

    A ticket with a field that is not as the job left it stays as it is, refused as `moved-since`, and so does what is
    closed by now. Of tags, those come and go that the job took and gave. 409 `already-undone` names the job that does.
    """
    job = await _job(session, job_id, principal)
    _require_all(principal, actions_from(job.actions))

    async def call() -> Response:
        undo_id = await bulk.undo(
            session,
            job_id,
            actor=actor_of(principal),
            role=principal.role,
            own=own_account(principal, _ACTION),
            now=now_utc(),
        )
        return await _made(session, undo_id)

    return await idempotency.run(session, call)


async def _selected(session: DbSession, selection: SelectionBody, principal: Principal) -> list[UUID]:
    most = MAX_TICKETS if own_account(principal, _ACTION) is None else MAX_OWN_TICKETS
    if selection.ids is not None:
        return bulk.require_few(selection.ids, most=most)
    lifecycle = await lifecycle_of(session)
    asker = Asker(principal.account_id, now_utc(), ZoneInfo(selection.zone), lifecycle=lifecycle)
    try:
        if selection.q is not None:
            known = askable(lifecycle, words=True)
            return await bulk.searched(session, read(selection.q, known.fields, known.values), asker, most=most)
        return await bulk.fitting(session, checked(selection.condition, askable(lifecycle)), asker, most=most)
    except QueryError as error:
        raise Unprocessable(str(error), slug="bad-search", position=error.position) from None
    except ConditionError as error:
        pointer = f"/selection/condition{error.path}"
        raise Unprocessable(f"{error.problem}. Nothing was changed.", slug="bad-condition", pointer=pointer) from None


def _require_all(principal: Principal, actions: Actions) -> None:
    for action in actions.needs:
        principal.scope(action)


async def _job(session: DbSession, job_id: UUID, principal: Principal) -> AnyRow:
    row = await BulkRepository(session).get(job_id, account_id=own_account(principal, _ACTION))
    if row is None:
        raise NotFound("There is no such job.")
    return row


async def _made(session: DbSession, job_id: UUID) -> Response:
    response = await _response(session, job_id)
    response.status_code = 202
    response.headers["Location"] = f"/api/bulk/{job_id}"
    return response


async def _response(session: DbSession, job_id: UUID) -> Response:
    """The job as this transaction leaves it."""
    row = await BulkRepository(session).get(job_id)
    assert row is not None
    return Response(JobView.of(row).model_dump_json(), media_type="application/json")
