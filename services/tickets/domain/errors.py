"""What the rules refuse. The service layer turns these into problems of the API."""

from collections.abc import Iterable

from shared.events.common import TicketStatus


class TicketRuleError(Exception):
    """A rule of tickets forbids what was asked."""


class InvalidTransitionError(TicketRuleError):
    """The status machine has no such transition; `allowed` lists, in order, those that it has."""

    def __init__(self, current: TicketStatus, asked: TicketStatus, allowed: Iterable[TicketStatus]) -> None:
        super().__init__(f"A ticket cannot go from {current} to {asked}.")
        self.current = current
        self.asked = asked
        self.allowed = tuple(sorted(allowed, key=list(TicketStatus).index))


class TicketClosedError(TicketRuleError):
    """The ticket is closed: nothing in it changes any more; a new message opens a follow-up."""

    def __init__(self, number: int) -> None:
        super().__init__(f"Ticket #{number} is closed. Open a new ticket instead.")
        self.number = number
