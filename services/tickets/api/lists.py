"""Lists of tickets: pages both ways, and windows to jump into."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Query
from sqlalchemy.ext.asyncio import AsyncSession

from services.tickets.api.callers import own_account
from services.tickets.domain.askable import askable
from services.tickets.domain.conditions import AllOf, Comparison, Condition, Not, Operator, comparisons
from services.tickets.domain.lifecycle import Lifecycle
from services.tickets.domain.lists import Position, Sort, TooWideError
from services.tickets.domain.named import Named
from services.tickets.domain.query import MAX_CHARACTERS, QueryError, read
from services.tickets.repository import TicketLists
from services.tickets.repository.conditions import Asker
from services.tickets.repository.lists import Selection
from services.tickets.repository.selections import selected
from services.tickets.schemas.lists import CountView, TicketPage, TicketWindow
from services.tickets.schemas.tickets import TicketRow
from services.tickets.schemas.values import MAX_TYPES, Group, Language, StatusKey, Tag, TypeKey, Zone
from services.tickets.service.settings import lifecycle_of
from shared.auth import Principal, requires
from shared.db import now_utc
from shared.events.common import Channel, Priority, TicketStatus, TicketType
from shared.web import CursorParams, Forbidden, ReadSession, Unprocessable

router = APIRouter(prefix="/api/tickets", tags=["tickets"])

# How far into a list one can jump, and how far it is counted.
MOST_ROWS = 100_000
MAX_WINDOW = 200

Offset = Annotated[int, Query(ge=0, lt=MOST_ROWS, description="How many rows come before")]
WindowLimit = Annotated[int, Query(ge=1, le=MAX_WINDOW)]


@dataclass(frozen=True, slots=True)
class ListQuery:
    """What a list is narrowed to, and how it is sorted."""

    given: dict[str, Any]
    where: str
    zone: str
    sort: Sort

    def selection(self, principal: Principal, lifecycle: Lifecycle) -> Selection:
        """The tickets that the caller asked for, and may see. Raises Forbidden, Unprocessable (`bad-search`)."""
        own = own_account(principal, "ticket.read") is not None
        if own and (self.given.keys() & {"group", "snoozed", "tags"} or self.sort is Sort.SLA_DUE):
            raise Forbidden("Customers cannot filter by group, by tag or by what is snoozed, nor sort by SLA.")
        asker = Asker(principal.account_id, now_utc(), ZoneInfo(self.zone), own=own, lifecycle=lifecycle)
        return selected(AllOf((*self._tests(lifecycle), self._where(lifecycle, own=own))), asker)

    def _tests(self, lifecycle: Lifecycle) -> list[Condition]:
        given = dict(self.given)
        tests: list[Condition] = []
        for field, names in (("status", lifecycle.statuses), ("type", lifecycle.types)):
            if keys := given.pop(f"{field}_key", ()):
                _require_known(field, keys, names)
                tests.append(Comparison(field, Operator.IS, tuple(keys)))
        snoozed = given.pop("snoozed", None)
        if snoozed is not None:
            awake = Comparison("snoozed", Operator.IS, ())
            tests.append(Not(awake) if snoozed else awake)
        for field, value in given.items():
            values = value if isinstance(value, list) else [value]
            nobody = field == "assignee" and value == "none"
            tests.append(Comparison(field, Operator.IS, () if nobody else tuple(map(str, values))))
        return tests

    def _where(self, lifecycle: Lifecycle, *, own: bool) -> Condition:
        known = askable(lifecycle, public_only=own)
        try:
            condition = read(self.where, known.fields, known.values)
        except QueryError as error:
            raise Unprocessable(str(error), slug="bad-search", position=error.position) from None
        if words := [test.value for test in comparisons(condition) if test.operator is Operator.MATCHES]:
            raise Unprocessable(
                f"A list is narrowed by fields, and {words[0]} is none: words are found by /api/tickets/search. "
                "Fields of the organisation's own have to be marked as filterable.",
                slug="bad-search",
            )
        return condition


def _require_known(field: str, keys: Sequence[str], names: Sequence[Named[Any]]) -> None:
    there_are = [each.key for each in names]
    for key in keys:
        if key not in there_are:
            raise Unprocessable(
                f"There is no {field} {key}; there are {', '.join(there_are)}.", slug=f"unknown-{field}"
            )


def _list_query(
    status: Annotated[list[TicketStatus] | None, Query()] = None,
    status_key: Annotated[
        list[StatusKey] | None, Query(description="The organisation's own statuses", max_length=60)
    ] = None,
    assignee: Literal["me", "none"] | UUID | None = None,
    group: Group | None = None,
    channel: Channel | None = None,
    language: Language | None = None,
    priority: Priority | None = None,
    type: TicketType | None = None,  # noqa: A002 - the name of the parameter
    type_key: Annotated[
        list[TypeKey] | None, Query(description="The organisation's own types", max_length=MAX_TYPES)
    ] = None,
    brand: Annotated[str | None, Query(min_length=1, max_length=100, pattern=r"^[^\x00]*$")] = None,
    tag: Annotated[list[Tag] | None, Query(description="One of these", max_length=50)] = None,
    requester: UUID | None = None,
    snoozed: bool | None = None,
    where: Annotated[
        str,
        Query(
            max_length=MAX_CHARACTERS,
            description="More, as a search line without words: `fields.KEY:value` and `fields.KEY>10`, too",
            examples=["fields.cost>10 -tags:vip"],
        ),
    ] = "",
    zone: Annotated[Zone, Query()] = "UTC",
    sort: Sort = Sort.UPDATED_DESC,
) -> ListQuery:
    given = {
        "status": status,
        "status_key": status_key,
        "assignee": assignee,
        "group": group,
        "channel": channel,
        "language": language,
        "priority": priority,
        "type": type,
        "type_key": type_key,
        "brand": brand,
        "tags": tag,
        "requester": requester,
        "snoozed": snoozed,
    }
    return ListQuery({name: value for name, value in given.items() if value not in (None, [])}, where, zone, sort)


Asked = Annotated[ListQuery, Depends(_list_query)]


@router.get("")
async def list_tickets(
    session: ReadSession,
    paging: CursorParams,
    principal: Annotated[Principal, requires("ticket.read")],
    asked: Asked,
) -> TicketPage:
    """One page of tickets. Customers see their own, and cannot sort or filter by what they do not see.

    `snoozed=false` leaves out what somebody has put off, `snoozed=true` lists that alone. Pages lead both ways: give
    `next_cursor` or `previous_cursor` back as `cursor`.
    """
    lifecycle = await lifecycle_of(session)
    selection = asked.selection(principal, lifecycle)
    return await page_of(session, selection, asked.sort, paging=paging, principal=principal, lifecycle=lifecycle)


@router.get("/window")
async def read_window(
    session: ReadSession,
    principal: Annotated[Principal, requires("ticket.read")],
    asked: Asked,
    offset: Offset = 0,
    limit: WindowLimit = 50,
) -> TicketWindow:
    """Rows of the same list from the middle, to jump to; what changes meanwhile moves them, unlike pages.

    By several filters together, or by `where`, only the first 50,000 tickets of the order are looked at: beyond these
    there are no rows, though more may be counted. 422 `too-wide` asks for a narrower list.
    """
    lifecycle = await lifecycle_of(session)
    selection = asked.selection(principal, lifecycle)
    return await window_of(
        session, selection, asked.sort, offset=offset, limit=limit, principal=principal, lifecycle=lifecycle
    )


async def page_of(
    session: AsyncSession,
    selection: Selection,
    sort: Sort,
    *,
    paging: CursorParams,
    principal: Principal,
    lifecycle: Lifecycle,
) -> TicketPage:
    """The page of a selection that the cursor leads to. Raises Unprocessable (`bad-cursor`, `too-wide`)."""
    position = _position(paging, sort)
    with _too_wide_as_problem():
        rows = await TicketLists(session).select(selection, sort, position=position, limit=paging.limit + 1)
    return TicketPage.of(rows, sort, position=position, limit=paging.limit, role=principal.role, lifecycle=lifecycle)


async def window_of(
    session: AsyncSession,
    selection: Selection,
    sort: Sort,
    *,
    offset: int,
    limit: int,
    principal: Principal,
    lifecycle: Lifecycle,
) -> TicketWindow:
    """Rows of a selection after the first `offset`, and how many there are. Raises Unprocessable (`too-wide`)."""
    lists = TicketLists(session)
    with _too_wide_as_problem():
        rows = await lists.window(selection, sort, offset=offset, limit=limit)
    return TicketWindow(
        items=[TicketRow.of(row, role=principal.role, lifecycle=lifecycle) for row in rows],
        offset=offset,
        total=CountView.of(await lists.count(selection, most=MOST_ROWS)),
    )


@contextmanager
def _too_wide_as_problem() -> Iterator[None]:
    try:
        yield
    except TooWideError as error:
        raise Unprocessable(str(error), slug="too-wide", title="Too many tickets to look through") from error


def _position(paging: CursorParams, sort: Sort) -> Position | None:
    given = paging.after(str, bool, datetime | None, UUID)
    if given is None:
        return None
    cursor_sort, before, value, ticket_id = given
    if cursor_sort != sort.value or (value is None and sort is not Sort.SLA_DUE):
        raise Unprocessable("The cursor belongs to another sort.", slug="bad-cursor")
    return Position(value, ticket_id, before=before)
