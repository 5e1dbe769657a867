"""Macros, and how often they are applied."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, Select, Text, and_, delete, func, literal, or_, select, true, tuple_, update
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.tickets.models import accounts, macro_uses, macros
from services.tickets.repository.rows import AnyRow


@dataclass(frozen=True, slots=True)
class Audience:
    """Who asks for macros. `every` one that is shared is for those who look after them, whatever its groups."""

    account_id: UUID
    groups: tuple[str, ...]
    every: bool = False


class MacroPlace(NamedTuple):
    """Where a macro stands in lists."""

    position: int
    folded_name: str
    id: UUID


@dataclass(frozen=True, slots=True)
class MacroFilters:
    """Which macros are listed: those with a part in their name, those with a shortcut, those in use."""

    folded_part: str = ""
    shortcut: str | None = None
    active: bool | None = None


class MacroRepository:
    """Macros as they are kept; `since` is the first day of which uses are counted."""

    def __init__(self, session: AsyncSession) -> None:
        self.session = session

    async def get(self, macro_id: UUID, audience: Audience, *, since: date) -> AnyRow | None:
        """A macro that is for this audience, with its uses."""
        query = _with_uses(since).where(macros.c.id == macro_id, _is_for(audience))
        row: AnyRow | None = (await self.session.execute(query)).one_or_none()
        return row

    async def page(
        self, audience: Audience, filters: MacroFilters, *, after: MacroPlace | None, limit: int, since: date
    ) -> Sequence[AnyRow]:
        """Macros for this audience in their order, each with its uses."""
        query = _with_uses(since).where(_is_for(audience))
        if filters.folded_part:
            query = query.where(macros.c.folded_name.contains(filters.folded_part, autoescape=True))
        if filters.shortcut is not None:
            query = query.where(macros.c.shortcut == filters.shortcut)
        if filters.active is not None:
            query = query.where(macros.c.active == filters.active)
        place = (macros.c.position, macros.c.folded_name, macros.c.id)
        if after is not None:
            here = (literal(value, column.type) for value, column in zip(after, place, strict=True))
            query = query.where(tuple_(*place) > tuple_(*here))
        found: Sequence[AnyRow] = (await self.session.execute(query.order_by(*place).limit(limit))).all()
        return found

    async def lock(self, macro_id: UUID, audience: Audience) -> AnyRow | None:
        """Like `get`, without uses, and nobody else changes it until this transaction ends."""
        query = select(macros).where(macros.c.id == macro_id, _is_for(audience)).with_for_update()
        return (await self.session.execute(query)).one_or_none()

    async def taken(self, shortcut: str, *, owner_id: UUID | None, but: UUID) -> bool:
        """Whether another macro, among those that are shared or among one owner's, has this shortcut."""
        # Nobody else takes one until this transaction ends: the index would tell of it only as an error.
        lock = func.pg_advisory_xact_lock(func.hashtextextended(f"macro shortcut {owner_id} {shortcut}", 0))
        await self.session.execute(select(lock))
        query = select(macros.c.id).where(
            macros.c.shortcut == shortcut, macros.c.owner_id.is_not_distinct_from(owner_id), macros.c.id != but
        )
        return (await self.session.scalars(query)).first() is not None

    async def insert(self, values: Mapping[str, Any]) -> None:
        """Keep a new macro."""
        await self.session.execute(insert(macros).values(values))

    async def change(self, macro_id: UUID, values: Mapping[str, Any]) -> None:
        """Keep a macro, which this transaction has locked, as it has become, under its next version."""
        changed = update(macros).where(macros.c.id == macro_id)
        await self.session.execute(changed.values(**values, version=macros.c.version + 1))

    async def delete(self, macro_id: UUID) -> None:
        """Forget a macro and its uses."""
        await self.session.execute(delete(macros).where(macros.c.id == macro_id))

    async def held(self, owner_id: UUID, *, but: UUID) -> int:
        """How many macros somebody has, beside one."""
        query = select(func.count()).where(macros.c.owner_id == owner_id, macros.c.id != but)
        return (await self.session.scalars(query)).one()

    async def used(self, macro_id: UUID, account_id: UUID, now: datetime) -> bool:
        """Count one use, unless the macro is gone. Only an agent's own ones of a day wait for each other."""
        use = {"account_id": account_id, "day": now.date(), "uses": 1, "last_used_at": now}
        values = (literal(value, macro_uses.c[name].type) for name, value in use.items())
        kept = select(macros.c.id, *values).where(macros.c.id == macro_id).with_for_update(read=True, key_share=True)
        counted = insert(macro_uses).from_select(["macro_id", *use], kept)
        again = {
            "uses": macro_uses.c.uses + 1,
            "last_used_at": func.greatest(macro_uses.c.last_used_at, counted.excluded.last_used_at),
        }
        key = ["macro_id", "day", "account_id"]
        counted = counted.on_conflict_do_update(index_elements=key, set_=again)
        return bool((await self.session.scalars(counted.returning(macro_uses.c.uses))).all())

    async def uses(self, macro_id: UUID, *, after: tuple[date, UUID] | None, limit: int) -> Sequence[AnyRow]:
        """Who has applied a macro, by day, the latest first."""
        place = (macro_uses.c.day, macro_uses.c.account_id)
        query = (
            select(macro_uses, func.coalesce(accounts.c.name, "").label("name"))
            .join_from(macro_uses, accounts, accounts.c.id == macro_uses.c.account_id, isouter=True)
            .where(macro_uses.c.macro_id == macro_id)
        )
        if after is not None:
            here = (literal(value, column.type) for value, column in zip(after, place, strict=True))
            query = query.where(tuple_(*place) < tuple_(*here))
        query = query.order_by(*(column.desc() for column in place)).limit(limit)
        return (await self.session.execute(query)).all()


def _is_for(audience: Audience) -> ColumnElement[bool]:
    own = macros.c.owner_id == audience.account_id
    if audience.every:
        return or_(macros.c.owner_id.is_(None), own)
    in_group = and_(
        macros.c.visibility == "groups", macros.c.groups.op("&&")(literal(list(audience.groups), ARRAY(Text())))
    )
    return or_(macros.c.visibility == "everyone", own, in_group)


def _with_uses(since: date) -> Select[Any]:
    counted = (
        select(
            func.coalesce(func.sum(macro_uses.c.uses), 0).label("uses"),
            func.max(macro_uses.c.last_used_at).label("last_used_at"),
        )
        .where(macro_uses.c.macro_id == macros.c.id, macro_uses.c.day >= literal(since, macro_uses.c.day.type))
        .lateral("counted")
    )
    return select(macros, counted.c.uses, counted.c.last_used_at).join_from(macros, counted, true())
