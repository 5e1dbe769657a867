"""What the rules refuse, as problems of the API."""

from collections.abc import Iterator
from contextlib import contextmanager

from services.tickets.domain.errors import (
    ClosedWayError,
    FieldValuesError,
    InvalidTransitionError,
    MissingFieldsError,
    NotReopenedError,
    OpenChildrenError,
    TicketClosedError,
    UnknownStatusError,
    UnknownTypeError,
)
from shared.web.problem import Conflict, Forbidden, Unprocessable


@contextmanager
def rules_as_problems() -> Iterator[None]:
    """Turn errors of the domain into problem documents."""
    try:
        yield
    except ClosedWayError as error:
        raise Forbidden(
            str(error),
            slug="way-closed",
            title="Your role may not change the status this way",
            current=error.current,
            asked=error.asked,
            allowed=list(error.allowed),
        ) from error
    except InvalidTransitionError as error:
        raise Conflict(
            str(error),
            slug="invalid-transition",
            title="The status cannot change this way",
            current=error.current,
            asked=error.asked,
            allowed=list(error.allowed),
        ) from error
    except MissingFieldsError as error:
        raise Unprocessable(
            str(error),
            slug="fields-missing",
            title="Fields have to be filled in first",
            to=error.to,
            fields=list(error.fields),
        ) from error
    except FieldValuesError as error:
        raise Unprocessable(
            str(error),
            slug="fields-invalid",
            title="These fields cannot be kept as they are",
            errors=[{"field": each.field, "code": each.code, "problem": each.problem} for each in error.problems],
        ) from error
    except UnknownStatusError as error:
        raise Unprocessable(
            str(error), slug="unknown-status", title="There is no such status", known=list(error.known)
        ) from error
    except UnknownTypeError as error:
        raise Unprocessable(
            str(error), slug="unknown-type", title="There is no such type", known=list(error.known)
        ) from error
    except OpenChildrenError as error:
        raise Conflict(
            str(error), slug="children-open", title="Children have to be solved first", count=error.count
        ) from error
    except NotReopenedError as error:
        raise Conflict(str(error), slug="ticket-not-reopened", title="The ticket is not opened again") from error
    except TicketClosedError as error:
        raise Conflict(str(error), slug="ticket-closed", title="The ticket is closed") from error
