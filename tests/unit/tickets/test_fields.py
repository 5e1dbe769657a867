"""Fields of the organisation's own: what they take, when forms show and require them."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.tickets.domain.field_values import Field, Kind, wrong_with
from services.tickets.domain.fields import Fields, FieldsError, Form, check, fixed, indexed, paths, states, with_values
from services.tickets.schemas.fields import FieldsBody

NOW = datetime(2026, 5, 10, 12, tzinfo=UTC)
CASES = json.loads((Path(__file__).parents[2] / "data" / "fields" / "cases.json").read_text(encoding="utf-8"))
QUESTION = {"type": "question", "brand": "default"}
INCIDENT = {**QUESTION, "type": "incident"}


def a_field(key: str = "a", kind: Kind = Kind.TEXT, **settings: Any) -> Field:
    return Field(key, kind, {"en": key}, **settings)


def body(*fields: dict[str, Any]) -> Fields:
    return FieldsBody.model_validate({"fields": [{"labels": {"en": "x"}, **each} for each in fields]}).to_domain()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_forms_show_and_require_what_the_cases_say(case: dict[str, Any]) -> None:
    fields = FieldsBody.model_validate({"fields": case["fields"], "forms": case["forms"]}).to_domain()
    check(fields, types=[name for form in fields.forms for name in form.types])
    shown = states(fields, case["ticket"], case["values"], now=datetime.fromisoformat(case["now"]))
    assert {key: {"visible": one.visible, "required": one.required} for key, one in shown.items()} == case["shown"]


CHOICES = ("hardware", "hardware/printer", "software")


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        (a_field(max_length=3), "abc", None),
        (a_field(max_length=3), "abcd", "too-long"),
        (a_field(), "nul\0", "control-characters"),
        (a_field(), 3, "wrong-kind"),
        (a_field(kind=Kind.NUMBER), 1.25, None),
        (a_field(kind=Kind.NUMBER, decimals=0), 2.0, None),
        (a_field(kind=Kind.NUMBER, decimals=0), 2.5, "too-many-decimals"),
        (a_field(kind=Kind.NUMBER, minimum=1, maximum=5), 0, "out-of-range"),
        (a_field(kind=Kind.NUMBER, minimum=1, maximum=5), 5, None),
        (a_field(kind=Kind.NUMBER), True, "wrong-kind"),
        (a_field(kind=Kind.NUMBER), 1e300, "out-of-range"),
        # Longer than a float holds: the question whether it is finite fails.
        (a_field(kind=Kind.NUMBER), -(10**400), "out-of-range"),
        (a_field(kind=Kind.NUMBER), float("nan"), "out-of-range"),
        (a_field(kind=Kind.MONEY), {"amount": "12.50", "currency": "EUR"}, None),
        (a_field(kind=Kind.MONEY), {"amount": "12.505", "currency": "EUR"}, "too-many-decimals"),
        (a_field(kind=Kind.MONEY, currencies=("INR",)), {"amount": "1", "currency": "EUR"}, "unknown-currency"),
        (a_field(kind=Kind.MONEY), {"amount": "1", "currency": "euro"}, "unknown-currency"),
        (a_field(kind=Kind.MONEY), {"amount": "1e3", "currency": "EUR"}, "bad-amount"),
        (a_field(kind=Kind.MONEY), {"amount": "NaN", "currency": "EUR"}, "bad-amount"),
        (a_field(kind=Kind.MONEY), {"amount": "١٢", "currency": "EUR"}, "bad-amount"),
        (a_field(kind=Kind.MONEY), {"amount": "1"}, "wrong-kind"),
        (a_field(kind=Kind.DATE), "2026-02-29", "bad-date"),
        (a_field(kind=Kind.DATE), "2024-02-29", None),
        (a_field(kind=Kind.DATE), "20240229", "bad-date"),
        (a_field(kind=Kind.DATE), 3, "bad-date"),
        (a_field(kind=Kind.CHOICE, choices=CHOICES), "hardware/printer", None),
        (a_field(kind=Kind.CHOICE, choices=CHOICES), "printer", "unknown-choice"),
        (a_field(kind=Kind.CHOICES, choices=CHOICES), ["software", "hardware"], None),
        (a_field(kind=Kind.CHOICES, choices=CHOICES), ["software", "software"], "twice"),
        (a_field(kind=Kind.CHOICES, choices=CHOICES), ["x"], "unknown-choice"),
        (a_field(kind=Kind.CHOICES, choices=CHOICES), "software", "wrong-kind"),
        (a_field(kind=Kind.LOOKUP), "0197a0c6-7d2e-7000-8000-000000000000", None),
        (a_field(kind=Kind.LOOKUP), "CRM-4711/ü", None),
        (a_field(kind=Kind.LOOKUP), "", "bad-id"),
        (a_field(kind=Kind.LOOKUP), "CRM 4711", "bad-id"),
        (a_field(kind=Kind.LOOKUP), "CRM\u30004711", "bad-id"),
        (a_field(kind=Kind.LOOKUP), "x" * 201, "bad-id"),
        (a_field(kind=Kind.LOOKUP), 3, "bad-id"),
        (a_field(kind=Kind.FLAG), False, None),
        (a_field(kind=Kind.FLAG), "true", "wrong-kind"),
    ],
)
def test_a_field_takes_what_it_is_for(field: Field, value: Any, code: str | None) -> None:
    wrong = wrong_with(field, value)
    assert (wrong and wrong[0]) == code


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["amount", "currency"]), inner),
    max_leaves=5,
)


@given(kind=st.sampled_from(Kind), value=values)
def test_whatever_comes_is_judged_and_what_is_taken_can_be_compared_and_indexed(kind: Kind, value: Any) -> None:
    field = a_field(kind=kind, choices=CHOICES, filterable=True)
    fields = Fields((field,))
    after, problems = with_values(fields, {}, {"a": value}, was=None, ticket=QUESTION, now=NOW)
    if not problems:
        states(fields, QUESTION, after, now=NOW)
        for _, word, number in indexed(fields, after):
            assert (word is None) is not (number is None)


def test_what_is_missing_may_go_on_missing_but_nothing_new() -> None:
    fields = body(
        {"key": "cause", "kind": "text", "required_if": {"field": "type", "is": ["incident"]}},
        {"key": "other", "kind": "text", "required_if": {"all": []}},
        {"key": "free", "kind": "text"},
    )

    def codes(before: dict[str, Any], asked: dict[str, Any], was: Any, ticket: Any) -> list[tuple[str, str]]:
        _, problems = with_values(fields, before, asked, was=was, ticket=ticket, now=NOW)
        return [(each.field, each.code) for each in problems]

    assert codes({}, {}, None, QUESTION) == [("other", "required")], "of a new ticket all is asked"
    assert codes({}, {"free": "x"}, QUESTION, QUESTION) == [], "it was missing before"
    assert codes({}, {}, QUESTION, INCIDENT) == [("cause", "required")], "the change made it required"
    assert codes({"other": "x"}, {"other": None}, QUESTION, QUESTION) == [("other", "required")]
    assert codes({}, {"nothing": 1}, QUESTION, QUESTION) == [("nothing", "unknown")]


def test_what_a_form_does_not_show_is_not_set_but_kept_and_can_be_cleared() -> None:
    fields = body(
        {"key": "vip", "kind": "flag"},
        {"key": "why", "kind": "text", "visible_if": {"field": "fields.vip", "is": [True]}},
    )
    after, problems = with_values(fields, {}, {"why": "x"}, was=QUESTION, ticket=QUESTION, now=NOW)
    assert [(each.field, each.code) for each in problems] == [("why", "not-shown")]
    after, problems = with_values(
        fields, {"vip": True, "why": "x"}, {"vip": False}, was=QUESTION, ticket=QUESTION, now=NOW
    )
    assert (after, problems) == ({"vip": False, "why": "x"}, [])
    after, problems = with_values(fields, after, {"why": None}, was=QUESTION, ticket=QUESTION, now=NOW)
    assert (after, problems) == ({"vip": False}, [])


def test_all_values_of_a_ticket_together_have_a_bound() -> None:
    fields = Fields(tuple(a_field(f"f{n}") for n in range(20)))
    _, problems = with_values(
        fields, {}, {each.key: "ß" * 2_000 for each in fields.fields}, was=None, ticket=QUESTION, now=NOW
    )
    assert {each.code for each in problems} == {"too-much"}


def test_filterable_values_become_words_and_numbers() -> None:
    kinds = [kind for kind in Kind if kind is not Kind.LOOKUP]
    filterable = [a_field(kind.value, kind, choices=CHOICES, filterable=True) for kind in kinds]
    fields = Fields((*filterable, a_field("plain")))
    kept = {
        "text": "Straße",
        "number": 1.5,
        "money": {"amount": "12.50", "currency": "EUR"},
        "date": "1970-01-03",
        "choice": "hardware/printer",
        "choices": ["software", "hardware"],
        "flag": True,
        "plain": "x",
    }
    assert sorted(indexed(fields, kept), key=str) == sorted(
        [
            ("text", "strasse", None),
            ("number", None, Decimal("1.5")),
            ("money", None, Decimal("12.50")),
            ("date", None, Decimal(2)),
            ("choice", "hardware/printer", None),
            ("choices", "software", None),
            ("choices", "hardware", None),
            ("flag", "true", None),
        ],
        key=str,
    )


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        (Fields((a_field(), a_field())), "/fields/1/key"),
        (Fields((a_field(kind=Kind.CHOICE),)), "/fields/0/options"),
        (Fields((a_field(choices=("x",)),)), "/fields/0/options"),
        (Fields((a_field(kind=Kind.CHOICE, choices=("x", "x")),)), "/fields/0/options"),
        (Fields((a_field(kind=Kind.NUMBER, minimum=2, maximum=1),)), "/fields/0/minimum"),
        (Fields((a_field(),), (Form("f", {}, ("b",)),)), "/forms/0/fields/0"),
        (Fields((a_field(),), (Form("f", {}, ()), Form("f", {}, ()))), "/forms/1/key"),
    ],
)
def test_what_nobody_could_fill_in_is_refused(fields: Fields, path: str) -> None:
    with pytest.raises(FieldsError) as raised:
        check(fields)
    assert raised.value.path == path


def test_a_condition_rests_on_fields_before_its_own_alone() -> None:
    with pytest.raises(FieldsError) as raised:
        body(
            {"key": "a", "kind": "text", "visible_if": {"field": "fields.b", "is": ["x"]}}, {"key": "b", "kind": "text"}
        )
    assert raised.value.path == "/fields/0/visible_if/field"


def test_a_field_stays_what_it_is() -> None:
    before = Fields((a_field("a"), a_field("b"), a_field("c"), a_field("d")))
    after = Fields((a_field("a", active=False), a_field("b", Kind.NUMBER), a_field("c", filterable=True)))
    assert fixed(before, after) == ["b", "c", "d"]


def test_a_tree_of_choices_is_named_from_its_root() -> None:
    assert list(paths([("hardware", [("printer", [("laser", [])])]), ("software", [])])) == [
        "hardware",
        "hardware/printer",
        "hardware/printer/laser",
        "software",
    ]
