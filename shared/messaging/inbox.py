"""Applying events exactly once, in order, whatever the broker delivers.

One call handles a batch in one transaction, which first takes and moves the positions of all its aggregates. Each event
ends in exactly one of three ways:

* applied: it is the next version of its aggregate (or the first one this consumer sees);
* dropped: this consumer is already past that version, or holds it;
* held: an earlier event of its aggregate is missing ("gap") or is held itself ("parked"). Once that one is applied,
  replayed or discarded, `release` applies what waited behind it.

Versions are contiguous, so a position tells of every event whether it was seen; nothing is kept per event (ADR 0006).
Types that nobody here handles only move it.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal

from sqlalchemy import TextClause, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession

from shared.db import Database
from shared.driver import driver_of
from shared.events import Event
from shared.failures import describe, is_transient
from shared.messaging.envelope import Envelope, MalformedEvent, Record, decode, headers_from_json, headers_to_json
from shared.messaging.handlers import Handler, Handlers

Stream = tuple[str, str]  # (source, aggregate id)
Reason = Literal["poison", "parked", "gap"]
Called = tuple[Handler[Any], ...]


@dataclass(slots=True)
class _Plan:
    """What to do with a batch, decided before any handler runs."""

    apply: list[Envelope] = field(default_factory=list)
    hold: list[tuple[Envelope, Reason]] = field(default_factory=list)
    # Where an aggregate stays behind the last of its events that came.
    behind: dict[Stream, int] = field(default_factory=dict)


class Inbox:
    """The consuming side of one service."""

    def __init__(self, database: Database, handlers: Handlers) -> None:
        self._database = database
        self._schema = database.service
        self._handlers = handlers
        self._consumer = handlers.consumer

    async def apply(self, records: Sequence[Record]) -> Counter[str]:
        """Handle the records, of however many partitions, in one transaction; returns how many of each topic applied.

        Raises whatever a handler raises, and MalformedEvent: then nothing of the batch happened.
        """
        applied: Counter[str] = Counter()
        raw: dict[str, list[Record]] = {}
        envelopes: list[Envelope] = []
        for record in records:
            if record.topic in self._handlers.by_topic:
                raw.setdefault(record.topic, []).append(record)
            else:
                envelopes.append(decode(record))
        async with self._database.transaction() as session:
            # Positions before anything a handler locks, so that no two processes wait for each other in a circle.
            plan = await self._plan(session, envelopes) if envelopes else _Plan()
            for topic, batch in raw.items():
                await self._handlers.by_topic[topic](session, batch)
                applied[topic] = len(batch)
            await self._dispatch(session, plan.apply)
            await self._hold(session, [(e.record, e, reason, None) for e, reason in plan.hold])
            await self._put_back(session, plan.behind)
            applied.update(envelope.record.topic for envelope in plan.apply)
        return applied

    async def bury(self, record: Record, error: str) -> None:
        """Put a poison record aside with its error; later events of its aggregate will be parked behind it."""
        envelope: Envelope | None
        try:
            envelope = None if record.topic in self._handlers.by_topic else decode(record)
        except MalformedEvent:
            envelope = None
        async with self._database.transaction() as session:
            if envelope is not None:
                position = await session.scalar(
                    _baseline_sql(self._schema),
                    {
                        "consumer": self._consumer,
                        "source": envelope.source,
                        "aggregate": envelope.aggregate_id,
                        "version": envelope.aggregate_version - 1,
                    },
                )
                if position >= envelope.aggregate_version:
                    return  # another process has applied it meanwhile
            await self._hold(session, [(record, envelope, "poison", error)])

    async def release(self) -> int:
        """Apply held events whose turn has come, each in its own transaction; one that raises becomes poison.

        Returns how many were applied.
        """
        released = 0
        while True:
            row: Any = None
            try:
                async with self._database.transaction() as session:
                    held = await session.execute(_next_held_sql(self._schema), {"consumer": self._consumer})
                    if (row := held.one_or_none()) is None:
                        return released
                    await self.replay(session, row)
                    await self.settle(session, row, state="replayed", by="release")
                    released += 1
            except Exception as error:
                if row is None or is_transient(error):
                    raise
                async with self._database.transaction() as session:
                    await session.execute(
                        text(
                            f"UPDATE {self._schema}.dead_letters SET reason = 'poison', error = :error WHERE id = :id"
                        ),
                        {"id": row.id, "error": describe(error)},
                    )

    async def replay(self, session: AsyncSession, row: Any) -> None:
        """Run the handlers for a held row, in the caller's transaction. Raises what they raise."""
        record = held_record(row)
        if raw := self._handlers.by_topic.get(record.topic):
            await raw(session, [record])
        else:
            # Whoever reads the same aggregate takes its position first, too: nobody waits for the other in a circle.
            stream = {"consumer": self._consumer, "source": row.source, "aggregate": row.aggregate_id}
            await session.execute(_lock_sql(self._schema), stream)
            await self._dispatch(session, [decode(record)])

    async def settle(
        self, session: AsyncSession, row: Any, *, state: Literal["replayed", "discarded"], by: str
    ) -> None:
        """Close a held row, forget its content, and let its aggregate go on behind it."""
        await session.execute(
            text(f"""UPDATE {self._schema}.dead_letters
                     SET state = :state, settled_at = clock_timestamp(), settled_by = :by, value = NULL, error = NULL
                     WHERE id = :id"""),
            {"id": row.id, "state": state, "by": by},
        )
        if row.aggregate_version is not None:
            await self._take(session, {(row.source, row.aggregate_id): row.aggregate_version})

    async def _plan(self, session: AsyncSession, envelopes: Sequence[Envelope]) -> _Plan:
        last: dict[Stream, int] = {}
        for envelope in envelopes:
            stream = envelope.source, envelope.aggregate_id
            last[stream] = max(envelope.aggregate_version, last.get(stream, 0))
        # Moved as if nothing were missing or held; where something is, the position is put right below.
        positions = await self._take(session, last)
        # Read once the positions are taken: whoever held or released events of these aggregates has committed.
        held, poisoned = await self._held(session, positions) if positions else (set(), set())

        plan = _Plan()
        for envelope in envelopes:
            stream, version = (envelope.source, envelope.aggregate_id), envelope.aggregate_version
            if stream not in positions:
                continue  # this consumer is past all of it
            position = positions[stream]
            if position is not None:
                if version <= position or (stream, version) in held:
                    continue
                if version > position + 1:
                    plan.hold.append((envelope, "parked" if stream in poisoned else "gap"))
                    continue
            positions[stream] = version
            if envelope.type in self._handlers.by_type:
                plan.apply.append(envelope)
        plan.behind = {stream: at for stream, at in positions.items() if at is not None and at != last[stream]}
        return plan

    async def _take(self, session: AsyncSession, last: Mapping[Stream, int]) -> dict[Stream, int | None]:
        """Lock the positions of these aggregates, and move each to its version unless it is past it.

        Returns where those that moved were before: None where this consumer sees the first of an aggregate.
        """
        driver = await driver_of(session)
        moved = await driver.fetch(_take_sql(self._schema), self._consumer, *_columns(last))
        return {(source, aggregate): before for source, aggregate, before in moved}

    async def _held(
        self, session: AsyncSession, streams: Collection[Stream]
    ) -> tuple[set[tuple[Stream, int]], set[Stream]]:
        """Which versions of these aggregates are held, and which aggregates have poison."""
        driver = await driver_of(session)
        aggregates = [aggregate for _, aggregate in streams]
        rows = await driver.fetch(_held_sql(self._schema), self._consumer, aggregates)
        return (
            {((source, aggregate), version) for source, aggregate, version, _ in rows},
            {(source, aggregate) for source, aggregate, _, reason in rows if reason == "poison"},
        )

    async def _put_back(self, session: AsyncSession, behind: Mapping[Stream, int]) -> None:
        if behind:
            driver = await driver_of(session)
            await driver.execute(_put_back_sql(self._schema), self._consumer, *_columns(behind))

    async def _dispatch(self, session: AsyncSession, envelopes: Sequence[Envelope]) -> None:
        at_once: dict[Handler[Any], list[Event[Any]]] = {}
        others: list[Envelope] = []
        for envelope in envelopes:
            if envelope.type not in self._handlers.at_once:
                others.append(envelope)
                continue
            event = envelope.event()
            for handler in self._handlers.by_type[envelope.type]:
                at_once.setdefault(handler, []).append(event)
        for handler, together in at_once.items():
            await handler(session, together)
        for handlers, wave in waves(others, self._handlers):
            if handlers:
                events: list[Event[Any]] = [envelope.event() for envelope in wave]
                for handler in handlers:
                    await handler(session, events)

    async def _hold(
        self, session: AsyncSession, held: Sequence[tuple[Record, Envelope | None, Reason, str | None]]
    ) -> None:
        if not held:
            return
        await session.execute(
            _hold_sql(self._schema),
            [
                {
                    "consumer": self._consumer,
                    "reason": reason,
                    "topic": record.topic,
                    "partition": record.partition,
                    "offset": record.offset,
                    "event_id": envelope and envelope.id,
                    "type": envelope and envelope.type,
                    "source": envelope and envelope.source,
                    "aggregate": envelope and envelope.aggregate_id,
                    "version": envelope and envelope.aggregate_version,
                    "key": record.key,
                    "headers": headers_to_json(record.headers),
                    "value": record.value,
                    "error": error,
                }
                for record, envelope, reason, error in held
            ],
        )


def waves(envelopes: Sequence[Envelope], handlers: Handlers) -> list[tuple[Called, list[Envelope]]]:
    """Group a batch by who handles it so that handlers get large sets, keeping the order within each aggregate.

    Every wave holds, for the same handlers, events whose aggregates have nothing earlier left to do; so no wave has two
    events of one aggregate.
    """
    result: list[tuple[Called, list[Envelope]]] = []
    remaining: Sequence[Envelope] = envelopes
    while remaining:
        seen: set[Stream] = set()
        wave: dict[Called, list[Envelope]] = {}
        later: list[Envelope] = []
        for envelope in remaining:
            stream = (envelope.source, envelope.aggregate_id)
            if stream in seen:
                later.append(envelope)
            else:
                seen.add(stream)
                wave.setdefault(tuple(handlers.by_type.get(envelope.type, ())), []).append(envelope)
        result.extend(wave.items())
        remaining = later
    return result


def _columns(versions: Mapping[Stream, int]) -> tuple[list[str], list[str], list[int]]:
    """Sources, aggregates and versions."""
    return [source for source, _ in versions], [aggregate for _, aggregate in versions], list(versions.values())


def held_record(row: Any) -> Record:
    """The record inside a dead-letter row."""
    return Record(
        topic=row.topic,
        partition=row.topic_partition,
        offset=row.topic_offset,
        key=row.key,
        headers=headers_from_json(row.headers),
        value=row.value,
    )


@cache
def _take_sql(schema: str) -> str:
    # Rows that it does not move are locked as well. Sorted, so that two processes never wait for each other.
    return f"""
        INSERT INTO {schema}.stream_positions AS p (consumer, source, aggregate_id, version)
        SELECT $1, n.* FROM unnest($2::text[], $3::text[], $4::bigint[]) AS n (source, aggregate_id, version)
        ORDER BY 2, 3
        ON CONFLICT (consumer, source, aggregate_id)
        DO UPDATE SET version = excluded.version WHERE p.version < excluded.version
        RETURNING source, aggregate_id, old.version"""


@cache
def _held_sql(schema: str) -> str:
    return f"""
        SELECT source, aggregate_id, aggregate_version, reason FROM {schema}.dead_letters
        WHERE consumer = $1 AND state = 'held' AND aggregate_id = ANY($2::text[])"""


@cache
def _put_back_sql(schema: str) -> str:
    return f"""
        UPDATE {schema}.stream_positions p SET version = n.version
        FROM unnest($2::text[], $3::text[], $4::bigint[]) AS n (source, aggregate_id, version)
        WHERE p.consumer = $1 AND p.source = n.source AND p.aggregate_id = n.aggregate_id"""


@cache
def _lock_sql(schema: str) -> TextClause:
    return text(f"""
        SELECT FROM {schema}.stream_positions
        WHERE consumer = :consumer AND source = :source AND aggregate_id = :aggregate FOR UPDATE""")


@cache
def _baseline_sql(schema: str) -> TextClause:
    return text(f"""
        INSERT INTO {schema}.stream_positions AS p (consumer, source, aggregate_id, version)
        VALUES (:consumer, :source, :aggregate, :version)
        ON CONFLICT (consumer, source, aggregate_id) DO UPDATE SET version = p.version
        RETURNING version""")


@cache
def _hold_sql(schema: str) -> TextClause:
    return text(f"""
        INSERT INTO {schema}.dead_letters (consumer, reason, topic, topic_partition, topic_offset, event_id, type,
            source, aggregate_id, aggregate_version, key, headers, value, error)
        VALUES (:consumer, :reason, :topic, :partition, :offset, :event_id, :type,
            :source, :aggregate, :version, :key, :headers, :value, :error)
        ON CONFLICT DO NOTHING""").bindparams(bindparam("headers", type_=JSONB))


@cache
def _next_held_sql(schema: str) -> TextClause:
    return text(f"""
        SELECT d.* FROM {schema}.dead_letters d
        JOIN {schema}.stream_positions p USING (consumer, source, aggregate_id)
        WHERE d.state = 'held' AND d.reason IN ('parked', 'gap') AND d.consumer = :consumer
          AND d.aggregate_version = p.version + 1
        ORDER BY d.id LIMIT 1 FOR UPDATE OF d SKIP LOCKED""")
