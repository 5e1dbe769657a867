"""Use cases: whether every mail is accounted for."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from prometheus_client import Gauge

from services.ingestion.domain.reconciliation import SETTLED, Account, balance
from services.ingestion.repository.reconciliation import ReconciliationRepository
from shared.db import Database, now_utc

_DAY = timedelta(days=1)
_MAIL = Gauge("desk_mail_last_day", "Mail of the last 24 hours by what became of it", ["outcome"])
_UNACCOUNTED = Gauge("desk_mail_unaccounted", "Mail of the last 24 hours of which nobody knows what became")


def measuring(database: Database, clock: Callable[[], datetime] = now_utc) -> Callable[[], Awaitable[bool]]:
    """A turn of a duty that tells Prometheus the account of the last day."""

    async def measure() -> bool:
        now = clock()
        async with database.read() as session:
            total, _ = balance(await ReconciliationRepository(session).counts(now - _DAY, now))
        show(total)
        return False

    return measure


def show(total: Account) -> None:
    """Set the gauges."""
    for bucket in ("again", *SETTLED):
        _MAIL.labels(bucket).set(total.buckets[bucket])
    _UNACCOUNTED.set(total.unaccounted)
