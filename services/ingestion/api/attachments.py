"""Files: up, and down again."""

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from urllib.parse import parse_qs, quote
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Query, Request
from fastapi.responses import StreamingResponse

from services.ingestion.api.common import BYTES, ContentTooLarge, Objects, admit, body_schema
from services.ingestion.domain.files import FilePolicy, KeptFile
from services.ingestion.schemas.attachments import Attachment, FileLink, LinkBody
from services.ingestion.service import attachments as files
from services.ingestion.service.attachments import Pass
from shared.auth import Principal, Scope, public, requires
from shared.db import now_utc
from shared.objects import ObjectStore, ObjectTooLarge
from shared.objects.links import ANYBODY, link_query
from shared.telemetry import get_logger
from shared.web import DbSession, NotFound, Problem, ReadSession, TooManyRequests, Unprocessable

log = get_logger(__name__)

router = APIRouter(prefix="/api/attachments", tags=["attachments"])

_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})", re.ASCII)
_FILE: dict[str, Any] = {"content": {"application/octet-stream": {}}}
_SERVED: dict[int | str, dict[str, Any]] = {
    200: {**_FILE, "description": "The file"},
    206: {**_FILE, "description": "The part that was asked for"},
}
_PICTURE: dict[int | str, dict[str, Any]] = {
    200: {"content": {"image/png": {}, "image/jpeg": {}}, "description": "The picture"}
}
_RangeHeader = Annotated[str | None, Header(alias="Range", examples=["bytes=0-1023"])]
_Expires = Annotated[int | None, Query(ge=0, lt=2**40, description="Of a signed link: seconds of the epoch")]
_Signature = Annotated[str | None, Query(max_length=100, description="Of a signed link")]
_Reader = Annotated[Principal, requires("attachment.read")]


class RangeNotSatisfiable(Problem):
    """The file has no such part (RFC 9110 section 15.5.17)."""

    status, slug, title = 416, "range-not-satisfiable", "Range not satisfiable"


def _policy(request: Request) -> FilePolicy:
    policy: FilePolicy = request.app.state.file_policy
    return policy


def _link(expires: _Expires = None, signature: _Signature = None) -> Pass | None:
    return None if expires is None or signature is None else Pass(expires, signature)


Policy = Annotated[FilePolicy, Depends(_policy)]
Link = Annotated[Pass | None, Depends(_link)]


@router.post(
    "",
    status_code=201,
    dependencies=[Depends(admit)],
    max_body_size=files.MAX_ATTACHMENT_BYTES,
    openapi_extra=body_schema(BYTES, {"application/octet-stream": "the bytes of the file"}),
)
async def post_attachment(
    request: Request,
    session: DbSession,
    principal: Annotated[Principal, requires("attachment.create")],
    objects: Objects,
    policy: Policy,
    name: Annotated[str, Query(min_length=1, max_length=255, description="The file's name")],
) -> Attachment:
    """Upload one file as the raw body; its content type is judged by its first bytes, not by what the sender says.

    Name it in `attachment_ids` of a message within seven days; then it stays, else it is forgotten. 422 `file-blocked`
    for what might run where it is opened.
    """
    try:
        file = await files.store_file(objects, name, _chunks(request))
    except ObjectTooLarge as error:
        raise ContentTooLarge(f"A file may have {files.MAX_ATTACHMENT_BYTES} bytes.") from error
    if file.size_bytes == 0:
        await files.discard_files(objects, [file])
        raise Unprocessable("The file is empty.", slug="validation")
    if (reason := policy.blocked(file.name, file.content_type)) is not None:
        await files.discard_files(objects, [file])
        raise Unprocessable(
            "Files of this kind are not taken: they might run where they are opened.", slug="file-blocked", why=reason
        )
    try:
        await files.add_file(
            session,
            file,
            account_id=principal.account_id,
            max_unattached_bytes=request.app.state.max_unattached_bytes,
            now=now_utc(),
        )
    except TooManyRequests:
        await files.discard_files(objects, [file])
        raise
    kept = KeptFile(**file.model_dump(), owner=files.owner_of(principal.account_id), bytes_so_far=file.size_bytes)
    return Attachment.of(kept, policy)


async def _chunks(request: Request) -> AsyncIterator[bytes]:
    async for chunk in request.stream():
        yield chunk


@router.get("/{attachment_id}", response_class=StreamingResponse, responses=_SERVED)
async def read_attachment(
    attachment_id: UUID,
    session: ReadSession,
    principal: _Reader,
    objects: Objects,
    policy: Policy,
    link: Link,
    wanted: _RangeHeader = None,
) -> StreamingResponse:
    """Download a file. Whatever is in it, no browser runs it: it is a download, of a fixed type, in a sandbox.

    Customers get what they uploaded, and what the thread of a ticket of theirs gives them an address for: `expires` and
    `signature` of that hold for their account alone. 403 `file-infected` or `file-blocked`, 409 `file-not-scanned` for
    a file that is kept back.
    """
    file = await files.file_for(session, attachment_id, principal, link, now_utc())
    files.require_handed_on(file, policy, tells=_is_staff(principal))
    return await _served(objects, file, wanted)


@router.get(
    "/public/{attachment_id}",
    response_class=StreamingResponse,
    responses=_SERVED,
    dependencies=[public("the signature of the link says that its holder may have this file")],
)
async def read_linked(
    attachment_id: UUID, session: ReadSession, objects: Objects, policy: Policy, link: Link, wanted: _RangeHeader = None
) -> StreamingResponse:
    """Download a file by a signed link, without signing in. 404 when the link does not hold, or not any more."""
    file = await files.file_for(session, attachment_id, None, link, now_utc())
    files.require_handed_on(file, policy, tells=False)
    return await _served(objects, file, wanted)


@router.get("/{attachment_id}/details")
async def read_details(
    attachment_id: UUID, session: ReadSession, principal: _Reader, policy: Policy, link: Link
) -> Attachment:
    """What is known of a file, also of one that is kept back. What a scanner found is told to those who work here."""
    shown = Attachment.of(await files.file_for(session, attachment_id, principal, link, now_utc()), policy)
    return shown if _is_staff(principal) else shown.model_copy(update={"found": None})


@router.get("/{attachment_id}/thumbnail", response_class=StreamingResponse, responses=_PICTURE)
async def read_thumbnail(
    attachment_id: UUID, request: Request, principal: _Reader, objects: Objects, policy: Policy, link: Link
) -> StreamingResponse:
    """A small picture of an image (PNG, JPEG, GIF, WebP), at most 320 pixels wide and high.

    It is drawn anew from the pixels: nothing else of the file is in it, no place nor time of a photo either. 404 for
    what is no image, or one too large to be drawn.
    """
    return await _drawn(attachment_id, request, principal, objects, policy, link, thumbnail=True)


@router.get("/{attachment_id}/image", response_class=StreamingResponse, responses=_PICTURE)
async def read_image(
    attachment_id: UUID, request: Request, principal: _Reader, objects: Objects, policy: Policy, link: Link
) -> StreamingResponse:
    """An image to be shown in a page, drawn anew, at most 2000 pixels wide and high. Of several frames the first."""
    return await _drawn(attachment_id, request, principal, objects, policy, link, thumbnail=False)


@router.post("/{attachment_id}/links", status_code=201)
async def make_link(
    attachment_id: UUID,
    request: Request,
    session: ReadSession,
    principal: Annotated[Principal, requires("attachment.share")],
    policy: Policy,
    body: LinkBody,
) -> FileLink:
    """Make an address by which anybody who has it gets a file for a time, without signing in."""
    now = now_utc()
    file = await files.file_for(session, attachment_id, principal, None, now)
    files.require_handed_on(file, policy, tells=True)
    query = link_query(file.id, file.key, audience=ANYBODY, now=now, lasts=timedelta(seconds=body.lasts_seconds))
    expires_at = datetime.fromtimestamp(int(parse_qs(query)["expires"][0]), UTC)
    log.info(
        "attachment.shared", attachment_id=str(file.id), by=str(principal.account_id), until=expires_at.isoformat()
    )
    base = str(request.app.state.settings.public_url).rstrip("/")
    return FileLink(url=f"{base}/api/attachments/public/{file.id}?{query}", expires_at=expires_at)


def _is_staff(principal: Principal) -> bool:
    return principal.scope("attachment.read") is Scope.ANY


async def _drawn(
    attachment_id: UUID,
    request: Request,
    principal: Principal,
    objects: ObjectStore,
    policy: FilePolicy,
    link: Pass | None,
    *,
    thumbnail: bool,
) -> StreamingResponse:
    state = request.app.state
    async with state.database.read() as session:
        file = await files.file_for(session, attachment_id, principal, link, now_utc())
    files.require_handed_on(file, policy, tells=_is_staff(principal))
    made = await files.drawn_image(state.database, objects, state.parsers, file, thumbnail=thumbnail)
    assert made.key is not None
    headers = {"Content-Length": str(made.size_bytes), "Content-Disposition": "inline", **_HEADERS}
    return StreamingResponse(objects.stream(made.key), media_type=made.content_type, headers=headers)


_HEADERS = {
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "private, max-age=3600",
    "Cross-Origin-Resource-Policy": "same-origin",
}


async def _served(objects: ObjectStore, file: KeptFile, wanted: str | None) -> StreamingResponse:
    """The file as a download, or the one part of it that was asked for (RFC 9110 section 14)."""
    if not await objects.exists(file.key):
        raise NotFound("The file is not kept any more.")
    start, stop = _part(wanted, file.size_bytes)
    headers = {
        "Content-Length": str(stop - start),
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(file.name, safe='')}",
        "Accept-Ranges": "bytes",
        **_HEADERS,
    }
    is_part = (start, stop) != (0, file.size_bytes)
    if is_part:
        headers["Content-Range"] = f"bytes {start}-{stop - 1}/{file.size_bytes}"
    return StreamingResponse(
        objects.stream(file.key, start=start, stop=stop),
        206 if is_part else 200,
        media_type=file.content_type,
        headers=headers,
    )


def _part(wanted: str | None, size: int) -> tuple[int, int]:
    """The bytes to serve: all of them unless one part is asked for; what means nothing may be ignored.

    Raises RangeNotSatisfiable for a part that is not there.
    """
    match = _RANGE.fullmatch(wanted or "")
    if match is None or match[0] == "bytes=-":
        return 0, size
    first, last = match.groups()
    if first and last and int(first) > int(last):
        return 0, size
    start, stop = (max(0, size - int(last)), size) if not first else (int(first), min(size, int(last or size) + 1))
    if start >= stop:
        problem = RangeNotSatisfiable(f"The file has {size} bytes.")
        problem.headers["Content-Range"] = f"bytes */{size}"
        raise problem
    return start, stop
