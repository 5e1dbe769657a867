"""Relay, consumers and timers of tickets, started together."""

from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from services.tickets.consumers import handlers
from services.tickets.service import bulk, customer_merges, forms, scheduled, snooze, upkeep, uploads
from services.tickets.service.documents import Indexer
from shared.db import Database
from shared.housekeeping import housekeeping
from shared.messaging.timers import Timer
from shared.messaging.worker import Worker
from shared.settings import Settings

# So much later, at most, is found what was written.
_INDEX_EVERY = timedelta(seconds=1)
_RELEASE_EVERY = timedelta(seconds=1)
_WAKE_EVERY = timedelta(seconds=1)
_UPKEEP_EVERY = timedelta(minutes=1)
_BULK_EVERY = timedelta(seconds=1)
_MOVE_EVERY = timedelta(seconds=1)
_PUBLISH_EVERY = timedelta(seconds=2)
_FORGET_EVERY = timedelta(hours=1)


def create_worker(settings: Settings, database: Database) -> Worker:
    """The background part of tickets."""
    return Worker(
        database,
        settings.kafka,
        handlers,
        timers=(
            *housekeeping(keeps_answers=True),
            Timer("index", _INDEX_EVERY, Indexer().run),
            Timer("release_replies", _RELEASE_EVERY, _release_replies),
            Timer("wake_tickets", _WAKE_EVERY, _wake_tickets),
            Timer("close_tickets", _UPKEEP_EVERY, upkeep.Closer().run),
            Timer("take_back_tickets", _UPKEEP_EVERY, _take_back_tickets),
            Timer("forget_replies", _FORGET_EVERY, _forget_replies),
            Timer("forget_uploads", _FORGET_EVERY, _forget_uploads),
            Timer("change_in_bulk", _BULK_EVERY, bulk.Runner().run),
            Timer("forget_bulk", _FORGET_EVERY, _forget_bulk),
            Timer("publish_forms", _PUBLISH_EVERY, forms.publish),
            Timer("move_merged", _MOVE_EVERY, customer_merges.Mover().run),
        ),
    )


async def _release_replies(session: AsyncSession, now: datetime) -> int:
    return await scheduled.release_due(session, now=now)


async def _wake_tickets(session: AsyncSession, now: datetime) -> int:
    return await snooze.wake_due(session, now=now)


async def _take_back_tickets(session: AsyncSession, now: datetime) -> int:
    return await upkeep.take_back(session, now=now)


async def _forget_replies(session: AsyncSession, now: datetime) -> int:
    return await scheduled.forget_settled(session, now=now)


async def _forget_uploads(session: AsyncSession, now: datetime) -> int:
    return await uploads.forget(session, now=now)


async def _forget_bulk(session: AsyncSession, now: datetime) -> int:
    return await bulk.forget_old(session, now=now)
