"""What agents have begun to write: one draft per ticket and agent."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, and_, cast, delete, not_, select, update
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.tickets.models import accounts, draft_version, drafts
from services.tickets.repository.rows import AnyRow
from shared.events.tickets import MessageKind

# What an editor keeps that is open.
_IS_EMPTY = and_(drafts.c.text == "", drafts.c.attachment_ids == cast([], JSONB))


@dataclass(frozen=True, slots=True)
class Draft:
    """What somebody has begun to write on a ticket, `thread_version` of which they had read."""

    ticket_id: UUID
    account_id: UUID
    kind: MessageKind
    text: str
    html: str | None
    cc: tuple[str, ...]
    thread_version: int
    updated_at: datetime
    # As text, as JSON has no ids.
    attachment_ids: tuple[str, ...] = ()


class DraftRepository:
    """Drafts by ticket and account. A draft that is not there has the version 0."""

    def __init__(self, session: AsyncSession) -> None:
        self.session = session

    async def get(self, ticket_id: UUID, account_id: UUID) -> AnyRow | None:
        """Somebody's draft."""
        return (await self.session.execute(select(drafts).where(_is(ticket_id, account_id)))).one_or_none()

    async def others(self, ticket_id: UUID, account_id: UUID) -> Sequence[AnyRow]:
        """Who else has begun to write: ids and names, the latest first."""
        query = (
            select(drafts.c.account_id.label("id"), accounts.c.name)
            .join_from(drafts, accounts, accounts.c.id == drafts.c.account_id)
            .where(drafts.c.ticket_id == ticket_id, drafts.c.account_id != account_id, not_(_IS_EMPTY))
            .order_by(drafts.c.updated_at.desc())
        )
        return (await self.session.execute(query)).all()

    async def put(self, draft: Draft, *, expected: int | None) -> bool:
        """Keep a draft in the place of the one with the version `expected` (None for any); False if that is another."""
        values = {**asdict(draft), "version": draft_version.next_value()}
        if expected:
            changed = update(drafts).where(_is(draft.ticket_id, draft.account_id), drafts.c.version == expected)
            return bool((await self.session.scalars(changed.values(values).returning(drafts.c.version))).all())
        made = insert(drafts).values(values)
        kept = (
            made.on_conflict_do_update(index_elements=["ticket_id", "account_id"], set_=values)
            if expected is None
            else made.on_conflict_do_nothing()
        )
        return bool((await self.session.scalars(kept.returning(drafts.c.version))).all())

    async def restore(self, restored: Sequence[Draft]) -> None:
        """Give authors back what was not sent. Who has begun something else keeps that."""
        # Two of one author on one ticket: the first, as the second would find that begun.
        first = {(draft.ticket_id, draft.account_id): draft for draft in reversed(restored)}
        if first:
            values = [{**asdict(draft), "version": draft_version.next_value()} for draft in first.values()]
            given = insert(drafts).values(values)
            given = given.on_conflict_do_update(
                index_elements=["ticket_id", "account_id"],
                set_={column.name: column for column in given.excluded},
                where=_IS_EMPTY,
            )
            await self.session.execute(given)

    async def delete(self, ticket_id: UUID, account_id: UUID, *, expected: int | None) -> bool:
        """Forget a draft that has the version `expected` (None for any); False if there is another, or none."""
        gone = delete(drafts).where(_is(ticket_id, account_id))
        if expected is not None:
            gone = gone.where(drafts.c.version == expected)
        return bool((await self.session.scalars(gone.returning(drafts.c.version))).all())

    async def sent(self, ticket_id: UUID, account_id: UUID, kind: MessageKind) -> None:
        """Forget somebody's draft of the kind that they have sent."""
        await self.session.execute(delete(drafts).where(_is(ticket_id, account_id), drafts.c.kind == kind))


def _is(ticket_id: UUID, account_id: UUID) -> ColumnElement[bool]:
    return and_(drafts.c.ticket_id == ticket_id, drafts.c.account_id == account_id)
