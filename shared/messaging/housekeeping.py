"""Keeping messaging's tables small, and its gauges true."""

from datetime import datetime, timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from shared.messaging import metrics

# Outbox > topic. Positions are kept for good, so that a refill never brings back what was applied.
OUTBOX_RETENTION = timedelta(days=7)
# Marks that versions before ADR 0006 wrote.
INBOX_RETENTION = timedelta(days=14)
# Settled dead letters hold no content any more, only who settled what and when.
SETTLED_RETENTION = timedelta(days=90)
PURGE_ROWS = 5_000


async def measure(session: AsyncSession, schema: str, now: datetime) -> None:
    """Set the gauges of outbox age and held events."""
    unsent, oldest = (
        await session.execute(text(f"SELECT count(*), min(created_at) FROM {schema}.outbox WHERE sent_at IS NULL"))
    ).one()
    metrics.OUTBOX_UNSENT.labels(schema).set(unsent)
    metrics.OUTBOX_AGE_SECONDS.labels(schema).set(max(0.0, (now - oldest).total_seconds()) if oldest else 0.0)
    held = await session.execute(
        text(f"SELECT reason, count(*) FROM {schema}.dead_letters WHERE state = 'held' GROUP BY reason")
    )
    counts = {"poison": 0, "parked": 0, "gap": 0} | dict(held.all())
    for reason, count in counts.items():
        metrics.DEAD_LETTERS_HELD.labels(schema, reason).set(count)


async def purge(session: AsyncSession, schema: str, now: datetime) -> int:
    """Delete a bounded number of rows past their retention; returns how many, so that the timer comes back at once."""
    deleted = 0
    for table, column, retention in (
        ("outbox", "sent_at", OUTBOX_RETENTION),
        ("inbox", "received_at", INBOX_RETENTION),
        ("dead_letters", "settled_at", SETTLED_RETENTION),
    ):
        result = await session.execute(
            text(f"""DELETE FROM {schema}.{table} WHERE ctid = ANY(ARRAY(
                         SELECT ctid FROM {schema}.{table} WHERE {column} < :before LIMIT :rows))"""),
            {"before": now - retention, "rows": PURGE_ROWS},
        )
        deleted += result.rowcount  # type: ignore[attr-defined]
    return deleted
