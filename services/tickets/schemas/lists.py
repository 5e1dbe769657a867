"""Shapes of lists of tickets: pages both ways, windows, counts."""

from collections.abc import Sequence
from typing import Any, Self

from pydantic import BaseModel, Field

from services.tickets.domain.lifecycle import Lifecycle
from services.tickets.domain.lists import Count, Exactness, Position, Sort, sort_value
from services.tickets.schemas.tickets import TicketRow
from shared.events.accounts import Role
from shared.web import Page, encode_cursor


class TicketPage(Page[TicketRow]):
    """One page of tickets. Both cursors are given back as `cursor`; they are null where there is nothing more."""

    previous_cursor: str | None = None

    @classmethod
    def of(
        cls,
        rows: Sequence[Any],
        sort: Sort,
        *,
        position: Position | None,
        limit: int,
        role: Role,
        lifecycle: Lifecycle,
    ) -> Self:
        """A page of at most `limit` rows, of which one more was read if there is one: the farthest from `position`."""
        public = role is Role.CUSTOMER
        before = position is not None and position.before
        more = len(rows) > limit
        shown = rows[-limit:] if before else rows[:limit]

        def cursor(row: Any, *, before: bool) -> str:
            return encode_cursor(sort.value, before, sort_value(row, sort, public=public), row.id)

        return cls(
            items=[TicketRow.of(row, role=role, lifecycle=lifecycle) for row in shown],
            next_cursor=cursor(shown[-1], before=False) if shown and (before or more) else None,
            previous_cursor=cursor(shown[0], before=True) if shown and (more if before else position) else None,
        )


class CountView(BaseModel):
    """How many there are.

    `exactness` tells whether `count` is exact, whether there are at least so many (10000 of a view: "10,000+"), or
    about: it would have taken long to count them, and PostgreSQL's statistics were asked.
    """

    count: int = Field(examples=[42])
    exactness: Exactness

    @classmethod
    def of(cls, count: Count) -> Self:
        """The shape of a count."""
        return cls(count=count.number, exactness=count.exactness)


class TicketWindow(BaseModel):
    """Rows somewhere in the middle of a list, and how long it is; `total` stops at 100,000."""

    items: list[TicketRow]
    offset: int
    total: CountView
