"""Conditions on tickets: trees of `all`, `any`, `not` and tests of one field.

Views, searches and fields that depend on other fields mean the same by them. A tree travels as JSON:

    {"all": [{"field": "status", "is": ["open", "new"]}, {"field": "created_at", "gte": "-7d"}]}

`is` holds when the field has one of the values, and `[]` when it has none; a field of several values, such as tags,
when it has at least one of them. `lt`, `lte`, `gt` and `gte` compare numbers and moments, `contains` finds a part of a
text whatever its case, `matches` is full-text search. Of an empty field nothing but `is []` holds. A moment is a day
(2026-01-31: its beginning, in the zone of who asks), a time (RFC 3339), or a distance from now (-7d, +2h; units m, h,
d, w).
"""

import operator
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from enum import StrEnum
from typing import Any

MAX_DEPTH = 8
MAX_TESTS = 100
MAX_VALUES = 200
# No index finds a part of a text: each reads the text of every ticket that is looked at.
MAX_PARTS = 3

FIRST_MOMENT, LAST_MOMENT = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)

Scalar = str | int | float | bool


class ConditionError(ValueError):
    """A tree that means nothing. `path` tells where, as a JSON Pointer (RFC 6901)."""

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(f"{path or '/'}: {problem}")
        self.path = path
        self.problem = problem


class Kind(StrEnum):
    """What a field holds, and with that how it can be tested."""

    WORD = "word"  # one of a set: a status, a group, an id
    WORDS = "words"  # several of them: tags
    TEXT = "text"
    NUMBER = "number"
    MOMENT = "moment"
    FLAG = "flag"
    SEARCH = "search"  # all that is written in a ticket


class Operator(StrEnum):
    """How a field is tested."""

    IS = "is"
    LT = "lt"
    LTE = "lte"
    GT = "gt"
    GTE = "gte"
    CONTAINS = "contains"
    MATCHES = "matches"


@dataclass(frozen=True, slots=True)
class AllOf:
    """Holds when all of them do; of none, always."""

    of: tuple["Condition", ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Holds when one of them does; of none, never."""

    of: tuple["Condition", ...]


@dataclass(frozen=True, slots=True)
class Not:
    """Holds when the other does not."""

    of: "Condition"


@dataclass(frozen=True, slots=True)
class Comparison:
    """One field compared. `IS` has a tuple of values, the others one value."""

    field: str
    operator: Operator
    value: Scalar | tuple[Scalar, ...]


Condition = AllOf | AnyOf | Not | Comparison

_ORDER: Mapping[Operator, Callable[[Any, Any], bool]] = {
    Operator.LT: operator.lt,
    Operator.LTE: operator.le,
    Operator.GT: operator.gt,
    Operator.GTE: operator.ge,
}
_OPERATORS: Mapping[Kind, frozenset[Operator]] = {
    Kind.WORD: frozenset({Operator.IS}),
    Kind.WORDS: frozenset({Operator.IS}),
    Kind.TEXT: frozenset({Operator.IS, Operator.CONTAINS}),
    Kind.NUMBER: frozenset({Operator.IS, *_ORDER}),
    Kind.MOMENT: frozenset({Operator.IS, *_ORDER}),
    Kind.FLAG: frozenset({Operator.IS}),
    Kind.SEARCH: frozenset({Operator.MATCHES}),
}
_DISTANCE = re.compile(r"([+-])(\d{1,6})([mhdw])")
# No text of a ticket has them, and no statement to PostgreSQL can.
_NEVER_KEPT = re.compile(r"[\x00\ud800-\udfff]")
_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}


def parse(tree: object, fields: Mapping[str, Kind]) -> Condition:
    """The condition that a JSON value describes. Raises ConditionError, also for what is too deep or too large."""
    condition = _parse(tree, fields, "", MAX_DEPTH)
    tests = [test.operator for test in comparisons(condition)]
    if len(tests) > MAX_TESTS:
        raise ConditionError("", f"more than {MAX_TESTS} tests")
    if tests.count(Operator.CONTAINS) > MAX_PARTS:
        raise ConditionError("", f"more than {MAX_PARTS} parts of texts to look for")
    return condition


def comparisons(condition: Condition) -> Iterator[Comparison]:
    """Every test in the tree, from left to right."""
    match condition:
        case Comparison():
            yield condition
        case Not(of):
            yield from comparisons(of)
        case AllOf(of) | AnyOf(of):
            for one in of:
                yield from comparisons(one)


def as_json(condition: Condition) -> dict[str, Any]:
    """The JSON value that `parse` makes the same condition of."""
    match condition:
        case AllOf(of):
            return {"all": [as_json(one) for one in of]}
        case AnyOf(of):
            return {"any": [as_json(one) for one in of]}
        case Not(of):
            return {"not": as_json(of)}
        case Comparison(field, operator_, value):
            return {"field": field, operator_.value: list(value) if isinstance(value, tuple) else value}


def moment(value: str, *, now: datetime, zone: tzinfo) -> datetime:
    """The moment a value of a test names; an end of the calendar, where it is beyond. Raises ValueError.

    What is within the calendar today is beyond it some day: a view that is kept must not fail then.
    """
    if match := _DISTANCE.fullmatch(value):
        sign, count, unit = match.groups()
        try:
            return now + int(count) * _UNITS[unit] * (-1 if sign == "-" else 1)
        except OverflowError:
            return FIRST_MOMENT if sign == "-" else LAST_MOMENT
    if len(value) == len("2026-01-31"):
        return _in_utc(datetime.combine(date.fromisoformat(value), time(), zone))
    found = datetime.fromisoformat(value)
    if found.tzinfo is None:
        raise ValueError(f"{value} has no UTC offset")
    return _in_utc(found)


def _in_utc(found: datetime) -> datetime:
    """In UTC; where the calendar has begun in a zone and not there yet, or ended there alone, its own end."""
    try:
        return found.astimezone(UTC)
    except OverflowError:
        return found.replace(tzinfo=UTC)


def holds(condition: Condition, values: Mapping[str, Any], *, now: datetime, zone: tzinfo = UTC) -> bool:
    """Whether the condition holds for these values of fields; a field that is not among them is empty."""
    match condition:
        case AllOf(of):
            return all(holds(one, values, now=now, zone=zone) for one in of)
        case AnyOf(of):
            return any(holds(one, values, now=now, zone=zone) for one in of)
        case Not(of):
            return not holds(of, values, now=now, zone=zone)
        case Comparison(field, Operator.IS, wanted):
            assert isinstance(wanted, tuple)
            held = _held(values.get(field))
            return any(one in wanted for one in held) if wanted else not held
        case Comparison(field, Operator.CONTAINS, wanted):
            return str(wanted).casefold() in str(values.get(field) or "").casefold()
        case Comparison(field, operator_, wanted):
            has = values.get(field)
            limit: Any = moment(wanted, now=now, zone=zone) if isinstance(wanted, str) else wanted
            return has is not None and _ORDER[operator_](has, limit)


def _held(value: Any) -> tuple[Any, ...]:
    if value is None or value == "":
        return ()
    return tuple(value) if isinstance(value, list | tuple | set | frozenset) else (value,)


def _parse(tree: object, fields: Mapping[str, Kind], path: str, depth: int) -> Condition:
    if not isinstance(tree, dict):
        raise ConditionError(path, "expected an object")
    if depth == 0:
        raise ConditionError(path, f"nested more than {MAX_DEPTH} deep")
    match tree:
        case {"all": list(of), **rest} if not rest:
            return AllOf(tuple(_parse(one, fields, f"{path}/all/{i}", depth - 1) for i, one in enumerate(of)))
        case {"any": list(of), **rest} if not rest:
            return AnyOf(tuple(_parse(one, fields, f"{path}/any/{i}", depth - 1) for i, one in enumerate(of)))
        case {"not": of, **rest} if not rest:
            return Not(_parse(of, fields, f"{path}/not", depth - 1))
        case {"field": str(field), **rest} if len(rest) == 1:
            [(operator_, value)] = rest.items()
            return _test(field, operator_, value, fields, path)
    raise ConditionError(path, 'expected {"all": […]}, {"any": […]}, {"not": …} or {"field": …, "is": […]}')


def _test(field: str, told: Any, value: object, fields: Mapping[str, Kind], path: str) -> Comparison:
    kind = fields.get(field)
    if kind is None:
        raise ConditionError(f"{path}/field", f"there is no field {field!r}")
    allowed = _OPERATORS[kind]
    if told not in allowed:
        raise ConditionError(path, f"{field} is tested by {' or '.join(sorted(allowed))}, not by {told}")
    where = f"{path}/{told}"
    if told != Operator.IS:
        return Comparison(field, Operator(told), _value(value, kind, where))
    if not isinstance(value, list) or len(value) > MAX_VALUES:
        raise ConditionError(where, f"expected a list of at most {MAX_VALUES} values")
    if value and kind is Kind.MOMENT:
        raise ConditionError(where, f"{field} is compared by gte and lt; `is` tells only whether it is empty: []")
    return Comparison(field, Operator.IS, tuple(_value(one, kind, f"{where}/{i}") for i, one in enumerate(value)))


def _value(value: object, kind: Kind, path: str) -> Scalar:
    match kind, value:
        case Kind.FLAG, bool():
            return value
        case Kind.NUMBER, int() | float() if not isinstance(value, bool):
            return value
        case Kind.MOMENT, str():
            try:
                moment(value, now=datetime(2000, 1, 1, tzinfo=UTC), zone=UTC)
            except ValueError:
                raise ConditionError(path, f"{value!r} is no day, time or distance such as -7d") from None
            return value
        case Kind.WORD | Kind.WORDS | Kind.TEXT | Kind.SEARCH, str():
            if _NEVER_KEPT.search(value):
                raise ConditionError(path, "a text without NUL and lone surrogates is expected")
            return value
    expected = {Kind.FLAG: "true or false", Kind.NUMBER: "a number", Kind.MOMENT: "a moment"}.get(kind, "a text")
    raise ConditionError(path, f"expected {expected}")
