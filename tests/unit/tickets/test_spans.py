"""Spans of the past: nothing is left out, nothing is looked through twice, and as much at once as should be enough."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.tickets.domain.spans import Corpus, Span, last_days, marks_of, spans

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)
CORPUS = Corpus(newest=NOW, oldest=NOW - timedelta(days=1_000), documents=1_000_000)
DAYS = st.lists(st.integers(1, 2_000), max_size=4).map(sorted)
MOMENTS = st.datetimes(datetime(2015, 1, 1), datetime(2026, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001


@pytest.mark.parametrize(
    ("hits", "days"),
    [
        (1_000_000, [1, 8, 64]),
        (300_000, [1, 8, 64]),
        (10_000, [30, 240]),
        (2_000, [150]),
        (1_000, []),
        (1, []),
    ],
)
def test_a_search_begins_where_there_should_be_enough(hits: int, days: list[int]) -> None:
    """A span without hits takes the index as long as one that has them."""
    assert list(CORPUS.spans(hits, 200)) == days


def test_of_a_day_old_desk_all_is_searched_at_once() -> None:
    assert list(Corpus(NOW, NOW - timedelta(hours=3), 10).spans(10, 200)) == []


def test_different_words_are_independent_and_the_parts_of_one_go_together() -> None:
    assert CORPUS.having([[100_000], [10_000]]) == pytest.approx(1_000)
    assert CORPUS.having([[60_000, 50_000, 70_000]]) == pytest.approx(50_000)
    assert CORPUS.having([[1], [1]]) == 1
    assert CORPUS.having([[3_000_000]]) == CORPUS.documents  # statistics are of another time than the count
    assert CORPUS.having([]) == CORPUS.documents


@given(newest=MOMENTS, days=DAYS, opened_before=st.none() | MOMENTS, written_at=MOMENTS)
def test_every_document_up_to_the_newest_is_in_one_span(
    newest: datetime, days: list[int], opened_before: datetime | None, written_at: datetime
) -> None:
    found = list(spans("late", newest, days, opened_before=opened_before))
    assert [span.before for span in found[1:]] == [span.since for span in found[:-1]]
    assert sum(span.since <= min(written_at, newest) < span.before for span in found) == 1
    (span,) = (span for span in found if span.since <= min(written_at, newest) < span.before)
    assert _is_among(span, min(written_at, newest))


@given(newest=MOMENTS, days=st.integers(1, 300), age=st.timedeltas(timedelta(0), timedelta(days=300)))
def test_what_is_not_older_than_the_last_days_has_one_of_their_marks(
    newest: datetime, days: int, age: timedelta
) -> None:
    span = last_days("late", newest, days)
    if newest - age >= span.since:
        assert _is_among(span, newest - age)


def _is_among(span: Span, written_at: datetime) -> bool:
    return "#" not in span.matches or any(f"'#{mark}'" in span.matches for mark in marks_of(written_at))


def test_tickets_of_long_ago_are_looked_for_from_there() -> None:
    """Of those that were written to much later there are few, and they come first."""
    first, second, last = spans("late", NOW, [8], opened_before=NOW - timedelta(days=180))
    assert first.since == datetime(2026, 5, 26, tzinfo=UTC)
    assert second.since == first.since - timedelta(days=9)
    assert last.matches == "late"


def test_a_search_counts_no_months_that_it_does_not_ask_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of two thousand years were made for each search, and none of them was used."""
    counted: list[date] = []

    def month(day: date) -> str:
        counted.append(day)
        return "m"

    monkeypatch.setattr("services.tickets.domain.spans._month", month)
    assert list(spans("late", NOW, (1, 8, 64)))[-1].matches == "late"
    assert len(counted) < 10
