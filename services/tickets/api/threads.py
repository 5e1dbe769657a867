"""The thread of a ticket: its messages, replies and notes."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Response

from services.tickets.api.callers import actor_of, own_account, visible_ticket
from services.tickets.repository import MessageRepository
from services.tickets.schemas import MessageView, NoteBody, ReplyBody, ThreadPage, TicketView, WrittenMessage
from services.tickets.service import commands
from shared.auth import Principal, requires
from shared.db import now_utc
from shared.web import CursorParams, DbSession, Idempotency, ReadSession, cut_page, etag

router = APIRouter(prefix="/api/tickets/{ticket_id}", tags=["threads"])


@router.get("/messages")
async def read_thread(
    ticket_id: UUID,
    session: ReadSession,
    paging: CursorParams,
    principal: Annotated[Principal, requires("ticket.read")],
) -> ThreadPage:
    """A page of the thread, oldest first. Customers see what they and the agents wrote to each other, nothing else."""
    own = own_account(principal, "ticket.read")
    ticket = await visible_ticket(session, ticket_id, own)
    after = paging.after(UUID)
    rows = await MessageRepository(session).thread(
        ticket_id, after=after[0] if after else None, limit=paging.limit + 1, public_only=own is not None
    )
    page, next_cursor = cut_page(rows, paging.limit, lambda row: (row.id,))
    return ThreadPage(
        items=[MessageView.of(row, internal=own is None) for row in page],
        next_cursor=next_cursor,
        thread_version=ticket.message_count if own is None else ticket.public_message_count,
    )


@router.post("/replies", status_code=201, response_model=WrittenMessage)
async def reply(
    ticket_id: UUID,
    session: DbSession,
    idempotency: Idempotency,
    principal: Annotated[Principal, requires("ticket.reply")],
    body: ReplyBody,
) -> Response:
    """Write to the customer; as a customer, write to the desk. 409 `stale-thread` if others wrote in the meantime."""
    own = own_account(principal, "ticket.reply")

    async def call() -> Response:
        message_id = await commands.reply(
            session,
            ticket_id,
            body.text,
            actor=actor_of(principal),
            own=own,
            status=body.status,
            expected_thread_version=body.expected_version,
            now=now_utc(),
        )
        return await _written(session, ticket_id, message_id, own)

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
        message_id = await commands.add_note(
            session,
            ticket_id,
            body.text,
            actor=actor_of(principal),
            expected_thread_version=body.expected_version,
            now=now_utc(),
        )
        return await _written(session, ticket_id, message_id, None)

    return await idempotency.run(session, call)


async def _written(session: DbSession, ticket_id: UUID, message_id: UUID, own: UUID | None) -> Response:
    ticket = TicketView.of(await visible_ticket(session, ticket_id, own), internal=own is None)
    message = MessageView.of(await MessageRepository(session).get(message_id), internal=own is None)
    body = WrittenMessage(message=message, ticket=ticket).model_dump_json()
    response = Response(body, 201, media_type="application/json")
    etag(response, ticket.version)
    return response
