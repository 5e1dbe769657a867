"""Relay, consumers and timers of tickets, started together."""

from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from services.tickets.consumers import handlers
from shared.auth.tables import forget_revocations
from shared.db import Database
from shared.messaging.timers import Timer
from shared.messaging.worker import Worker
from shared.settings import Settings
from shared.web import forget_idempotency_keys

_FORGET_EVERY = timedelta(hours=1)


def create_worker(settings: Settings, database: Database) -> Worker:
    """The background part of tickets."""
    return Worker(
        database,
        settings.kafka,
        handlers,
        timers=(
            Timer("forget_idempotency_keys", _FORGET_EVERY, _forget_keys),
            Timer("forget_revocations", _FORGET_EVERY, _forget_revocations),
        ),
    )


async def _forget_keys(session: AsyncSession, now: datetime) -> int:
    return await forget_idempotency_keys(session, now=now)


async def _forget_revocations(session: AsyncSession, now: datetime) -> int:
    return await forget_revocations(session, now=now)
