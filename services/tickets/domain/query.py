"""The search line: `status:open assignee:me created>2026-01-01 "exact words" -billing`.

    words           all of them, anywhere in the ticket; a `*` at the end finds beginnings
    "some words"    next to each other, in this order
    field:a,b       one of the values; "…" around one with spaces; `none` for an empty field ("none" is a value)
    field>value     also >=, < and <=, for numbers and moments; a day is meant as a whole
    -x   NOT x      not
    x OR y          either; what merely stands side by side (or with AND between) binds closer
    ( … )           together

A line becomes a tree of `conditions`, as views keep it. What looks like a field but is none (`https://…`, `Error: 17`)
is searched for as words, unless it was probably meant to be a field.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from difflib import get_close_matches
from types import MappingProxyType

from services.tickets.domain.conditions import (
    MAX_DEPTH,
    AllOf,
    AnyOf,
    Comparison,
    Condition,
    ConditionError,
    Kind,
    Not,
    Operator,
    Scalar,
    as_json,
    moment,
    parse,
)

MAX_CHARACTERS = 1_000
TEXT = "text"

_TOKEN = re.compile(
    r"""(?P<open>\() | (?P<close>\)) | (?P<minus>-(?=[^\s-]))
    | (?P<field>[^\W\d]\w*(?:\.\w+)*)(?P<sign>:|>=|<=|>|<)(?P<value>(?:"[^"]*"|[^\s()",]+)(?:,(?:"[^"]*"|[^\s()",]+))*)
    | "(?P<phrase>[^"]*)"?
    | (?P<word>[^\s()"]+)""",
    re.VERBOSE,
)
_VALUE = re.compile(r'"([^"]*)"|([^",]+)')
_ORDER = {">": Operator.GT, ">=": Operator.GTE, "<": Operator.LT, "<=": Operator.LTE}
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
# The end of a day is the beginning of the next one.
_WHOLE_DAY = {Operator.GT: Operator.GTE, Operator.LTE: Operator.LT}
_FLAGS = {"true": True, "yes": True, "false": False, "no": False}


class QueryError(ValueError):
    """A line that cannot be read. `position` is that of the character where it went wrong, from 0."""

    def __init__(self, position: int, problem: str) -> None:
        super().__init__(f"At character {position + 1}: {problem}")
        self.position = position
        self.problem = problem


def read(
    line: str, fields: Mapping[str, Kind], values: Mapping[str, Collection[str]] = MappingProxyType({})
) -> Condition:
    """The condition that a search line describes. Raises QueryError.

    `fields` names what can be asked for, and `values` all there is of those that have few.
    """
    if len(line) > MAX_CHARACTERS:
        raise QueryError(MAX_CHARACTERS, f"a search has at most {MAX_CHARACTERS} characters")
    reader = _Reader(line, fields, values)
    condition = reader.either()
    if reader.next is not None:
        raise QueryError(reader.next.start(), "this parenthesis was never opened")
    try:
        return parse(as_json(condition), {**fields, TEXT: Kind.SEARCH})
    except ConditionError as error:
        raise QueryError(0, error.problem) from None


class _Reader:
    """Reads from left to right, one token ahead (recursive descent)."""

    def __init__(self, line: str, fields: Mapping[str, Kind], values: Mapping[str, Collection[str]]) -> None:
        self._tokens = _TOKEN.finditer(line)
        self._fields = fields
        self._values = values
        self._depth = 0
        self.next = next(self._tokens, None)

    def either(self) -> Condition:
        """Terms with OR between them."""
        found = [self._together()]
        while self._word() == "OR":
            self._advance()
            found.append(self._together())
        return found[0] if len(found) == 1 else AnyOf(tuple(found))

    def _together(self) -> Condition:
        found: list[Condition] = []
        while self.next is not None and not self.next["close"] and self._word() != "OR":
            if self._word() == "AND":
                self._advance()
            else:
                found.append(self._term())
        return found[0] if len(found) == 1 else AllOf(tuple(found))

    def _term(self) -> Condition:
        token = self._advance()
        if token["minus"] or token["word"] == "NOT":
            if self.next is None or self.next["close"]:
                raise QueryError(token.end(), "something has to follow that is not wanted")
            return Not(self._term())
        if token["open"]:
            return self._inside(token)
        if token["field"]:
            return self._comparison(token)
        return _matches(token["word"] if token["phrase"] is None else f'"{token["phrase"]}"')

    def _inside(self, opened: re.Match[str]) -> Condition:
        if self._depth == MAX_DEPTH:
            raise QueryError(opened.start(), f"parentheses stand at most {MAX_DEPTH} deep")
        self._depth += 1
        inside = self.either()
        self._depth -= 1
        if self.next is None:
            raise QueryError(opened.start(), "this parenthesis is never closed")
        self._advance()
        return inside

    def _comparison(self, token: re.Match[str]) -> Condition:
        name = token["field"].casefold()
        kind = self._fields.get(name)
        if kind is None:
            if close := get_close_matches(name, self._fields, n=1, cutoff=0.8):
                raise QueryError(token.start(), f"there is no field {name}; did you mean {close[0]}?")
            return _matches(token[0])
        found = _VALUE.findall(token["value"])
        values = [quoted or plain for quoted, plain in found]
        if kind is Kind.SEARCH:  # there quotes have a meaning
            values = [f'"{quoted}"' if quoted else plain for quoted, plain in found]
        try:
            if token["sign"] == ":":
                if kind is not Kind.SEARCH and found == [("", "none")]:
                    return Comparison(name, Operator.IS, ())
                return _is(name, kind, values, self._values.get(name))
            if len(values) > 1:
                raise ValueError(f"{token['sign']} compares with one value")
            return _compared(name, kind, _ORDER[token["sign"]], values[0])
        except ValueError as error:
            raise QueryError(token.start("value"), str(error)) from None

    def _word(self) -> str | None:
        return self.next["word"] if self.next is not None else None

    def _advance(self) -> re.Match[str]:
        token = self.next
        assert token is not None
        self.next = next(self._tokens, None)
        return token


def _matches(words: str) -> Comparison:
    return Comparison(TEXT, Operator.MATCHES, words)


def _is(name: str, kind: Kind, values: Sequence[str], all_there_are: Collection[str] | None) -> Condition:
    if kind is Kind.SEARCH:
        return AnyOf(tuple(Comparison(name, Operator.MATCHES, value) for value in values))
    if all_there_are is not None and (unknown := [value for value in values if value not in all_there_are]):
        raise ValueError(f"{name} is {', '.join(all_there_are)} or none without quotes, never {unknown[0]}")
    if kind is Kind.MOMENT:
        return AnyOf(tuple(_on(name, value) for value in values))
    if kind is Kind.TEXT:
        return AnyOf(tuple(Comparison(name, Operator.CONTAINS, value) for value in values))
    return Comparison(name, Operator.IS, tuple(_scalar(kind, value) for value in values))


def _on(name: str, value: str) -> Condition:
    if not _DAY.fullmatch(value):
        raise ValueError(f"{name} is a moment: ask for a day (2026-01-31), or compare it ({name}>-7d)")
    return AllOf((Comparison(name, Operator.GTE, value), Comparison(name, Operator.LT, _day_after(value))))


def _compared(name: str, kind: Kind, order: Operator, value: str) -> Condition:
    if kind not in {Kind.NUMBER, Kind.MOMENT}:
        raise ValueError(f"{name} has no order; ask {name}:{value}")
    if kind is Kind.MOMENT and _DAY.fullmatch(value) and order in _WHOLE_DAY:
        return Comparison(name, _WHOLE_DAY[order], _day_after(value))
    return Comparison(name, order, _scalar(kind, value))


def _day_after(day: str) -> str:
    try:
        return (date.fromisoformat(day) + timedelta(days=1)).isoformat()
    except (ValueError, OverflowError):
        raise ValueError(f"{day} is no day of the calendar") from None


def _scalar(kind: Kind, value: str) -> Scalar:
    if kind is Kind.NUMBER:
        return _number(value)
    if kind is Kind.MOMENT:
        _refuse_what_is_no_moment(value)
    if kind is Kind.FLAG:
        if value.casefold() not in _FLAGS:
            raise ValueError("expected true or false")
        return _FLAGS[value.casefold()]
    return value


def _number(value: str) -> Scalar:
    try:
        number: int | float = int(value) if value.lstrip("-").isdecimal() else float(value)
    except ValueError:
        raise ValueError(f"{value} is no number") from None
    if number - number != 0:
        raise ValueError(f"{value} is no number to compare with")
    return number


def _refuse_what_is_no_moment(value: str) -> None:
    try:
        moment(value, now=datetime(2000, 1, 1, tzinfo=UTC), zone=UTC)
    except ValueError:
        raise ValueError(f"{value} is no day (2026-01-31), time or distance such as -7d") from None
