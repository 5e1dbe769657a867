"""The thread of a ticket: its messages, replies and notes."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Response

from services.tickets.api.callers import actor_of, own_account, visible_ticket
from services.tickets.api.scheduled import scheduled_response
from services.tickets.repository import MessageRepository
from services.tickets.repository.merges import MergeRepository
from services.tickets.schemas.scheduled import ScheduledView
from services.tickets.schemas.threads import (
    MergedTicket,
    MessageView,
    NoteBody,
    OwnReader,
    ReplyBody,
    ThreadPage,
    WrittenMessage,
)
from services.tickets.schemas.tickets import TicketView
from services.tickets.service import follow_ups, scheduled, threads, uploads
from services.tickets.service.settings import lifecycle_of
from shared.auth import Principal, requires
from shared.db import now_utc
from shared.web import CursorParams, DbSession, Forbidden, Idempotency, ReadSession, cut_page, etag

router = APIRouter(prefix="/api/tickets/{ticket_id}", tags=["threads"])


@router.get("/messages")
async def read_thread(
    ticket_id: UUID,
    session: ReadSession,
    paging: CursorParams,
    principal: Annotated[Principal, requires("ticket.read")],
) -> ThreadPage:
    """A page of the thread, oldest first. Customers see what they and the agents wrote to each other, nothing else.

    What was written in tickets that were merged into this one is shown in order of time; customers see of these what
    is in tickets of their own.
    """
    own = own_account(principal, "ticket.read")
    ticket = await visible_ticket(session, ticket_id, own)
    after = paging.after(UUID)
    merged = await MergeRepository(session).sources(
        ticket_id, requester_id=ticket.requester_id if own is not None else None
    )
    shown = [ticket_id, *(row.id for row in merged)]
    rows = await MessageRepository(session).threads(
        shown,
        after=after[0] if after else None,
        limit=paging.limit + 1,
        public_only=own is not None,
    )
    page, next_cursor = cut_page(rows, paging.limit, lambda row: (row.id,))
    reader = _own_reader(own)
    return ThreadPage(
        items=[MessageView.of(row, reader) for row in page],
        merged=[MergedTicket.of(row, shown=shown) for row in merged],
        next_cursor=next_cursor,
        thread_version=ticket.message_count if own is None else ticket.public_message_count,
    )


@router.post("/replies", status_code=201, response_model=WrittenMessage, responses={202: {"model": ScheduledView}})
async def reply(
    ticket_id: UUID,
    session: DbSession,
    idempotency: Idempotency,
    principal: Annotated[Principal, requires("ticket.reply")],
    body: ReplyBody,
) -> Response:
    """Write to the customer; as a customer, write to the desk. 409 `stale-thread` if others wrote in the meantime.

    What a customer writes to a ticket that is over, and is not opened again, goes into a follow-up: the `ticket` of the
    answer is that one.

    202 for a reply that leaves later, which can be moved and taken back below `scheduled` until then.
    """
    own = own_account(principal, "ticket.reply")
    if own is not None and (body.send_at is not None or body.undo_seconds):
        raise Forbidden("Only agents send later. Leave out `send_at` and `undo_seconds`.")
    if own is not None and body.html is not None:
        raise Forbidden("Only agents format what they write. Send `text`.")
    if own is not None and body.cc:
        raise Forbidden("Only agents send copies. Leave out `cc`.")
    seen = threads.Seen(body.expected_version, body.force)

    async def call() -> Response:
        now = now_utc()
        release_at = scheduled.checked_release_time(now, send_at=body.send_at, undo_seconds=body.undo_seconds)
        files = await uploads.use(session, body.attachment_ids, principal.account_id, leaves_at=release_at or now)
        if release_at is not None:
            waiting = await scheduled.schedule(
                session,
                ticket_id,
                body.said(),
                html=body.html,
                cc=body.cc,
                attachments=files,
                actor=actor_of(principal),
                role=principal.role,
                status=body.status,
                seen=seen,
                only_if_unanswered=body.only_if_unanswered,
                release_at=release_at,
                now=now,
            )
            return scheduled_response(waiting, accepted=True)
        if own is not None and body.status is None:
            continued = await follow_ups.continued(
                session, ticket_id, body.said(), attachments=files, own=own, seen=seen, now=now
            )
            if continued is not None:
                return await _written(session, continued, principal, own)
        message_id = await threads.reply(
            session,
            ticket_id,
            body.said(),
            html=body.html,
            cc=body.cc,
            attachments=files,
            actor=actor_of(principal),
            role=principal.role,
            own=own,
            status=body.status,
            seen=seen,
            now=now,
        )
        return await _written(session, message_id, principal, own)

    return await idempotency.run(session, call)


@router.post("/notes", status_code=201, response_model=WrittenMessage)
async def add_note(
    ticket_id: UUID,
    session: DbSession,
    idempotency: Idempotency,
    principal: Annotated[Principal, requires("ticket.note")],
    body: NoteBody,
) -> Response:
    """Write a note that stays inside."""

    async def call() -> Response:
        now = now_utc()
        message_id = await threads.add_note(
            session,
            ticket_id,
            body.text,
            attachments=await uploads.use(session, body.attachment_ids, principal.account_id, leaves_at=now),
            actor=actor_of(principal),
            mentions=body.mentions,
            seen=threads.Seen(body.expected_version, body.force),
            now=now,
        )
        return await _written(session, message_id, principal, None)

    return await idempotency.run(session, call)


def _own_reader(own: UUID | None) -> OwnReader | None:
    return None if own is None else OwnReader(own, now_utc())


async def _written(session: DbSession, message_id: UUID, principal: Principal, own: UUID | None) -> Response:
    written = await MessageRepository(session).get(message_id)
    # The writer's own by now, and not by its requester yet: it may be about to follow them into another profile.
    row = await visible_ticket(session, written.ticket_id, None)
    ticket = TicketView.of(row, role=principal.role, lifecycle=await lifecycle_of(session))
    message = MessageView.of(written, _own_reader(own))
    body = WrittenMessage(message=message, ticket=ticket).model_dump_json()
    response = Response(body, 201, media_type="application/json")
    etag(response, ticket.version)
    return response
