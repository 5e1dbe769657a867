"""Projections of tickets: facts, spans in the backlog, SLA clocks."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping, TextClause, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from services.analytics.domain.facts import ClockFacts, Span, TicketFacts
from services.analytics.models import ticket_clocks, ticket_facts, ticket_spans


def _upsert(table: str, columns: Mapping[str, str]) -> TextClause:
    """Insert or replace rows given as one array per column. `columns` maps names to array types; the key is first."""
    names = ", ".join(f'"{name}"' for name in columns)
    arrays = ", ".join(f"CAST(:{name} AS {type_}[])" for name, type_ in columns.items())
    values = ", ".join(f'"{name}" = excluded."{name}"' for name in list(columns)[1:])
    return text(
        f"INSERT INTO analytics.{table} ({names}) SELECT * FROM unnest({arrays}) "
        f"ON CONFLICT (ticket_id) DO UPDATE SET {values}"
    )


def _insert(table: str, columns: Mapping[str, str]) -> TextClause:
    names = ", ".join(columns)
    arrays = ", ".join(f"CAST(:{name} AS {type_}[])" for name, type_ in columns.items())
    return text(f"INSERT INTO analytics.{table} ({names}) SELECT * FROM unnest({arrays})")


_FACTS_COLUMNS = {
    "ticket_id": "uuid",
    "number": "bigint",
    "channel": "text",
    "language": "text",
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
    "reopened_count": "integer",
}
_SPAN_COLUMNS = {"ticket_id": "uuid", "ordinal": "smallint", "started_at": "timestamptz", "ended_at": "timestamptz"}
_CLOCK_COLUMNS = {
    "ticket_id": "uuid",
    "metric": "text",
    "started_at": "timestamptz",
    "policy": "text",
    "target_seconds": "integer",
    "state": "text",
    "warned": "boolean",
    "breached_at": "timestamptz",
    "stopped_at": "timestamptz",
    "judged_at": "timestamptz",
}
_SAVE_FACTS = _upsert("ticket_facts", _FACTS_COLUMNS)
_ADD_SPANS = _insert("ticket_spans", _SPAN_COLUMNS)
_ADD_CLOCKS = _insert("ticket_clocks", _CLOCK_COLUMNS)
_DROP_SPANS = text("DELETE FROM analytics.ticket_spans WHERE ticket_id = ANY(:tickets)")
_DROP_CLOCKS = text("DELETE FROM analytics.ticket_clocks WHERE ticket_id = ANY(:tickets)")

_CREATE_FACTS = text("""
    INSERT INTO analytics.ticket_facts (ticket_id)
    SELECT * FROM unnest(CAST(:tickets AS uuid[])) AS t (ticket_id) ORDER BY 1
    ON CONFLICT DO NOTHING""")

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

    async def lock(self, tickets: Collection[UUID]) -> dict[UUID, TicketFacts]:
        """Lock these tickets, in the order of their ids, and return what is known of them.

        A ticket that is new gets an empty row, so that two consumers that meet it first at once still take turns.
        """
        ordered = sorted(tickets)
        await self._session.execute(_CREATE_FACTS, {"tickets": ordered})
        rows = await self._session.execute(
            select(ticket_facts)
            .where(ticket_facts.c.ticket_id.in_(ordered))
            .order_by(ticket_facts.c.ticket_id)
            .with_for_update()
        )
        found = rows.mappings().all()
        spans = await self._spans(ordered)
        clocks = await self._clocks(ordered)
        return {
            row["ticket_id"]: _facts(row, spans.get(row["ticket_id"], ()), clocks.get(row["ticket_id"], ()))
            for row in found
        }

    async def save(self, before: Mapping[UUID, TicketFacts], after: Mapping[UUID, TicketFacts]) -> int:
        """Write the facts that differ from what `lock` returned; returns how many."""
        changed = [facts for ticket_id, facts in after.items() if facts != before[ticket_id]]
        if changed:
            await self._session.execute(_SAVE_FACTS, _columns(_FACTS_COLUMNS, [_facts_row(facts) for facts in changed]))
        if spans := [facts for facts in changed if facts.spans != before[facts.ticket_id].spans]:
            await self._session.execute(_DROP_SPANS, {"tickets": [facts.ticket_id for facts in spans]})
            await self._session.execute(_ADD_SPANS, _columns(_SPAN_COLUMNS, _span_rows(spans)))
        if clocks := [facts for facts in changed if facts.clocks != before[facts.ticket_id].clocks]:
            await self._session.execute(_DROP_CLOCKS, {"tickets": [facts.ticket_id for facts in clocks]})
            await self._session.execute(_ADD_CLOCKS, _columns(_CLOCK_COLUMNS, _clock_rows(clocks)))
        return len(changed)

    async def drop_unarchived(self, after: UUID | None, through: UUID | None) -> int:
        """Delete facts of tickets in this range of ids that the archive knows nothing of; returns how many tickets."""
        return int(await self._session.scalar(_DROP_UNARCHIVED, {"after": after, "through": through}) or 0)

    async def _spans(self, tickets: Collection[UUID]) -> dict[UUID, tuple[Span, ...]]:
        rows = await self._session.execute(
            select(ticket_spans)
            .where(ticket_spans.c.ticket_id.in_(tickets))
            .order_by(ticket_spans.c.ticket_id, ticket_spans.c.ordinal)
        )
        found: dict[UUID, tuple[Span, ...]] = {}
        for row in rows:
            found[row.ticket_id] = (*found.get(row.ticket_id, ()), Span(row.started_at, row.ended_at))
        return found

    async def _clocks(self, tickets: Collection[UUID]) -> dict[UUID, tuple[ClockFacts, ...]]:
        rows = await self._session.execute(
            select(ticket_clocks)
            .where(ticket_clocks.c.ticket_id.in_(tickets))
            .order_by(ticket_clocks.c.ticket_id, ticket_clocks.c.metric, ticket_clocks.c.started_at)
        )
        found: dict[UUID, tuple[ClockFacts, ...]] = {}
        for row in rows:
            clock = ClockFacts(
                metric=row.metric,
                started_at=row.started_at,
                policy=row.policy,
                target_seconds=row.target_seconds,
                state=row.state,
                warned=row.warned,
                breached_at=row.breached_at,
                stopped_at=row.stopped_at,
            )
            found[row.ticket_id] = (*found.get(row.ticket_id, ()), clock)
        return found


def _columns(columns: Mapping[str, str], rows: Sequence[Sequence[Any]]) -> dict[str, list[Any]]:
    return {name: list(values) for name, values in zip(columns, zip(*rows, strict=True), strict=True)}


def _facts(row: RowMapping, spans: tuple[Span, ...], clocks: tuple[ClockFacts, ...]) -> TicketFacts:
    stored = {name: row[name] for name in _FACTS_COLUMNS if name != "reopened_count"}
    return TicketFacts(**stored, spans=spans, clocks=clocks)


def _facts_row(facts: TicketFacts) -> list[Any]:
    return [getattr(facts, name) for name in _FACTS_COLUMNS]


def _span_rows(changed: Sequence[TicketFacts]) -> list[tuple[Any, ...]]:
    return [
        (facts.ticket_id, ordinal, span.started_at, span.ended_at)
        for facts in changed
        for ordinal, span in enumerate(facts.spans)
    ]


def _clock_rows(changed: Sequence[TicketFacts]) -> list[tuple[Any, ...]]:
    return [
        (facts.ticket_id, *(getattr(clock, name) for name in list(_CLOCK_COLUMNS)[1:]))
        for facts in changed
        for clock in facts.clocks
    ]
