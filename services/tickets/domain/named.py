"""What an organisation calls its statuses and types, inside categories that are fixed.

Other services and figures rest on the categories; the names are the organisation's own. Who puts a ticket into a
category and names nothing gets its first active name.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Generic, TypeVar

Category = TypeVar("Category", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class Named(Generic[Category]):
    """A name of the organisation's own: tickets hold its key, people read a label in their language."""

    key: str
    category: Category
    labels: Mapping[str, str]
    active: bool = True


AnyNamed = TypeVar("AnyNamed", bound=Named[Any])


def of_key(names: Sequence[AnyNamed], key: str | None) -> AnyNamed | None:
    """The one of this key, active or not."""
    return next((each for each in names if each.key == key), None)


def first_of(names: Sequence[AnyNamed], category: StrEnum) -> AnyNamed:
    """What a ticket gets that is put into the category and none is named."""
    return next(each for each in names if each.category is category and each.active)


def shown(names: Sequence[AnyNamed], category: StrEnum, key: str | None) -> AnyNamed:
    """That of a ticket; the first of its category for a key that is not there, or is of another one."""
    found = of_key(names, key)
    return found if found is not None and found.category is category else first_of(names, category)


def mistakes(part: str, names: Sequence[Named[Any]], categories: type[StrEnum]) -> Iterator[tuple[str, str]]:
    """What is wrong with the names of this part of a document, and where."""
    keys = [each.key for each in names]
    for place, key in enumerate(keys):
        if key in keys[:place]:
            yield f"/{part}/{place}/key", f"{key} is there twice"
    used = {each.category for each in names if each.active}
    for category in categories:
        if category not in used:
            yield f"/{part}", f"none that is active belongs to {category.value}"


def gone(before: Sequence[Named[Any]], after: Sequence[Named[Any]]) -> set[str]:
    """Keys that are no longer there, or moved into another category."""
    stay = {(each.key, each.category) for each in after}
    return {each.key for each in before if (each.key, each.category) not in stay}
