"""What the desk does to tickets by itself: closes what stayed solved, takes back what agents who are gone left behind.

Each run is one batch; the timer comes back at once while there is more.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.tickets.domain.ticket import with_assignee, with_status
from services.tickets.repository import TicketRepository
from services.tickets.repository.upkeep import UpkeepRepository
from services.tickets.service.journal import Journal
from services.tickets.service.pace import Pace
from services.tickets.service.settings import lifecycle_of
from shared.events.common import Actor, ActorKind, TicketStatus

BATCH = 200

_SELF = Actor(kind=ActorKind.SYSTEM, id="tickets", name="desk")


class Closer:
    """Closes what stayed solved. One per process."""

    def __init__(self) -> None:
        self._pace = Pace()

    async def run(self, session: AsyncSession, now: datetime) -> int:
        """Close tickets that were solved as long ago as the lifecycle says; returns how many, none if it says nothing.

        Where that is said for the first time, it is what was solved in years.
        """
        await self._pace.pause()
        after = (await lifecycle_of(session)).close_after
        if after is None:
            return 0
        ids = await UpkeepRepository(session).claim_solved(now - after, limit=BATCH)
        if not ids or await self._pace.is_ahead(session):
            return 0
        with self._pace.measured():
            await _close(session, ids, now=now)
        return len(ids)


async def _close(session: AsyncSession, ids: Sequence[UUID], *, now: datetime) -> None:
    """What people have to fill in before they close a ticket is not asked for: nobody is there to do it."""
    journal = Journal(session)
    for ticket in await TicketRepository(session).lock_many(ids):
        closed = with_status(ticket, TicketStatus.CLOSED, now)
        journal.change(ticket, closed, actor=_SELF, cause="lifecycle.closed", at=now)
    await journal.write()


async def take_back(session: AsyncSession, *, now: datetime) -> int:
    """Take unsolved tickets from agents whose accounts are switched off, for routing to give to others."""
    ids = await UpkeepRepository(session).claim_left_behind(limit=BATCH)
    journal = Journal(session)
    for ticket in await TicketRepository(session).lock_many(ids):
        journal.change(ticket, with_assignee(ticket, None), actor=_SELF, cause="assignee.inactive", at=now)
    await journal.write()
    return len(ids)
