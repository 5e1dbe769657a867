"""Views as they are kept."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, ColumnElement, Text, delete, func, insert, literal, or_, select, true, update
from sqlalchemy.ext.asyncio import AsyncSession

from services.tickets.models import views
from services.tickets.repository.rows import AnyRow


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who asks for views. `every` one that is shared is for those who look after them, whatever its groups."""

    account_id: UUID
    groups: tuple[str, ...]
    every: bool = False


class ViewRepository:
    """Views in the order in which they are shown."""

    def __init__(self, session: AsyncSession) -> None:
        self.session = session

    async def all(self, viewer: Viewer) -> Sequence[AnyRow]:
        """Every view that is for the viewer."""
        query = select(views).where(_is_for(viewer)).order_by(views.c.position, views.c.id)
        return (await self.session.execute(query)).all()

    async def get(self, view_id: UUID, viewer: Viewer, *, locked: bool = False) -> AnyRow | None:
        """A view that is for the viewer; `locked`, until this transaction ends."""
        query = select(views).where(views.c.id == view_id, _is_for(viewer))
        return (await self.session.execute(query.with_for_update() if locked else query)).one_or_none()

    async def held(self, owner_id: UUID | None) -> tuple[int, int]:
        """How many views somebody has, or are shared where it is nobody, and the position of the last one of all.

        Who asks is the only one until this transaction ends: nobody adds one while others count.
        """
        lock = func.pg_advisory_xact_lock(func.hashtextextended(f"tickets.views {owner_id}", 0))
        await self.session.execute(select(lock))
        counted = func.count().filter(views.c.owner_id.is_not_distinct_from(owner_id))
        count, last = (await self.session.execute(select(counted, func.max(views.c.position)))).one()
        return count, last or 0

    async def insert(self, values: Mapping[str, Any]) -> AnyRow:
        """Keep a new view."""
        row: AnyRow = (await self.session.execute(insert(views).values(**values).returning(views))).one()
        return row

    async def change(self, view_id: UUID, values: Mapping[str, Any]) -> AnyRow:
        """Keep a view that this transaction has locked, under its next version."""
        changed = update(views).where(views.c.id == view_id).values(version=views.c.version + 1, **values)
        row: AnyRow = (await self.session.execute(changed.returning(views))).one()
        return row

    async def delete(self, view_id: UUID) -> None:
        """Forget a view."""
        await self.session.execute(delete(views).where(views.c.id == view_id))


def _is_for(viewer: Viewer) -> ColumnElement[bool]:
    own = views.c.owner_id == viewer.account_id
    groups = literal(list(viewer.groups), ARRAY(Text))
    for_them = true() if viewer.every else or_(views.c.groups.is_(None), views.c.groups.bool_op("&&")(groups))
    return or_(own, views.c.owner_id.is_(None) & for_them)
