"""Projections of tickets: facts, spans in the backlog, SLA clocks."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from operator import attrgetter
from typing import Any
from uuid import UUID

from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncSession

from services.analytics.domain.facts import ClockFacts, Span, TicketFacts


@dataclass(frozen=True)
class _Table:
    """A table of projections: its key and further columns with their types, and a ticket's rows in it."""

    name: str
    key: Mapping[str, str]
    values: Mapping[str, str]
    rows: Callable[[TicketFacts], list[tuple[Any, ...]]]
    # Which rows that are there may be replaced; all, where nothing is said.
    replaceable: str = "true"

    @cached_property
    def save(self) -> TextClause:
        """Insert or replace rows, given as one array per column; returns the tickets of those that were written."""
        columns = {**self.key, **self.values}
        values = ", ".join(f'"{name}" = excluded."{name}"' for name in self.values)
        return text(
            f"INSERT INTO analytics.{self.name} ({_names(columns)}) SELECT * FROM {_unnest(columns)} ORDER BY 1 "
            f"ON CONFLICT ({_names(self.key)}) DO UPDATE SET {values} WHERE {self.replaceable} RETURNING ticket_id"
        )

    @cached_property
    def drop(self) -> TextClause:
        """Delete rows by their keys, given as one array per column."""
        return text(
            f"DELETE FROM analytics.{self.name} WHERE ({_names(self.key)}) IN (SELECT * FROM {_unnest(self.key)})"
        )

    def changes(
        self, before: Mapping[UUID, TicketFacts], after: Iterable[TicketFacts]
    ) -> tuple[dict[str, list[Any]], dict[str, list[Any]]]:
        """Parameters of `save` and of `drop`; empty where there is nothing to write or to delete."""
        size = len(self.key)
        saved: list[tuple[Any, ...]] = []
        dropped: list[tuple[Any, ...]] = []
        for facts in after:
            known = before.get(facts.ticket_id)
            old = {row[:size]: row for row in self.rows(known)} if known else {}
            new = self.rows(facts)
            saved += [row for row in new if old.pop(row[:size], None) != row]
            dropped += old
        return _columns([*self.key, *self.values], saved), _columns(self.key, dropped)


def _names(columns: Iterable[str]) -> str:
    return ", ".join(f'"{name}"' for name in columns)


def _unnest(columns: Mapping[str, str]) -> str:
    arrays = ", ".join(f"CAST(:{name} AS {type_}[])" for name, type_ in columns.items())
    return f"unnest({arrays})"


def _columns(names: Iterable[str], rows: Collection[Sequence[Any]]) -> dict[str, list[Any]]:
    return {name: list(values) for name, values in zip(names, zip(*rows, strict=True), strict=True)} if rows else {}


_STORED = {
    "number": "bigint",
    "channel": "text",
    "language": "text",
    "language_from": "smallint",
    "priority": "text",
    "ticket_type": "text",
    "region": "text",
    "tier": "text",
    "brand": "text",
    "group": "text",
    "status": "text",
    "assignee_id": "uuid",
    "created_at": "timestamptz",
    "first_reply_at": "timestamptz",
    "solved_at": "timestamptz",
    "customer_messages": "integer",
    "replies": "integer",
}
_facts_row = attrgetter("ticket_id", *_STORED, "reopened_count")
_clock_row = attrgetter(
    "metric",
    "started_at",
    "policy",
    "target_seconds",
    "state",
    "warned",
    "breached_at",
    "stopped_at",
    "judged_at",
)

_TABLES = (
    _Table(
        "ticket_facts",
        {"ticket_id": "uuid"},
        {**_STORED, "reopened_count": "integer"},
        lambda facts: [_facts_row(facts)],
        "excluded.ticket_id = ANY(CAST(:known AS uuid[]))",
    ),
    _Table(
        "ticket_spans",
        {"ticket_id": "uuid", "ordinal": "smallint"},
        {"started_at": "timestamptz", "ended_at": "timestamptz"},
        lambda facts: [
            (facts.ticket_id, ordinal, span.started_at, span.ended_at) for ordinal, span in enumerate(facts.spans)
        ],
    ),
    _Table(
        "ticket_clocks",
        {"ticket_id": "uuid", "metric": "text", "started_at": "timestamptz"},
        {
            "policy": "text",
            "target_seconds": "integer",
            "state": "text",
            "warned": "boolean",
            "breached_at": "timestamptz",
            "stopped_at": "timestamptz",
            "judged_at": "timestamptz",
        },
        lambda facts: [(facts.ticket_id, *_clock_row(clock)) for clock in facts.clocks],
    ),
)

# A row that is there is locked, although nothing of it changes.
_LOCK_OR_CREATE = text("""
    INSERT INTO analytics.ticket_facts AS f (ticket_id)
    SELECT ticket_id FROM unnest(CAST(:tickets AS uuid[])) AS t (ticket_id) ORDER BY ticket_id
    ON CONFLICT (ticket_id) DO UPDATE SET number = f.number WHERE false""")

# Columns in the order of the fields of TicketFacts, Span and ClockFacts. Each table is read once for all tickets.
_KNOWN = text(f"""
    SELECT f.ticket_id, {_names(_STORED)}, s.starts, s.ends, c.clocks
      FROM analytics.ticket_facts AS f
      LEFT JOIN (SELECT ticket_id, array_agg(started_at ORDER BY ordinal) AS starts,
                        array_agg(ended_at ORDER BY ordinal) AS ends
                   FROM analytics.ticket_spans WHERE ticket_id = ANY(CAST(:tickets AS uuid[])) GROUP BY ticket_id)
             AS s USING (ticket_id)
      LEFT JOIN (SELECT ticket_id,
                        array_agg(ROW (metric, started_at, policy, target_seconds, state, warned, breached_at,
                                       stopped_at)
                                  ORDER BY metric, started_at) AS clocks
                   FROM analytics.ticket_clocks WHERE ticket_id = ANY(CAST(:tickets AS uuid[])) GROUP BY ticket_id)
             AS c USING (ticket_id)
     WHERE f.ticket_id = ANY(CAST(:tickets AS uuid[]))""")

# A ticket's facts and its events were committed together, so one statement never sees the one without the other.
_DROP_UNARCHIVED = text("""
    WITH gone AS (
        DELETE FROM analytics.ticket_facts AS f
         WHERE (CAST(:after AS uuid) IS NULL OR f.ticket_id > :after)
           AND (CAST(:through AS uuid) IS NULL OR f.ticket_id <= :through)
           AND NOT EXISTS (SELECT FROM analytics.archive AS a WHERE a.ticket_id = f.ticket_id)
        RETURNING ticket_id
    ), spans AS (
        DELETE FROM analytics.ticket_spans WHERE ticket_id IN (SELECT ticket_id FROM gone)
    ), clocks AS (
        DELETE FROM analytics.ticket_clocks WHERE ticket_id IN (SELECT ticket_id FROM gone)
    )
    SELECT count(*) FROM gone""")


class FactsRepository:
    """Projections of tickets. A ticket's rows in all tables are written under the lock of its row in `ticket_facts`."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def lock_or_create(self, tickets: Collection[UUID]) -> None:
        """Lock these tickets, in the order of their ids; one that has no row gets an empty one."""
        await self._session.execute(_LOCK_OR_CREATE, {"tickets": tickets})

    async def known(self, tickets: Collection[UUID]) -> dict[UUID, TicketFacts]:
        """What is known of these tickets. To be asked after they were locked: a statement sees what was before it."""
        found: dict[UUID, TicketFacts] = {}
        if not tickets:
            return found
        for ticket_id, *stored, starts, ends, clocks in await self._session.execute(_KNOWN, {"tickets": tickets}):
            spans = tuple(map(Span, starts, ends)) if starts else ()
            fields = (*stored, spans, tuple(ClockFacts(*clock) for clock in clocks or ()))
            found[ticket_id] = TicketFacts(ticket_id, *fields)
        return found

    async def save(self, before: Mapping[UUID, TicketFacts], after: Mapping[UUID, TicketFacts]) -> set[UUID]:
        """Write what differs from what was `known` before; returns the tickets that were written.

        A ticket that was not known and that somebody else has written meanwhile is left as it is; it is locked now.
        """
        changed = {ticket_id: facts for ticket_id, facts in after.items() if facts != before.get(ticket_id)}
        if not changed:
            return set()
        facts, *others = _TABLES
        rows, _ = facts.changes(before, changed.values())
        known = list(before.keys() & changed.keys())
        made = set(await self._session.scalars(facts.save, {**rows, "known": known})) if rows else set()
        written = made.union(known)
        for table in others:
            saved, dropped = table.changes(before, [changed[ticket_id] for ticket_id in written])
            if saved:
                await self._session.execute(table.save, saved)
            if dropped:
                await self._session.execute(table.drop, dropped)
        return written

    async def drop_unarchived(self, after: UUID | None, through: UUID | None) -> int:
        """Delete facts of tickets in this range of ids that the archive knows nothing of; returns how many tickets."""
        return int(await self._session.scalar(_DROP_UNARCHIVED, {"after": after, "through": through}) or 0)
