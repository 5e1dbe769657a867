"""Tickets that are put off, and wake up."""

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.tickets.domain.snooze import snoozed
from services.tickets.repository import TicketRepository
from services.tickets.service.commands import require_version
from services.tickets.service.journal import Journal, locked
from services.tickets.service.problems import rules_as_problems
from shared.events.common import Actor, ActorKind
from shared.web.problem import Unprocessable

BATCH = 200

_SELF = Actor(kind=ActorKind.SYSTEM, id="tickets", name="desk")


async def put_off(
    session: AsyncSession,
    ticket_id: UUID,
    until: datetime | None,
    *,
    actor: Actor,
    expected_version: int | None,
    now: datetime,
) -> None:
    """Put a ticket off until then, or wake it for None. Its status stays.

    Raises NotFound, PreconditionFailed, Conflict (`ticket-closed`), Unprocessable (`bad-until`).
    """
    ticket = await locked(session, ticket_id)
    require_version(ticket, expected_version)
    try:
        with rules_as_problems():
            after = snoozed(ticket, until, now)
    except ValueError as error:
        raise Unprocessable(f"`until` {error}.", slug="bad-until") from error
    journal = Journal(session)
    journal.change(ticket, after, actor=actor, cause="snooze", at=now)
    await journal.write()


async def wake_due(session: AsyncSession, *, now: datetime) -> int:
    """Wake tickets whose time has come, at most `BATCH`; returns how many."""
    due = await TicketRepository(session).claim_awake(now, limit=BATCH)
    journal = Journal(session)
    for ticket in due:
        journal.change(ticket, replace(ticket, snoozed_until=None), actor=_SELF, cause="snooze.over", at=now)
    await journal.write()
    return len(due)
