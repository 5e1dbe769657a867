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
    rows: Callable[[TicketFacts], Iterable[tuple[Any, ...]]]

    @cached_property
    def save(self) -> TextClause:
        """Insert or replace rows, given as one array per column."""
        columns = {**self.key, **self.values}
        values = ", ".join(f'"{name}" = excluded."{name}"' for name in self.values)
        return text(
            f"INSERT INTO analytics.{self.name} ({_names(columns)}) SELECT * FROM {_unnest(columns)} "
            f"ON CONFLICT ({_names(self.key)}) DO UPDATE SET {values}"
        )

    @cached_property
    def drop(self) -> TextClause:
        """Delete rows by their keys, given as one array per column."""
        return text(
            f"DELETE FROM analytics.{self.name} WHERE ({_names(self.key)}) IN (SELECT * FROM {_unnest(self.key)})"
        )

    def changes(
        self, before: Iterable[TicketFacts], after: Iterable[TicketFacts]
    ) -> tuple[dict[str, list[Any]], dict[str, list[Any]]]:
        """Parameters of `save` and of `drop`; empty where there is nothing to write or to delete."""
        old = {row[: len(self.key)]: row for facts in before for row in self.rows(facts)}
        new = {row[: len(self.key)]: row for facts in after for row in self.rows(facts)}
        saved = [row for key, row in new.items() if old.get(key) != row]
        return _columns([*self.key, *self.values], saved), _columns(self.key, old.keys() - new.keys())


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
        lambda facts: (_facts_row(facts),),
    ),
    _Table(
        "ticket_spans",
        {"ticket_id": "uuid", "ordinal": "smallint"},
        {"started_at": "timestamptz", "ended_at": "timestamptz"},
        lambda facts: (
            (facts.ticket_id, ordinal, span.started_at, span.ended_at) for ordinal, span in enumerate(facts.spans)
        ),
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
        lambda facts: ((facts.ticket_id, *_clock_row(clock)) for clock in facts.clocks),
    ),
)

# A row that is there is locked, although nothing of it changes.
LOCK_OR_CREATE = """
    INSERT INTO analytics.ticket_facts AS f (ticket_id) SELECT DISTINCT ticket_id FROM {tickets} ORDER BY ticket_id
    ON CONFLICT (ticket_id) DO UPDATE SET number = f.number WHERE false"""
_LOCK = text(LOCK_OR_CREATE.format(tickets="unnest(CAST(:tickets AS uuid[])) AS t (ticket_id)"))

# Columns in the order of the fields of TicketFacts, Span and ClockFacts.
_KNOWN = text(f"""
    SELECT ticket_id, {_names(_STORED)},
           ARRAY(SELECT ROW (s.started_at, s.ended_at) FROM analytics.ticket_spans AS s
                  WHERE s.ticket_id = f.ticket_id ORDER BY s.ordinal),
           ARRAY(SELECT ROW (c.metric, c.started_at, c.policy, c.target_seconds, c.state, c.warned, c.breached_at,
                             c.stopped_at)
                   FROM analytics.ticket_clocks AS c WHERE c.ticket_id = f.ticket_id ORDER BY c.metric, c.started_at)
      FROM analytics.ticket_facts AS f WHERE ticket_id = ANY(CAST(:tickets AS uuid[]))""")

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

    async def lock(self, tickets: Collection[UUID]) -> None:
        """Lock these tickets, in the order of their ids.

        A ticket that is new gets an empty row, so that two consumers that meet it first at once still take turns.
        """
        await self._session.execute(_LOCK, {"tickets": tickets})

    async def known(self, tickets: Collection[UUID]) -> dict[UUID, TicketFacts]:
        """What is known of these tickets. To be asked after they were locked: a statement sees what was before it."""
        found = {}
        for ticket_id, *stored, spans, clocks in await self._session.execute(_KNOWN, {"tickets": tickets}):
            fields = (*stored, tuple(Span(*span) for span in spans), tuple(ClockFacts(*clock) for clock in clocks))
            found[ticket_id] = TicketFacts(ticket_id, *fields)
        return found

    async def save(self, before: Mapping[UUID, TicketFacts], after: Mapping[UUID, TicketFacts]) -> int:
        """Write what differs from what was `known` before; returns of how many tickets."""
        changed = [facts for ticket_id, facts in after.items() if facts != before[ticket_id]]
        known = [before[facts.ticket_id] for facts in changed]
        for table in _TABLES:
            saved, dropped = table.changes(known, changed)
            if saved:
                await self._session.execute(table.save, saved)
            if dropped:
                await self._session.execute(table.drop, dropped)
        return len(changed)

    async def drop_unarchived(self, after: UUID | None, through: UUID | None) -> int:
        """Delete facts of tickets in this range of ids that the archive knows nothing of; returns how many tickets."""
        return int(await self._session.scalar(_DROP_UNARCHIVED, {"after": after, "through": through}) or 0)
