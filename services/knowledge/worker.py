"""The background part of knowledge."""

from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from services.knowledge.consumers import handlers
from shared.auth.tables import forget_revocations
from shared.db import Database
from shared.messaging.timers import Timer
from shared.messaging.worker import Worker
from shared.settings import Settings
from shared.web import forget_idempotency_keys

_FORGET_EVERY = timedelta(hours=1)


def create_worker(settings: Settings, database: Database) -> Worker:
    """The relay and consumers of knowledge, and its housekeeping."""
    return Worker(database, settings.kafka, handlers, timers=[Timer("forget", _FORGET_EVERY, _forget)])


async def _forget(session: AsyncSession, now: datetime) -> int:
    return await forget_revocations(session, now=now) + await forget_idempotency_keys(session, now=now)
