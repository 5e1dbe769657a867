"""SQL of the forms that visitors are shown, and of how much they send."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, insert, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from services.ingestion.models import inbound_messages, portal_writes, public_forms
from shared.events.forms import PublicForm

# Visitors' messages, as `inbound_messages.origin` names where they come from.
FORM = "form"
PORTAL = "portal"


class FormRepository:
    """Forms as tickets told of them, and who sent what of late."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def replace(self, forms: Sequence[PublicForm]) -> None:
        """Keep these forms and no others."""
        await self._session.execute(delete(public_forms))
        rows = [
            {"key": form.key or "", "position": position, "form": form.model_dump(mode="json")}
            for position, form in enumerate(forms)
        ]
        if rows:
            await self._session.execute(insert(public_forms), rows)

    async def all(self) -> list[PublicForm]:
        """The forms, in their order."""
        rows = await self._session.scalars(select(public_forms.c.form).order_by(public_forms.c.position))
        return [PublicForm.model_validate(row) for row in rows]

    async def lock_writes(self, writer: str, *, since: datetime) -> int:
        """How much a writer sent since then; until the transaction ends nobody else asks for them."""
        await self._session.execute(
            text("SELECT pg_advisory_xact_lock(hashtextextended('portal:' || :writer, 0))"), {"writer": writer}
        )
        found = await self._session.scalar(
            text("SELECT count(*) FROM portal_writes WHERE writer = :writer AND written_at > :since"),
            {"writer": writer, "since": since},
        )
        return int(found or 0)

    async def add_write(self, message_id: UUID, writer: str, *, now: datetime) -> None:
        """Note that a writer sent a message."""
        await self._session.execute(insert(portal_writes).values(message_id=message_id, writer=writer, written_at=now))

    async def forget_writes(self, *, before: datetime, limit: int) -> int:
        """Forget who sent what before; returns how many."""
        old = select(portal_writes.c.message_id).where(portal_writes.c.written_at < before).limit(limit)
        gone = await self._session.scalars(
            delete(portal_writes).where(portal_writes.c.message_id.in_(old)).returning(portal_writes.c.message_id)
        )
        return len(gone.all())

    async def sent_by_form(self, message_ids: Collection[UUID]) -> dict[UUID, str]:
        """Of those of these messages that came by the form: the address that was typed into it."""
        columns = inbound_messages.c
        query = select(columns.id, columns.sender["address"].astext)
        rows = await self._session.execute(query.where(columns.id.in_(sorted(message_ids)), columns.origin == FORM))
        return {row[0]: row[1] for row in rows}
