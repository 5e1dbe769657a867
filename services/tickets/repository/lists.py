"""Reading tickets for people: pages both ways, counts, and windows somewhere in the middle.

By one of `Filters` a page is one statement: there is an index for each order and each filter. For any other condition
(`rest`), and for several filters together, there may be none, and PostgreSQL walks through everything where it looks in
an order for what is rare, or for what is frequent but never there together. So what is frequent is found by a walk,
which ends after so many rows whatever was found; only then all that fit are read and sorted. Where PostgreSQL expects
these to be few the walk is short, but not left out: what goes together it takes for a coincidence. What takes too long
all the same is given up.

What has few values (states, priorities, channels, languages, the size of a page) stands in the statement itself. With
parameters PostgreSQL settles for one plan for all values, which knows neither that only unsolved tickets are asked for,
nor that hardly any is urgent, and walks through everything that was ever solved. What people choose freely does not:
each text is a statement of its own, and a connection keeps only so many of them prepared.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Integer,
    Select,
    Uuid,
    any_,
    bindparam,
    func,
    literal,
    select,
    text,
    true,
)
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from services.tickets.domain.lists import Count, Exactness, Position, Sort, TooWideError
from services.tickets.domain.sla import SlaBadge
from services.tickets.models import accounts, customer_identities, tickets
from services.tickets.repository.links import OPEN_INCIDENTS
from services.tickets.repository.orders import LISTED, ONE, Bound, Order
from services.tickets.repository.plans import expected
from services.tickets.repository.rows import AnyRow
from shared.events.sla import SlaMetric

NOBODY: Literal["none"] = "none"

# What pages are read in, with the row that tells that there is a next one; what is too much is cut off.
_SIZES = (11, 26, 51, 101, 201)

_PLAIN_TAG = len("deu")

# So many tickets are read and sorted sooner than looked for one by one in an order.
_FEW = 3_000
# How much of an order is walked for a page; and where few are expected.
_WALK = 20_000
_GLANCE = 2_000
# What counting may cost, as PostgreSQL expects it: some tens of milliseconds.
_MOST_COST = 50_000
# From so many views of what is unsolved on it is read once for all of them, if there is no more of it.
_AT_ONCE = 2
_MOST_UNSOLVED = 20_000
# How much of an order is walked for a window of what no index has by itself.
_REACH = 50_000
# How long one statement may take that looks for what there is no index for.
_MOST_MS = 3_000
_CANCELLED = "57014"

_FREQUENT = ("group", "channel", "language", "priority")
_UNSOLVED = {"new", "open", "pending", "on_hold"}


@dataclass(frozen=True, slots=True)
class Filters:
    """What a list is narrowed to; an empty filter narrows nothing."""

    statuses: tuple[str, ...] = ()
    assignee: UUID | Literal["none"] | None = None
    group: str | None = None
    channel: str | None = None
    language: str | None = None
    priority: str | None = None
    requester_id: UUID | None = None
    snoozed: bool | None = None


@dataclass(frozen=True, slots=True)
class Selection:
    """Which tickets: those of an account's customer, if one is named, that pass the filters, for which `rest` holds.

    `indexed` holds for all of them, too, and for few others: where an order is not walked, it leads there.
    """

    filters: Filters = Filters()
    rest: ColumnElement[bool] | None = None
    account_id: UUID | None = None
    bounds: tuple[Bound, ...] = ()
    indexed: ColumnElement[bool] | None = None


class TicketLists:
    """Rows of tickets as lists show them, with the names of requester and assignee and the SLA columns."""

    def __init__(self, session: AsyncSession) -> None:
        self.session = session
        self._planned = False

    async def page(
        self, filters: Filters, sort: Sort, *, after: Position | None, limit: int, account_id: UUID | None = None
    ) -> Sequence[AnyRow]:
        """At most `limit` rows after a position; with `account_id`, only tickets of that account's customer."""
        return await self.select(Selection(filters, account_id=account_id), sort, position=after, limit=limit)

    async def select(
        self, selection: Selection, sort: Sort, *, position: Position | None, limit: int
    ) -> Sequence[AnyRow]:
        """At most `limit` rows next to a position, in order.

        For a customer a ticket is updated when somebody writes to them, or they do.
        """
        order = Order.of(sort, position, public=selection.account_id is not None)
        size = next((size for size in _SIZES if size >= limit), limit)
        walked, holds = _apart(selection)
        if holds is None:
            query = order.sorted(_narrow(LISTED, selection))
            rows = await self._rows(query.limit(_literal(size)))
        else:
            rows = await self._of_condition(selection, order, size, walked=walked, holds=holds)
        return rows[:limit][::-1] if order.backwards else rows[:limit]

    async def window(self, selection: Selection, sort: Sort, *, offset: int, limit: int) -> Sequence[AnyRow]:
        """At most `limit` rows after the first `offset`.

        They are counted off an index where one has all it takes. Elsewhere so much of the order is walked and no more:
        there are fewer rows, or none, of a place that is farther down.
        """
        if offset == 0:
            return await self.select(selection, sort, position=None, limit=limit)
        await self._plan_for_these()
        order = Order.of(sort, None, public=selection.account_id is not None)
        walked, holds = _apart(selection)
        if holds is None and selection.filters.snoozed is None:
            found = order.sorted(_narrow(order.places(), selection))
        else:
            places = order.places(true() if holds is None else holds)
            inside = order.within(_narrow(places, walked), selection.bounds)
            walk = order.sorted(inside).limit(_literal(_REACH)).subquery("walk")
            found = order.again(select(walk.c.id, walk.c.key).where(walk.c.holds))
        return await self._rows(order.rows_of(found.offset(offset).limit(limit).subquery("places")))

    async def takes_long(self, selection: Selection, *, most: int) -> bool:
        """Whether it is expected to take long to count so many."""
        await self._plan_for_these()
        return (await expected(self.session, _some(await self._sooner(selection, most), most))).cost > _MOST_COST

    async def count(self, selection: Selection, *, most: int) -> Count:
        """How many there are, at most so many; what takes long to count is not counted."""
        if await self.takes_long(selection, most=most):
            return await self.about(selection, most=most)
        try:
            async with self.session.begin_nested():
                (count,) = await self.counts([selection], most=most)
        except DBAPIError as error:
            if not _took_long(error):
                raise
            return await self.about(selection, most=most)
        return count

    async def counts(self, selections: Sequence[Selection], *, most: int) -> list[Count]:
        """How many there are of each, at most so many, in one statement. What is unsolved is read once for all."""
        await self._plan_for_these()
        sooner = {place: await self._sooner(each, most) for place, each in enumerate(selections)}
        backlog = {place: each for place, each in sooner.items() if _is_backlog(each)}
        if len(backlog) < _AT_ONCE or (await expected(self.session, _UNSOLVED_ONES)).rows > _MOST_UNSOLVED:
            backlog = {}
        columns: dict[int, ColumnElement[int]] = {
            place: select(func.count()).select_from(_some(each, most).subquery(f"some_{place}")).scalar_subquery()
            for place, each in sooner.items()
            if place not in backlog
        }
        query = select()
        if backlog:
            counted = (func.count().filter(_tests(each)).label(f"backlog_{place}") for place, each in backlog.items())
            read_once = _UNSOLVED_ONES.with_only_columns(*counted).subquery("read_once")
            columns |= dict(zip(backlog, read_once.c, strict=True))
            query = query.select_from(read_once)
        row = (await self.session.execute(query.add_columns(*columns.values()))).one()
        numbers = dict(zip(columns, row, strict=True))
        return [
            Count(numbers[place], Exactness.EXACT) if numbers[place] <= most else Count(most, Exactness.AT_LEAST)
            for place in sooner
        ]

    async def about(self, selection: Selection, *, most: int) -> Count:
        """How many PostgreSQL expects there to be, at most so many; none is looked at."""
        await self._plan_for_these()
        whole = await expected(self.session, _narrow(select(tickets.c.id), selection))
        return Count(min(whole.rows, most), Exactness.ABOUT)

    async def some(self, ticket_ids: Sequence[UUID]) -> Sequence[AnyRow]:
        """The rows of these tickets, in no order."""
        query = LISTED.where(tickets.c.id == any_(literal(list(ticket_ids), ARRAY(Uuid))))
        return await self._rows(query)

    async def one(self, ticket_id: UUID, *, account_id: UUID | None = None) -> AnyRow | None:
        """The row of one ticket; with `account_id`, only if it is a ticket of that account's customer.

        Customers are told of no incidents, and nobody of more than a thousand.
        """
        query = ONE.where(tickets.c.id == ticket_id)
        if account_id is None:
            query = query.add_columns(OPEN_INCIDENTS.label("open_incidents"))
        else:
            query = query.where(is_own(account_id))
        return (await self.session.execute(query)).one_or_none()

    async def _of_condition(
        self, selection: Selection, order: Order, size: int, *, walked: Selection, holds: ColumnElement[bool]
    ) -> Sequence[AnyRow]:
        await self._plan_for_these()
        fitting = _found(order.places(), selection)
        steps = _WALK if (await expected(self.session, fitting)).rows > _FEW else _GLANCE
        inside = order.within(_narrow(order.places(holds), walked), selection.bounds)
        walk = order.sorted(inside).limit(_literal(steps)).subquery("walk")
        found = order.again(select(walk.c.id, walk.c.key).where(walk.c.holds)).limit(_literal(size))
        rows = await self._rows(order.rows_of(found.subquery("places")))
        if len(rows) == size:
            return rows
        # `OFFSET 0` keeps the sort apart: an order is not walked for it.
        few = order.beyond(fitting).offset(_literal(0)).subquery("few")
        found = order.again(select(few.c.id, few.c.key)).limit(_literal(size))
        return await self._rows(order.rows_of(found.subquery("places")))

    async def _sooner(self, selection: Selection, most: int) -> Selection:
        """The selection with its index, or without where so many are found sooner among all."""
        if selection.indexed is None:
            return selection
        ways = (selection, replace(selection, indexed=None))
        costs = [(await expected(self.session, _some(way, most))).cost for way in ways]
        return ways[costs.index(min(costs))]

    async def _rows(self, query: Select[Any]) -> Sequence[AnyRow]:
        try:
            rows: Sequence[AnyRow] = (await self.session.execute(query)).all()
        except DBAPIError as error:
            if not _took_long(error):
                raise
            raise TooWideError from error
        return rows

    async def _plan_for_these(self) -> None:
        """Let PostgreSQL plan with the values of this transaction's statements, not for any, and give up in time."""
        if self._planned:
            return
        self._planned = True
        await self.session.execute(text("SET LOCAL plan_cache_mode = force_custom_plan"))
        await self.session.execute(text(f"SET LOCAL statement_timeout = {_MOST_MS}"))


def _literal(number: int) -> ColumnElement[int]:
    return literal(number, Integer, literal_execute=True)


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


def _apart(selection: Selection) -> tuple[Selection, ColumnElement[bool] | None]:
    """What an order is walked for by an index, and what is tested on the way there.

    Of filters that may each be frequent and never there together none is walked for, unless another leaves few.
    """
    filters = selection.filters
    frequent: dict[str, Any] = {name: value for name in _FREQUENT if (value := getattr(filters, name)) is not None}
    if filters.assignee == NOBODY:
        frequent["assignee"] = NOBODY
    of_somebody = selection.account_id or filters.requester_id or isinstance(filters.assignee, UUID)
    is_one = len(frequent) + bool(filters.statuses) <= 1
    if _is_unsolved(filters) or of_somebody or is_one:
        return replace(selection, rest=None), selection.rest
    none_of_them: dict[str, Any] = dict.fromkeys(frequent)
    return Selection(replace(filters, **none_of_them)), _tests(Selection(Filters(**frequent), selection.rest))


def _is_backlog(selection: Selection) -> bool:
    """Whether all of it is unsolved, and no index knows fewer that it is among."""
    filters = selection.filters
    of_somebody = selection.account_id or filters.requester_id or isinstance(filters.assignee, UUID)
    return _is_unsolved(filters) and not of_somebody and selection.indexed is None


def _is_unsolved(filters: Filters) -> bool:
    return bool(filters.statuses) and _UNSOLVED.issuperset(filters.statuses)


def _tests(selection: Selection) -> ColumnElement[bool]:
    """What holds for all of a selection."""
    tests = _narrow(select(tickets.c.id), selection).whereclause
    return true() if tests is None else tests


def _took_long(error: DBAPIError) -> bool:
    return getattr(error.orig, "sqlstate", None) == _CANCELLED


def _some(selection: Selection, most: int) -> Select[Any]:
    return _found(select(tickets.c.id), selection).limit(_literal(most + 1))


def _found(query: Select[Any], selection: Selection) -> Select[Any]:
    narrowed = _narrow(query, selection)
    return narrowed if selection.indexed is None else narrowed.where(selection.indexed)


def _narrow(query: Select[Any], selection: Selection) -> Select[Any]:
    if selection.account_id is not None:
        query = query.where(is_own(selection.account_id))
    if selection.rest is not None:
        query = query.where(selection.rest)
    return _filtered(query, selection.filters)


def _filtered(query: Select[Any], filters: Filters) -> Select[Any]:
    if filters.statuses:
        statuses = sorted(map(str, set(filters.statuses)))
        query = query.where(tickets.c.status.in_(bindparam(None, statuses, expanding=True, literal_execute=True)))
    if filters.assignee == NOBODY:
        query = query.where(tickets.c.assignee_id.is_(None))
    elif filters.assignee is not None:
        query = query.where(tickets.c.assignee_id == filters.assignee)
    if filters.snoozed is not None:
        until = tickets.c.snoozed_until
        query = query.where(until.is_not(None) if filters.snoozed else until.is_(None))
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
            plain = len(value) <= _PLAIN_TAG and value.isascii() and value.isalpha()
            few = column is not tickets.c.language or plain
            query = query.where(column == literal(str(value), column.type, literal_execute=few))
    return query


_UNSOLVED_ONES = _filtered(select(tickets.c.id), Filters(statuses=tuple(_UNSOLVED)))
