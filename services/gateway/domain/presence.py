"""Who is at a ticket right now: what a window says of itself, and what it is told of the others."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

# Who has not said so again by then is not there any more: a window that froze, a process that was killed.
LIFETIME = timedelta(seconds=30)


class Doing(StrEnum):
    """What somebody does at a ticket, what matters least to others first."""

    READING = "reading"
    NOTE = "note"
    REPLY = "reply"


_WEIGHT = {doing: weight for weight, doing in enumerate(Doing)}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a window is, and what is done there."""

    ticket_id: UUID
    doing: Doing


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody at a ticket, through however many windows."""

    account_id: UUID
    name: str
    doing: Doing


def place_of(message: Mapping[str, Any]) -> Place | None:
    """The place in a window's message, None where it is at no ticket. Raises ValueError for what means nothing."""
    ticket_id = message.get("ticket_id")
    if ticket_id is None:
        return None
    return Place(UUID(str(ticket_id)), Doing(message.get("doing", Doing.READING)))


def others(people: Iterable[Person], account_id: UUID) -> tuple[Person, ...]:
    """Each person but the one that is told, once, with what weighs most of what their windows say; by name."""
    found: dict[UUID, Person] = {}
    for person in people:
        known = found.get(person.account_id)
        if person.account_id != account_id and (known is None or _WEIGHT[person.doing] > _WEIGHT[known.doing]):
            found[person.account_id] = person
    return tuple(sorted(found.values(), key=lambda person: (person.name, person.account_id)))


def presence_frame(ticket_id: UUID, people: Iterable[Person]) -> dict[str, Any]:
    """Who else is at a ticket, all of them: it replaces what was told before. It is in no sequence."""
    return {
        "type": "presence",
        "ticket_id": str(ticket_id),
        "people": [
            {"account_id": str(person.account_id), "name": person.name, "doing": person.doing} for person in people
        ],
    }
