"""An organisation's own statuses, ways, required fields, reopening and priorities."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.tickets.domain.lifecycle import (
    DEFAULT,
    ITIL,
    Level,
    LifecycleError,
    Reopening,
    Requirement,
    Status,
    check,
)
from services.tickets.domain.status import TRANSITIONS
from shared.events.common import Priority, TicketStatus

SOLVED = datetime(2026, 5, 1, tzinfo=UTC)
_S = TicketStatus


def test_the_default_is_a_lifecycle_and_changes_nothing() -> None:
    check(DEFAULT)
    for current in TicketStatus:
        assert DEFAULT.ways("agent", current) == TRANSITIONS[current]
        assert DEFAULT.first_of(current).key == current.value
    assert DEFAULT.reopens("billing", SOLVED, SOLVED + timedelta(days=1000))
    assert DEFAULT.missing(_S.SOLVED, "question", {}) == []


def test_a_category_gives_its_first_active_status() -> None:
    parts = (Status("parts", _S.ON_HOLD, {"en": "Parts"}, active=False), Status("vendor", _S.ON_HOLD, {"en": "Vendor"}))
    lifecycle = replace(DEFAULT, statuses=(*parts, *DEFAULT.statuses))
    check(lifecycle)
    assert lifecycle.first_of(_S.ON_HOLD).key == "vendor"
    assert lifecycle.status("parts") is not None, "tickets may still have it"


def test_ways_are_closed_by_role() -> None:
    lifecycle = replace(DEFAULT, forbidden={"agent": frozenset({(_S.SOLVED, _S.CLOSED)})})
    check(lifecycle)
    assert _S.CLOSED not in lifecycle.ways("agent", _S.SOLVED)
    assert _S.CLOSED in lifecycle.ways("supervisor", _S.SOLVED)


def test_required_fields_are_asked_for_once_and_only_where_they_count() -> None:
    lifecycle = replace(
        DEFAULT,
        requirements=(
            Requirement(_S.SOLVED, ("cause", "hours"), ("incident",)),
            Requirement(_S.SOLVED, ("cause", "tags")),
        ),
    )
    assert lifecycle.missing(_S.SOLVED, "incident", {"tags": (), "hours": 0}) == ["cause", "tags"]
    assert lifecycle.missing(_S.SOLVED, "question", {"cause": "x", "tags": ("a",)}) == []
    assert lifecycle.missing(_S.PENDING, "incident", {}) == []


@pytest.mark.parametrize(
    ("within", "after", "reopens"),
    [
        (None, timedelta(days=5000), True),
        (timedelta(0), timedelta(0), False),
        (timedelta(days=7), timedelta(days=7) - timedelta(seconds=1), True),
        (timedelta(days=7), timedelta(days=7), False),
    ],
)
def test_a_customers_word_opens_again_for_so_long(within: timedelta | None, after: timedelta, *, reopens: bool) -> None:
    lifecycle = replace(DEFAULT, reopening=Reopening(timedelta(0)), reopening_of={"billing": Reopening(within)})
    assert lifecycle.reopens("billing", SOLVED, SOLVED + after) is reopens
    assert not lifecycle.reopens("other", SOLVED, SOLVED)
    assert not lifecycle.reopens(None, SOLVED, SOLVED)


@given(st.sampled_from(Level), st.sampled_from(Level), st.sampled_from(Level))
def test_more_urgency_or_impact_never_makes_less_priority(one: Level, other: Level, fixed: Level) -> None:
    order, levels = list(Priority), list(Level)
    low, high = sorted((one, other), key=levels.index)
    assert order.index(DEFAULT.priority(low, fixed)) <= order.index(DEFAULT.priority(high, fixed))
    assert order.index(DEFAULT.priority(fixed, low)) <= order.index(DEFAULT.priority(fixed, high))


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"statuses": (*DEFAULT.statuses, Status("open", _S.ON_HOLD, {"en": "Again"}))}, "/statuses/6/key"),
        ({"statuses": DEFAULT.statuses[1:]}, "/statuses"),
        ({"statuses": tuple(replace(each, active=each.key != "open") for each in DEFAULT.statuses)}, "/statuses"),
        ({"forbidden": {"agent": frozenset({(_S.CLOSED, _S.OPEN)})}}, "/forbidden/agent"),
        (
            {"priorities": {key: each for key, each in ITIL.items() if key != (Level.LOW, Level.HIGH)}},
            "/priorities/low/high",
        ),
    ],
)
def test_what_nobody_could_work_with_is_refused(change: dict[str, object], path: str) -> None:
    with pytest.raises(LifecycleError) as raised:
        check(replace(DEFAULT, **change))
    assert raised.value.path == path


def test_never_is_never_also_for_what_was_solved_by_a_clock_that_is_ahead() -> None:
    assert not Reopening(timedelta(0)).reopens(SOLVED + timedelta(seconds=2), SOLVED)
    assert Reopening(timedelta(days=1)).reopens(SOLVED + timedelta(seconds=2), SOLVED)
