"""What every service forgets by itself: the answers and revocations that the shared tables keep for a while."""

from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from shared.auth.tables import forget_revocations
from shared.messaging.timers import Timer
from shared.web.idempotency import forget_idempotency_keys

_EVERY = timedelta(hours=1)


def housekeeping(*, keeps_answers: bool) -> tuple[Timer, ...]:
    """The timers that every service's worker starts beside its own.

    `keeps_answers` says whether the service has the table of `Idempotency-Key` answers.
    """
    timers = [Timer("forget_revocations", _EVERY, _forget_revocations)]
    if keeps_answers:
        timers.append(Timer("forget_idempotency_keys", _EVERY, _forget_idempotency_keys))
    return tuple(timers)


async def _forget_revocations(session: AsyncSession, now: datetime) -> int:
    return await forget_revocations(session, now=now)


async def _forget_idempotency_keys(session: AsyncSession, now: datetime) -> int:
    return await forget_idempotency_keys(session, now=now)
