"""The search lines that analytics hands out are read by tickets, and say what was filtered by.

A figure that leads to other tickets than it counts is worse than one that leads nowhere.
"""

from datetime import UTC, datetime, timedelta

from hypothesis import example, given
from hypothesis import strategies as st

from services.analytics.domain.filters import Filters, created_within, overview_searches
from services.analytics.domain.periods import Period
from services.tickets.domain.askable import askable
from services.tickets.domain.conditions import comparisons
from services.tickets.domain.lifecycle import DEFAULT
from services.tickets.domain.query import read
from shared.events.common import Channel, TicketType

KNOWN = askable(DEFAULT, public_only=False, words=True)
GROUPS = st.text(st.characters(exclude_characters='"', exclude_categories=("Cc", "Cs")), min_size=1, max_size=30)
MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
FILTERS = st.builds(
    Filters,
    channel=st.none() | st.sampled_from(Channel),
    type=st.none() | st.sampled_from(TicketType),
    language=st.none() | st.sampled_from(["de", "pt-BR", "und"]),
    group=st.none() | GROUPS,
)


def said(line: str) -> set[tuple[str, str, object]]:
    condition = read(line, KNOWN.fields, KNOWN.values)
    return {(test.field, test.operator, test.value) for test in comparisons(condition)}


@example(filters=Filters(group="none"), start=datetime(2026, 1, 1, tzinfo=UTC), length=timedelta(days=1))
@given(filters=FILTERS, start=MOMENTS, length=st.timedeltas(timedelta(seconds=1), timedelta(days=400)))
def test_a_line_says_its_period_and_its_filters(filters: Filters, start: datetime, length: timedelta) -> None:
    given_ = {
        (field, "is", () if (field, value) == ("language", "und") else (value,)) for field, value in filters.given()
    }
    tests = said(created_within(start, start + length, filters))
    moments = {(operator, datetime.fromisoformat(str(value))) for field, operator, value in tests if field == "created"}
    assert moments == {("gte", start), ("lt", start + length)}
    assert {test for test in tests if test[0] != "created"} == given_
    backlog = said(overview_searches(Period(start, start + length, "UTC"), filters)["backlog"])
    assert {test for test in backlog if test[0] != "status"} == given_
