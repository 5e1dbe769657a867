"""Spans of the past: nothing is left out, nothing is looked through twice, and as much at once as should be enough."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.tickets.domain.spans import YOUNG, Corpus, Span, marks_of, spans, young

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)
# A thousand documents a day, for a thousand days.
CORPUS = Corpus(documents=1_000_000, young=64_000)
DAYS = st.lists(st.integers(1, 2_000), max_size=4).map(sorted)
MOMENTS = st.datetimes(datetime(2015, 1, 1), datetime(2026, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001


@pytest.mark.parametrize(
    ("hits", "days"),
    [(1_000_000, [1, 8, 64]), (300_000, [1, 8, 64]), (10_000, [30, 240]), (4_000, [75]), (3_000, []), (1, [])],
)
def test_a_search_begins_where_there_should_be_enough(hits: int, days: list[int]) -> None:
    """A span without hits takes the index as long as one that has them, and few are sooner all gone through."""
    assert list(CORPUS.spans(hits, 200)) == days


def test_where_a_share_of_the_hits_is_wanted_there_are_more_days() -> None:
    assert list(CORPUS.spans(300_000, 200, share=0.01)) == [100]
    assert list(CORPUS.spans(3_000, 200, share=0.01)) == []


def test_no_span_is_so_long_that_it_has_no_marks() -> None:
    """It would be all that there is, and be asked for twice."""
    assert list(Corpus(documents=1_000_000, young=6_400).spans(10_000, 200)) == [300]


def test_a_desk_that_grew_is_searched_by_how_busy_it_is_now() -> None:
    """So is one with a ticket of 1970, which somebody moved in."""
    assert list(Corpus(documents=1_000_000, young=640_000).spans(300_000, 200)) == [1, 8]


def test_of_words_that_are_written_together_there_are_more_than_chance_would_have() -> None:
    assert CORPUS.having([[100_000]]) == pytest.approx(100_000)
    assert CORPUS.having([[100_000], [10_000]]) == pytest.approx(10_000 * 0.1**0.5)
    assert CORPUS.having([[100_000]] * 4) == pytest.approx(1_000_000 * 0.1**1.875)
    # The letters of a word do not stand for themselves.
    assert CORPUS.having([[60_000, 50_000, 70_000]]) == pytest.approx(50_000)
    assert CORPUS.having([[1], [1]]) == pytest.approx(1)
    assert CORPUS.having([[3_000_000]]) == CORPUS.having([]) == CORPUS.documents


@given(newest=MOMENTS, days=DAYS, opened_before=st.none() | MOMENTS, oldest=st.none() | MOMENTS, written_at=MOMENTS)
def test_every_document_up_to_the_newest_is_in_one_span(
    newest: datetime,
    days: list[int],
    opened_before: datetime | None,
    oldest: datetime | None,
    written_at: datetime,
) -> None:
    found = list(spans("late", newest, days, oldest=oldest, opened_before=opened_before))
    assert [span.before for span in found[1:]] == [span.since for span in found[:-1]]
    moment = min(written_at, newest)
    within = [span for span in found if span.since <= moment < span.before]
    assert len(within) <= 1
    if oldest is None or moment >= min(oldest, newest):
        assert _is_among(within[0], moment)


@given(newest=MOMENTS, age=st.timedeltas(timedelta(0), timedelta(days=300)))
def test_what_is_young_has_a_mark_of_it(newest: datetime, age: timedelta) -> None:
    span = young("late", newest)
    assert newest - YOUNG - timedelta(days=1) < span.since <= newest - YOUNG
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
