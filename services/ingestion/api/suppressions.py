"""Addresses that nobody writes to any more."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from services.ingestion.repository.suppressions import SuppressionRepository
from services.ingestion.schemas.suppressions import Address, NewSuppression, Suppression
from services.ingestion.service import suppression
from shared.auth import Principal, requires
from shared.db import now_utc
from shared.web import CursorParams, DbSession, NotFound, Page, ReadSession, Unprocessable, cut_page

router = APIRouter(prefix="/api/channels/suppressions", tags=["channels"])
_Reader = Annotated[Principal, requires("suppression.read")]
_Changer = Annotated[Principal, requires("suppression.change")]


@router.get("")
async def list_suppressions(
    session: ReadSession,
    _principal: _Reader,
    page: CursorParams,
    address: Annotated[Address | None, Query(description="Only this address")] = None,
) -> Page[Suppression]:
    """Addresses that are left alone, newest first; those whose time is over are shown until they are removed."""
    after = page.after(UUID)
    rows = await SuppressionRepository(session).list(
        address=address, before=after[0] if after else None, limit=page.limit + 1
    )
    shown, cursor = cut_page(rows, page.limit, lambda row: (row.id,))
    return Page(items=[Suppression.of(row) for row in shown], next_cursor=cursor)


@router.post("", status_code=201)
async def add_suppression(body: NewSuppression, session: DbSession, principal: _Changer) -> Suppression:
    """Have nobody write to an address. One that is left alone for longer already stays as it is.

    422 `in-the-past` for an end that has been.
    """
    now = now_utc()
    if body.expires_at is not None and body.expires_at <= now:
        raise Unprocessable("Name a time to come, or none to leave the address alone for good.", slug="in-the-past")
    row = await suppression.suppress(
        session,
        body.address,
        note=body.note,
        expires_at=body.expires_at,
        account_id=principal.account_id,
        now=now,
    )
    return Suppression.of(row)


@router.delete("/{suppression_id}", status_code=204)
async def remove_suppression(suppression_id: UUID, session: DbSession, _principal: _Changer) -> None:
    """Let an address be written to again, from the next message on. A provider may have a list of its own."""
    if not await SuppressionRepository(session).remove(suppression_id):
        raise NotFound("There is no such suppression.")
