"""Use cases of the page by which a customer without an account follows one ticket.

A link that was mailed proves whose mail it is, and shows what that customer sees of the ticket. One that followed on an
address typed into a form proves only who wrote the form: it shows that message and how the ticket stands, and nothing
that was answered since, which is for the owner of the address.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.tickets.domain.edits import edited, is_over
from services.tickets.domain.errors import TicketRuleError
from services.tickets.domain.identity import identity
from services.tickets.domain.lifecycle import Lifecycle
from services.tickets.domain.ticket import Ticket
from services.tickets.domain.via import Via
from services.tickets.repository import MessageRepository, TicketRepository
from services.tickets.repository.merges import MergeRepository
from services.tickets.repository.rows import AnyRow
from services.tickets.service.journal import Journal
from services.tickets.service.settings import lifecycle_of
from services.tickets.service.threads import as_actor
from shared.events.accounts import Role
from shared.events.common import Channel, TicketStatus
from shared.events.tickets import MessageKind
from shared.portal import PortalLink

MAX_MESSAGES = 200
_OVER = frozenset({TicketStatus.SOLVED, TicketStatus.CLOSED})


@dataclass(frozen=True, slots=True)
class Followed:
    """A ticket as the holder of a link sees it. `over` says that what they write opens another one."""

    ticket: Ticket
    messages: Sequence[AnyRow]
    may_solve: bool
    over: bool


async def followed(session: AsyncSession, link: PortalLink, now: datetime) -> Followed | None:
    """What a link shows; None where it shows nothing (any more)."""
    repository = TicketRepository(session)
    ticket = await repository.get(link.ticket_id)
    if ticket is None or not _is_theirs(ticket, link):
        return None
    lifecycle = await lifecycle_of(session)
    messages: Sequence[AnyRow]
    if not link.mailed:
        messages = [
            row for row in await MessageRepository(session).thread(ticket.id, after=None, limit=1) if _by_form(row)
        ]
        return Followed(ticket, messages, may_solve=False, over=is_over(ticket, lifecycle, now))
    ticket = await _last(repository, ticket)
    merged = await MergeRepository(session).sources(ticket.id, requester_id=ticket.requester.customer_id)
    messages = await _thread(session, [ticket.id, *(row.id for row in merged)])
    return Followed(
        ticket,
        messages,
        may_solve=_solved(ticket, lifecycle, now) is not None,
        over=is_over(ticket, lifecycle, now),
    )


async def solve(session: AsyncSession, link: PortalLink, now: datetime) -> bool | None:
    """The customer has what they need. False where the rules forbid it, None where the link does not hold.

    A ticket that is solved stays as it is.
    """
    repository = TicketRepository(session)
    named = await repository.get(link.ticket_id)
    if named is None or not link.mailed or not _is_theirs(named, link):
        return None
    ticket = await repository.lock((await _last(repository, named)).id)
    if ticket is None:
        return None
    if ticket.status in _OVER:
        return True
    after = _solved(ticket, await lifecycle_of(session), now)
    if after is None:
        return False
    journal = Journal(session, via=Via.PORTAL)
    journal.change(ticket, after, actor=as_actor(ticket.requester), cause="edit", at=now)
    await journal.write()
    return True


@dataclass(frozen=True, slots=True)
class Arrived:
    """Where a message is that its writer just sent. `opened` is the follow-up that it opened, or went into."""

    opened: Ticket | None = None


async def arrived(session: AsyncSession, link: PortalLink, message_id: UUID) -> Arrived | None:
    """What became of a message that was sent by a link; None while it is on its way, and for those of others."""
    found = await MessageRepository(session).ticket_of(message_id)
    if found is None:
        return None
    repository = TicketRepository(session)
    ticket = await repository.get(link.ticket_id)
    if ticket is None or not _is_theirs(ticket, link):
        return None
    if found in {ticket.id, (await _last(repository, ticket)).id}:
        return Arrived()
    other = await repository.get(found)
    return Arrived(other) if other is not None and other.follow_up_of and _is_theirs(other, link) else None


def _is_theirs(ticket: Ticket, link: PortalLink) -> bool:
    """Whether the ticket still talks to the address that the link was made for."""
    mail = ticket.requester.email
    return mail is not None and identity("email", mail).address == identity("email", link.address).address


def _by_form(row: AnyRow) -> bool:
    return bool(row.kind == MessageKind.CUSTOMER and row.channel == Channel.FORM)


def _solved(ticket: Ticket, lifecycle: Lifecycle, now: datetime) -> Ticket | None:
    """The ticket solved by its customer, where that may be."""
    if ticket.status in _OVER:
        return None
    try:
        return edited(ticket, {"status": TicketStatus.SOLVED}, lifecycle, role=Role.CUSTOMER, now=now)
    except TicketRuleError:
        return None


async def _last(repository: TicketRepository, ticket: Ticket) -> Ticket:
    """Where a ticket that was merged goes on, as far as that is the same customer's."""
    seen = {ticket.id}
    while ticket.merged_into is not None and ticket.merged_into not in seen:
        target = await repository.get(ticket.merged_into)
        if target is None or target.requester.customer_id != ticket.requester.customer_id:
            return ticket
        seen.add(target.id)
        ticket = target
    return ticket


async def _thread(session: AsyncSession, ticket_ids: Collection[UUID]) -> Sequence[AnyRow]:
    """The last messages that customers see, in order of time; tickets that were merged into one are few."""
    messages = MessageRepository(session)
    latest = [row for id_ in ticket_ids for row in await messages.latest(id_, MAX_MESSAGES, public_only=True)]
    return sorted(latest, key=lambda row: (row.added_at, row.ticket_id, row.position))[-MAX_MESSAGES:]
