"""Which tickets figures are about, and the search lines that find the same ones (docs/search.md)."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from services.analytics.domain.facts import UNDETERMINED_LANGUAGE, UNSOLVED
from services.analytics.domain.periods import Dimension, Period

_BACKLOG = "status:" + ",".join(sorted(UNSOLVED))


@dataclass(frozen=True, slots=True)
class Filters:
    """Tickets with all of these values; None leaves a field open. `language` may be `und`: nobody knows it."""

    channel: str | None = None
    type: str | None = None
    language: str | None = None
    group: str | None = None

    def given(self) -> Iterator[tuple[str, str]]:
        """The fields that have to have a value, and which."""
        for field in ("channel", "type", "language", "group"):
            if (value := getattr(self, field)) is not None:
                yield field, value


def created_within(start: datetime, end: datetime, filters: Filters) -> str:
    """The search line of tickets created from `start` to before `end`."""
    return _line(*_within("created", start, end), *_terms(filters))


def of_key(by: Dimension, key: str) -> str:
    """What a search line has to say besides, for one key of a split."""
    return _term(by.value, key)


def overview_searches(period: Period, filters: Filters) -> dict[str, str]:
    """For each metric that is a number of tickets with certain values, the search line that finds just those."""
    about = tuple(_terms(filters))
    solved = _line(*_within("solved", period.start, period.end), *about)
    return {
        "tickets_created": created_within(period.start, period.end, filters),
        "tickets_solved": solved,
        "resolution_time": solved,
        "backlog": _line(_BACKLOG, *about),
    }


def _within(field: str, start: datetime, end: datetime) -> tuple[str, str]:
    return f"{field}>={_moment(start)}", f"{field}<{_moment(end)}"


def _terms(filters: Filters) -> Iterator[str]:
    return (_term(field, value) for field, value in filters.given())


def _term(field: str, value: str) -> str:
    """One field with one value: in quotes, as names of groups have spaces, and one may be called "none"."""
    if field == "language" and value == UNDETERMINED_LANGUAGE:
        return "language:none"
    is_plain = value.isalnum() and value != "none"
    return f"{field}:{value}" if is_plain else f'{field}:"{value}"'


def _moment(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _line(*terms: str) -> str:
    return " ".join(terms)
