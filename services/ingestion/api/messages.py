"""What became of messages, and mail as it was formatted."""

from functools import partial
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request, Response
from sqlalchemy import Row

from services.ingestion.api.common import Reader, objects_of
from services.ingestion.domain.mail_html import with_images
from services.ingestion.duties import MailDesk
from services.ingestion.parsing import ParserFailed, ParserPool
from services.ingestion.repository.attachments import AttachmentRepository
from services.ingestion.repository.inbound import InboundRepository
from services.ingestion.schemas.messages import MessageStatus, TicketLink
from shared.db import Database, now_utc
from shared.events.common import Channel
from shared.objects import ObjectNotFound
from shared.web import Conflict, NotFound, ReadSession

# No script, style, frame, form or connection, whatever the sanitiser let through. Its own origin it has to keep, or its
# images would come from another one.
_PAGE_POLICY = (
    "default-src 'none'; img-src {images}; base-uri 'none'; form-action 'none'; frame-ancestors 'self'; "
    "sandbox allow-same-origin allow-popups allow-popups-to-escape-sandbox"
)

router = APIRouter(prefix="/api/ingest", tags=["ingest"])


@router.get("/messages/{message_id}")
async def read_message(message_id: UUID, session: ReadSession, _principal: Reader) -> MessageStatus:
    """What became of a message."""
    row = await InboundRepository(session).get(message_id)
    if row is None:
        raise NotFound("There is no such message.")
    return _status(row)


@router.get(
    "/messages/{message_id}/html",
    response_class=Response,
    responses={200: {"content": {"text/html": {}}, "description": "The page"}},
)
async def read_html(message_id: UUID, request: Request, _principal: Reader, remote_images: bool = False) -> Response:
    """A mail as its sender formatted it, made safe: a page of its own, in which nothing runs.

    Images of the mail are shown. Those elsewhere are not, unless asked for: they would tell the sender that the mail
    was read; what was encrypted asks for none in any case. How many stayed away is in `X-Images-Left-Out`. 404 for a
    message without HTML.
    """
    database: Database = request.app.state.database
    # Making it safe may take seconds: no connection waits for it.
    async with database.read() as session:
        row = await InboundRepository(session).get(message_id)
        file_ids = await AttachmentRepository(session).of_message(message_id)
    if row is None or row.raw_key is None or row.channel != Channel.EMAIL or row.status != "accepted":
        raise NotFound("There is no such mail.")
    try:
        parsers: ParserPool = request.app.state.parsers
        desk: MailDesk = request.app.state.mail_desk
        get_keys = partial(desk.keys, row.received_at)
        shown = await parsers.html(objects_of(request).get, row.raw_key, remote_images=remote_images, get_keys=get_keys)
    except ObjectNotFound:
        raise NotFound("The mail is not kept any more.") from None
    except ParserFailed as error:
        raise Conflict(f"The mail cannot be shown: {error.reason}.", slug="cannot-be-shown") from error
    if shown is None:
        raise NotFound("The mail has no HTML; its text is in the thread.")
    page = with_images(shown.html, [f"/api/attachments/{file_id}/image" for file_id in file_ids])
    return Response(
        f'<!doctype html><html><head><meta charset="utf-8"><title>-</title></head><body>{page}</body></html>',
        media_type="text/html; charset=utf-8",
        headers={
            "Content-Security-Policy": _PAGE_POLICY.format(images="'self' https:" if remote_images else "'self'"),
            "X-Images-Left-Out": str(shown.images_left_out),
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
            "Cache-Control": "private, max-age=3600",
            "Cross-Origin-Resource-Policy": "same-origin",
        },
    )


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
        security=row.security,
    )
