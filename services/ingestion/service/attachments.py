"""Use cases: files."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.ingestion.domain.files import SNIFF_BYTES, safe_file_name, sniff_content_type
from services.ingestion.domain.mail import ParsedMail
from services.ingestion.repository.attachments import AttachmentRepository
from shared.events.common import AttachmentRef
from shared.ids import uuid7
from shared.objects import ObjectStore
from shared.web.problem import TooManyRequests

MAX_ATTACHMENT_BYTES = 25 * 1024 * 1024
UNATTACHED_FOR = timedelta(days=1)
_FORGET_LIMIT = 500


async def store_file(objects: ObjectStore, name: str, data: AsyncIterator[bytes]) -> AttachmentRef:
    """Put a file from outside into the store, under a name and type of our own judgement. Raises ObjectTooLarge."""
    start = bytearray()
    size = 0

    async def observed() -> AsyncIterator[bytes]:
        nonlocal size
        async for chunk in data:
            start.extend(chunk[: SNIFF_BYTES - len(start)])
            size += len(chunk)
            yield chunk

    key = await objects.put(observed(), max_bytes=MAX_ATTACHMENT_BYTES)
    file_name = safe_file_name(name)
    content_type = sniff_content_type(bytes(start), file_name)
    return AttachmentRef(id=uuid7(), key=key, name=file_name, content_type=content_type, size_bytes=size)


async def store_mail_files(objects: ObjectStore, mail: ParsedMail) -> list[AttachmentRef]:
    """Put the attachments of a parsed mail into the store: all of them, or none."""
    files: list[AttachmentRef] = []
    try:
        for file in mail.attachments:
            key = await objects.put(file.data)
            content_type = sniff_content_type(file.data[:SNIFF_BYTES], file.name)
            files.append(
                AttachmentRef(id=uuid7(), key=key, name=file.name, content_type=content_type, size_bytes=len(file.data))
            )
    except BaseException:
        await discard_files(objects, files)
        raise
    return files


async def add_file(
    session: AsyncSession, file: AttachmentRef, *, owner: str, max_unattached_bytes: int, now: datetime
) -> None:
    """Note an uploaded file as its owner's. Raises TooManyRequests for one who has too much that no message uses."""
    repository = AttachmentRepository(session)
    if await repository.lock_unattached_bytes(owner) + file.size_bytes > max_unattached_bytes:
        raise TooManyRequests(
            "You have uploaded much that no message uses. Send those files, or try again tomorrow.",
            slug="too-many-uploads",
            retry_after=int(UNATTACHED_FOR.total_seconds()),
        )
    await repository.add([file], owner=owner, message_id=None, now=now)


async def forget_unattached(session: AsyncSession, now: datetime) -> int:
    """Forget uploads that no message has used within a day; returns how many. Their objects are swept later."""
    return await AttachmentRepository(session).forget_unattached(before=now - UNATTACHED_FOR, limit=_FORGET_LIMIT)


async def find_file(
    session: AsyncSession, attachment_id: UUID, *, owner: str | None, objects: ObjectStore
) -> AttachmentRef | None:
    """A file, or None when it is not there or, where `owner` is given, somebody else's."""
    row = await AttachmentRepository(session).get(attachment_id)
    if row is None or (owner is not None and row.owner != owner) or not await objects.exists(row.key):
        return None
    return AttachmentRef(
        id=row.id, key=row.key, name=row.name, content_type=row.content_type, size_bytes=row.size_bytes
    )


async def discard_files(objects: ObjectStore, files: list[AttachmentRef]) -> None:
    """Remove files that nothing refers to."""
    for file in files:
        await objects.delete(file.key)
