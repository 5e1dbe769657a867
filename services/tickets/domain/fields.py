"""Fields of the organisation's own: what they hold, which forms they are on, when they are shown and required.

A screen decides by the same rules while somebody types: `tests/data/fields/cases.json` holds the cases that both have
to agree on. Fields are looked at in their order, and a condition may rest on fields before its own alone: so there are
no circles, and a field that is not shown is empty for those after it.
"""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from itertools import chain
from types import MappingProxyType
from typing import Any

from services.tickets.domain.conditions import Condition, comparisons, holds
from services.tickets.domain.conditions import Kind as Tested
from services.tickets.domain.field_values import Access, Field, FieldProblem, Kind, wrong_with
from shared.events.common import TicketType

PREFIX = "fields."
MAX_CHOICES = 2_000
# Of all values of a ticket, as JSON: an event tells of each twice, before and after.
MAX_BYTES = 32_768
# What an index takes of a text.
_WORD = 200
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECONDS_OF_A_DAY = 86_400_000_000


TESTED: Mapping[Kind, Tested] = MappingProxyType(
    {
        Kind.TEXT: Tested.TEXT,
        Kind.NUMBER: Tested.NUMBER,
        Kind.MONEY: Tested.NUMBER,
        Kind.DATE: Tested.MOMENT,
        Kind.CHOICE: Tested.WORD,
        Kind.CHOICES: Tested.WORDS,
        Kind.LOOKUP: Tested.WORD,
        Kind.FLAG: Tested.FLAG,
    }
)
# What a condition of a field can rest on, beside fields before it.
BUILT_IN: Mapping[str, Tested] = MappingProxyType(
    {
        "type": Tested.WORD,
        "priority": Tested.WORD,
        "status": Tested.WORD,
        "channel": Tested.WORD,
        "language": Tested.WORD,
        "group": Tested.WORD,
        "brand": Tested.WORD,
        "tags": Tested.WORDS,
        "urgency": Tested.WORD,
        "impact": Tested.WORD,
    }
)
# What customers see of that, and so what a condition of a field of theirs can rest on.
_PUBLIC = frozenset({"type", "priority", "status", "channel", "language", "brand"})


class FieldsError(ValueError):
    """What nobody could fill in. `path` tells where in the document, as a JSON Pointer (RFC 6901)."""

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(f"{path or '/'}: {problem}")
        self.path = path
        self.problem = problem


@dataclass(frozen=True, slots=True)
class Form:
    """Which fields tickets have, of these types and brands (of any, where none is named).

    A type is named by its own key, or by a category for all in it.
    """

    key: str
    labels: Mapping[str, str]
    fields: tuple[str, ...]
    types: tuple[str, ...] = ()
    brands: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Fields:
    """All fields, in their order, and the forms. Without any form a ticket has all fields."""

    fields: tuple[Field, ...] = ()
    forms: tuple[Form, ...] = ()
    by_key: Mapping[str, Field] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_key", {each.key: each for each in self.fields})

    def of(self, types: Collection[str], brand: str) -> frozenset[str]:
        """The keys of the active fields that a ticket has whose type and brand are called so."""
        active = {each.key for each in self.fields if each.active}
        if not self.forms:
            return frozenset(active)
        fitting = (
            form
            for form in self.forms
            if (not form.types or not {*types}.isdisjoint(form.types)) and (not form.brands or brand in form.brands)
        )
        return frozenset(key for form in fitting for key in form.fields if key in active)


NO_FIELDS = Fields()


def written_by_customers(fields: Fields) -> Fields:
    """What customers can open a ticket with: for them there is nothing else."""
    theirs = tuple(each for each in fields.fields if each.customers is Access.WRITE)
    keys = {each.key for each in theirs}
    forms = (replace(form, fields=tuple(key for key in form.fields if key in keys)) for form in fields.forms)
    return Fields(theirs, tuple(forms))


def seen_by_customers(fields: Fields, values: Mapping[str, Any]) -> dict[str, Any]:
    """Those of a ticket's values that its customer sees."""
    theirs = {each.key for each in fields.fields if each.active and each.customers is not Access.HIDDEN}
    return {key: value for key, value in values.items() if key in theirs}


def check(fields: Fields, types: Collection[str] = tuple(TicketType)) -> None:
    """Raises FieldsError for what cannot be worked with, although each part of it is well formed.

    `types` are those that forms can be for.
    """
    for path, problem in chain(_mistakes(fields), _mistakes_in_forms(fields, types)):
        raise FieldsError(path, problem)


def _mistakes(fields: Fields) -> Iterator[tuple[str, str]]:
    keys = [each.key for each in fields.fields]
    for place, each in enumerate(fields.fields):
        if each.key in keys[:place]:
            yield f"/fields/{place}/key", f"{each.key} is there twice"
        if (each.kind in {Kind.CHOICE, Kind.CHOICES}) != bool(each.choices):
            yield f"/fields/{place}/options", "a choice has options, and nothing else has"
        if len(set(each.choices)) < len(each.choices):
            yield f"/fields/{place}/options", "an option is there twice"
        if len(each.choices) > MAX_CHOICES:
            yield f"/fields/{place}/options", f"more than {MAX_CHOICES} options"
        if each.minimum is not None and each.maximum is not None and each.minimum > each.maximum:
            yield f"/fields/{place}/minimum", "is above the maximum"
        if each.customers is not Access.HIDDEN:
            for condition in ("visible_if", "required_if"):
                for name in _unseen(fields, getattr(each, condition)):
                    yield f"/fields/{place}/{condition}", f"rests on {name}, which customers do not see"


def _unseen(fields: Fields, condition: Condition | None) -> Iterator[str]:
    for test in comparisons(condition) if condition else ():
        own = fields.by_key.get(test.field.removeprefix(PREFIX)) if test.field.startswith(PREFIX) else None
        if test.field not in _PUBLIC and (own is None or own.customers is Access.HIDDEN):
            yield test.field


def _mistakes_in_forms(fields: Fields, types: Collection[str]) -> Iterator[tuple[str, str]]:
    names = [form.key for form in fields.forms]
    for place, form in enumerate(fields.forms):
        if form.key in names[:place]:
            yield f"/forms/{place}/key", f"{form.key} is there twice"
        for nth, key in enumerate(form.fields):
            if key not in fields.by_key:
                yield f"/forms/{place}/fields/{nth}", f"there is no field {key}"
        for nth, name in enumerate(form.types):
            if name not in types:
                yield f"/forms/{place}/types/{nth}", f"there is no type {name}"


def fixed(before: Fields, after: Fields) -> list[str]:
    """Keys of fields that are gone, or hold something else than before, or are filtered by no more, or only now."""
    return [
        each.key
        for each in before.fields
        if (now := after.by_key.get(each.key)) is None or (now.kind, now.filterable) != (each.kind, each.filterable)
    ]


@dataclass(frozen=True, slots=True)
class Shown:
    """A field as a form shows it now."""

    visible: bool
    required: bool


def states(fields: Fields, ticket: Mapping[str, Any], values: Mapping[str, Any], *, now: datetime) -> dict[str, Shown]:
    """How each field of the ticket is shown; `ticket` holds what is built in, among it `type` and `brand`.

    Of its type, `type` is the category, and `type_key` the organisation's own.
    """
    known = dict(ticket)
    types = [str(ticket.get(name) or "") for name in ("type", "type_key")]
    has = fields.of(types, str(ticket.get("brand") or ""))
    shown: dict[str, Shown] = {}
    for each in fields.fields:
        if each.key not in has:
            continue
        visible = each.visible_if is None or holds(each.visible_if, known, now=now)
        required = visible and each.required_if is not None and holds(each.required_if, known, now=now)
        shown[each.key] = Shown(visible, required)
        if visible and (value := values.get(each.key)) is not None:
            known[PREFIX + each.key] = comparable(each.kind, value)
    return shown


def comparable(kind: Kind, value: Any) -> Any:
    """A value as conditions compare it: money by its amount, whatever the currency; a day by its beginning, in UTC."""
    if kind is Kind.MONEY:
        return float(value["amount"])
    if kind is Kind.DATE:
        return datetime.combine(date.fromisoformat(value), time(), UTC)
    return value


def with_values(
    fields: Fields,
    before: Mapping[str, Any],
    asked: Mapping[str, Any],
    *,
    was: Mapping[str, Any] | None,
    ticket: Mapping[str, Any],
    now: datetime,
) -> tuple[dict[str, Any], list[FieldProblem]]:
    """The values of a ticket after somebody set some, None clearing one, and what is wrong with them.

    `was` and `ticket` hold what is built in, before and after the change; `was` is None for a new ticket. What was
    missing before may go on missing: who sets one field need not fill in all others. What the change makes required has
    to be there.
    """
    problems = list(_problems(fields, asked))
    wrong = {each.field for each in problems}
    after = {
        key: value for key, value in {**before, **asked}.items() if value not in (None, "", []) and key not in wrong
    }
    if len(json.dumps(after, ensure_ascii=False).encode(errors="replace")) > MAX_BYTES:
        problems += (FieldProblem(key, "too-much", "All fields of a ticket together take too much.") for key in asked)
    shown = states(fields, ticket, after, now=now)
    for key, value in asked.items():
        if key in fields.by_key and key not in wrong and value not in (None, "", []):
            if key not in shown:
                problems.append(FieldProblem(key, "not-on-form", "This ticket has no such field."))
            elif not shown[key].visible:
                problems.append(FieldProblem(key, "not-shown", "This field is not shown as the others are filled in."))
    shown_before = {} if was is None else states(fields, was, before, now=now)
    missed = {key for key, state in shown_before.items() if state.required} - before.keys()
    for key, state in shown.items():
        if state.required and key not in after.keys() | missed | wrong:
            problems.append(FieldProblem(key, "required", "This field has to be filled in."))
    return after, problems


def indexed(fields: Fields, values: Mapping[str, Any]) -> Iterator[tuple[str, str | None, Decimal | None]]:
    """What lists are filtered by: for each value of a filterable field its key, and its word or its number.

    A day is the number of days since 1970, a flag the word `true` or `false`, money its amount.
    """
    for key, value in values.items():
        known = fields.by_key.get(key)
        if known is None or not known.filterable:
            continue
        match known.kind:
            case Kind.NUMBER:
                yield key, None, Decimal(str(value))
            case Kind.MONEY:
                yield key, None, Decimal(value["amount"])
            case Kind.DATE:
                yield key, None, indexed_day(comparable(Kind.DATE, value))
            case Kind.CHOICES:
                yield from ((key, one, None) for one in value)
            case kind:
                yield key, indexed_word(kind, value), None


def indexed_word(kind: Kind, value: Any) -> str:
    """The word by which a value is looked up: of a text its beginning, whatever its case."""
    match kind:
        case Kind.FLAG:
            return str(value).lower()
        case Kind.TEXT:
            return str(value).casefold()[:_WORD]
        case _:
            return str(value)


def indexed_day(moment: datetime) -> Decimal:
    """The days since 1970, in UTC; not a whole number in the middle of a day."""
    return Decimal((moment - _EPOCH) // timedelta(microseconds=1)) / _MICROSECONDS_OF_A_DAY


def _problems(fields: Fields, asked: Mapping[str, Any]) -> Iterator[FieldProblem]:
    for key, value in asked.items():
        known = fields.by_key.get(key)
        if known is None:
            yield FieldProblem(key, "unknown", "There is no such field.")
        elif value not in (None, "", []):
            if not known.active:
                yield FieldProblem(key, "inactive", "This field is not in use any more.")
            elif wrong := wrong_with(known, value):
                yield FieldProblem(key, *wrong)


def paths(tree: Iterable[tuple[str, Sequence[Any]]], *, above: str = "") -> Iterator[str]:
    """The path of every choice of a tree, from its root: `hardware`, `hardware/printer`."""
    for value, below in tree:
        path = f"{above}{value}"
        yield path
        yield from paths(below, above=f"{path}/")
