"""Files of messages: what somebody uploaded is theirs to send, once."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.tickets.repository.uploads import UploadRepository
from shared.events import Event
from shared.events.common import AttachmentRef
from shared.events.messages import FileUploaded
from shared.web.problem import Conflict, Unprocessable

# A message that uses a file has to reach who keeps it before it is forgotten there.
_MARGIN = timedelta(hours=1)
_FORGET_ROWS = 1_000


async def keep_uploads(session: AsyncSession, events: Sequence[Event[FileUploaded]]) -> None:
    """Remember what was uploaded, and by whom."""
    await UploadRepository(session).keep([event.data for event in events])


async def use(
    session: AsyncSession, ids: Sequence[UUID], account_id: UUID, *, leaves_at: datetime
) -> tuple[AttachmentRef, ...]:
    """The files, in the order of `ids`, for a message that leaves then.

    Raises Conflict (`attachments-not-there`) for those that are not the account's, are used or forgotten, or whose
    upload is not known here yet.
    """
    if not ids:
        return ()
    files = await UploadRepository(session).use(ids, account_id, until=leaves_at + _MARGIN)
    if missing := [str(id_) for id_ in dict.fromkeys(ids) if id_ not in files]:
        raise Conflict(
            "These are no uploads of yours that a message could have now. If you have just uploaded them, try again in "
            "a moment; what was sent already, or is forgotten before this leaves, has to be uploaded anew.",
            slug="attachments-not-there",
            title="Files are not there",
            attachment_ids=missing,
        )
    return tuple(files[id_] for id_ in dict.fromkeys(ids))


async def require_kept(session: AsyncSession, files: Sequence[AttachmentRef], until: datetime) -> None:
    """Raises Unprocessable (`attachments-expire`) where files are forgotten before a message with them leaves."""
    kept_until = await UploadRepository(session).kept_until([file.id for file in files]) if files else None
    if kept_until is not None and kept_until < until + _MARGIN:
        raise Unprocessable(
            f"The files of this reply are kept until {kept_until:%Y-%m-%d %H:%M} UTC: let it leave before.",
            slug="attachments-expire",
        )


async def give_back(session: AsyncSession, files: Sequence[AttachmentRef]) -> None:
    """Let files be used again that a message was to have which does not leave."""
    await UploadRepository(session).give_back([file.id for file in files])


async def forget(session: AsyncSession, *, now: datetime) -> int:
    """Forget files that are not kept any more; returns how many, at most a batch."""
    return await UploadRepository(session).forget(now, limit=_FORGET_ROWS)
