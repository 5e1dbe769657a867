"""Settings as they are kept."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import ColumnElement, Text, Uuid, any_, delete, func, literal, select, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession

from services.tickets.models import field_values, settings, tickets
from services.tickets.repository.rows import AnyRow, insert_rows


class SettingsRepository:
    """Documents by name, each with its version, and which statuses and types tickets have."""

    def __init__(self, session: AsyncSession) -> None:
        self.session = session

    async def get(self, name: str) -> AnyRow:
        """A document that is there."""
        return (await self.session.execute(select(settings).where(settings.c.name == name))).one()

    async def is_to_be_published(self, name: str) -> bool:
        """Whether a document changed since it was published, or never was; the document itself is not read."""
        changed = settings.c.published_version.is_distinct_from(settings.c.version)
        return bool(await self.session.scalar(select(changed).where(settings.c.name == name)))

    async def all(self, *, held: bool) -> dict[str, AnyRow]:
        """Every document by its name; `held`, nobody changes one until this transaction ends."""
        query = select(settings).order_by(settings.c.name)
        rows = await self.session.execute(query.with_for_update(read=True) if held else query)
        return {row.name: row for row in rows}

    async def lock(self, name: str) -> AnyRow:
        """Like `get`, and nobody else holds or locks it until this transaction ends."""
        return (await self.session.execute(select(settings).where(settings.c.name == name).with_for_update())).one()

    async def change(self, name: str, document: Mapping[str, Any], *, by: UUID, now: datetime) -> AnyRow:
        """Keep a document that this transaction has locked, under its next version."""
        changed = (
            update(settings)
            .where(settings.c.name == name)
            .values(document=document, version=settings.c.version + 1, changed_at=now, changed_by=by)
            .returning(settings)
        )
        row: AnyRow = (await self.session.execute(changed)).one()
        return row

    async def note_published(self, name: str, version: int) -> None:
        """Note that other services are told of this version of a document."""
        await self.session.execute(update(settings).where(settings.c.name == name).values(published_version=version))

    async def used(self, name: Literal["status_key", "type_key"], keys: Collection[str]) -> list[str]:
        """Those of these statuses or types that tickets have, in order."""
        wanted = func.unnest(literal(sorted(keys), ARRAY(Text()))).column_valued("key")
        has = select(tickets.c.id).where(tickets.c[name] == wanted).exists()
        return list(await self.session.scalars(select(wanted).where(has).order_by(wanted)))

    async def index_values(
        self, ticket_id: UUID, values: Iterable[tuple[str, str | None, Decimal | None]], *, new: bool = False
    ) -> None:
        """What lists are filtered by of the fields of a ticket that this transaction has locked, or made."""
        await self.index_all({ticket_id: values}, new=new)

    async def index_all(
        self, values: Mapping[UUID, Iterable[tuple[str, str | None, Decimal | None]]], *, new: bool = False
    ) -> None:
        """The same of many tickets."""
        if values and not new:
            await self.session.execute(delete(field_values).where(field_values.c.ticket_id == any_(_ids(values))))
        rows = [
            {"ticket_id": ticket_id, "field": field, "word": word, "number": number}
            for ticket_id, indexed in values.items()
            for field, word, number in indexed
        ]
        await insert_rows(self.session, field_values, rows)


def _ids(ids: Iterable[UUID]) -> ColumnElement[Any]:
    return literal(list(ids), ARRAY(Uuid))
