"""Templates of tickets."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import delete, insert, literal, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncSession

from services.tickets.models import ticket_templates
from services.tickets.repository.rows import AnyRow


class TemplatePlace(NamedTuple):
    """Where a template stands in lists."""

    position: int
    folded_name: str
    id: UUID


class TemplateRepository:
    """Templates as they are kept."""

    def __init__(self, session: AsyncSession) -> None:
        self.session = session

    async def get(self, template_id: UUID) -> AnyRow | None:
        """A template."""
        query = select(ticket_templates).where(ticket_templates.c.id == template_id)
        return (await self.session.execute(query)).one_or_none()

    async def page(
        self, folded_part: str, *, active: bool | None, after: TemplatePlace | None, limit: int
    ) -> Sequence[AnyRow]:
        """Templates with this part in their name, in their order."""
        place = (ticket_templates.c.position, ticket_templates.c.folded_name, ticket_templates.c.id)
        query = select(ticket_templates).order_by(*place).limit(limit)
        if folded_part:
            query = query.where(ticket_templates.c.folded_name.contains(folded_part, autoescape=True))
        if active is not None:
            query = query.where(ticket_templates.c.active == active)
        if after is not None:
            here = (literal(value, column.type) for value, column in zip(after, place, strict=True))
            query = query.where(tuple_(*place) > tuple_(*here))
        return (await self.session.execute(query)).all()

    async def lock(self, template_id: UUID) -> AnyRow | None:
        """Like `get`, and nobody else changes it until this transaction ends."""
        query = select(ticket_templates).where(ticket_templates.c.id == template_id).with_for_update()
        return (await self.session.execute(query)).one_or_none()

    async def insert(self, values: Mapping[str, Any]) -> None:
        """Keep a new template."""
        await self.session.execute(insert(ticket_templates).values(values))

    async def change(self, template_id: UUID, values: Mapping[str, Any]) -> None:
        """Keep a template, which this transaction has locked, as it has become, under its next version."""
        changed = update(ticket_templates).where(ticket_templates.c.id == template_id)
        await self.session.execute(changed.values(**values, version=ticket_templates.c.version + 1))

    async def delete(self, template_id: UUID) -> None:
        """Forget a template."""
        await self.session.execute(delete(ticket_templates).where(ticket_templates.c.id == template_id))
