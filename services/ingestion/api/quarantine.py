"""Mail that was put aside: found, looked at, let in, tried again, deleted."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, BackgroundTasks, Query, Request
from fastapi.responses import StreamingResponse

from services.ingestion.api.common import Ingester, Objects, Reader, wake
from services.ingestion.repository.quarantine import QuarantineRepository
from services.ingestion.schemas.messages import Accepted, QuarantinedMessage
from services.ingestion.schemas.quarantine import (
    Deletion,
    QuarantinedMail,
    QuarantineSummary,
    Reason,
    ReasonCount,
    Replay,
    ReplayBody,
    ReplayedMail,
)
from services.ingestion.service import quarantine
from services.ingestion.wake import wakes
from shared.auth import Principal, requires
from shared.db import now_utc
from shared.web import CursorParams, DbSession, NotFound, Page, ReadSession, cut_page

router = APIRouter(prefix="/api/ingest/quarantine", tags=["ingest"])


@router.get("")
async def list_quarantine(
    session: ReadSession,
    _principal: Reader,
    page: CursorParams,
    reason: Annotated[Reason | None, Query()] = None,
    q: Annotated[str | None, Query(min_length=2, max_length=100, pattern=r"^[^\x00]*$", examples=["ana@"])] = None,
) -> Page[QuarantinedMessage]:
    """Mail that is put aside, newest first: all, of one reason, or with words in the subject or sender's address."""
    after = page.after(UUID)
    rows = await QuarantineRepository(session).page(
        before=after[0] if after else None, limit=page.limit + 1, reason=reason, words=q
    )
    shown, cursor = cut_page(rows, page.limit, lambda row: (row.id,))
    items = [
        QuarantinedMessage(
            id=row.id,
            received_at=row.received_at,
            reason=row.reason,
            sender=row.sender["address"] if row.sender else None,
            subject=row.subject,
            size_bytes=row.size_bytes,
        )
        for row in shown
    ]
    return Page(items=items, next_cursor=cursor)


@router.get("/summary")
async def summarise_quarantine(session: ReadSession, _principal: Reader) -> QuarantineSummary:
    """How much is put aside, by reason."""
    reasons = [
        ReasonCount(reason=row.reason, count=row.mails, oldest_at=row.oldest_at)
        for row in await QuarantineRepository(session).summary()
    ]
    return QuarantineSummary(total=sum(each.count for each in reasons), reasons=reasons)


@router.get("/deletions")
async def list_deletions(
    session: ReadSession, page: CursorParams, _principal: Annotated[Principal, requires("message.delete")]
) -> Page[Deletion]:
    """Mail that was deleted from quarantine, by whom and why."""
    after = page.after(UUID)
    rows = await QuarantineRepository(session).deletions(before=after[0] if after else None, limit=page.limit + 1)
    shown, cursor = cut_page(rows, page.limit, lambda row: (row.message_id,))
    return Page(items=[Deletion.of(row) for row in shown], next_cursor=cursor)


@router.post("/replay", status_code=202)
async def replay_messages(
    request: Request, session: DbSession, _principal: Ingester, background: BackgroundTasks, body: ReplayBody
) -> Replay:
    """Have many read again, up to 200 at a time, with a result for each. Repeating it changes nothing more."""
    ids = body.ids
    if ids is None:
        ids = await QuarantineRepository(session).oldest(reason=body.reason or "", limit=body.limit)
    results = await quarantine.replay(session, ids, released=body.release)
    background.add_task(wake, wakes(request.app.state.database).mail_stored)
    return Replay(items=[ReplayedMail(id=id_, result=result) for id_, result in results.items()])


@router.get("/{quarantined_id}")
async def read_quarantined(
    quarantined_id: UUID, session: ReadSession, _principal: Reader, objects: Objects
) -> QuarantinedMail:
    """Look at one safely: its header and what could be read of it, as plain text."""
    row = await quarantine.require(session, quarantined_id)
    return QuarantinedMail(
        id=row.id,
        received_at=row.received_at,
        reason=row.reason,
        sender=row.sender["address"] if row.sender else None,
        subject=row.subject,
        size_bytes=row.size_bytes,
        deliveries=row.deliveries,
        headers=await quarantine.raw_headers(objects, row.raw_key) if row.raw_key else "",
        text=row.text,
    )


@router.get(
    "/{quarantined_id}/raw",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/plain": {}}, "description": "The mail"}},
)
async def download_quarantined(
    quarantined_id: UUID,
    session: ReadSession,
    _principal: Annotated[Principal, requires("message.raw")],
    objects: Objects,
) -> StreamingResponse:
    """The whole mail as it came, whatever is in it: a download of plain text, in a sandbox."""
    row = await quarantine.require(session, quarantined_id)
    if row.raw_key is None or not await objects.exists(row.raw_key):
        raise NotFound("The mail is not kept any more.")
    return StreamingResponse(
        objects.stream(row.raw_key),
        media_type="text/plain",
        headers={
            "Content-Disposition": f'attachment; filename="{row.id}.txt"',
            "Content-Security-Policy": "sandbox; default-src 'none'",
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "no-store",
            "Cross-Origin-Resource-Policy": "same-origin",
        },
    )


@router.delete("/{quarantined_id}", status_code=204)
async def delete_quarantined(
    quarantined_id: UUID,
    session: DbSession,
    principal: Annotated[Principal, requires("message.delete")],
    objects: Objects,
    background: BackgroundTasks,
    why: Annotated[str, Query(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f]*$", examples=["spam"])],
) -> None:
    """Delete one for good; who did and why stays. The same mail coming again is known, and stays away."""
    raw_key = await quarantine.delete(session, quarantined_id, by=principal.account_id, why=why, now=now_utc())
    if raw_key is not None:
        background.add_task(objects.delete, raw_key)


@router.post("/{quarantined_id}/retry", status_code=202)
async def retry_message(
    quarantined_id: UUID, request: Request, session: DbSession, _principal: Ingester, background: BackgroundTasks
) -> Accepted:
    """Parse and judge a quarantined mail again, by the same rules. 409 `not-whole` as of `release`."""
    await quarantine.store_again(session, quarantined_id, released=False)
    background.add_task(wake, wakes(request.app.state.database).mail_stored)
    return Accepted(id=quarantined_id, status_url=f"/api/ingest/messages/{quarantined_id}")


@router.post("/{quarantined_id}/release", status_code=202)
async def release_message(
    quarantined_id: UUID, request: Request, session: DbSession, _principal: Ingester, background: BackgroundTasks
) -> Accepted:
    """Let a quarantined mail in, whatever the rules say of it. The bounds of parsing still hold.

    409 `not-whole` for one that was not fetched as a whole: there is nothing to let in.
    """
    await quarantine.store_again(session, quarantined_id, released=True)
    background.add_task(wake, wakes(request.app.state.database).mail_stored)
    return Accepted(id=quarantined_id, status_url=f"/api/ingest/messages/{quarantined_id}")
