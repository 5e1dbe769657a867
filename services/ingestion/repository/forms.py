"""SQL of the forms that visitors are shown, and of how much they send."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, insert, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from services.ingestion.models import inbound_messages, portal_uploads, portal_writes, public_forms
from shared.events.forms import PublicForm
from shared.ids import uuid7

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

    async def lock(self, name: str) -> None:
        """Until the transaction ends nobody else counts what this writer sent, or this caller stored."""
        await self._session.execute(
            text("SELECT pg_advisory_xact_lock(hashtextextended('portal:' || :name, 0))"), {"name": name}
        )

    async def writes(self, writer: str, *, since: datetime) -> list[datetime]:
        """When a writer sent something since then."""
        columns = portal_writes.c
        query = select(columns.written_at).where(columns.writer == writer, columns.written_at > since)
        return list(await self._session.scalars(query))

    async def add_write(self, message_id: UUID, writer: str, *, now: datetime) -> None:
        """Note that a writer sent a message."""
        await self._session.execute(insert(portal_writes).values(message_id=message_id, writer=writer, written_at=now))

    async def uploads(self, caller: str, *, since: datetime) -> list[tuple[datetime, int]]:
        """When a caller stored how much since then."""
        columns = portal_uploads.c
        query = select(columns.uploaded_at, columns.size_bytes)
        rows = await self._session.execute(query.where(columns.caller == caller, columns.uploaded_at > since))
        return [(row[0], row[1]) for row in rows]

    async def add_upload(self, caller: str, size_bytes: int, *, now: datetime) -> None:
        """Note that a caller stores so much."""
        await self._session.execute(
            insert(portal_uploads).values(id=uuid7(), caller=caller, size_bytes=size_bytes, uploaded_at=now)
        )

    async def forget(self, *, before: datetime, limit: int) -> int:
        """Forget who sent and stored what before; returns how many of these, at most `limit` of each."""
        gone = 0
        for key, moment in (
            (portal_writes.c.message_id, portal_writes.c.written_at),
            (portal_uploads.c.id, portal_uploads.c.uploaded_at),
        ):
            old = select(key).where(moment < before).limit(limit)
            forgotten = await self._session.scalars(delete(key.table).where(key.in_(old)).returning(key))
            gone += len(forgotten.all())
        return gone

    async def sent_by_form(self, message_ids: Collection[UUID]) -> dict[UUID, str]:
        """Of those of these messages that came by the form: the address that was typed into it."""
        columns = inbound_messages.c
        query = select(columns.id, columns.sender["address"].astext)
        rows = await self._session.execute(query.where(columns.id.in_(sorted(message_ids)), columns.origin == FORM))
        return {row[0]: row[1] for row in rows}
