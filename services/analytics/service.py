"""Use cases of analytics: take events in, and make the projections anew from the archive."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from services.analytics.domain.archive import archived
from services.analytics.domain.facts import fold
from services.analytics.domain.rebuild import Progress
from services.analytics.repository import ArchiveRepository, FactsRepository, RebuildRepository
from shared.events import Event, EventData

# A batch holds the locks of its tickets, which live events of those tickets wait for: some tens of milliseconds.
TICKETS_PER_BATCH = 500


async def take_events(session: AsyncSession, events: Sequence[Event[EventData]]) -> None:
    """Archive events and fold them into the facts of their tickets. Events that are archived already change nothing."""
    records = [archived(event) for event in events]
    new, locked = await ArchiveRepository(session).add(records)
    fresh = [record for record in records if record.event_id in new]
    facts = FactsRepository(session)
    while fresh:
        before = await facts.known(locked)
        after = fold(before, fresh)
        # Who meets a new ticket at the same moment writes it first: then it is known, and locked by now, and ours comes
        # on top.
        locked = after.keys() - before.keys() - await facts.save(before, after)
        fresh = [record for record in fresh if record.ticket_id in locked]


async def start_rebuild(session: AsyncSession, *, resume: bool, now: datetime) -> Progress:
    """Go on with the rebuild that was interrupted, or begin a new one where there is none or `resume` is False."""
    rebuilds = RebuildRepository(session)
    unfinished = await rebuilds.unfinished() if resume else None
    return unfinished or await rebuilds.start(await ArchiveRepository(session).count(), now)


async def rebuild_batch(
    session: AsyncSession, progress: Progress, *, now: datetime, limit: int = TICKETS_PER_BATCH
) -> tuple[Progress, bool]:
    """Make the projections of the next tickets from the archive alone; returns the progress, and whether that was all.

    Each ticket is rebuilt under its lock, so live events may go on arriving and every figure stays right meanwhile.
    """
    archive, facts = ArchiveRepository(session), FactsRepository(session)
    tickets = await archive.tickets_after(progress.after_ticket_id, limit)
    finished = len(tickets) < limit
    last = None if finished else tickets[-1]
    dropped = await facts.drop_unarchived(progress.after_ticket_id, last)
    await facts.lock_or_create(tickets)
    before = await facts.known(tickets)
    events = await archive.of_tickets(tickets)
    corrected = await facts.save(before, fold({}, events))
    progress = progress.past(last, tickets=len(tickets), events=len(events), corrected=len(corrected) + dropped)
    await RebuildRepository(session).advance(progress, now if finished else None)
    return progress, finished
