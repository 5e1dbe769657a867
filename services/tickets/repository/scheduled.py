"""Replies that leave later.

A ticket's row is the lock of its replies, too. Requests wait for it; the timer takes it with SKIP LOCKED together with
the replies, so neither can wait for the other in a circle.
"""

from collections.abc import Collection, Sequence
from dataclasses import asdict
from datetime import datetime
from uuid import UUID

from sqlalchemy import Text, literal, select, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession

from services.tickets.domain.scheduled import Scheduled, ScheduledState
from services.tickets.models import messages, scheduled_messages, tickets
from services.tickets.repository.rows import AnyRow, insert_rows, update_rows
from shared.events.common import AttachmentRef, TicketStatus

_FORGET_ROWS = 5_000
# Spelt as the index has it: a plan that does not know the parameter would read everything that ever left.
_IS_WAITING = scheduled_messages.c.state == literal(ScheduledState.WAITING.value, Text, literal_execute=True)


class ScheduledRepository:
    """Scheduled replies as values."""

    def __init__(self, session: AsyncSession) -> None:
        self.session = session

    async def insert(self, scheduled: Scheduled) -> None:
        """A new one."""
        await insert_rows(self.session, scheduled_messages, [asdict(scheduled)])

    async def update(self, changed: Sequence[Scheduled]) -> None:
        """Write them as they are; their tickets are locked by this transaction."""
        await update_rows(self.session, scheduled_messages, [asdict(scheduled) for scheduled in changed])

    async def get(self, ticket_id: UUID, scheduled_id: UUID) -> Scheduled | None:
        """One of a ticket's."""
        query = select(scheduled_messages).where(
            scheduled_messages.c.id == scheduled_id, scheduled_messages.c.ticket_id == ticket_id
        )
        row = (await self.session.execute(query)).one_or_none()
        return _scheduled(row) if row else None

    async def page(self, ticket_id: UUID, *, before: UUID | None, limit: int) -> list[Scheduled]:
        """A ticket's, newest first, from before the one with the id `before`."""
        query = select(scheduled_messages).where(scheduled_messages.c.ticket_id == ticket_id)
        if before is not None:
            query = query.where(scheduled_messages.c.id < before)
        rows = await self.session.execute(query.order_by(scheduled_messages.c.id.desc()).limit(limit))
        return [_scheduled(row) for row in rows]

    async def waiting(self, ticket_id: UUID, *, until: datetime | None = None) -> list[Scheduled]:
        """Those of a ticket that have not left, in the order in which they will; with `until`, those due by then."""
        query = select(scheduled_messages).where(scheduled_messages.c.ticket_id == ticket_id, _IS_WAITING)
        if until is not None:
            query = query.where(scheduled_messages.c.release_at <= until)
        rows = await self.session.execute(query.order_by(scheduled_messages.c.release_at, scheduled_messages.c.id))
        return [_scheduled(row) for row in rows]

    async def due_copies(self, now: datetime, *, limit: int) -> set[str]:
        """To whom copies go of those replies that are due, the earliest first; it locks nothing."""
        query = (
            select(scheduled_messages.c.cc)
            .where(_IS_WAITING, scheduled_messages.c.release_at <= now, scheduled_messages.c.cc != literal([], JSONB))
            .order_by(scheduled_messages.c.release_at, scheduled_messages.c.id)
            .limit(limit)
        )
        return {address for cc in await self.session.scalars(query) for address in cc}

    async def claim_due(self, now: datetime, *, limit: int) -> list[Scheduled]:
        """Lock replies that are due and their tickets, the earliest first; skips what others hold."""
        query = (
            select(scheduled_messages)
            .join(tickets, tickets.c.id == scheduled_messages.c.ticket_id)
            .where(_IS_WAITING, scheduled_messages.c.release_at <= now)
            .order_by(scheduled_messages.c.release_at, scheduled_messages.c.id)
            .limit(limit)
            .with_for_update(key_share=True, skip_locked=True)
        )
        return [_scheduled(row) for row in await self.session.execute(query)]

    async def answered(self, ids: Collection[UUID]) -> set[UUID]:
        """Those before which the customer wrote, since their authors had read the thread."""
        if not ids:
            return set()
        query = (
            select(scheduled_messages.c.id)
            .distinct()
            .join(messages, messages.c.ticket_id == scheduled_messages.c.ticket_id)
            .where(
                scheduled_messages.c.id.in_(ids),
                messages.c.position > scheduled_messages.c.thread_version,
                messages.c.kind == "customer",
            )
        )
        return set(await self.session.scalars(query))

    async def forget_settled(self, before: datetime) -> int:
        """Delete those that were settled before; returns how many, at most a batch."""
        gone = await self.session.scalars(
            text(f"""
                DELETE FROM {scheduled_messages.fullname} WHERE id = ANY(ARRAY(
                    SELECT id FROM {scheduled_messages.fullname} WHERE settled_at < :before
                    LIMIT :rows FOR UPDATE SKIP LOCKED))
                RETURNING 1"""),
            {"before": before, "rows": _FORGET_ROWS},
        )
        return len(gone.all())


def _scheduled(row: AnyRow) -> Scheduled:
    values = dict(row._mapping)  # noqa: SLF001 - public by its documentation
    values["cc"] = tuple(row.cc)
    values["attachments"] = tuple(AttachmentRef.model_validate(file) for file in row.attachments)
    values["status"] = TicketStatus(row.status) if row.status else None
    values["state"] = ScheduledState(row.state)
    return Scheduled(**values)
