"""How an organisation works its tickets: its own statuses and types, who may move them where, what has to be filled in
before, when a customer's word opens a ticket again, and what makes a ticket urgent.

The six categories and the ways between them (`status`) are fixed, and those of types: other services and figures rest
on them. An organisation names statuses and types of its own inside them, and may forbid ways, but invents none. It is
one document, checked as a whole: what is kept is never half a lifecycle.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from services.tickets.domain.errors import (
    ClosedWayError,
    InvalidTransitionError,
    UnknownStatusError,
    UnknownTypeError,
)
from services.tickets.domain.fields import NO_FIELDS, Fields
from services.tickets.domain.named import Named, first_of, mistakes, of_key, shown
from services.tickets.domain.status import TRANSITIONS
from shared.events.common import Priority, TicketStatus, TicketType


class LifecycleError(ValueError):
    """What nobody could work with. `path` tells where in the document, as a JSON Pointer (RFC 6901)."""

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(f"{path or '/'}: {problem}")
        self.path = path
        self.problem = problem


class Level(StrEnum):
    """How far something reaches (impact), or how soon it has to be done (urgency)."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


@dataclass(frozen=True, slots=True)
class Status(Named[TicketStatus]):
    """A status of the organisation's own."""


@dataclass(frozen=True, slots=True)
class Type(Named[TicketType]):
    """A type of the organisation's own."""


def default_names(categories: type[StrEnum]) -> Iterator[tuple[str, Any, dict[str, str]]]:
    """One of each category, called as it is: what an organisation has that named none."""
    for each in categories:
        yield each.value, each, {"en": each.value.replace("_", " ").capitalize()}


DEFAULT_TYPES = tuple(Type(*each) for each in default_names(TicketType))


@dataclass(frozen=True, slots=True)
class Requirement:
    """Fields that must not be empty when a ticket of one of these types (of any, if none is named) gets to `to`.

    A type is named by its own key, or by a category for all in it.
    """

    to: TicketStatus
    fields: tuple[str, ...]
    types: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reopening:
    """For how long after its solution a customer's word opens a ticket again; afterwards it makes a follow-up.

    None is for ever, no time at all is never.
    """

    within: timedelta | None = None

    def reopens(self, solved_at: datetime, now: datetime) -> bool:
        """Whether a message at `now` opens again what was solved at `solved_at`."""
        if not self.within:  # also where clocks disagree, and it was solved in what is the future here
            return self.within is None
        return now - solved_at < self.within


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """A checked document. `forbidden` names, by role, ways between categories that are closed to it.

    What was solved for as long as `close_after` closes by itself; None is never.

    `fields` are the organisation's own; they are a document of their own, and here because requirements name them.
    """

    statuses: tuple[Status, ...]
    forbidden: Mapping[str, frozenset[tuple[TicketStatus, TicketStatus]]] = field(default_factory=dict)
    requirements: tuple[Requirement, ...] = ()
    reopening: Reopening = Reopening()
    reopening_of: Mapping[str, Reopening] = field(default_factory=dict)
    close_after: timedelta | None = None
    priorities: Mapping[tuple[Level, Level], Priority] = field(default_factory=lambda: ITIL)
    fields: Fields = NO_FIELDS
    types: tuple[Type, ...] = DEFAULT_TYPES

    def status(self, key: str) -> Status | None:
        """The status of this key, active or not."""
        return of_key(self.statuses, key)

    def first_of(self, category: TicketStatus) -> Status:
        """What a ticket gets that is put into a category and no status is named."""
        return first_of(self.statuses, category)

    def shown(self, category: TicketStatus, key: str | None) -> Status:
        """The status of a ticket; the first of its category for a key that is not there, or is of another one."""
        return shown(self.statuses, category, key)

    def chosen(self, key: str) -> Status:
        """The active status of this key. Raises UnknownStatusError."""
        status = self.status(key)
        if status is None or not status.active:
            raise UnknownStatusError(key, (each.key for each in self.statuses if each.active))
        return status

    def shown_type(self, category: TicketType, key: str | None) -> Type:
        """The type of a ticket, as `shown` is its status."""
        return shown(self.types, category, key)

    def chosen_type(self, key: str) -> Type:
        """The active type of this key. Raises UnknownTypeError."""
        found = of_key(self.types, key)
        if found is None or not found.active:
            raise UnknownTypeError(key, (each.key for each in self.types if each.active))
        return found

    @property
    def type_names(self) -> tuple[str, ...]:
        """By what types are asked for: categories first, then keys of the organisation's own."""
        return tuple(dict.fromkeys((*(each.value for each in TicketType), *(each.key for each in self.types))))

    def ways(self, role: str, current: TicketStatus) -> frozenset[TicketStatus]:
        """The categories that somebody of this role may put a ticket into."""
        closed = self.forbidden.get(role, frozenset())
        return frozenset(to for to in TRANSITIONS[current] if (current, to) not in closed)

    def require_way(self, role: str, current: TicketStatus, asked: TicketStatus) -> None:
        """Staying is no change. Raises InvalidTransitionError, ClosedWayError where only this role may not."""
        ways = self.ways(role, current)
        if asked is not current and asked not in ways:
            refusal = ClosedWayError if asked in TRANSITIONS[current] else InvalidTransitionError
            raise refusal(current, asked, ways)

    def missing(self, to: TicketStatus, types: Collection[str], values: Mapping[str, Any]) -> list[str]:
        """The fields that have to be filled in before a ticket gets to `to`, and are empty.

        `types` are the names of its type: the category, and the organisation's own.
        """
        required = (
            name
            for each in self.requirements
            if each.to is to and (not each.types or not {*types}.isdisjoint(each.types))
            for name in each.fields
        )
        return [name for name in dict.fromkeys(required) if values.get(name) in (None, "", (), [])]

    def reopens(self, group: str | None, solved_at: datetime | None, now: datetime) -> bool:
        """Whether a customer's message opens a ticket of this group again, if it is solved."""
        return solved_at is None or self.reopening_of.get(group or "", self.reopening).reopens(solved_at, now)

    def priority(self, urgency: Level, impact: Level) -> Priority:
        """The priority that urgency and impact make."""
        return self.priorities[urgency, impact]


_L, _P = Level, Priority
# By urgency and impact, the usual matrix of ITIL with its five steps on our four.
ITIL: Mapping[tuple[Level, Level], Priority] = {
    (_L.HIGH, _L.HIGH): _P.URGENT,
    (_L.HIGH, _L.MEDIUM): _P.HIGH,
    (_L.HIGH, _L.LOW): _P.NORMAL,
    (_L.MEDIUM, _L.HIGH): _P.HIGH,
    (_L.MEDIUM, _L.MEDIUM): _P.NORMAL,
    (_L.MEDIUM, _L.LOW): _P.LOW,
    (_L.LOW, _L.HIGH): _P.NORMAL,
    (_L.LOW, _L.MEDIUM): _P.LOW,
    (_L.LOW, _L.LOW): _P.LOW,
}
_EVERY_WAY = frozenset((start, to) for start, ways in TRANSITIONS.items() for to in ways)
# What can be required of a ticket; its other fields are never empty.
REQUIRABLE = ("assignee", "group", "tags", "language", "urgency", "impact")
DEFAULT = Lifecycle(statuses=tuple(Status(*each) for each in default_names(TicketStatus)))


def check(lifecycle: Lifecycle, fields: Collection[str] = REQUIRABLE) -> None:
    """Raises LifecycleError for what cannot be worked with, although each part of it is well formed.

    `fields` are those that can be required.
    """
    for path, problem in _problems(lifecycle, fields):
        raise LifecycleError(path, problem)


def _problems(lifecycle: Lifecycle, fields: Collection[str]) -> Iterator[tuple[str, str]]:
    yield from mistakes("statuses", lifecycle.statuses, TicketStatus)
    yield from mistakes("types", lifecycle.types, TicketType)
    yield from _mistaken_types(lifecycle)
    for role, ways in lifecycle.forbidden.items():
        for start, to in ways - _EVERY_WAY:
            yield f"/forbidden/{role}", f"from {start.value} no way leads to {to.value} anyway"
    for place, requirement in enumerate(lifecycle.requirements):
        for nth, name in enumerate(requirement.fields):
            if name not in fields:
                yield f"/requirements/{place}/fields/{nth}", f"{name} cannot be required; there are {', '.join(fields)}"
    for urgency, impact in ITIL.keys() - lifecycle.priorities.keys():
        yield f"/priorities/{urgency.value}/{impact.value}", "a priority is missing"


def _mistaken_types(lifecycle: Lifecycle) -> Iterator[tuple[str, str]]:
    for place, type_ in enumerate(lifecycle.types):
        # Who asks for a category by its name means all of it.
        if type_.key in set(TicketType) and type_.key != type_.category:
            yield f"/types/{place}/key", f"{type_.key} is a category, and this one belongs to {type_.category.value}"
    for place, requirement in enumerate(lifecycle.requirements):
        for nth, name in enumerate(requirement.types):
            if name not in lifecycle.type_names:
                yield f"/requirements/{place}/types/{nth}", f"there is no type {name}"
    for form in lifecycle.fields.forms:
        for name in form.types:
            if name not in lifecycle.type_names:
                yield "/types", f"the form {form.key} is for {name}, which would be gone"
