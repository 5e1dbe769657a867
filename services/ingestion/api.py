"""Routes of ingestion."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from typing import Annotated, Any
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter, BackgroundTasks, Depends, Query, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from sqlalchemy import Row

from services.ingestion.admission import Admission
from services.ingestion.domain.cloudevents import CloudEvent, MalformedCloudEvent, from_structured
from services.ingestion.domain.mail import fingerprint
from services.ingestion.domain.messages import MAX_BATCH, Receipt
from services.ingestion.repository.inbound import InboundRepository
from services.ingestion.schemas import (
    Accepted,
    AcceptedBatch,
    Attachment,
    MessageBatch,
    Messages,
    MessageStatus,
    QuarantinedMessage,
    TicketLink,
)
from services.ingestion.service import attachments as files
from services.ingestion.service import mail, messages
from services.ingestion.wake import wakes
from shared.auth import Principal, Scope, requires
from shared.db import now_utc
from shared.objects import ObjectStore, ObjectTooLarge
from shared.web import (
    Conflict,
    CursorParams,
    DbSession,
    Idempotency,
    NotFound,
    Page,
    Problem,
    ReadSession,
    TooManyRequests,
    Unprocessable,
    cut_page,
)

MAX_MAIL_BYTES = 25 * 1024 * 1024
MAX_JSON_BYTES = 8 * 1024 * 1024

_CLOUDEVENT = "application/cloudevents+json"
_CLOUDEVENTS = "application/cloudevents-batch+json"
_MAIL = "message/rfc822"


class UnsupportedMediaType(Problem):
    """The body is of a type that this route does not read."""

    status, slug, title = 415, "unsupported-media-type", "Unsupported media type"


class ContentTooLarge(Problem):
    """The body is larger than this route takes."""

    status, slug, title = 413, "content-too-large", "Content Too Large"


async def _admit(request: Request) -> None:
    admission: Admission = request.app.state.admission
    await admission.require()


def _objects(request: Request) -> ObjectStore:
    store: ObjectStore = request.app.state.objects
    return store


intake = APIRouter(prefix="/api/ingest", tags=["ingest"], dependencies=[Depends(_admit)])
quarantine = APIRouter(prefix="/api/ingest", tags=["ingest"])
attachments = APIRouter(prefix="/api/attachments", tags=["attachments"])

Objects = Annotated[ObjectStore, Depends(_objects)]
Ingester = Annotated[Principal, requires("message.ingest")]
Reader = Annotated[Principal, requires("message.read")]


def _account(principal: Principal) -> str:
    """Who hands things in: the account, so that a renewed API key still finds what the old one brought."""
    return f"account:{principal.account_id}"


def _accepted(receipt: Receipt) -> Accepted:
    return Accepted(id=receipt.id, status_url=f"/api/ingest/messages/{receipt.id}")


def _answer(body: Accepted | AcceptedBatch) -> Response:
    return JSONResponse(body.model_dump(mode="json"), 202)


def _body_schema(*types: str, schema: dict[str, Any]) -> dict[str, Any]:
    """OpenAPI of a body that the route reads by itself."""
    return {"requestBody": {"required": True, "content": {each: {"schema": schema} for each in types}}}


@intake.post("/messages", status_code=202, response_model=Accepted | AcceptedBatch, max_body_size=MAX_JSON_BYTES)
async def post_messages(
    body: Messages, session: DbSession, principal: Ingester, objects: Objects, idempotency: Idempotency
) -> Response:
    """Hand in one message, or up to 500 at once. A repeated `external_id` gets the first answer again."""

    async def receive() -> Response:
        batch = body.messages if isinstance(body, MessageBatch) else [body]
        receipts = await messages.receive_messages(session, _account(principal), batch, objects, now_utc())
        if isinstance(body, MessageBatch):
            return _answer(AcceptedBatch(messages=[_accepted(receipt) for receipt in receipts]))
        return _answer(_accepted(receipts[0]))

    return await idempotency.run(session, receive)


@intake.post(
    "/events",
    status_code=202,
    response_model=Accepted | AcceptedBatch,
    max_body_size=MAX_JSON_BYTES,
    openapi_extra=_body_schema(_CLOUDEVENT, _CLOUDEVENTS, schema={}),
)
async def post_events(request: Request, session: DbSession, principal: Ingester, objects: Objects) -> Response:
    """Hand in CloudEvents 1.0, one (structured) or up to 500 (batched). `source` and `id` make a repetition known."""
    media_type = _media_type(request)
    if media_type not in {_CLOUDEVENT, _CLOUDEVENTS}:
        raise UnsupportedMediaType(f"Send {_CLOUDEVENT} or {_CLOUDEVENTS}.")
    try:
        document = json.loads(await request.body())
    except (ValueError, RecursionError):
        raise Unprocessable("The body is not JSON.", slug="validation") from None
    is_batch = media_type == _CLOUDEVENTS
    if is_batch and (not isinstance(document, list) or not 1 <= len(document) <= MAX_BATCH):
        raise Unprocessable(f"A batch is an array of 1 to {MAX_BATCH} events.", slug="validation")
    events = _events(document if is_batch else [document])
    receipts = await messages.receive_cloudevents(session, _account(principal), events, objects, now_utc())
    if is_batch:
        return _answer(AcceptedBatch(messages=[_accepted(receipt) for receipt in receipts]))
    return _answer(_accepted(receipts[0]))


def _events(documents: Sequence[Any]) -> list[CloudEvent]:
    events: list[CloudEvent] = []
    errors: list[dict[str, Any]] = []
    for index, document in enumerate(documents):
        try:
            events.append(from_structured(document))
        except MalformedCloudEvent as error:
            errors.append({"loc": ["body", index], "msg": str(error), "type": "cloudevent"})
    if errors:
        raise Unprocessable("Not every event is a CloudEvent.", slug="validation", errors=errors)
    return events


@intake.post(
    "/email",
    status_code=202,
    max_body_size=MAX_MAIL_BYTES,
    openapi_extra=_body_schema(_MAIL, schema={"type": "string", "format": "binary"}),
)
async def post_email(
    request: Request, session: DbSession, _principal: Ingester, objects: Objects, background: BackgroundTasks
) -> Accepted:
    """Hand in one mail as its raw bytes (RFC 5322). It is stored, then parsed. The same mail again is one message."""
    if _media_type(request) != _MAIL:
        raise UnsupportedMediaType(f"Send the raw mail with Content-Type: {_MAIL}.")
    raw = await request.body()
    if not raw.strip():
        raise Unprocessable("The mail is empty.", slug="validation")
    digest = await asyncio.to_thread(fingerprint, raw)
    raw_key = await objects.put(raw)
    receipt = await mail.receive_mail(
        session, fingerprint=digest, raw_key=raw_key, size_bytes=len(raw), objects=objects, now=now_utc()
    )
    # After the response, and so after the commit.
    background.add_task(_wake, wakes(request.app.state.database).mail_stored)
    return _accepted(receipt)


async def _wake(event: asyncio.Event) -> None:
    event.set()


def _media_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


@quarantine.get("/messages/{message_id}")
async def read_message(message_id: UUID, session: ReadSession, _principal: Reader) -> MessageStatus:
    """What became of a message."""
    row = await InboundRepository(session).get(message_id)
    if row is None:
        raise NotFound("There is no such message.")
    return _status(row)


def _status(row: Row[Any]) -> MessageStatus:
    is_parsing = row.status == "stored" and row.leased_until is not None and row.leased_until > now_utc()
    return MessageStatus(
        id=row.id,
        status="parsing" if is_parsing else row.status,
        channel=row.channel,
        received_at=row.received_at,
        deliveries=row.deliveries,
        conversation_id=row.conversation_id,
        ticket=None if row.ticket_id is None else TicketLink(id=row.ticket_id, number=row.ticket_number),
        reason=row.reason,
    )


@quarantine.get("/quarantine")
async def list_quarantine(session: ReadSession, _principal: Reader, page: CursorParams) -> Page[QuarantinedMessage]:
    """Mail that is put aside, newest first."""
    after = page.after(UUID)
    rows = await InboundRepository(session).quarantined(before=after[0] if after else None, limit=page.limit + 1)
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


@quarantine.post("/quarantine/{message_id}/retry", status_code=202)
async def retry_message(
    message_id: UUID, request: Request, session: DbSession, _principal: Ingester, background: BackgroundTasks
) -> Accepted:
    """Parse and judge a quarantined mail again, by the same rules."""
    if not await mail.retry_mail(session, message_id):
        raise await _not_in_quarantine(session, message_id)
    background.add_task(_wake, wakes(request.app.state.database).mail_stored)
    return Accepted(id=message_id, status_url=f"/api/ingest/messages/{message_id}")


@quarantine.post("/quarantine/{message_id}/release", status_code=202)
async def release_message(
    message_id: UUID, request: Request, session: DbSession, _principal: Ingester, background: BackgroundTasks
) -> Accepted:
    """Let a quarantined mail in, whatever the rules say of it. The bounds of parsing still hold."""
    if not await mail.release_mail(session, message_id):
        raise await _not_in_quarantine(session, message_id)
    background.add_task(_wake, wakes(request.app.state.database).mail_stored)
    return Accepted(id=message_id, status_url=f"/api/ingest/messages/{message_id}")


async def _not_in_quarantine(session: DbSession, message_id: UUID) -> Problem:
    if await InboundRepository(session).get(message_id) is None:
        return NotFound("There is no such message.")
    return Conflict("The message is not in quarantine.", slug="not-in-quarantine")


@attachments.post(
    "",
    status_code=201,
    dependencies=[Depends(_admit)],
    max_body_size=files.MAX_ATTACHMENT_BYTES,
    openapi_extra=_body_schema("application/octet-stream", schema={"type": "string", "format": "binary"}),
)
async def post_attachment(
    request: Request,
    session: DbSession,
    principal: Annotated[Principal, requires("attachment.create")],
    objects: Objects,
    name: Annotated[str, Query(min_length=1, max_length=255, description="The file's name")],
) -> Attachment:
    """Upload one file as the raw body; its content type is judged by its first bytes, not by what the sender says."""
    try:
        file = await files.store_file(objects, name, _chunks(request))
    except ObjectTooLarge as error:
        raise ContentTooLarge(f"A file may have {files.MAX_ATTACHMENT_BYTES} bytes.") from error
    if file.size_bytes == 0:
        await files.discard_files(objects, [file])
        raise Unprocessable("The file is empty.", slug="validation")
    try:
        await files.add_file(
            session,
            file,
            owner=_account(principal),
            max_unattached_bytes=request.app.state.max_unattached_bytes,
            now=now_utc(),
        )
    except TooManyRequests:
        await files.discard_files(objects, [file])
        raise
    return Attachment(
        id=file.id,
        name=file.name,
        content_type=file.content_type,
        size_bytes=file.size_bytes,
        url=f"/api/attachments/{file.id}",
    )


async def _chunks(request: Request) -> AsyncIterator[bytes]:
    async for chunk in request.stream():
        yield chunk


@attachments.get(
    "/{attachment_id}",
    response_class=StreamingResponse,
    responses={200: {"content": {"application/octet-stream": {}}, "description": "The file"}},
)
async def read_attachment(
    attachment_id: UUID,
    session: ReadSession,
    principal: Annotated[Principal, requires("attachment.read")],
    objects: Objects,
) -> StreamingResponse:
    """Download a file. Whatever is in it, no browser runs it: it is a download, of a fixed type, in a sandbox."""
    owner = _account(principal) if principal.scope("attachment.read") is Scope.OWN else None
    file = await files.find_file(session, attachment_id, owner=owner, objects=objects)
    if file is None:
        raise NotFound("There is no such attachment.")
    return StreamingResponse(
        objects.stream(file.key),
        media_type=file.content_type,
        headers={
            "Content-Length": str(file.size_bytes),
            "Content-Disposition": f"attachment; filename*=UTF-8''{quote(file.name, safe='')}",
            "Content-Security-Policy": "sandbox; default-src 'none'",
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "private, max-age=3600",
            "Cross-Origin-Resource-Policy": "same-origin",
        },
    )


ROUTERS = (intake, quarantine, attachments)
