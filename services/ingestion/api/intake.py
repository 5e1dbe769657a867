"""Intake: messages, events and mail from other systems."""

import asyncio
import json
from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, BackgroundTasks, Body, Depends, Request, Response
from fastapi.responses import JSONResponse

from services.ingestion.api.common import (
    BYTES,
    Ingester,
    Objects,
    UnsupportedMediaType,
    accepted,
    account_of,
    admit,
    body_schema,
    media_type_of,
    wake,
)
from services.ingestion.domain.cloudevents import MESSAGE_TYPE, CloudEvent, MalformedCloudEvent, from_structured
from services.ingestion.domain.mail import fingerprint
from services.ingestion.domain.messages import MAX_BATCH
from services.ingestion.repository.deliveries import Delivered
from services.ingestion.schemas.messages import Accepted, AcceptedBatch, MessageBatch, Messages
from services.ingestion.service import mail, messages
from services.ingestion.wake import wakes
from shared.db import now_utc
from shared.web import DbSession, Idempotency, Unprocessable

MAX_MAILBYTES = 25 * 1024 * 1024
MAX_JSONBYTES = 8 * 1024 * 1024

_CLOUDEVENT = "application/cloudevents+json"
_CLOUDEVENTS = "application/cloudevents-batch+json"
_MAIL = "message/rfc822"
_AN_EVENT = {
    "specversion": "1.0",
    "id": "4711",
    "source": "/shop",
    "type": MESSAGE_TYPE,
    "data": {"sender": {"kind": "email", "address": "ana@example.com"}, "text": "Where is my parcel?"},
}
_A_MAIL = "From: ana@example.com\r\nTo: support@example.com\r\nSubject: Parcel\r\n\r\nWhere is my parcel?\r\n"

router = APIRouter(prefix="/api/ingest", tags=["ingest"], dependencies=[Depends(admit)])


def _answer(body: Accepted | AcceptedBatch) -> Response:
    return JSONResponse(body.model_dump(mode="json"), 202)


@router.post("/messages", status_code=202, response_model=Accepted | AcceptedBatch, max_body_size=MAX_JSONBYTES)
async def post_messages(
    body: Annotated[Messages, Body(examples=[_AN_EVENT["data"]])],
    session: DbSession,
    principal: Ingester,
    objects: Objects,
    idempotency: Idempotency,
) -> Response:
    """Hand in one message, or up to 500 at once. A repeated `external_id` gets the first answer again."""

    async def receive() -> Response:
        batch = body.messages if isinstance(body, MessageBatch) else [body]
        receipts = await messages.receive_messages(session, account_of(principal), batch, objects, now_utc())
        if isinstance(body, MessageBatch):
            return _answer(AcceptedBatch(messages=[accepted(receipt) for receipt in receipts]))
        return _answer(accepted(receipts[0]))

    return await idempotency.run(session, receive)


@router.post(
    "/events",
    status_code=202,
    response_model=Accepted | AcceptedBatch,
    max_body_size=MAX_JSONBYTES,
    openapi_extra=body_schema({}, {_CLOUDEVENT: _AN_EVENT, _CLOUDEVENTS: [_AN_EVENT]}),
)
async def post_events(request: Request, session: DbSession, principal: Ingester, objects: Objects) -> Response:
    """Hand in CloudEvents 1.0, one (structured) or up to 500 (batched). `source` and `id` make a repetition known."""
    media_type = media_type_of(request)
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
    receipts = await messages.receive_cloudevents(session, account_of(principal), events, objects, now_utc())
    if is_batch:
        return _answer(AcceptedBatch(messages=[accepted(receipt) for receipt in receipts]))
    return _answer(accepted(receipts[0]))


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


@router.post(
    "/email",
    status_code=202,
    max_body_size=MAX_MAILBYTES,
    openapi_extra=body_schema(BYTES, {_MAIL: _A_MAIL}),
)
async def post_email(
    request: Request, session: DbSession, _principal: Ingester, objects: Objects, background: BackgroundTasks
) -> Accepted:
    """Hand in one mail as its raw bytes (RFC 5322). It is stored, then parsed. The same mail again is one message."""
    if media_type_of(request) != _MAIL:
        raise UnsupportedMediaType(f"Send the raw mail with Content-Type: {_MAIL}.")
    raw = await request.body()
    if not raw.strip():
        raise Unprocessable("The mail is empty.", slug="validation")
    digest = await asyncio.to_thread(fingerprint, raw)
    raw_key = await objects.put(raw)
    incoming = mail.Incoming((Delivered("api"),), digest, raw_key, len(raw))
    received = await mail.receive_mails(session, [incoming], now=now_utc())
    # After the response, and so after the commit.
    background.add_task(wake, wakes(request.app.state.database).mail_stored)
    background.add_task(mail.discard, objects, received.spare)
    return accepted(received.receipts[0])
