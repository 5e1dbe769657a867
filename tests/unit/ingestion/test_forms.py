"""What is filled into a form: whatever comes, each field is a value of its kind, or has an error."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingestion.domain.forms import (
    MAX_BYTES_BY_CALLER,
    MAX_OWN_BYTES,
    WINDOW,
    Filled,
    read_form,
    wait_for_bytes,
    wait_for_writes,
)
from services.tickets.domain.fields import MAX_BYTES
from shared.events.forms import PublicField, PublicForm, PublicOption

KINDS = ("text", "number", "money", "date", "choice", "choices", "flag")
OPTIONS = (PublicOption(value="a", labels={}), PublicOption(value="a/b", labels={}))
FORM = PublicForm(
    key="all",
    fields=tuple(
        PublicField(key=kind, kind=kind, labels={}, options=OPTIONS, max_length=20)  # type: ignore[arg-type]
        for kind in KINDS
    ),
)
SAID = st.one_of(
    st.text(max_size=30), st.sampled_from(["1", "-1,5", "a", "a/b", "2026-02-28", "1e3", "NaN", "٣", "EUR"])
)
NAMES = ("name", "email", "subject", "text", "field.money.currency", *(f"field.{kind}" for kind in KINDS))


@given(st.dictionaries(st.sampled_from(NAMES), st.lists(SAID, max_size=3)))
def test_whatever_is_sent_fits_or_is_said_to_be_wrong(values: dict[str, list[str]]) -> None:
    filled = read_form(FORM, values, max_text=20)
    kept: dict[str, Any] = dict(filled.fields)
    assert not {f"field.{key}" for key in kept} & filled.errors.keys()
    assert isinstance(kept.get("number", 0), int | float)
    assert set(kept.get("money", {"amount", "currency"})) == {"amount", "currency"}
    assert "date" not in kept or date.fromisoformat(kept["date"]).isoformat() == kept["date"]
    assert set(kept.get("choices", ())) | {kept.get("choice", "a")} <= {"a", "a/b"}
    assert kept.get("flag", True) is True
    assert len(kept.get("text", "")) <= 20
    assert "email" in filled.errors or "@" in filled.email
    assert "\n" not in filled.subject + filled.name


@pytest.mark.parametrize(
    ("said", "number"),
    [("2", 2), ("2,5", 2.5), (" 2.50 ", 2.5), ("٣", 3), ("2.555", None), ("1e400", None), ("x", None)],
)
def test_numbers_are_read_as_people_write_them(said: str, number: float | None) -> None:
    filled: Filled = read_form(FORM, {"field.number": [said]}, max_text=20)
    assert filled.fields.get("number") == number
    assert filled.errors.get("field.number") == (None if number is not None else "bad-number")


def test_what_is_required_has_to_be_there() -> None:
    form = PublicForm(key=None, fields=(PublicField(key="agreed", kind="flag", labels={}, required=True),))
    assert read_form(form, {}, max_text=20).errors["field.agreed"] == "missing"
    assert "field.agreed" not in read_form(form, {"field.agreed": ["yes"]}, max_text=20).errors


@pytest.mark.parametrize("said", ["0e-200000", "0." + "0" * 200_000, "1" * 31])
def test_a_short_number_is_not_written_at_length(said: str) -> None:
    own: dict[str, list[str]] = {"field.money": [said], "field.money.currency": ["EUR"]}
    filled = read_form(FORM, own, max_text=20)
    assert filled.fields.get("money", {"amount": "0.00"})["amount"] == "0.00"


def test_what_tickets_keep_is_what_a_form_may_bring() -> None:
    """Above it tickets would leave out all of them, unsaid."""
    assert MAX_OWN_BYTES == MAX_BYTES


NOW = datetime(2026, 3, 2, 10, tzinfo=UTC)
AGES = st.integers(0, 2 * 3600).map(lambda seconds: NOW - timedelta(seconds=seconds))


@given(st.lists(AGES), st.integers(1, 5))
def test_who_waits_as_long_as_told_may_write(written: list[datetime], most: int) -> None:
    wait = wait_for_writes(written, most=most, now=NOW)
    assert (wait is None) == (sum(each > NOW - WINDOW for each in written) < most)
    if wait is not None:
        assert timedelta() < wait <= WINDOW
        assert wait_for_writes(written, most=most, now=NOW + wait) is None


@given(st.lists(st.tuples(AGES, st.integers(1, MAX_BYTES_BY_CALLER // 3))), st.integers(1, MAX_BYTES_BY_CALLER))
def test_who_waits_as_long_as_told_may_store(stored: list[tuple[datetime, int]], asked: int) -> None:
    wait = wait_for_bytes(stored, asked, now=NOW)
    counted = sum(size for at, size in stored if at > NOW - WINDOW)
    assert (wait is None) == (counted + asked <= MAX_BYTES_BY_CALLER)
    if wait is not None:
        assert timedelta() < wait <= WINDOW
        assert wait_for_bytes(stored, asked, now=NOW + wait) is None
