"""Conditions: what they hold for, what they refuse, and that they survive being kept."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.tickets.domain.conditions import (
    FIRST_MOMENT,
    LAST_MOMENT,
    AllOf,
    AnyOf,
    Comparison,
    Condition,
    ConditionError,
    Kind,
    Not,
    Operator,
    as_json,
    holds,
    moment,
    parse,
)

NOW = datetime(2026, 3, 29, 12, tzinfo=UTC)
FIELDS = {
    "status": Kind.WORD,
    "tags": Kind.WORDS,
    "subject": Kind.TEXT,
    "amount": Kind.NUMBER,
    "created_at": Kind.MOMENT,
    "paid": Kind.FLAG,
}
TICKET = {
    "status": "open",
    "tags": ("vip", "refund"),
    "subject": "Straße nach Köln",
    "amount": 10,
    "created_at": NOW - timedelta(days=3),
    "paid": False,
}


@pytest.mark.parametrize(
    ("tree", "expected"),
    [
        ({"field": "status", "is": ["open", "new"]}, True),
        ({"field": "status", "is": ["new"]}, False),
        ({"field": "status", "is": []}, False),
        ({"field": "tags", "is": ["refund", "other"]}, True),
        ({"field": "tags", "is": ["other"]}, False),
        ({"field": "subject", "contains": "STRASSE"}, True),
        ({"field": "amount", "gte": 10}, True),
        ({"field": "amount", "gt": 10}, False),
        ({"field": "amount", "lte": 10}, True),
        ({"field": "amount", "lt": 10}, False),
        ({"field": "created_at", "gte": "-3d"}, True),
        ({"field": "created_at", "gt": "-3d"}, False),
        ({"field": "created_at", "lt": "2026-03-27"}, True),
        ({"field": "created_at", "lt": "2026-03-26T11:00:00+00:00"}, False),
        ({"field": "paid", "is": [False]}, True),
        ({"field": "paid", "is": []}, False),
        ({"all": []}, True),
        ({"any": []}, False),
        ({"not": {"any": [{"field": "status", "is": ["new"]}, {"field": "paid", "is": [True]}]}}, True),
    ],
)
def test_what_holds(tree: dict[str, Any], *, expected: bool) -> None:
    assert holds(parse(tree, FIELDS), TICKET, now=NOW) is expected


@pytest.mark.parametrize("value", [None, "", ()])
@pytest.mark.parametrize("field", FIELDS)
def test_an_empty_field_is_empty_and_nothing_else(field: str, value: object) -> None:
    def found(**told: object) -> bool:
        return holds(parse({"field": field, **told}, FIELDS), {field: value}, now=NOW)

    assert found(**{"is": []})
    if FIELDS[field] in {Kind.NUMBER, Kind.MOMENT} and value is None:
        limit = 0 if FIELDS[field] is Kind.NUMBER else "-7d"
        assert not any(found(**{name: limit}) for name in ("lt", "lte", "gt", "gte"))


def test_a_day_begins_where_the_asker_is() -> None:
    """Also on the day on which clocks go forward: midnight in Berlin is 23:00 UTC, at noon it is another offset."""
    assert moment("2026-03-29", now=NOW, zone=ZoneInfo("Europe/Berlin")) == datetime(2026, 3, 28, 23, tzinfo=UTC)
    assert moment("2026-03-30", now=NOW, zone=ZoneInfo("Europe/Berlin")) == datetime(2026, 3, 29, 22, tzinfo=UTC)
    assert moment("0001-01-01", now=NOW, zone=ZoneInfo("Asia/Tokyo")) == datetime(1, 1, 1, tzinfo=UTC)
    assert moment("9999-12-31T23:00:00-02:00", now=NOW, zone=UTC) == datetime(9999, 12, 31, 23, tzinfo=UTC)


@pytest.mark.parametrize("now", [datetime(1, 1, 1, tzinfo=UTC), NOW, datetime(9999, 12, 31, tzinfo=UTC)])
@given(distance=st.from_regex(r"[+-][0-9]{1,6}[mhdw]", fullmatch=True))
def test_a_distance_that_was_kept_is_a_moment_at_any_time(now: datetime, distance: str) -> None:
    """One of 417000 weeks was checked from another day than it was used from, and broke every list of counts."""
    later = distance.startswith("+")
    far = moment(distance, now=now, zone=UTC)
    assert far >= now if later else far <= now
    assert moment(f"{distance[0]}999999w", now=now, zone=UTC) == (LAST_MOMENT if later else FIRST_MOMENT)


@pytest.mark.parametrize(
    ("tree", "path"),
    [
        ("open", ""),
        ({}, ""),
        ({"all": [{"field": "status", "is": ["open"]}, {"field": "nobody", "is": []}]}, "/all/1/field"),
        ({"field": "status", "is": "open"}, "/is"),
        ({"field": "status", "is": [1]}, "/is/0"),
        ({"field": "tags", "is": ["a", "a\x00"]}, "/is/1"),
        ({"field": "subject", "contains": "\ud800"}, "/contains"),
        ({"field": "amount", "gt": True}, "/gt"),
        ({"field": "amount", "gt": "10"}, "/gt"),
        ({"field": "paid", "is": ["yes"]}, "/is/0"),
        ({"field": "status", "lt": "open"}, ""),
        ({"field": "status", "is": ["open"], "lt": 1}, ""),
        ({"field": "created_at", "is": ["2026-01-01"]}, "/is"),
        ({"field": "created_at", "lt": "2026-01-01T00:00:00"}, "/lt"),
        ({"any": [{"field": "subject", "contains": "x"}] * 4}, ""),
        ({"not": []}, "/not"),
        ({"all": [], "any": []}, ""),
        ({"field": "status", "is": ["x"] * 201}, "/is"),
        ({"any": [{"field": "paid", "is": [True]}] * 101}, ""),
        ({"not": {"not": {"not": {"not": {"not": {"not": {"not": {"not": {"all": []}}}}}}}}}, "/not" * 8),
    ],
)
def test_what_means_nothing_says_where(tree: object, path: str) -> None:
    with pytest.raises(ConditionError) as raised:
        parse(tree, FIELDS)
    assert raised.value.path == path


_comparisons = st.one_of(
    st.builds(Comparison, st.just("status"), st.just(Operator.IS), st.lists(st.sampled_from("abc")).map(tuple)),
    st.builds(Comparison, st.just("tags"), st.just(Operator.IS), st.lists(st.sampled_from("abc")).map(tuple)),
    st.builds(
        Comparison,
        st.just("amount"),
        st.sampled_from([Operator.LT, Operator.LTE, Operator.GT, Operator.GTE]),
        st.integers(-3, 3),
    ),
)
_conditions: st.SearchStrategy[Condition] = st.recursive(
    _comparisons,
    lambda inner: st.one_of(
        st.builds(AllOf, st.lists(inner, max_size=3).map(tuple)),
        st.builds(AnyOf, st.lists(inner, max_size=3).map(tuple)),
        st.builds(Not, inner),
    ),
    max_leaves=6,
)
_values = st.fixed_dictionaries(
    {},
    optional={
        "status": st.sampled_from([None, "a", "b", "c"]),
        "tags": st.lists(st.sampled_from("abc")).map(tuple),
        "amount": st.none() | st.integers(-3, 3),
    },
)


@given(condition=_conditions, other=_conditions, values=_values)
def test_trees_follow_the_laws_of_logic(condition: Condition, other: Condition, values: dict[str, Any]) -> None:
    def true(one: Condition) -> bool:
        return holds(one, values, now=NOW)

    assert true(Not(condition)) is not true(condition)
    assert true(Not(AllOf((condition, other)))) is true(AnyOf((Not(condition), Not(other))))
    assert true(AllOf((condition, other))) is (true(condition) and true(other))


@given(_conditions)
def test_what_is_kept_comes_back(condition: Condition) -> None:
    try:
        again = parse(as_json(condition), FIELDS)
    except ConditionError as error:
        again, problem = None, error.problem
    assert again == condition or "deep" in problem
