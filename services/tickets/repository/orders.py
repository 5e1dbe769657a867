"""Orders of tickets, and their rows as lists show them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, Subquery, func, literal, literal_column, select, tuple_
from sqlalchemy.dialects.postgresql import aggregate_order_by

from services.tickets.domain.lists import Position, Sort
from services.tickets.models import accounts, customers, ticket_followers, tickets
from services.tickets.repository.merges import MERGED_INTO_OWN

_INFINITY: ColumnElement[datetime] = literal_column("'infinity'::timestamptz")

# What lists show of a ticket: to read and to decode the others takes as long again.
_SHOWN = (
    "id",
    "number",
    "version",
    "subject",
    "status",
    "status_key",
    "priority",
    "type",
    "type_key",
    "channel",
    "requester_id",
    "assignee_id",
    "group",
    "language",
    "tags",
    "created_at",
    "updated_at",
    "last_message_at",
    "sla_next_due_at",
    "sla_state",
    "sla_metric",
    "review_of",
    "review_reason",
)
LISTED = (
    select(
        *(tickets.c[name] for name in _SHOWN),
        customers.c.name.label("requester_name"),
        accounts.c.name.label("assignee_name"),
    )
    .join_from(tickets, customers, tickets.c.requester_id == customers.c.id)
    .outerjoin(accounts, accounts.c.id == tickets.c.assignee_id)
)

_FOLLOWER = func.jsonb_build_object("id", ticket_followers.c.account_id, "name", accounts.c.name)
_FOLLOWERS = (
    select(func.jsonb_agg(aggregate_order_by(_FOLLOWER, ticket_followers.c.since, ticket_followers.c.account_id)))
    .join_from(ticket_followers, accounts, accounts.c.id == ticket_followers.c.account_id)
    .where(ticket_followers.c.ticket_id == tickets.c.id)
    .correlate(tickets)
    .scalar_subquery()
)
_KEPT_TO_ITSELF = {"diverted_from", "last_customer_external_id"}
ONE = LISTED.add_columns(
    *(column for column in tickets.c if column.name not in _KEPT_TO_ITSELF.union(_SHOWN)),
    _FOLLOWERS.label("followers"),
    MERGED_INTO_OWN.label("merged_into_own"),
)


@dataclass(frozen=True, slots=True)
class Bound:
    """A range that `rest` leaves: an order by this field need not be walked outside of it."""

    field: str
    sign: str
    limit: datetime


@dataclass(frozen=True, slots=True)
class Order:
    """An order of tickets from somewhere on, or back from there. It is total: by a column, and then by id."""

    column: ColumnElement[Any]
    field: str
    descending: bool
    position: Position | None

    @classmethod
    def of(cls, sort: Sort, position: Position | None, *, public: bool) -> "Order":
        """The order that people ask for, or the opposite one for what is before a position."""
        column: ColumnElement[Any]
        match sort:
            case Sort.UPDATED | Sort.UPDATED_DESC:
                last_public = func.coalesce(tickets.c.last_message_at, tickets.c.created_at)
                column, field = last_public if public else tickets.c.updated_at, "updated"
            case Sort.CREATED | Sort.CREATED_DESC:
                column, field = tickets.c.created_at, "created"
            case Sort.SLA_DUE:
                # Spelt as the index has it. A ticket without a deadline comes last.
                column, field = func.coalesce(tickets.c.sla_next_due_at, _INFINITY), "due"
        backwards = position is not None and position.before
        return cls(column, field, sort.startswith("-") != backwards, position)

    @property
    def backwards(self) -> bool:
        """Whether rows come in the opposite of the order that was asked for."""
        return self.position is not None and self.position.before

    def places(self, holds: ColumnElement[bool] | None = None) -> Select[Any]:
        """Each ticket by its place alone; with whether something holds for it, if asked."""
        query = select(tickets.c.id, self.column.label("key"))
        return query if holds is None else query.add_columns(holds.label("holds"))

    def within(self, query: Select[Any], bounds: Sequence[Bound]) -> Select[Any]:
        """The part of the order that is inside these bounds, as far as they are its own."""
        own = (bound for bound in bounds if bound.field == self.field)
        limits = ((bound.sign, literal(bound.limit, tickets.c.updated_at.type)) for bound in own)
        return query.where(*(self.column.bool_op(sign)(limit) for sign, limit in limits))

    def beyond(self, query: Select[Any]) -> Select[Any]:
        """What comes next to the position."""
        if self.position is None:
            return query
        ticket_id = literal(self.position.ticket_id, tickets.c.id.type)
        if self.position.value is None and not self.descending:
            # Nothing is later than never: PostgreSQL would expect next to nothing here, and sort most of all tickets.
            return query.where(self.column == _INFINITY, tickets.c.id > ticket_id)
        value = _INFINITY if self.position.value is None else literal(self.position.value, tickets.c.updated_at.type)
        here, there = tuple_(self.column, tickets.c.id), tuple_(value, ticket_id)
        return query.where(here < there if self.descending else here > there)

    def sorted(self, query: Select[Any]) -> Select[Any]:
        """What comes next to the position, in order."""
        return self.beyond(query).order_by(*self._by(self.column, tickets.c.id))

    def again(self, places: Select[Any]) -> Select[Any]:
        """Places that were selected before, in order."""
        return places.order_by(*self._by(places.selected_columns.key, places.selected_columns.id))

    def rows_of(self, places: Subquery) -> Select[Any]:
        """The rows at these places, in order."""
        query = LISTED.join(places, places.c.id == tickets.c.id)
        return query.order_by(*self._by(places.c.key, places.c.id))

    def _by(self, *columns: ColumnElement[Any]) -> Sequence[ColumnElement[Any]]:
        return [column.desc() for column in columns] if self.descending else columns
