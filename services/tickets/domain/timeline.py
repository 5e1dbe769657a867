"""What the entries of a ticket's timeline are, and places in it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class EntryKind(StrEnum):
    """What an entry is: a message of some kind, a change of fields or of what is around the ticket, or both."""

    CUSTOMER = "customer"
    REPLY = "reply"
    NOTE = "note"
    SYSTEM = "system"
    CHANGE = "change"


@dataclass(frozen=True, slots=True)
class Position:
    """The entry that a page goes on from: to what is older, or to what is `newer`."""

    at: datetime
    id: int
    newer: bool = False
