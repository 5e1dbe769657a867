"""What tickets can be asked for: what every desk knows of them, and what is the organisation's own."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from services.tickets.domain.conditions import Condition, ConditionError, Kind, Operator, comparisons, parse
from services.tickets.domain.field_values import Kind as Held
from services.tickets.domain.fields import PREFIX, TESTED
from services.tickets.domain.lifecycle import Lifecycle
from services.tickets.domain.search import FIELDS, PUBLIC_FIELDS, VALUES


@dataclass(frozen=True, slots=True)
class Askable:
    """Fields, with what they hold, and all values of those that have few."""

    fields: Mapping[str, Kind]
    values: Mapping[str, Collection[str]]


def askable(lifecycle: Lifecycle, *, public_only: bool = False, words: bool = False) -> Askable:
    """What somebody can ask for; customers (`public_only`) not for fields of the organisation's own.

    Documents are looked into by a search (`words`) alone: for a list, texts are part of the ticket.
    """
    statuses = tuple(dict.fromkeys((*VALUES["status"], *(status.key for status in lifecycle.statuses))))
    values = {**VALUES, "status": statuses, "type": lifecycle.type_names}
    known = {
        name: kind if words or kind is not Kind.SEARCH else Kind.TEXT
        for name, kind in (PUBLIC_FIELDS if public_only else FIELDS).items()
    }
    if public_only:
        return Askable(known, values)
    own = {PREFIX + field.key: field for field in lifecycle.fields.fields if field.filterable}
    choices = {name: field.choices for name, field in own.items() if field.kind in {Held.CHOICE, Held.CHOICES}}
    kinds = {name: TESTED[field.kind] for name, field in own.items()}
    return Askable({**known, **kinds}, {**values, **choices})


def checked(tree: object, known: Askable) -> Condition:
    """The condition that a JSON value describes. Raises ConditionError, also for values that a field never has."""
    condition = parse(tree, known.fields)
    for test in comparisons(condition):
        there_are = known.values.get(test.field)
        if there_are is None or test.operator is not Operator.IS:
            continue
        for value in test.value if isinstance(test.value, tuple) else ():
            if value not in there_are:
                raise ConditionError("", f"{test.field} is {', '.join(there_are)}, never {value}")
    return condition
