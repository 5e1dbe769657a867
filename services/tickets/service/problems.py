"""What the rules refuse, as problems of the API."""

from collections.abc import Iterator
from contextlib import contextmanager

from services.tickets.domain.errors import InvalidTransitionError, TicketClosedError
from shared.web.problem import Conflict


@contextmanager
def rules_as_problems() -> Iterator[None]:
    """Turn errors of the domain into problem documents."""
    try:
        yield
    except InvalidTransitionError as error:
        raise Conflict(
            str(error),
            slug="invalid-transition",
            title="The status cannot change this way",
            current=error.current,
            asked=error.asked,
            allowed=list(error.allowed),
        ) from error
    except TicketClosedError as error:
        raise Conflict(str(error), slug="ticket-closed", title="The ticket is closed") from error
