"""What tickets can be asked for, and that the index of fields answers as conditions do."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from services.tickets.domain.askable import askable, checked
from services.tickets.domain.conditions import AllOf, Comparison, ConditionError, Operator, holds
from services.tickets.domain.field_values import Field, Kind
from services.tickets.domain.fields import Fields, comparable, indexed, indexed_day, indexed_word
from services.tickets.domain.lifecycle import DEFAULT, Status
from services.tickets.domain.query import read
from shared.events.common import TicketStatus

_FIELDS = Fields(
    (
        Field("device", Kind.CHOICE, {"en": "Device"}, filterable=True, choices=("phone", "printer")),
        Field("cost", Kind.MONEY, {"en": "Cost"}, filterable=True),
        Field("day", Kind.DATE, {"en": "Day"}, filterable=True),
        Field("secret", Kind.TEXT, {"en": "Secret"}),
    )
)
_PARTS = Status("parts", TicketStatus.ON_HOLD, {"en": "Waiting for parts"})
LIFECYCLE = replace(DEFAULT, statuses=(*DEFAULT.statuses, _PARTS), fields=_FIELDS)


def test_fields_that_are_filtered_by_are_asked_for_like_all_others() -> None:
    known = askable(LIFECYCLE)
    assert read("fields.cost>10 fields.device:phone status:parts", known.fields, known.values) == AllOf(
        (
            Comparison("fields.cost", Operator.GT, 10),
            Comparison("fields.device", Operator.IS, ("phone",)),
            Comparison("status", Operator.IS, ("parts",)),
        )
    )
    assert "fields.secret" not in known.fields
    assert not {name for name in askable(LIFECYCLE, public_only=True).fields if name.startswith("fields.")}


def test_texts_are_looked_into_by_searches_alone() -> None:
    assert read("subject:lamp", askable(DEFAULT).fields) != read("subject:lamp", askable(DEFAULT, words=True).fields)


@pytest.mark.parametrize("test", [{"field": "status", "is": ["weird"]}, {"field": "fields.device", "is": ["lamp"]}])
def test_a_value_that_a_field_never_has_is_refused(test: dict[str, object]) -> None:
    with pytest.raises(ConditionError, match="never"):
        checked({"not": {"any": [test]}}, askable(LIFECYCLE))


@given(st.dates(date(1900, 1, 1)), st.datetimes(timezones=st.just(UTC)))
@example(date(2026, 3, 4), datetime(2026, 3, 4, tzinfo=UTC))
@example(date(2026, 3, 4), datetime(2026, 3, 4, 0, 0, 0, 1, tzinfo=UTC))
def test_days_are_in_the_index_in_the_order_of_time(day: date, limit: datetime) -> None:
    ((_, _, number),) = indexed(_FIELDS, {"day": day.isoformat()})
    assert number == int(number or 0)
    test = Comparison("fields.day", Operator.LT, limit.isoformat())
    values = {"fields.day": comparable(Kind.DATE, day.isoformat())}
    assert holds(test, values, now=limit) is (Decimal(number or 0) < indexed_day(limit))


@given(st.text(max_size=300))
def test_what_is_looked_up_is_what_was_kept(text: str) -> None:
    fields = Fields((Field("note", Kind.TEXT, {"en": "Note"}, filterable=True),))
    assert [word for _, word, _ in indexed(fields, {"note": text})] == [indexed_word(Kind.TEXT, text)]
    assert len(indexed_word(Kind.TEXT, text)) <= 200
