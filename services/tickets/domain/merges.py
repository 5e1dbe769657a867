"""Merging: what becomes of a ticket whose conversations go on in another one, and of that other one."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from services.tickets.domain.reviews import Review
from services.tickets.domain.ticket import Ticket, with_status
from shared.events.common import TicketStatus

# What waits for the desk.
_OURS = frozenset({TicketStatus.NEW, TicketStatus.OPEN})
_NOT_OURS = frozenset({TicketStatus.PENDING, TicketStatus.SOLVED})


@dataclass(frozen=True, slots=True)
class Standing:
    """How a ticket stood before it was merged."""

    status: TicketStatus
    status_key: str | None
    solved_at: datetime | None
    snoozed_until: datetime | None
    review: Review | None


def merged_into(ticket_id: UUID, tickets: Mapping[UUID, Ticket]) -> UUID:
    """Where messages for a ticket go: to the end of what it was merged into, which has to be among `tickets`.

    Merging makes no circles; one that is there in spite of that ends where it would close.
    """
    seen = {ticket_id}
    while (after := tickets[ticket_id].merged_into) is not None and after not in seen:
        seen.add(after)
        ticket_id = after
    return ticket_id


def standing(ticket: Ticket) -> Standing:
    """How the ticket stands."""
    return Standing(ticket.status, ticket.status_key, ticket.solved_at, ticket.snoozed_until, ticket.review)


def as_source(ticket: Ticket, target_id: UUID, now: datetime) -> Ticket:
    """The ticket merged into another one: closed, from wherever it was, and where it belongs is settled with that."""
    return replace(
        ticket,
        status=TicketStatus.CLOSED,
        status_key=None,
        solved_at=ticket.solved_at or now,
        snoozed_until=None,
        review=None,
        merged_into=target_id,
    )


def as_target(ticket: Ticket, sources: Iterable[Ticket], now: datetime) -> Ticket:
    """The ticket others are merged into: what waited for the desk in one of them waits for it here.

    Otherwise a question would vanish in a ticket that is solved, or that waits for the customer.
    """
    if ticket.status in _NOT_OURS and any(source.status in _OURS for source in sources):
        return with_status(ticket, TicketStatus.OPEN, now)
    return ticket


def as_before(ticket: Ticket, before: Standing) -> Ticket:
    """A merged ticket on its own again, as it stood."""
    return replace(
        ticket,
        status=before.status,
        status_key=before.status_key,
        solved_at=before.solved_at,
        snoozed_until=before.snoozed_until,
        review=before.review,
        merged_into=None,
    )
