"""Use cases: files."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.ingestion.domain.files import (
    IMAGES,
    SNIFF_BYTES,
    FilePolicy,
    KeptFile,
    safe_file_name,
    sniff_content_type,
)
from services.ingestion.domain.mail import ParsedMail
from services.ingestion.parsing import ParserFailed, ParserPool
from services.ingestion.repository.attachments import AttachmentRepository, Rendition
from shared.auth import Principal, Scope
from shared.db import Database, now_utc
from shared.events.common import AttachmentRef
from shared.events.messages import FileUploaded
from shared.ids import uuid7
from shared.messaging import outbox
from shared.objects import ObjectNotFound, ObjectStore
from shared.objects.links import ANYBODY, account_audience, is_signed
from shared.web.problem import Conflict, Forbidden, NotFound, Problem, TooManyRequests

MAX_ATTACHMENT_BYTES = 25 * 1024 * 1024
# As long a reply may wait that uses an upload.
UNATTACHED_FOR = timedelta(days=7)
# A reply that used one at the last moment may still be on its way here, while a broker is away.
_ON_THE_WAY = timedelta(days=3)
_SCAN_SECONDS = 5
_FORGET_LIMIT = 500
# What a parser process under load may fail of as well as an image: another time it may be drawn. But each try costs a
# process, and a second of a processor's time: how long after the first one the next may be, and so on.
_PASSING = frozenset({"parser_timeout", "parser_crashed"})
_AGAIN_AFTER = (timedelta(), timedelta(minutes=10), timedelta(days=1))


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
    session: AsyncSession, file: AttachmentRef, *, account_id: UUID, max_unattached_bytes: int, now: datetime
) -> None:
    """Note an uploaded file as its owner's, and tell of it: their messages may use it.

    Raises TooManyRequests for one who has too much that no message uses.
    """
    repository = AttachmentRepository(session)
    owner = owner_of(account_id)
    if await repository.lock_unattached_bytes(owner) + file.size_bytes > max_unattached_bytes:
        raise TooManyRequests(
            "You have uploaded much that no message uses. Send those files, or try again in a few days.",
            slug="too-many-uploads",
            retry_after=int(UNATTACHED_FOR.total_seconds()),
        )
    await repository.add([(file, None)], owner=owner, now=now)
    uploaded = FileUploaded(file=file, account_id=account_id, kept_until=now + UNATTACHED_FOR)
    outbox.record(session, uploaded, aggregate_id=file.id, time=now)


def owner_of(account_id: UUID) -> str:
    """The owner of what an account uploads: the account, so that a renewed API key finds what the old one brought."""
    return f"account:{account_id}"


async def forget_unattached(session: AsyncSession, now: datetime) -> int:
    """Forget uploads that no message has used in time; returns how many. Their objects are swept later."""
    before = now - UNATTACHED_FOR - _ON_THE_WAY
    return await AttachmentRepository(session).forget_unattached(before=before, limit=_FORGET_LIMIT)


@dataclass(frozen=True, slots=True)
class Pass:
    """What a signed link says: until when it holds, in seconds of the epoch, and its signature."""

    expires: int
    signature: str


async def file_for(
    session: AsyncSession, attachment_id: UUID, principal: Principal | None, link: Pass | None, now: datetime
) -> KeptFile:
    """A file that the caller may have: agents any, others what they uploaded and what a link for them names.

    Without a principal the link has to be one for anybody. Raises NotFound.
    """
    file = await AttachmentRepository(session).get(attachment_id)
    if file is None or not _may_have(file, principal, link, now):
        raise NotFound("There is no such attachment.")
    return file


def _may_have(file: KeptFile, principal: Principal | None, link: Pass | None, now: datetime) -> bool:
    if principal is not None:
        is_own = file.owner == owner_of(principal.account_id)
        if is_own or principal.scope("attachment.read") is Scope.ANY:
            return True
    audience = ANYBODY if principal is None else account_audience(principal.account_id)
    return link is not None and is_signed(
        file.id, file.key, audience=audience, expires=link.expires, signature=link.signature, now=now
    )


def require_handed_on(file: KeptFile, policy: FilePolicy, *, tells: bool) -> None:
    """Raises Forbidden (`file-infected`, `file-blocked`) or Conflict (`file-not-scanned`) for a file nobody gets.

    With `tells` it says by name what was found.
    """
    reason = policy.withheld(file)
    if reason is None:
        return
    if reason == "infected":
        found = f": {file.found}" if tells and file.found else ""
        raise Forbidden(f"A virus scanner found something in this file{found}.", slug="file-infected")
    if reason == "pending":
        problem: Problem = Conflict(
            "The virus scanner has not looked at this file yet. Try again in a moment.", slug="file-not-scanned"
        )
        problem.headers["Retry-After"] = str(_SCAN_SECONDS)
        raise problem
    if reason == "unscannable":
        raise Conflict("The virus scanner cannot look at this file, so it stays here.", slug="file-not-scannable")
    if reason == "blocked":
        raise Forbidden("Files of this kind are kept, but not handed on: they might run.", slug="file-blocked")
    raise Forbidden("The mail had more files than are handed on; all are in its raw form.", slug="file-blocked")


async def drawn_image(
    database: Database, objects: ObjectStore, parsers: ParserPool, file: KeptFile, *, thumbnail: bool
) -> Rendition:
    """An image drawn anew, the first time by a parser process, and kept beside it. Raises NotFound for what is none.

    That it is none is kept, too; where it may be one another time, it is tried a few times more, with pauses between.

    No transaction waits for the drawing.
    """
    kind = "thumbnail" if thumbnail else "image"
    async with database.read() as session:
        made = await AttachmentRepository(session).rendition(file.id, kind)
    if made is None or (_may_be_drawn(made) and now_utc() >= made.made_at + _AGAIN_AFTER[made.tries - 1]):
        tries = 1 if made is None else made.tries + 1
        made = replace(await _drawn(objects, parsers, file, thumbnail=thumbnail), tries=tries)
        async with database.transaction() as session:
            kept = await AttachmentRepository(session).add_rendition(file.id, kind, made)
        if not kept:
            if made.key is not None:
                await objects.delete(made.key)
            async with database.read() as session:
                made = await AttachmentRepository(session).rendition(file.id, kind)
    if made is None or _may_be_drawn(made):
        raise NotFound("There is no picture of this file now. There may be one later.")
    if made.key is None:
        raise NotFound("There is no picture of this file.")
    return made


def _may_be_drawn(made: Rendition) -> bool:
    """Whether what could not be drawn may be drawn another time."""
    return made.reason in _PASSING and made.tries <= len(_AGAIN_AFTER)


async def _drawn(objects: ObjectStore, parsers: ParserPool, file: KeptFile, *, thumbnail: bool) -> Rendition:
    if file.content_type not in IMAGES:
        return Rendition(None, now_utc(), reason="not_an_image")
    try:
        content_type, data = await parsers.image(objects.get, file.key, thumbnail=thumbnail)
    except ObjectNotFound:
        raise NotFound("The file is not kept any more.") from None
    except ParserFailed as error:
        return Rendition(None, now_utc(), reason=error.reason)
    return Rendition(await objects.put(data), now_utc(), content_type, len(data))


async def discard_files(objects: ObjectStore, files: list[AttachmentRef]) -> None:
    """Remove files that nothing refers to."""
    for file in files:
        await objects.delete(file.key)
