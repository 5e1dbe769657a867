"""How much of the past a search looks through, one span of days after the other, until there are enough hits.

A document is marked with the day and the month of its last public message, words of their own kind in the same index:
so what is asked for among some days is looked up like a word.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple

from shared.tsvectors import marked

# What is younger is counted for how many documents there are in a day.
YOUNG = timedelta(days=64)
_DAYS_OF_A_MONTH = 32
# In more than two years is most of all, and marks would only cost.
_MARKED_DAYS = 800
# A first span is longer than should do, by so much; each next one is so many times as long.
_AMPLE, _GROWTH = 1.5, 8
# So few hits are gone through sooner than the index is asked twice.
_FEW_HITS = 3_000
_NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Corpus:
    """About how many documents there are, and how many of them were written to lately; one, at least."""

    documents: int
    young: int

    def having(self, tests: Iterable[Sequence[float]]) -> float:
        """About how many documents meet all of some tests, each of several parts; known is how many have each part.

        The parts of one test go together, as the letters of a word do: there are as many as of its rarest part. Of
        different tests each rarer one counts more than the next (a square root, a root of that, …), because words that
        are written together are not independent, and a span that is too long takes longer than one that is too short.
        """
        shares = sorted(min(1.0, min(test) / self.documents) for test in tests)
        together = math.prod(math.pow(share, 0.5**place) for place, share in enumerate(shares))
        return max(1.0, self.documents * together)

    def spans(self, hits: float, most: int, *, share: float = 1.0) -> Iterator[int]:
        """How many days to look through, one after the other, until there are `most`: then all.

        So many hits are there; of these, a share is what is wanted.
        """
        if hits <= _FEW_HITS:
            return
        # Of how many days all documents would be if all were as busy as the last ones.
        there = YOUNG.days * self.documents / self.young
        days = math.ceil(there * most / (hits * share) * _AMPLE)
        while days <= _MARKED_DAYS and days * _GROWTH < there * 2:
            yield days
            days *= _GROWTH


class Span(NamedTuple):
    """What a document has to match, as a tsquery, and between which moments it was written to."""

    matches: str
    since: datetime
    before: datetime


def marks_of(written_at: datetime) -> list[str]:
    """The marks of a document that was written to at this time."""
    day = written_at.astimezone(UTC).date()
    return [_day(day), _month(day)]


def spans(
    matches: str,
    newest: datetime,
    days: Iterable[int],
    *,
    oldest: datetime | None = None,
    opened_before: datetime | None = None,
) -> Iterator[Span]:
    """Spans of so many days up to a moment, one after the other; the last has all that is left, back to `oldest`.

    Where tickets were opened before a moment, hardly any was written to much later: days are counted from there.
    """
    last, before = _number(newest), _NEVER
    end = min(last, _number(oldest)) if oldest else 1
    first = _number(opened_before) if opened_before else last
    if max(end, last - _MARKED_DAYS) < first < last:
        since = _midnight(first)
        yield Span(_among(matches, last, last - first), since, before)
        last, before = first - 1, since
    for first in (*(last - length for length in days), end):
        since = _midnight(max(first, end))
        yield Span(_among(matches, last, last - max(first, end)), since, before)
        before = since
        if first <= end:
            return


def young(matches: str, newest: datetime) -> Span:
    """The span of what was written to lately, up to a moment, and later."""
    last = _number(newest)
    return Span(_among(matches, last, YOUNG.days), _midnight(last - YOUNG.days), _NEVER)


def _number(moment: datetime) -> int:
    return moment.astimezone(UTC).toordinal()


def _midnight(day: int) -> datetime:
    return datetime.combine(date.fromordinal(day), time(), UTC)


def _among(matches: str, last: int, days: int) -> str:
    """What matches, of these days; of too many, at all."""
    return f"({matches}) & ({marked(_marks(last, days))})" if days <= _MARKED_DAYS else matches


def _marks(last: int, days: int) -> Iterable[str]:
    """Of the days up to the last one, or of their months where they are many."""
    unit, mark = (1, _day) if days < _DAYS_OF_A_MONTH else (_DAYS_OF_A_MONTH, _month)
    return dict.fromkeys(mark(date.fromordinal(max(1, day))) for day in range(last, last - days - unit, -unit))


def _day(day: date) -> str:
    return f"d{day.toordinal()}"


def _month(day: date) -> str:
    return f"m{day.toordinal() // _DAYS_OF_A_MONTH}"
