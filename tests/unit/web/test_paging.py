import json
from base64 import urlsafe_b64encode
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.web import Unprocessable, cut_page, decode_cursor, encode_cursor


def packed(value: Any) -> str:
    return urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


@given(
    st.datetimes(timezones=st.just(UTC)),
    st.uuids(),
    st.integers(-(2**63), 2**63 - 1),
    st.none() | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=50),
)
def test_a_cursor_leads_back_to_its_values(at: datetime, id_: UUID, number: int, text: str | None) -> None:
    cursor = encode_cursor(at, id_, number, text)
    assert decode_cursor(cursor, datetime, UUID, int, str | None) == (at, id_, number, text)
    assert cursor.replace("-", "").replace("_", "").isalnum()


@pytest.mark.parametrize(
    ("cursor", "types"),
    [
        ("", (int,)),
        ("!!!!", (int,)),
        ("é", (int,)),
        (packed([1])[:-1], (int,)),
        (packed([1]) + "\n", (int,)),
        (packed(1), (int,)),
        (packed({"a": 1}), (int,)),
        (packed([1, 2]), (int,)),
        (packed([]), (int,)),
        (packed(["1"]), (int,)),
        (packed([True]), (int,)),
        (packed([None]), (int,)),
        (packed([2**63]), (int,)),
        (packed([-(2**63) - 1]), (int,)),
        (packed(["a\x00"]), (str,)),
        (packed(["\ud800"]), (str,)),
        (packed(["x" * 513]), (str,)),
        (packed(["2026-01-01T00:00:00"]), (datetime,)),
        (packed(["soon"]), (datetime,)),
        (packed(["x"]), (UUID,)),
        (urlsafe_b64encode(b"[NaN]").decode().rstrip("="), (float,)),
        (urlsafe_b64encode(b"[Infinity]").decode().rstrip("="), (float,)),
        (urlsafe_b64encode(b"[1e999]").decode().rstrip("="), (float,)),
        (urlsafe_b64encode(b"[" * 400).decode().rstrip("="), (int,)),
        (urlsafe_b64encode(b"\xff\xfe").decode().rstrip("="), (int,)),
    ],
)
def test_a_cursor_that_is_not_ours_is_the_callers_mistake(cursor: str, types: tuple[Any, ...]) -> None:
    with pytest.raises(Unprocessable) as problem:
        decode_cursor(cursor, *types)
    assert problem.value.slug == "bad-cursor"


@given(st.text(max_size=100))
def test_any_text_is_a_cursor_or_a_problem(text: str) -> None:
    try:
        decode_cursor(text, datetime, UUID)
    except Unprocessable:
        return


def test_a_page_is_cut_where_the_next_begins() -> None:
    rows = [(n, uuid4()) for n in range(5)]
    page, cursor = cut_page(rows, 4, lambda row: row)
    assert page == rows[:4]
    assert cursor is not None
    assert decode_cursor(cursor, int, UUID) == rows[3]
    assert cut_page(rows, 5, lambda row: row) == (rows, None)
    assert cut_page([], 5, lambda row: row) == ([], None)
