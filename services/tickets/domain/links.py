"""What tickets are to each other.

A link is kept from the ticket that comes first to the other one, and read from both sides: whose child one is, is the
other's parent.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

# A problem may have caused very many; of all else people keep an eye on each.
MAX_INCIDENTS = 10_000
MAX_LINKS = 200


class LinkKind(StrEnum):
    """Kinds of links, named by the ticket that comes first. `split` links are made by splitting."""

    PARENT = "parent"
    PROBLEM = "problem"
    DUPLICATE = "duplicate"
    FOLLOW_UP = "follow_up"
    RELATED = "related"
    SPLIT = "split"


class Relation(StrEnum):
    """What the other ticket is to the one that is looked at."""

    PARENT = "parent"
    CHILD = "child"
    PROBLEM = "problem"
    INCIDENT = "incident"
    ORIGINAL = "original"
    DUPLICATE = "duplicate"
    FOLLOWS = "follows"
    FOLLOW_UP = "follow_up"
    RELATED = "related"
    SPLIT_FROM = "split_from"
    SPLIT_OFF = "split_off"


# By kind: what the first ticket is to the other one, and what that one is to it.
_ENDS = {
    LinkKind.PARENT: (Relation.PARENT, Relation.CHILD),
    LinkKind.PROBLEM: (Relation.PROBLEM, Relation.INCIDENT),
    LinkKind.DUPLICATE: (Relation.ORIGINAL, Relation.DUPLICATE),
    LinkKind.FOLLOW_UP: (Relation.FOLLOWS, Relation.FOLLOW_UP),
    LinkKind.RELATED: (Relation.RELATED, Relation.RELATED),
    LinkKind.SPLIT: (Relation.SPLIT_FROM, Relation.SPLIT_OFF),
}
_KINDS = {relation: (kind, at) for kind, ends in _ENDS.items() for at, relation in enumerate(ends)}


@dataclass(frozen=True, slots=True)
class Ends:
    """A link between two tickets, in its direction."""

    kind: LinkKind
    from_id: UUID
    to_id: UUID


def ends(ticket_id: UUID, relation: Relation, other_id: UUID) -> Ends:
    """The link that makes the other ticket what `relation` says to this one."""
    kind, at = _KINDS[relation]
    if kind is LinkKind.RELATED:
        return Ends(kind, min(ticket_id, other_id), max(ticket_id, other_id))
    return Ends(kind, other_id, ticket_id) if at == 0 else Ends(kind, ticket_id, other_id)


def relation(kind: LinkKind, *, other_is_first: bool) -> Relation:
    """What the other ticket of a link is to the one that is looked at."""
    first, second = _ENDS[kind]
    return first if other_is_first else second


def sides(relations: Iterable[Relation]) -> frozenset[tuple[LinkKind, bool]]:
    """Kinds of links, each with whether the other ticket is the first one, in which it is one of `relations`."""
    found = {(kind, first) for kind in LinkKind for first in (False, True)}
    wanted = set(relations)
    return frozenset(side for side in found if relation(side[0], other_is_first=side[1]) in wanted)


def most(kind: LinkKind) -> int:
    """How many links of a kind may start at one ticket."""
    return MAX_INCIDENTS if kind is LinkKind.PROBLEM else MAX_LINKS
