"""Views: kept, and counted."""

import asyncio
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, auto
from typing import Any
from uuid import UUID
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from services.tickets.domain.askable import askable, checked
from services.tickets.domain.conditions import Condition, ConditionError, comparisons, parse
from services.tickets.domain.lifecycle import Lifecycle
from services.tickets.domain.lists import Count
from services.tickets.domain.search import ME
from services.tickets.repository import TicketLists
from services.tickets.repository.conditions import Asker
from services.tickets.repository.lists import Selection
from services.tickets.repository.rows import AnyRow
from services.tickets.repository.selections import selected
from services.tickets.repository.views import Viewer, ViewRepository
from services.tickets.schemas.views import ViewBody
from services.tickets.service.settings import lifecycle_of
from shared.ids import uuid7
from shared.telemetry import get_logger
from shared.web.problem import Conflict, Forbidden, NotFound, PreconditionFailed, Unprocessable

log = get_logger(__name__)

MOST_COUNTED = 10_000
# Of somebody, and of all that are shared: each is counted whenever an agent looks at their views.
MOST_VIEWS = 100

KEPT_SECONDS = 5.0
# For so long a view is counted in the way that was the right one: a plan for each costs more than most counts.
WEIGHED_SECONDS = 300.0
_MOST_KEPT = 10_000
# After so long what is not counted yet is estimated.
COUNTING_SECONDS = 1.0


async def create(session: AsyncSession, body: ViewBody, *, by: Viewer, now: datetime) -> AnyRow:
    """Keep a new view. Raises Forbidden, Unprocessable (`bad-condition`), Conflict (`too-many-views`)."""
    _require_personal(by, body.visibility == "personal")
    values = await _checked(session, body, by=by, now=now)
    repository = ViewRepository(session)
    count, last = await repository.held(values["owner_id"])
    if count >= MOST_VIEWS:
        raise Conflict(f"There are {count} views already. Delete one that nobody needs.", slug="too-many-views")
    position = last + 1 if body.position is None else body.position
    return await repository.insert({"id": uuid7(), "version": 1, **values, "position": position})


async def change(
    session: AsyncSession, view_id: UUID, body: ViewBody, *, expected_version: int | None, by: Viewer, now: datetime
) -> AnyRow:
    """Put another view into its place. Raises what `create` does, and NotFound, PreconditionFailed.

    One that gets another name has no `key` any more: it means what it says, in the language that it says it in.
    """
    row = await _locked(session, view_id, expected_version, by)
    values = await _checked(session, body, by=by, now=now)
    if body.position is not None:
        values["position"] = body.position
    if body.name != row.name:
        values["key"] = None
    _require_personal(by, row.owner_id is not None and body.visibility == "personal")
    return await ViewRepository(session).change(view_id, values)


async def delete(session: AsyncSession, view_id: UUID, *, expected_version: int | None, by: Viewer) -> None:
    """Forget a view. Raises NotFound, PreconditionFailed, Forbidden."""
    row = await _locked(session, view_id, expected_version, by)
    _require_personal(by, row.owner_id is not None)
    await ViewRepository(session).delete(view_id)


async def get(session: AsyncSession, view_id: UUID, viewer: Viewer) -> AnyRow:
    """A view that is for the viewer. Raises NotFound."""
    row = await ViewRepository(session).get(view_id, viewer)
    if row is None:
        raise NotFound("There is no such view.")
    return row


def condition_of(tree: Mapping[str, Any], lifecycle: Lifecycle) -> Condition:
    """The condition that somebody wants to view tickets by. Raises Unprocessable (`bad-condition`)."""
    try:
        return checked(tree, askable(lifecycle))
    except ConditionError as error:
        raise _meaningless(error, "Nothing was changed.") from error


def kept_condition(view: AnyRow, lifecycle: Lifecycle) -> Condition:
    """The condition of a view: of a status that is gone since no ticket has it. Raises Unprocessable, if it must."""
    try:
        return parse(view.conditions, askable(lifecycle).fields)
    except ConditionError as error:
        raise _meaningless(error, "Change the view, or delete it.") from error


def _meaningless(error: ConditionError, advice: str) -> Unprocessable:
    return Unprocessable(
        f"{error.problem}. {advice}",
        slug="bad-condition",
        title="The condition means nothing",
        pointer=f"/conditions{error.path}",
    )


@dataclass(frozen=True, slots=True)
class Counted:
    """How many tickets a view has, and when they were counted."""

    view_id: UUID
    count: Count
    at: datetime


class _Way(Enum):
    """How a view is counted: with others in one statement, by itself, or not at all, but estimated."""

    TOGETHER = auto()
    ALONE = auto()
    ESTIMATED = auto()


@dataclass(slots=True)
class _Kept:
    """The last count of a view. Who holds `turn` counts, and the others wait for what is found."""

    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    read_at: float = 0.0
    counted: Counted | None = None
    weighed_at: float = -math.inf
    way: _Way = _Way.ALONE

    @property
    def last(self) -> Counted | None:
        """The last count, while it is kept."""
        return self.counted if time.monotonic() - self.read_at < KEPT_SECONDS else None

    def keep(self, counted: Counted) -> None:
        """Keep a count from now on."""
        self.read_at, self.counted = time.monotonic(), counted


@dataclass(frozen=True, slots=True)
class _Counting:
    """A view that is to be counted, and where its count is kept."""

    view_id: UUID
    selection: Selection
    kept: _Kept


# By database: a process has one, its tests have many.
_kept: WeakKeyDictionary[Engine | Connection, dict[tuple[Any, ...], _Kept]] = WeakKeyDictionary()


async def counts(session: AsyncSession, viewer: Viewer, asker: Asker) -> Sequence[Counted]:
    """How many tickets each view of somebody has; more than `MOST_COUNTED` are not told apart.

    A count is kept for a few seconds, for all who see the same tickets by it. What takes too long to count is
    estimated, and counted by whoever asks next. A view that cannot be counted at all is left out.
    """
    all_kept = _kept.setdefault(session.get_bind(), {})
    if len(all_kept) >= _MOST_KEPT:
        all_kept.clear()
    found: dict[UUID, Counted] = {}
    views = await ViewRepository(session).all(viewer)
    async with AsyncExitStack() as turns:
        waiting = []
        for view in sorted(views, key=lambda view: view.id):  # so that nobody waits for whom they keep waiting
            with _told(view.id):
                condition = kept_condition(view, asker.lifecycle)
                whose = asker.account_id if _is_about_who_asks(condition) else None
                kept = all_kept.setdefault((view.id, view.version, whose, str(asker.zone)), _Kept())
                if kept.last is None:
                    await turns.enter_async_context(kept.turn)
                if kept.last is None:
                    waiting.append(_Counting(view.id, selected(condition, asker), kept))
                else:
                    found[view.id] = kept.last
        found |= await _counted(session, waiting, asker.now)
    return [found[view.id] for view in views if view.id in found]


async def _counted(session: AsyncSession, waiting: Sequence[_Counting], now: datetime) -> dict[UUID, Counted]:
    """How many each view has. Whatever fails leaves the transaction as it was."""
    until = time.monotonic() + COUNTING_SECONDS
    await _weigh(session, waiting, until)
    found = await _count_together(session, waiting, now, until)
    lists = TicketLists(session)
    for each in waiting:
        if each.view_id in found:
            continue
        with _told(each.view_id):
            has_time = time.monotonic() < until
            exactly = has_time and each.kept.way is not _Way.ESTIMATED
            async with session.begin_nested():
                count = await (lists.count if exactly else lists.about)(each.selection, most=MOST_COUNTED)
            found[each.view_id] = Counted(each.view_id, count, now)
            if has_time:
                each.kept.keep(found[each.view_id])
    return found


async def _weigh(session: AsyncSession, waiting: Sequence[_Counting], until: float) -> None:
    for each in waiting:
        if time.monotonic() >= until or time.monotonic() - each.kept.weighed_at < WEIGHED_SECONDS:
            continue
        with _told(each.view_id):
            async with session.begin_nested():
                takes_long = await TicketLists(session).takes_long(each.selection, most=MOST_COUNTED)
            each.kept.way = _Way.ESTIMATED if takes_long else _Way.TOGETHER
            each.kept.weighed_at = time.monotonic()


async def _count_together(
    session: AsyncSession, waiting: Sequence[_Counting], now: datetime, until: float
) -> dict[UUID, Counted]:
    together = [each for each in waiting if each.kept.way is _Way.TOGETHER]
    if not together or time.monotonic() >= until:
        return {}
    try:
        async with session.begin_nested():
            counts = await TicketLists(session).counts([each.selection for each in together], most=MOST_COUNTED)
    except DBAPIError:
        for each in together:
            each.kept.way = _Way.ALONE
        return {}
    found = {}
    for each, count in zip(together, counts, strict=True):
        found[each.view_id] = Counted(each.view_id, count, now)
        each.kept.keep(found[each.view_id])
    return found


@contextmanager
def _told(view_id: UUID) -> Iterator[None]:
    """Whatever is wrong with one view, the others are counted."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 - told to whoever looks after the desk
        log.warning("views.not_counted", view_id=str(view_id), error=repr(error))


def _is_about_who_asks(condition: Condition) -> bool:
    return any(isinstance(test.value, tuple) and ME in test.value for test in comparisons(condition))


async def _checked(session: AsyncSession, body: ViewBody, *, by: Viewer, now: datetime) -> dict[str, Any]:
    condition_of(body.conditions, await lifecycle_of(session))
    return {
        "name": body.name,
        "conditions": body.conditions,
        "sort": body.sort.value,
        "owner_id": by.account_id if body.visibility == "personal" else None,
        "groups": sorted(set(body.groups)) or None,
        "changed_at": now,
        "changed_by": by.account_id,
    }


async def _locked(session: AsyncSession, view_id: UUID, expected_version: int | None, by: Viewer) -> AnyRow:
    row = await ViewRepository(session).get(view_id, by, locked=True)
    if row is None:
        raise NotFound("There is no such view.")
    if expected_version is not None and row.version != expected_version:
        raise PreconditionFailed(
            f"The view is at version {row.version}, not {expected_version}. Read it again.", version=row.version
        )
    return row


def _require_personal(by: Viewer, personal: bool) -> None:
    if not personal and not by.every:
        raise Forbidden("Agents keep views of their own. Set `visibility` to personal, or ask a supervisor.")
