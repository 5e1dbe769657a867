"""Lists of tickets: their orders, places in them, and how long they are."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from services.tickets.domain.errors import TicketRuleError


class TooWideError(TicketRuleError):
    """What was asked for is looked for among too many tickets."""

    def __init__(self) -> None:
        super().__init__(
            "It takes too long to find these tickets. Narrow it: by a status, a group, an assignee or a time, or look "
            "for words instead of parts of texts."
        )


class Sort(StrEnum):
    """Orders of a ticket list; each is total, because the id decides where the value is the same."""

    UPDATED = "updated_at"
    UPDATED_DESC = "-updated_at"
    CREATED = "created_at"
    CREATED_DESC = "-created_at"
    SLA_DUE = "sla_due"


@dataclass(frozen=True, slots=True)
class Position:
    """The row that a page comes after, or before: its sort value (None for no SLA deadline) and id."""

    value: datetime | None
    ticket_id: UUID
    before: bool = False


class Exactness(StrEnum):
    """What a count tells: how many there are, that there are no less, or how many PostgreSQL expects."""

    EXACT = "exact"
    AT_LEAST = "at_least"
    ABOUT = "about"


@dataclass(frozen=True, slots=True)
class Count:
    """How many tickets."""

    number: int
    exactness: Exactness


def sort_value(row: Any, sort: Sort, *, public: bool) -> datetime | None:
    """The value a row is sorted by; the next page starts after it."""
    match sort:
        case Sort.UPDATED | Sort.UPDATED_DESC:
            return (row.last_message_at or row.created_at) if public else row.updated_at  # type: ignore[no-any-return]
        case Sort.CREATED | Sort.CREATED_DESC:
            return row.created_at  # type: ignore[no-any-return]
        case Sort.SLA_DUE:
            return row.sla_next_due_at  # type: ignore[no-any-return]
