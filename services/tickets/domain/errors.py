"""What the rules refuse. The service layer turns these into problems of the API."""

from collections.abc import Iterable

from services.tickets.domain.field_values import FieldProblem
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


class ClosedWayError(InvalidTransitionError):
    """The status machine has this transition, but the organisation closed it to the role of whoever asked."""


class UnknownStatusError(TicketRuleError):
    """The organisation has no such status, or has it no more; `known` lists those that it works with."""

    def __init__(self, key: str, known: Iterable[str]) -> None:
        super().__init__(f"There is no status {key!r} to put a ticket into.")
        self.key = key
        self.known = tuple(known)


class UnknownTypeError(TicketRuleError):
    """The organisation has no such type, or has it no more; `known` lists those that it works with."""

    def __init__(self, key: str, known: Iterable[str]) -> None:
        super().__init__(f"There is no type {key!r} to give a ticket.")
        self.key = key
        self.known = tuple(known)


class MissingFieldsError(TicketRuleError):
    """`fields` have to be filled in before the ticket gets to `to`."""

    def __init__(self, to: TicketStatus, fields: Iterable[str]) -> None:
        self.to = to
        self.fields = tuple(fields)
        super().__init__(f"Before a ticket is {to}, fill in: {', '.join(self.fields)}.")


class FieldValuesError(TicketRuleError):
    """Values of fields cannot be kept; `problems` tells of each field what is wrong."""

    def __init__(self, problems: Iterable[FieldProblem]) -> None:
        self.problems = tuple(problems)
        super().__init__(f"Look at: {', '.join(each.field for each in self.problems)}.")


class NotReopenedError(TicketRuleError):
    """The ticket is solved, and customers' messages do not open it again."""

    def __init__(self, number: int) -> None:
        super().__init__(f"Ticket #{number} is solved, and is not opened again. Open a new ticket instead.")
        self.number = number


class OpenChildrenError(TicketRuleError):
    """The ticket is not solved before its children are that block it; `count` are left."""

    def __init__(self, number: int, count: int) -> None:
        super().__init__(f"Ticket #{number} has {count} open children that block it. Solve them, or unlink them.")
        self.count = count


class TicketClosedError(TicketRuleError):
    """The ticket is closed: nothing in it changes any more; a new message opens a follow-up."""

    def __init__(self, number: int) -> None:
        super().__init__(f"Ticket #{number} is closed. Open a new ticket instead.")
        self.number = number
