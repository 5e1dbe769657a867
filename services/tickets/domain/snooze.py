"""Putting a ticket off: it stays what it is, and is out of the way until a time, or until its customer writes."""

from dataclasses import replace
from datetime import datetime, timedelta

from services.tickets.domain.ticket import Ticket, require_not_closed

MAX_AHEAD = timedelta(days=365)


def snoozed(ticket: Ticket, until: datetime | None, now: datetime) -> Ticket:
    """The ticket put off until then, or awake for None.

    Raises TicketClosedError, and ValueError, with the reason, for a time that cannot be.
    """
    require_not_closed(ticket)
    if until is not None and until <= now:
        raise ValueError("is over already")
    if until is not None and until > now + MAX_AHEAD:
        raise ValueError(f"is more than {MAX_AHEAD.days} days ahead")
    return replace(ticket, snoozed_until=until)
