"""The status machine of a ticket.

`new`: nobody has it yet. `open`: waits for us. `pending`: waits for the customer. `on_hold`: waits for somebody else.
`solved`: done, unless the customer writes again. `closed`: final.
"""

from collections.abc import Mapping

from services.tickets.domain.errors import InvalidTransitionError
from shared.events.common import TicketStatus

_S = TicketStatus

TRANSITIONS: Mapping[TicketStatus, frozenset[TicketStatus]] = {
    _S.NEW: frozenset({_S.OPEN, _S.PENDING, _S.ON_HOLD, _S.SOLVED}),
    _S.OPEN: frozenset({_S.PENDING, _S.ON_HOLD, _S.SOLVED}),
    _S.PENDING: frozenset({_S.OPEN, _S.ON_HOLD, _S.SOLVED}),
    _S.ON_HOLD: frozenset({_S.OPEN, _S.PENDING, _S.SOLVED}),
    _S.SOLVED: frozenset({_S.OPEN, _S.PENDING, _S.ON_HOLD, _S.CLOSED}),
    _S.CLOSED: frozenset(),
}

# Statuses in which routing may still give the ticket to somebody.
ROUTABLE = frozenset({_S.NEW, _S.OPEN})


def transition(current: TicketStatus, asked: TicketStatus) -> TicketStatus:
    """The status after an explicit change; staying where one is, is no change. Raises InvalidTransitionError."""
    if asked != current and asked not in TRANSITIONS[current]:
        raise InvalidTransitionError(current, asked, TRANSITIONS[current])
    return asked


def after_customer_message(current: TicketStatus) -> TicketStatus | None:
    """The status once the customer wrote: whatever waited or was solved is open again.

    None for a closed ticket, which takes no more messages: the message belongs into a follow-up.
    """
    if current is _S.CLOSED:
        return None
    return _S.NEW if current is _S.NEW else _S.OPEN


def after_reply(current: TicketStatus, asked: TicketStatus | None) -> TicketStatus:
    """The status once an agent replied in public: `asked`, or `pending` because now the customer's word is awaited.

    A solved ticket stays solved unless asked otherwise. Raises InvalidTransitionError.
    """
    if asked is not None:
        return transition(current, asked)
    return transition(current, _S.SOLVED if current is _S.SOLVED else _S.PENDING)


def after_assignment(current: TicketStatus) -> TicketStatus:
    """The status once somebody has the ticket: a new one is open."""
    return _S.OPEN if current is _S.NEW else current
