"""The page by which a customer follows one ticket, without an account and without JavaScript."""

import asyncio
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qs
from uuid import UUID

from babel.dates import format_date, format_time
from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from services.tickets.domain.ticket import Ticket
from services.tickets.repository.rows import AnyRow
from services.tickets.service import portal
from services.tickets.service.portal import MAX_MESSAGES, Arrived, Followed
from shared.auth import public
from shared.db import now_utc
from shared.events.common import ActorKind, AttachmentRef, TicketStatus
from shared.events.tickets import MessageKind
from shared.ids import uuid7
from shared.objects.links import ANYBODY, link_query
from shared.portal import MAX_PAGE_TEXT_CHARS, Pages, PortalLink, PortalSeal, is_from_elsewhere
from shared.portal.pages import language_of

# How long a page waits for the message that was just sent to have arrived.
_LOOKS, _LOOK_SECONDS = 10, 0.3
_ADDRESS = re.compile(r"""https?://\w[^\s<>"']{0,2000}""", re.IGNORECASE)
_OVER = frozenset({TicketStatus.SOLVED, TicketStatus.CLOSED})

router = APIRouter(prefix="/portal", tags=["portal"], include_in_schema=False)
_visitors = public("visitors have no account; what they may is in the link they hold")


@router.get("/ticket", dependencies=[_visitors])
async def read_ticket_page(request: Request, link: str = "", sent: str = "", done: str = "") -> Response:
    """A ticket as its customer sees it."""
    pages, held = _pages(request), _held(request, link)
    if held is None:
        return pages.notice(request, "gone", status=404)
    message_id = _id_of(sent)
    came = None if message_id is None else await _arrival(request, held, message_id)
    async with request.app.state.database.read() as session:
        followed = await portal.followed(session, held, now_utc())
    if followed is None:
        return pages.notice(request, "gone", status=404)
    notice = None
    if message_id is not None:
        notice = "stored" if came is None else "elsewhere" if came.opened else "sent"
    elif done in {"done", "undone"}:
        notice = done
    return pages.page(request, "ticket.html", _page(request, link, held, followed, notice=notice, came=came))


@router.post("/ticket", dependencies=[_visitors])
async def solve_ticket(request: Request) -> Response:
    """The customer has what they need. Writing again opens the ticket again, as the rules have it."""
    pages = _pages(request)
    if is_from_elsewhere(request, request.app.state.settings.public_url):
        return pages.notice(request, "elsewhere", status=403)
    link = _link_of(await request.body())
    held = _held(request, link)
    solved = None
    if held is not None:
        async with request.app.state.database.transaction() as session:
            solved = await portal.solve(session, held, now_utc())
    if solved is None:
        return pages.notice(request, "gone", status=404)
    done = "done" if solved else "undone"
    return RedirectResponse(f"/portal/ticket?link={link}&done={done}&lang={language_of(request)}", 303)


def _id_of(sent: str) -> UUID | None:
    """What is no id was typed into the address: that is no reason to show no page."""
    try:
        return UUID(sent)
    except ValueError:
        return None


def _link_of(body: bytes) -> str:
    """The only field that a form without files sends; empty for anything else."""
    try:
        return parse_qs(body.decode("ascii"), max_num_fields=5).get("link", [""])[0]
    except ValueError:
        return ""


def _pages(request: Request) -> Pages:
    pages: Pages = request.app.state.pages
    return pages


def _held(request: Request, link: str) -> PortalLink | None:
    seal: PortalSeal | None = request.app.state.portal_seal
    return None if seal is None else seal.opened_link(link, now_utc())


async def _arrival(request: Request, held: PortalLink, sent: UUID) -> Arrived | None:
    for look in range(_LOOKS):
        if look:
            await asyncio.sleep(_LOOK_SECONDS)
        async with request.app.state.database.read() as session:
            if (found := await portal.arrived(session, held, sent)) is not None:
                return found
    return None


def _page(
    request: Request,
    link: str,
    held: PortalLink,
    followed: Followed,
    *,
    notice: str | None,
    came: Arrived | None,
) -> Mapping[str, Any]:
    seal: PortalSeal = request.app.state.portal_seal
    now, ticket = now_utc(), followed.ticket
    opened = came.opened if came is not None else None
    return {
        "link": link,
        "pass": seal.form(uuid7(), now),
        "mailed": held.mailed,
        "ticket": ticket,
        "status": str(ticket.status),
        "is_over": ticket.status in _OVER,
        "opens_another": followed.over,
        "may_solve": followed.may_solve,
        "messages": [_message(request, row, ticket) for row in followed.messages],
        "earlier": len(followed.messages) >= MAX_MESSAGES,
        "notice": notice,
        "opened_number": opened.number if opened else None,
        "opened_link": _link_to(seal, opened, held) if opened else None,
        "text": "",
        "errors": {},
        "most": MAX_PAGE_TEXT_CHARS,
    }


def _link_to(seal: PortalSeal, opened: Ticket, held: PortalLink) -> str:
    """A link to another ticket, which ends when the one that is held does."""
    return seal.link(opened.id, opened.conversation_id, held.address, mailed=held.mailed, now=held.made_at)


def _message(request: Request, row: AnyRow, ticket: Ticket) -> Mapping[str, Any]:
    """A message as it is shown: who wrote it by the name they show, its text, and its files for a while."""
    now, locale = now_utc(), language_of(request)
    files = [AttachmentRef.model_validate(file) for file in row.attachments]
    return {
        "own": row.kind == MessageKind.CUSTOMER and row.author_id == str(ticket.requester.customer_id),
        "theirs": row.kind == MessageKind.REPLY,
        "name": row.author_name if row.author_kind != ActorKind.SYSTEM else "",
        "at": row.added_at,
        "shown_at": f"{format_date(row.added_at, locale=locale)}, {format_time(row.added_at, 'short', locale=locale)}",
        "parts": list(linked(row.text)),
        "cut": row.text_truncated,
        "files": [
            (file.name, f"/api/attachments/public/{file.id}?{link_query(file.id, file.key, audience=ANYBODY, now=now)}")
            for file in files
        ],
    }


def linked(text: str) -> Iterator[tuple[str, bool]]:
    """What somebody wrote in parts, each with whether it is a web address.

    Not Jinja's `urlize`: that takes quadratic time for one long word, and anybody can write one.
    """
    end = 0
    for found in _ADDRESS.finditer(text):
        # What ends the sentence is not of the address, nor is a bracket that was opened before it.
        address = found[0].rstrip(".,;:!?" if "(" in found[0] else ".,;:!?)")
        yield text[end : found.start()], False
        yield address, True
        end = found.start() + len(address)
    yield text[end:], False
