"""`/api/notifications`: what the caller is told inside the desk."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from services.gateway import notifications
from services.gateway.schemas import NotificationPage, NotificationView, ReadNotifications
from shared.auth import Principal, requires
from shared.db import now_utc
from shared.web import CursorParams, DbSession, ReadSession, cut_page

router = APIRouter(prefix="/api/notifications", tags=["notifications"])

Reader = Annotated[Principal, requires("notification.read")]


@router.get("")
async def list_notifications(
    session: ReadSession, principal: Reader, page: CursorParams, unread: Annotated[bool, Query()] = False
) -> NotificationPage:
    """The caller's own notifications, newest first, and of what is not read one of each kind and ticket.

    `mentioned`, and `assigned` by somebody else or routing. Of tickets that are theirs or that they follow or put off:
    `answered` by the customer. Of those that they follow: `replied` to by a colleague, `solved`, `closed`, `reopened`.
    `woken` comes when a ticket was put off until now, to who put it off, else to its assignee; `undelivered` to the
    author of a reply.

    The newest 500 are kept, for 30 days. `/api/live` tells the account's windows with a frame `notification` when there
    are new ones, or some were read.
    """
    after = page.after(UUID)
    rows = await notifications.listed(
        session, principal.account_id, unread=unread, after=after[0] if after else None, limit=page.limit + 1
    )
    shown, next_cursor = cut_page(rows, page.limit, lambda row: (row["id"],))
    return NotificationPage(
        items=[NotificationView(**row) for row in shown],
        next_cursor=next_cursor,
        unread=await notifications.count_unread(session, principal.account_id),
    )


@router.post("/read", status_code=204)
async def read_notifications(body: ReadNotifications, session: DbSession, principal: Reader) -> None:
    """Mark notifications as read. Ids that are not the caller's, or were read before, change nothing."""
    await notifications.read(session, principal.account_id, body.ids, now_utc())
