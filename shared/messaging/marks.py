"""Until when a consumer has seen everything: the base of refilling a broker, and of judging deadlines fairly."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession


async def register(session: AsyncSession, schema: str, consumer: str, topics: Sequence[str], partitions: int) -> None:
    """Declare which partitions `consumer` reads. One without a mark yet counts as never caught up."""
    parameters = {"consumer": consumer, "topics": list(topics), "partitions": partitions}
    await session.execute(
        text(f"""
            INSERT INTO {schema}.consumer_marks (consumer, topic, topic_partition, caught_up_at, next_offset)
            SELECT :consumer, topic, part, 'epoch', 0
            FROM unnest(CAST(:topics AS text[])) AS t (topic), generate_series(0, :partitions - 1) AS p (part)
            ON CONFLICT DO NOTHING"""),
        parameters,
    )
    await session.execute(
        text(f"""
            DELETE FROM {schema}.consumer_marks WHERE consumer = :consumer
            AND (NOT topic = ANY(CAST(:topics AS text[])) OR topic_partition >= :partitions)"""),
        parameters,
    )


async def write(
    session: AsyncSession,
    schema: str,
    consumer: str,
    positions: Sequence[tuple[str, int, int]],
    *,
    at: datetime,
    epoch: int,
) -> None:
    """Record that `consumer` had read each `(topic, partition)` up to `next_offset` at its end, at the moment `at`.

    Nothing is recorded if a position went back within one epoch: the broker lost its log, and what was in it and not
    consumed must still count as missing when it is refilled.
    """
    ordered = sorted(positions)
    await session.execute(
        text(f"""
            WITH n AS MATERIALIZED (SELECT * FROM unnest(
                CAST(:topics AS text[]), CAST(:partitions AS int[]), CAST(:offsets AS bigint[])
            ) AS n (topic, topic_partition, next_offset))
            INSERT INTO {schema}.consumer_marks AS m
                (consumer, topic, topic_partition, caught_up_at, next_offset, epoch)
            SELECT :consumer, n.topic, n.topic_partition, :at, n.next_offset, :epoch FROM n
            WHERE NOT EXISTS (
                SELECT FROM {schema}.consumer_marks old JOIN n USING (topic, topic_partition)
                WHERE old.consumer = :consumer AND old.epoch = :epoch AND old.next_offset > n.next_offset)
            ON CONFLICT (consumer, topic, topic_partition) DO UPDATE
            SET caught_up_at = excluded.caught_up_at, next_offset = excluded.next_offset, epoch = excluded.epoch
            WHERE m.caught_up_at < excluded.caught_up_at"""),
        {
            "consumer": consumer,
            "at": at,
            "epoch": epoch,
            "topics": [topic for topic, _, _ in ordered],
            "partitions": [partition for _, partition, _ in ordered],
            "offsets": [offset for _, _, offset in ordered],
        },
    )


async def consumed_until(session: AsyncSession, schema: str, *topics: str) -> datetime | None:
    """The moment before which the service has read everything sent on `topics` (all it reads, if none is named).

    None before its consumer ran for the first time.
    """
    until: datetime | None = await session.scalar(
        text(f"""SELECT min(caught_up_at) FROM {schema}.consumer_marks
                 WHERE cardinality(CAST(:topics AS text[])) = 0 OR topic = ANY(CAST(:topics AS text[]))"""),
        {"topics": list(topics)},
    )
    return until
