"""A field of the organisation's own, and whether a value is one of its."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any

from services.tickets.domain.conditions import Condition
from services.tickets.domain.texts import CONTROL

MAX_TEXT = 2_000
_ID = 200
# PostgreSQL's and JavaScript's numbers are exact so far.
_EXACT = 2**53
_CURRENCY = len("EUR")

# A code, which does not change, and words.
Wrong = tuple[str, str] | None


class Kind(StrEnum):
    """What a field holds.

    As JSON `money` is {"amount": "12.50", "currency": "EUR"}, `date` a day, `lookup` an id as another system writes it,
    `choice` one of a tree, named from its root (`hardware/printer`), and `choices` several of them.
    """

    TEXT = "text"
    NUMBER = "number"
    MONEY = "money"
    DATE = "date"
    CHOICE = "choice"
    CHOICES = "choices"
    LOOKUP = "lookup"
    FLAG = "flag"


class Access(StrEnum):
    """What customers may do with a field of their tickets. What they write is what they open a ticket with."""

    HIDDEN = "hidden"
    READ = "read"
    WRITE = "write"


@dataclass(frozen=True, slots=True)
class Field:
    """A field. `choices` are the paths of a choice, `minimum` and `maximum` bound numbers and amounts.

    `decimals` is how many a number or an amount may have, `currencies` those that money may be in (of none given, any).
    """

    key: str
    kind: Kind
    labels: Mapping[str, str]
    active: bool = True
    filterable: bool = False
    customers: Access = Access.HIDDEN
    choices: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    decimals: int = 2
    currencies: tuple[str, ...] = ()
    max_length: int = MAX_TEXT
    visible_if: Condition | None = None
    required_if: Condition | None = None


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """What is wrong with the value of one field. `code` is for programs: it does not change."""

    field: str
    code: str
    problem: str


def wrong_with(field: Field, value: Any) -> Wrong:
    """What is wrong with a value that is not empty; None if nothing is."""
    return _CHECKS[field.kind](field, value)


def _text(field: Field, value: Any) -> Wrong:
    if not isinstance(value, str):
        return _other_kind(field)
    if len(value) > field.max_length:
        return "too-long", f"At most {field.max_length} characters."
    return ("control-characters", "Control characters cannot be kept.") if CONTROL.search(value) else None


def _number(field: Field, value: Any) -> Wrong:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return _other_kind(field)
    # This way round it is false of what is no number, too, and no integer is too long for it.
    if not abs(value) <= _EXACT:
        return "out-of-range", "This number is too large."
    return _out_of_bounds(field, Decimal(str(value)))


def _money(field: Field, value: Any) -> Wrong:
    match value:
        case {"amount": str(amount), "currency": str(currency), **rest} if not rest:
            return _wrong_currency(field, currency) or _wrong_amount(field, amount)
    return _other_kind(field)


def _wrong_currency(field: Field, currency: str) -> Wrong:
    if field.currencies and currency not in field.currencies:
        return "unknown-currency", f"Only {', '.join(field.currencies)}."
    is_code = len(currency) == _CURRENCY and currency.isascii() and currency.isalpha() and currency.isupper()
    return None if is_code else ("unknown-currency", "A currency is written like EUR (ISO 4217).")


def _wrong_amount(field: Field, amount: str) -> Wrong:
    try:
        number = Decimal(amount) if amount.isascii() and not set(amount.lower()) & set("e_ ") else Decimal("NaN")
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite():
        return "bad-amount", "An amount is written like 12.50."
    if abs(number) > _EXACT:
        return "out-of-range", "This amount is too large."
    return _out_of_bounds(field, number)


def _out_of_bounds(field: Field, number: Decimal) -> Wrong:
    if number != round(number, field.decimals):
        return "too-many-decimals", f"At most {field.decimals} decimals."
    if field.minimum is not None and number < Decimal(str(field.minimum)):
        return "out-of-range", f"At least {field.minimum:g}."
    if field.maximum is not None and number > Decimal(str(field.maximum)):
        return "out-of-range", f"At most {field.maximum:g}."
    return None


def _date(_field: Field, value: Any) -> Wrong:
    try:
        if date.fromisoformat(value).isoformat() == value:
            return None
    except (TypeError, ValueError):
        pass
    return "bad-date", "A day is written like 2026-01-31."


def _choice(field: Field, value: Any) -> Wrong:
    if not isinstance(value, str):
        return _other_kind(field)
    return None if value in field.choices else ("unknown-choice", "There is no such choice.")


def _choices(field: Field, value: Any) -> Wrong:
    if not isinstance(value, list):
        return _other_kind(field)
    if wrong := next((wrong for one in value if (wrong := _choice(field, one))), None):
        return wrong
    return ("twice", "A choice is there twice.") if len(set(value)) < len(value) else None


def _lookup(_field: Field, value: Any) -> Wrong:
    is_id = isinstance(value, str) and 0 < len(value) <= _ID and value.isprintable() and " " not in value
    return None if is_id else ("bad-id", f"An id has up to {_ID} characters and no spaces, like CRM-4711.")


def _flag(field: Field, value: Any) -> Wrong:
    return None if isinstance(value, bool) else _other_kind(field)


def _other_kind(field: Field) -> Wrong:
    return "wrong-kind", f"This is no value of the kind {field.kind}."


_CHECKS: Mapping[Kind, Callable[[Field, Any], Wrong]] = {
    Kind.TEXT: _text,
    Kind.NUMBER: _number,
    Kind.MONEY: _money,
    Kind.DATE: _date,
    Kind.CHOICE: _choice,
    Kind.CHOICES: _choices,
    Kind.LOOKUP: _lookup,
    Kind.FLAG: _flag,
}
