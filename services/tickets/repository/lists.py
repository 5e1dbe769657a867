"""Reading tickets for people: one statement per page, whatever the filters, and an index for each order.

What has few values (states, priorities, channels, languages, the size of a page) stands in the statement itself. With
parameters PostgreSQL settles for one plan for all values, which knows neither that only unsolved tickets are asked for,
nor that hardly any is urgent, and walks through everything that was ever solved. What people choose freely does not:
each text is a statement of its own, and a connection keeps only so many of them prepared.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import ColumnElement, Integer, Select, bindparam, func, literal, literal_column, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from services.tickets.domain.sla import SlaBadge
from services.tickets.models import accounts, customer_identities, customers, tickets
from services.tickets.repository.rows import AnyRow
from shared.events.common import Channel, Priority, TicketStatus
from shared.events.sla import SlaMetric

NOBODY: Literal["none"] = "none"

# What pages are read in, with the row that tells that there is a next one; what is too much is cut off.
_SIZES = (11, 26, 51, 101, 201)

_PLAIN_TAG = len("deu")

_INFINITY: ColumnElement[datetime] = literal_column("'infinity'::timestamptz")

_LISTED = (
    select(
        *(column for column in tickets.c if column.name not in {"diverted_from", "last_customer_external_id"}),
        customers.c.name.label("requester_name"),
        accounts.c.name.label("assignee_name"),
    )
    .join_from(tickets, customers, tickets.c.requester_id == customers.c.id)
    .outerjoin(accounts, accounts.c.id == tickets.c.assignee_id)
)


class Sort(StrEnum):
    """Orders of a ticket list; each is total, because the id decides where the value is the same."""

    UPDATED_DESC = "-updated_at"
    CREATED = "created_at"
    CREATED_DESC = "-created_at"
    SLA_DUE = "sla_due"


@dataclass(frozen=True, slots=True)
class Filters:
    """What a list is narrowed to; an empty filter narrows nothing."""

    statuses: tuple[TicketStatus, ...] = ()
    assignee: UUID | Literal["none"] | None = None
    group: str | None = None
    channel: Channel | None = None
    language: str | None = None
    priority: Priority | None = None
    requester_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Position:
    """The last row of the page before: its sort value (None for no SLA deadline) and id."""

    value: datetime | None
    ticket_id: UUID


class TicketLists:
    """Rows of tickets as lists show them, with the names of requester and assignee and the SLA columns."""

    def __init__(self, session: AsyncSession) -> None:
        self.session = session

    async def page(
        self, filters: Filters, sort: Sort, *, after: Position | None, limit: int, account_id: UUID | None = None
    ) -> Sequence[AnyRow]:
        """At most `limit` rows after a position; with `account_id`, only tickets of that account's customer.

        For a customer a ticket is updated when somebody writes to them, or they do.
        """
        query = _narrow(_LISTED, filters)
        if account_id is not None:
            query = query.where(is_own(account_id))
        query = _ordered(query, sort, after, public=account_id is not None)
        size = next((size for size in _SIZES if size >= limit), limit)
        rows = await self.session.execute(query.limit(literal(size, Integer, literal_execute=True)))
        return list(rows)[:limit]

    async def one(self, ticket_id: UUID, *, account_id: UUID | None = None) -> AnyRow | None:
        """The row of one ticket; with `account_id`, only if it is a ticket of that account's customer."""
        query = _LISTED.where(tickets.c.id == ticket_id)
        if account_id is not None:
            query = query.where(is_own(account_id))
        return (await self.session.execute(query)).one_or_none()


def is_own(account_id: UUID) -> ColumnElement[bool]:
    """Whether the ticket's requester is the customer who has the account's e-mail address."""
    return tickets.c.requester_id.in_(
        select(customer_identities.c.customer_id)
        .join(accounts, accounts.c.email == customer_identities.c.address)
        .where(customer_identities.c.kind == "email", accounts.c.id == account_id)
    )


def badge(row: AnyRow) -> SlaBadge:
    """The SLA columns of a row that selected them."""
    return SlaBadge(
        next_due_at=row.sla_next_due_at,
        state=row.sla_state,
        metric=SlaMetric(row.sla_metric) if row.sla_metric else None,
        event_version=row.sla_event_version,
    )


def sort_value(row: AnyRow, sort: Sort, *, public: bool) -> datetime | None:
    """The value a row is sorted by; the next page starts after it."""
    match sort:
        case Sort.UPDATED_DESC:
            return (row.last_message_at or row.created_at) if public else row.updated_at  # type: ignore[no-any-return]
        case Sort.CREATED | Sort.CREATED_DESC:
            return row.created_at  # type: ignore[no-any-return]
        case Sort.SLA_DUE:
            return row.sla_next_due_at  # type: ignore[no-any-return]


def _narrow(query: Select[Any], filters: Filters) -> Select[Any]:
    if filters.statuses:
        statuses = sorted({status.value for status in filters.statuses})
        query = query.where(tickets.c.status.in_(bindparam(None, statuses, expanding=True, literal_execute=True)))
    if filters.assignee == NOBODY:
        query = query.where(tickets.c.assignee_id.is_(None))
    elif filters.assignee is not None:
        query = query.where(tickets.c.assignee_id == filters.assignee)
    for column, value in ((tickets.c.group, filters.group), (tickets.c.requester_id, filters.requester_id)):
        if value is not None:
            query = query.where(column == value)
    for column, value in (
        (tickets.c.channel, filters.channel),
        (tickets.c.language, filters.language),
        (tickets.c.priority, filters.priority),
    ):
        if value is not None:
            # Of languages only the plain tags are few: `de`, not `de-CH-1901`.
            few = column is not tickets.c.language or len(value) <= _PLAIN_TAG
            query = query.where(column == literal(str(value), column.type, literal_execute=few))
    return query


def _ordered(query: Select[Any], sort: Sort, after: Position | None, *, public: bool) -> Select[Any]:
    column: ColumnElement[Any]
    match sort:
        case Sort.UPDATED_DESC:
            last_public = func.coalesce(tickets.c.last_message_at, tickets.c.created_at)
            column = last_public if public else tickets.c.updated_at
        case Sort.CREATED | Sort.CREATED_DESC:
            column = tickets.c.created_at
        case Sort.SLA_DUE:
            # Spelt as the index has it. A ticket without a deadline comes last.
            column = func.coalesce(tickets.c.sla_next_due_at, _INFINITY)
    descending = sort in {Sort.UPDATED_DESC, Sort.CREATED_DESC}
    if after is not None:
        value = _INFINITY if after.value is None else literal(after.value, tickets.c.updated_at.type)
        here, there = tuple_(column, tickets.c.id), tuple_(value, literal(after.ticket_id, tickets.c.id.type))
        query = query.where(here < there if descending else here > there)
    order = (column.desc(), tickets.c.id.desc()) if descending else (column, tickets.c.id)
    return query.order_by(*order)
