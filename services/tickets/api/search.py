"""Searching tickets."""

from collections import defaultdict
from datetime import datetime
from typing import Annotated
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query

from services.tickets.api.callers import own_account
from services.tickets.domain.askable import askable
from services.tickets.domain.query import MAX_CHARACTERS, QueryError, read
from services.tickets.domain.search import sequence
from services.tickets.repository import TicketLists
from services.tickets.repository.conditions import Asker
from services.tickets.repository.documents import DocumentRepository
from services.tickets.schemas.search import Correction, FoundPage, FoundTicket
from services.tickets.schemas.tickets import TicketRow
from services.tickets.schemas.values import Zone
from services.tickets.service.search import Hit, Order, find
from services.tickets.service.settings import lifecycle_of
from shared.auth import Principal, requires
from shared.db import now_utc
from shared.web import CursorParams, ReadSession, Unprocessable, cut_page
from shared.words import Sought

router = APIRouter(prefix="/api/tickets/search", tags=["tickets"])

# Of each hit so much is looked through for an excerpt, in so many messages.
_EXCERPT_CHARACTERS, _EXCERPT_MESSAGES = 5_000, 30


@router.get("")
async def search_tickets(
    session: ReadSession,
    paging: CursorParams,
    principal: Annotated[Principal, requires("ticket.read")],
    q: Annotated[
        str,
        Query(
            max_length=MAX_CHARACTERS, description="A search line", examples=['status:open assignee:me "late refund"']
        ),
    ],
    zone: Annotated[Zone, Query()] = "UTC",
    sort: Annotated[
        Order | None,
        Query(description="`relevance` where words are searched for, `newest` elsewhere, unless it is said"),
    ] = None,
) -> FoundPage:
    """Tickets that a search line describes, the best first: words in the subject, as they were written, side by side.

    What is equally good, and what is beyond the newest 200 hits, is in the order of the last public message, the
    newest first; with `sort=newest` everything is. Words are found in the subject and in all messages, in any
    language, other forms of theirs too; by customers, in what they see of their own tickets. Where that finds nothing
    and nobody wrote a word, those nearest to it are searched for instead, or else beside words that somebody did write,
    and `corrected` says so. What was just written is found a moment later. A line that cannot be read is 422
    `bad-search`, with the position of the character where it went wrong.
    """
    own = own_account(principal, "ticket.read")
    lifecycle = await lifecycle_of(session)
    known = askable(lifecycle, public_only=own is not None, words=True)
    try:
        condition = read(q, known.fields, known.values)
    except QueryError as error:
        raise Unprocessable(str(error), slug="bad-search", position=error.position) from None
    asker = Asker(principal.account_id, now_utc(), ZoneInfo(zone), own=own is not None, lifecycle=lifecycle)
    key = paging.after(int, *(datetime, UUID) * 3)
    after = Hit.of(*key) if key else None
    found = await find(session, condition, asker, order=sort, after=after, limit=paging.limit + 1)
    hits, next_cursor = cut_page(found.hits, paging.limit, lambda hit: hit.key)
    if not hits:
        return FoundPage(items=[])
    ids = [hit.place[1] for hit in hits]
    rows = {row.id: row for row in await TicketLists(session).some(ids)}
    sought = Sought(map(sequence, found.by))
    messages = defaultdict(list)
    if found.by:
        for row in await DocumentRepository(session).texts(
            ids, most=_EXCERPT_CHARACTERS, messages_at_most=_EXCERPT_MESSAGES, public_only=asker.own
        ):
            messages[row.ticket_id].append(row)
    items = [
        FoundTicket.of(
            TicketRow.of(rows[ticket_id], role=principal.role, lifecycle=lifecycle), messages[ticket_id], sought
        )
        for ticket_id in ids
    ]
    corrected = [Correction(written=word, searched=list(near)) for word, near in found.corrected.items()]
    return FoundPage(items=items, next_cursor=next_cursor, corrected=corrected)
