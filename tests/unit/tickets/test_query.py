"""The search line becomes the condition a person means by it, or says where it went wrong."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.tickets.domain.conditions import Kind, as_json, parse
from services.tickets.domain.query import TEXT, QueryError, read

FIELDS = {
    "status": Kind.WORD,
    "assignee": Kind.WORD,
    "tags": Kind.WORDS,
    "created": Kind.MOMENT,
    "solved": Kind.MOMENT,
    "amount": Kind.NUMBER,
    "subject": Kind.SEARCH,
    "note": Kind.TEXT,
    "order.number": Kind.TEXT,
    "paid": Kind.FLAG,
}


def words(text: str) -> dict[str, Any]:
    return {"field": TEXT, "matches": text}


@pytest.mark.parametrize(
    ("line", "tree"),
    [
        ("", {"all": []}),
        ("refund", words("refund")),
        ("late refund", {"all": [words("late"), words("refund")]}),
        ("late AND refund", {"all": [words("late"), words("refund")]}),
        ('"late refund"', words('"late refund"')),
        ('"never closed', words('"never closed"')),
        ("refu*", words("refu*")),
        ("वापसी", words("वापसी")),
        ("status:open", {"field": "status", "is": ["open"]}),
        ("Status:open,new", {"field": "status", "is": ["open", "new"]}),
        ("assignee:none", {"field": "assignee", "is": []}),
        ('tags:"none"', {"field": "tags", "is": ["none"]}),
        ('tags:"two words",one', {"field": "tags", "is": ["two words", "one"]}),
        ("amount>=10.5", {"field": "amount", "gte": 10.5}),
        ("amount:10", {"field": "amount", "is": [10]}),
        ("paid:yes", {"field": "paid", "is": [True]}),
        ("created>-7d", {"field": "created", "gt": "-7d"}),
        ("created>=2026-01-31", {"field": "created", "gte": "2026-01-31"}),
        ("created>2026-01-31", {"field": "created", "gte": "2026-02-01"}),
        ("created<=2026-01-31", {"field": "created", "lt": "2026-02-01"}),
        (
            "created:2026-12-31",
            {"any": [{"all": [{"field": "created", "gte": "2026-12-31"}, {"field": "created", "lt": "2027-01-01"}]}]},
        ),
        ("solved:none", {"field": "solved", "is": []}),
        ("note:refund", {"any": [{"field": "note", "contains": "refund"}]}),
        (
            'subject:refu*,"late refund"',
            {"any": [{"field": "subject", "matches": "refu*"}, {"field": "subject", "matches": '"late refund"'}]},
        ),
        ("order.number:A-17", {"any": [{"field": "order.number", "contains": "A-17"}]}),
        ("-status:closed", {"not": {"field": "status", "is": ["closed"]}}),
        ("NOT refund", {"not": words("refund")}),
        ("a OR b c", {"any": [words("a"), {"all": [words("b"), words("c")]}]}),
        ("(a OR b) c", {"all": [{"any": [words("a"), words("b")]}, words("c")]}),
        ("-(a b)", {"not": {"all": [words("a"), words("b")]}}),
        ("https://shop.example/x?a=1", words("https://shop.example/x?a=1")),
        ("Error:17", words("Error:17")),
        ("well-known", words("well-known")),
        ("- 5", {"all": [words("-"), words("5")]}),
        ("or and not", {"all": [words("or"), words("and"), words("not")]}),
    ],
)
def test_lines(line: str, tree: dict[str, Any]) -> None:
    assert as_json(read(line, FIELDS)) == tree


@pytest.mark.parametrize(
    ("line", "position", "problem"),
    [
        ("a statsu:open", 2, "did you mean status?"),
        ("(a OR b", 0, "never closed"),
        ("a) b", 1, "never opened"),
        ("status>open", 7, "no order"),
        ("a NOT", 5, "has to follow"),
        ("a (NOT )", 6, "has to follow"),
        ("created:tuesday", 8, "2026-01-31"),
        ("created>2026-02-30", 8, "no day"),
        ("created<9999-12-31,2000-01-01", 8, "one value"),
        ("amount>many", 7, "many"),
        ("amount>nan", 7, "no number"),
        ("paid:perhaps", 5, "true or false"),
        ("((((((((((a))))))))))", 8, "deep"),
        ("x" * 1_001, 1_000, "1000 characters"),
    ],
)
def test_what_cannot_be_read_says_where(line: str, position: int, problem: str) -> None:
    with pytest.raises(QueryError, match=problem) as raised:
        read(line, FIELDS)
    assert raised.value.position == position


_pieces = st.sampled_from([*'ab:<>="()- ,*.170', "created", "status:", "OR ", "AND ", "NOT ", "2026-01-31", "none"])


@given(st.lists(_pieces).map("".join))
def test_any_line_is_read_or_refused(line: str) -> None:
    """Whatever is typed becomes a tree that a view could keep, or an error with a place in the line."""
    refused = None
    try:
        condition = read(line, FIELDS)
    except QueryError as error:
        refused = error
    if refused is None:
        assert parse(as_json(condition), {**FIELDS, TEXT: Kind.SEARCH}) == condition
    else:
        assert 0 <= refused.position <= len(line)
