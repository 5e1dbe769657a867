"""What an agent has begun to write on a ticket, kept for them."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Response

from services.tickets.api.callers import visible_ticket
from services.tickets.repository import Draft, DraftRepository
from services.tickets.schemas.drafts import DraftBody, DraftsView
from services.tickets.service import drafts
from shared.auth import Principal, requires
from shared.db import now_utc
from shared.events.tickets import MessageKind
from shared.web import DbSession, IfMatch, ReadSession, etag

router = APIRouter(prefix="/api/tickets/{ticket_id}/draft", tags=["drafts"])


@router.get("", response_model=DraftsView)
async def read_draft(
    ticket_id: UUID, session: ReadSession, principal: Annotated[Principal, requires("ticket.draft")]
) -> Response:
    """The caller's draft on a ticket, with its version as ETag (`"0"` if there is none), and who else writes."""
    await visible_ticket(session, ticket_id, None)
    return await _drafts(session, ticket_id, principal.account_id)


@router.put("", response_model=DraftsView)
async def keep_draft(
    ticket_id: UUID,
    session: DbSession,
    expected: IfMatch,
    principal: Annotated[Principal, requires("ticket.draft")],
    body: DraftBody,
) -> Response:
    """Keep the caller's one draft on a ticket, in the place of the one with the version of If-Match (`"0"`: none)."""
    draft = Draft(
        ticket_id=ticket_id,
        account_id=principal.account_id,
        kind=MessageKind(body.kind),
        text=body.text,
        html=body.html,
        cc=tuple(body.cc),
        thread_version=body.thread_version,
        updated_at=now_utc(),
        attachment_ids=tuple(str(id_) for id_ in body.attachment_ids),
    )
    await drafts.keep(session, draft, expected_version=expected)
    return await _drafts(session, ticket_id, principal.account_id)


@router.delete("", status_code=204)
async def discard_draft(
    ticket_id: UUID,
    session: DbSession,
    expected: IfMatch,
    principal: Annotated[Principal, requires("ticket.draft")],
) -> None:
    """Forget the caller's draft, if it has the version of If-Match. Sending does it, too."""
    await visible_ticket(session, ticket_id, None)
    await drafts.discard(session, ticket_id, principal.account_id, expected_version=expected)


async def _drafts(session: DbSession, ticket_id: UUID, account_id: UUID) -> Response:
    repository = DraftRepository(session)
    draft = await repository.get(ticket_id, account_id)
    view = DraftsView.of(draft, await repository.others(ticket_id, account_id))
    response = Response(view.model_dump_json(), media_type="application/json")
    etag(response, draft.version if draft else 0)
    return response
