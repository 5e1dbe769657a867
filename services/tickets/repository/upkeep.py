"""Tickets that nobody has to touch: those to close, and those of agents who are gone."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Text, bindparam, literal, select
from sqlalchemy.ext.asyncio import AsyncSession

from services.tickets.models import accounts, tickets
from shared.events.common import TicketStatus

# Spelt as the index has it: a plan that does not know the parameter would read everything that was ever closed.
_IS_SOLVED = tickets.c.status == literal(TicketStatus.SOLVED.value, Text, literal_execute=True)
_OPEN = [each.value for each in TicketStatus if each not in {TicketStatus.SOLVED, TicketStatus.CLOSED}]


class UpkeepRepository:
    """Locks tickets for upkeep, and skips those that somebody holds: the next turn finds them."""

    def __init__(self, session: AsyncSession) -> None:
        self.session = session

    async def claim_solved(self, before: datetime, *, limit: int) -> Sequence[UUID]:
        """Those that were solved before, and are not closed; the longest first."""
        query = select(tickets.c.id).where(_IS_SOLVED, tickets.c.solved_at <= before)
        query = query.order_by(tickets.c.solved_at, tickets.c.id).limit(limit)
        return (await self.session.scalars(query.with_for_update(key_share=True, skip_locked=True))).all()

    async def claim_left_behind(self, *, limit: int) -> Sequence[UUID]:
        """Unsolved ones of agents whose accounts are switched off."""
        query = (
            select(tickets.c.id)
            .join(accounts, accounts.c.id == tickets.c.assignee_id)
            .where(
                ~accounts.c.active,
                accounts.c.role != "customer",
                tickets.c.status.in_(bindparam(None, _OPEN, expanding=True, literal_execute=True)),
            )
            .limit(limit)
            .with_for_update(key_share=True, skip_locked=True, of=tickets)
        )
        return (await self.session.scalars(query)).all()
