"""Applying events exactly once, in order, whatever the broker delivers.

One call handles a batch in one transaction. Each event of it ends in exactly one of three ways, and
its inbox mark is written in the same transaction:

* applied: it is the next version of its aggregate (or the first one this consumer sees);
* dropped: this consumer is already past that version, or has a mark for it;
* held: an earlier event of its aggregate is missing ("gap") or is held itself ("parked"). Once that one is applied,
  replayed or discarded, `release` applies what waited behind it.

Types that nobody here handles only move the aggregate's position, so that versions stay contiguous.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal

from sqlalchemy import TextClause, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession

from shared.db import Database
from shared.events import Event
from shared.failures import describe, is_transient
from shared.messaging.envelope import Envelope, MalformedEvent, Record, decode, headers_from_json, headers_to_json
from shared.messaging.handlers import Handlers

Stream = tuple[str, str]  # (source, aggregate id)
Reason = Literal["poison", "parked", "gap"]


@dataclass(slots=True)
class _Plan:
    """What to do with a batch, decided before any handler runs."""

    apply: list[Envelope] = field(default_factory=list)
    hold: list[tuple[Envelope, Reason]] = field(default_factory=list)
    moved: dict[Stream, int] = field(default_factory=dict)


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
            for topic, batch in raw.items():
                await self._handlers.by_topic[topic](session, batch)
                applied[topic] = len(batch)
            if envelopes:
                plan = await self._plan(session, envelopes)
                await self._dispatch(session, plan.apply)
                await self._hold(session, [(e.record, e, reason, None) for e, reason in plan.hold])
                await self._move(session, plan.moved)
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
                await self._mark(session, [envelope])
                await session.execute(
                    _baseline_sql(self._schema),
                    {
                        "consumer": self._consumer,
                        "source": envelope.source,
                        "aggregate": envelope.aggregate_id,
                        "version": envelope.aggregate_version - 1,
                    },
                )
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
            await self._move(session, {(row.source, row.aggregate_id): row.aggregate_version})

    async def _plan(self, session: AsyncSession, envelopes: Sequence[Envelope]) -> _Plan:
        handled = [e for e in envelopes if e.type in self._handlers.by_type]
        new = await self._mark(session, handled)
        # Read after the inbox insert: that waited for any other process working on the same events.
        streams = sorted({(e.source, e.aggregate_id) for e in envelopes})
        parameters = {
            "consumer": self._consumer,
            "sources": [source for source, _ in streams],
            "aggregates": [aggregate for _, aggregate in streams],
        }
        positions: dict[Stream, int] = {}
        poisoned: set[Stream] = set()
        for source, aggregate, version, is_poisoned in await session.execute(_positions_sql(self._schema), parameters):
            positions[source, aggregate] = version
            if is_poisoned:
                poisoned.add((source, aggregate))

        plan = _Plan()
        for envelope in envelopes:
            stream = (envelope.source, envelope.aggregate_id)
            position = positions.get(stream)
            is_handled = envelope.type in self._handlers.by_type
            if position is not None and envelope.aggregate_version <= position:
                continue
            if is_handled and envelope.id not in new:
                continue  # applied or held by an earlier delivery
            if position is not None and envelope.aggregate_version > position + 1:
                plan.hold.append((envelope, "parked" if stream in poisoned else "gap"))
                continue
            positions[stream] = plan.moved[stream] = envelope.aggregate_version
            if is_handled:
                plan.apply.append(envelope)
        return plan

    async def _dispatch(self, session: AsyncSession, envelopes: Sequence[Envelope]) -> None:
        for type_, wave in waves(envelopes):
            if handlers := self._handlers.by_type.get(type_):
                events: list[Event[Any]] = [envelope.event() for envelope in wave]
                for handler in handlers:
                    await handler(session, events)

    async def _mark(self, session: AsyncSession, envelopes: Sequence[Envelope]) -> set[Any]:
        """Write inbox marks; returns the ids that had none yet."""
        if not envelopes:
            return set()
        result = await session.execute(
            _mark_sql(self._schema), {"consumer": self._consumer, "ids": list({e.id: None for e in envelopes})}
        )
        return set(result.scalars())

    async def _move(self, session: AsyncSession, moved: dict[Stream, int]) -> None:
        if not moved:
            return
        streams = sorted(moved)
        await session.execute(
            _move_sql(self._schema),
            {
                "consumer": self._consumer,
                "sources": [source for source, _ in streams],
                "aggregates": [aggregate for _, aggregate in streams],
                "versions": [moved[stream] for stream in streams],
            },
        )

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


def waves(envelopes: Sequence[Envelope]) -> list[tuple[str, list[Envelope]]]:
    """Group a batch by type so that handlers get large sets, keeping the order within each aggregate.

    Every wave holds, for one type, events whose aggregates have nothing earlier left to do; so no wave has two events
    of one aggregate.
    """
    result: list[tuple[str, list[Envelope]]] = []
    remaining: Sequence[Envelope] = envelopes
    while remaining:
        seen: set[Stream] = set()
        wave: dict[str, list[Envelope]] = {}
        later: list[Envelope] = []
        for envelope in remaining:
            stream = (envelope.source, envelope.aggregate_id)
            if stream in seen:
                later.append(envelope)
            else:
                seen.add(stream)
                wave.setdefault(envelope.type, []).append(envelope)
        result.extend(wave.items())
        remaining = later
    return result


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
def _mark_sql(schema: str) -> TextClause:
    return text(f"""
        INSERT INTO {schema}.inbox (consumer, event_id)
        SELECT :consumer, id FROM unnest(CAST(:ids AS uuid[])) AS n (id) ORDER BY id
        ON CONFLICT DO NOTHING RETURNING event_id""")


@cache
def _positions_sql(schema: str) -> TextClause:
    return text(f"""
        SELECT p.source, p.aggregate_id, p.version, (p.source, p.aggregate_id) IN (
            SELECT d.source, d.aggregate_id FROM {schema}.dead_letters d
            WHERE d.state = 'held' AND d.reason = 'poison' AND d.consumer = :consumer AND d.source IS NOT NULL)
        FROM unnest(CAST(:sources AS text[]), CAST(:aggregates AS text[])) AS n (source, aggregate_id)
        JOIN {schema}.stream_positions p
          ON p.consumer = :consumer AND p.source = n.source AND p.aggregate_id = n.aggregate_id""")


@cache
def _move_sql(schema: str) -> TextClause:
    return text(f"""
        INSERT INTO {schema}.stream_positions AS p (consumer, source, aggregate_id, version)
        SELECT :consumer, n.* FROM unnest(
            CAST(:sources AS text[]), CAST(:aggregates AS text[]), CAST(:versions AS bigint[])
        ) AS n (source, aggregate_id, version) ORDER BY 2, 3
        ON CONFLICT (consumer, source, aggregate_id)
        DO UPDATE SET version = excluded.version WHERE p.version < excluded.version""")


@cache
def _baseline_sql(schema: str) -> TextClause:
    return text(f"""
        INSERT INTO {schema}.stream_positions (consumer, source, aggregate_id, version)
        VALUES (:consumer, :source, :aggregate, :version) ON CONFLICT DO NOTHING""")


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
