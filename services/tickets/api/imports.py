"""Tickets of another desk."""

from typing import Annotated

from fastapi import APIRouter, Query

from services.tickets.api.callers import actor_of
from services.tickets.schemas.imports import MAX_BATCH, ExternalId, ImportBody, ImportedTickets, Source
from services.tickets.service import imports
from shared.auth import Principal, requires
from shared.db import now_utc
from shared.web import DbSession, ReadSession

router = APIRouter(prefix="/api/tickets/import", tags=["tickets"])

MAX_IMPORT_BYTES = 4 * 1024 * 1024


@router.post("", max_body_size=MAX_IMPORT_BYTES)
async def import_tickets(
    session: DbSession, principal: Annotated[Principal, requires("ticket.import")], body: ImportBody
) -> ImportedTickets:
    """Take over up to 100 tickets of another desk, up to 4 MiB, with their times, authors and whole threads.

    Each is taken once: the same again is answered as before, other contents under a known `external_id` are refused
    (`imported-differently`). One that is refused (`unlikely-times`, `unknown-assignee`, `unknown-status`,
    `fields-invalid`) keeps no other one out. Nothing is sent, assigned or timed for them. Files are left out.
    """
    items = await imports.import_tickets(session, body, actor=actor_of(principal), now=now_utc())
    return ImportedTickets(items=items)


@router.get("", dependencies=[requires("ticket.import")])
async def look_up(
    session: ReadSession,
    source: Source,
    external_id: Annotated[list[ExternalId], Query(min_length=1, max_length=MAX_BATCH)],
) -> ImportedTickets:
    """Which tickets of another desk are here, by what they were called there, and as what."""
    return ImportedTickets(items=await imports.look_up(session, source, external_id))
