"""Relay, consumer and timers of SLA, started together."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncSession

from services.sla import service
from services.sla.consumers import handlers
from services.sla.settings import SlaSettings
from shared.db import Database
from shared.events.tickets import TicketChanged
from shared.housekeeping import housekeeping
from shared.messaging import marks
from shared.messaging.timers import Timer
from shared.messaging.worker import Worker

_REPLAN_EVERY = timedelta(seconds=2)


class _Judging(Protocol):
    async def __call__(self, session: AsyncSession, *, now: datetime, judged_until: datetime) -> int: ...


def create_worker(settings: SlaSettings, database: Database) -> Worker:
    """The worker of one process."""
    return Worker(
        database,
        settings.kafka,
        handlers,
        timers=(
            *housekeeping(keeps_answers=False),
            Timer("fire_timers", settings.fire_every, judging(service.fire_timers)),
            Timer("replan_outdated", _REPLAN_EVERY, judging(service.replan_outdated)),
        ),
        mark_every_seconds=settings.mark_every_seconds,
        gather_ms=400,
    )


def judging(use_case: _Judging) -> Callable[[AsyncSession, datetime], Awaitable[int]]:
    """A timer's run that judges no deadline past what the consumer has read of the tickets' topic."""

    async def run(session: AsyncSession, now: datetime) -> int:
        read_until = await marks.consumed_until(session, handlers.consumer, TicketChanged.topic)
        if read_until is None:
            return 0
        return await use_case(session, now=now, judged_until=min(now, read_until))

    return run
