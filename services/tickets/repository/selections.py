"""A condition as lists read it: what there are indexes for (`Filters`), and the rest."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_

from services.tickets.domain.conditions import AllOf, Comparison, Condition, Not, Operator, moment
from services.tickets.domain.search import ME, VALUES
from services.tickets.repository.conditions import SIGNS, Asker, in_sql, may_belong, may_contain
from services.tickets.repository.lists import NOBODY, Filters, Selection
from services.tickets.repository.orders import Bound


def selected(condition: Condition, asker: Asker) -> Selection:
    """The tickets for which a condition holds; for customers, of their own."""
    filters, rest = Filters(), []
    for part in _parts(condition):
        with_part = _with(filters, part, asker)
        if with_part is None:
            rest.append(part)
        else:
            filters = with_part
    return Selection(
        filters,
        in_sql(AllOf(tuple(rest)), asker) if rest else None,
        asker.account_id if asker.own else None,
        tuple(_bounds(rest, asker)),
        and_(*indexed) if (indexed := list(_indexed(rest, asker))) else None,
    )


def _parts(condition: Condition) -> Iterator[Condition]:
    """What has to hold, each by itself."""
    if isinstance(condition, AllOf):
        for one in condition.of:
            yield from _parts(one)
    else:
        yield condition


def _bounds(parts: Iterable[Condition], asker: Asker) -> Iterator[Bound]:
    for part in parts:
        match part:
            case Comparison("created" | "updated" | "due" as field, operator, str(value)) if operator in SIGNS:
                yield Bound(field, SIGNS[operator], moment(value, now=asker.now, zone=asker.zone))


def _indexed(parts: Iterable[Condition], asker: Asker) -> Iterator[ColumnElement[bool]]:
    """What an index of its own leaves for some of these parts, or some more than that."""
    for part in parts:
        match part:
            case Comparison("subject", Operator.CONTAINS, str(value)):
                may = may_contain(value, asker.now)
                if may is not None:
                    yield may
            case Comparison("organisation", Operator.IS, tuple(values)) if values:
                yield may_belong([str(value) for value in values])


def _with(filters: Filters, part: Condition, asker: Asker) -> Filters | None:
    """The filters with another one; None if this is none, or its place is taken."""
    match part:
        case Not(Comparison("snoozed", Operator.IS, ())) if filters.snoozed is None:
            return replace(filters, snoozed=True)
        case Comparison("snoozed", Operator.IS, ()) if filters.snoozed is None:
            return replace(filters, snoozed=False)
        case Comparison("assignee", Operator.IS, ()) if filters.assignee is None:
            return replace(filters, assignee=NOBODY)
        case Comparison("status", Operator.IS, tuple(values)) if not filters.statuses and values:
            categories = tuple(str(value) for value in values if value in VALUES["status"])
            return replace(filters, statuses=categories) if len(categories) == len(values) else None
        case Comparison(field, Operator.IS, (str(value),)):
            return _with_one(filters, field, value, asker)
    return None


def _with_one(filters: Filters, field: str, value: str, asker: Asker) -> Filters | None:
    name = field
    made: Any = value
    match field:
        case "assignee":
            made = asker.account_id if value == ME else _id(value)
        case "requester":
            name, made = "requester_id", _id(value)
        case "group" | "channel" | "language" | "priority":
            pass
        case _:
            return None
    return None if made is None or getattr(filters, name) is not None else replace(filters, **{name: made})


def _id(value: str) -> UUID | None:
    try:
        return UUID(value)
    except ValueError:
        return None
