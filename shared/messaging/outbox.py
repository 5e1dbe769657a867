"""The outbox: events are recorded in the transaction that changes what they tell of, and sent afterwards.

`record` only queues; `write` runs once, just before the commit. It takes the aggregates' rows in `streams` in sorted
order, which gives each event the next version of its aggregate and serialises writers of one aggregate until commit.
So the order of `outbox.id` within an aggregate is its commit order, and versions have no holes: by construction, in
every service alike (ADR 0001).
"""

from collections import Counter
from datetime import UTC, datetime
from functools import cache
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg
from opentelemetry import propagate
from sqlalchemy.ext.asyncio import AsyncSession

from shared.driver import driver_of
from shared.events import Event, EventData
from shared.ids import uuid7
from shared.telemetry import correlation_id

MAX_EVENT_BYTES = 256 * 1024
MAX_HOPS = 16

_QUEUE = "desk.outbox"


class OutboxError(Exception):
    """An event cannot be recorded; the transaction that tried has to fail."""


class EventTooLarge(OutboxError):
    """The event's data is above `MAX_EVENT_BYTES`; larger text travels by reference into the object store."""


class HopLimitExceeded(OutboxError):
    """Events have caused one another `MAX_HOPS` times: a loop."""


class Row(NamedTuple):
    """An event as it stands in the outbox."""

    event_id: UUID
    topic: str
    type: str
    source: str
    aggregate_id: str
    aggregate_version: int
    time: datetime
    data: str
    correlation_id: str
    causation_id: UUID | None
    hops: int
    traceparent: str | None


def record(
    session: AsyncSession,
    data: EventData,
    *,
    aggregate_id: UUID | str,
    cause: Event[Any] | None = None,
    time: datetime | None = None,
) -> UUID:
    """Queue one event for this transaction and return its id.

    `cause` is the event that led to this one: correlation id and hops continue from it. `time` defaults to now (UTC).
    Raises EventTooLarge and HopLimitExceeded.
    """
    body = data.model_dump_json()
    if (size := len(body.encode())) > MAX_EVENT_BYTES:
        raise EventTooLarge(f"{data.type} is {size} bytes; the limit is {MAX_EVENT_BYTES}")
    hops = cause.hops + 1 if cause else 0
    if hops > MAX_HOPS:
        raise HopLimitExceeded(f"{data.type} would be hop {hops} of correlation {cause and cause.correlation_id}")
    event_id = uuid7()
    row = Row(
        event_id=event_id,
        topic=data.topic,
        type=data.type,
        source=data.source,
        aggregate_id=str(aggregate_id),
        aggregate_version=0,  # until it is written
        time=time or datetime.now(UTC),
        data=body,
        correlation_id=(cause.correlation_id if cause else correlation_id.get()) or str(event_id),
        causation_id=cause.id if cause else None,
        hops=hops,
        traceparent=_traceparent() or (cause.traceparent if cause else None),
    )
    session.info.setdefault(_QUEUE, []).append(row)
    return event_id


async def write(session: AsyncSession, schema: str) -> bool:
    """Write what this session recorded into the outbox; tells whether there was anything. The edge calls it."""
    queue: list[Row] = session.info.pop(_QUEUE, [])
    if not queue:
        return False
    if foreign := {row.type for row in queue if row.source not in {"", schema}}:
        raise OutboxError(f"{schema} recorded events that belong to another service: {sorted(foreign)}")
    driver = await driver_of(session)
    versions = await _reserve_versions(driver, schema, Counter(row.aggregate_id for row in queue))
    rows: list[Row] = []
    for row in queue:
        version = versions[row.aggregate_id]
        versions[row.aggregate_id] = version + 1
        rows.append(row._replace(aggregate_version=version, source=schema))
    await driver.execute(_insert_sql(schema), *zip(*rows, strict=True))
    return True


def recorded(session: AsyncSession) -> list[str]:
    """Types of the events queued so far in this session, in order; for tests of use cases."""
    return [row.type for row in session.info.get(_QUEUE, [])]


async def _reserve_versions(driver: asyncpg.Connection, schema: str, counts: Counter[str]) -> dict[str, int]:
    """Take as many versions as each aggregate has new events; returns the first of each."""
    aggregates = sorted(counts)
    taken = await driver.fetch(_reserve_sql(schema), aggregates, [counts[aggregate] for aggregate in aggregates])
    return {aggregate_id: last - counts[aggregate_id] + 1 for aggregate_id, last in taken}


@cache
def _reserve_sql(schema: str) -> str:
    return f"""
        INSERT INTO {schema}.streams AS s (aggregate_id, version)
        SELECT * FROM unnest($1::text[], $2::bigint[]) AS n (aggregate_id, events)
        ORDER BY 1
        ON CONFLICT (aggregate_id) DO UPDATE SET version = s.version + excluded.version
        RETURNING aggregate_id, version"""


@cache
def _insert_sql(schema: str) -> str:
    columns = ", ".join(Row._fields)
    return f"""
        INSERT INTO {schema}.outbox ({columns})
        SELECT {columns} FROM unnest(
            $1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::timestamptz[],
            $8::text[], $9::text[], $10::uuid[], $11::smallint[], $12::text[]
        ) WITH ORDINALITY AS u ({columns}, position)
        ORDER BY position"""


def _traceparent() -> str | None:
    carrier: dict[str, str] = {}
    propagate.inject(carrier)
    return carrier.get("traceparent")
