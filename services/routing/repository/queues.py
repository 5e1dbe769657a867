"""Tickets that want an agent: those that have just lost theirs, and those that wait in a queue."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from services.routing.domain.assignment import FALLBACK_LANGUAGE, Agent, WaitingTicket
from services.routing.repository.rows import LIVE, ROUTABLE, json_rows
from shared.events.common import TicketType

_WAITING_COLUMNS = """t.ticket_id, t.version, t.type, t.group_name,
    coalesce(t.language, t.requester_language) AS language, t.tier, t.tags, t.released_by, t.released_at,
    t.route_after"""

# One statement for both: no ticket whose reservation it ends wants an agent, so neither part needs to see the other.
# OFFSET 0 keeps the last condition a look into an index for each ticket. Made into a join, by statistics from before a
# rush, it read all open reservations for each.
_SETTLE = text(f"""
    WITH settled AS (
        UPDATE reservations r
        SET state = CASE WHEN t.assignee_id = r.agent_id THEN 'confirmed' ELSE 'superseded' END, ended_at = :now
        FROM tickets t
        WHERE r.ticket_id = ANY(:ticket_ids) AND r.state = 'open' AND t.ticket_id = r.ticket_id
            AND (t.assignee_id IS NOT NULL OR NOT t.status = ANY(:live)))
    SELECT {_WAITING_COLUMNS} FROM tickets t
    WHERE t.ticket_id = ANY(:ticket_ids) AND t.queue IS NULL AND t.assignee_id IS NULL AND t.status = ANY(:routable)
        AND NOT EXISTS (SELECT FROM reservations r WHERE r.ticket_id = t.ticket_id AND r.state = 'open' OFFSET 0)
    ORDER BY t.priority_rank DESC, t.created_at, t.ticket_id""")

_LONG_AGO = datetime.fromtimestamp(0, UTC)


@dataclass(frozen=True, slots=True)
class Unrouted:
    """A ticket that wants an agent, and the moment before which it is not to be proposed again."""

    ticket: WaitingTicket
    route_after: datetime


class QueueRepository:
    """Tickets without an agent."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def unrouted(self, ticket_ids: Sequence[UUID], *, now: datetime) -> list[Unrouted]:
        """Which of these tickets want an agent and neither wait in a queue nor have a proposal under way.

        Ends the open reservations of those that have got an assignee (theirs: confirmed) or are done with (superseded).
        Call `observe` before: what others reserved while that waited for a ticket is only seen by a later statement.
        """
        rows = await self._session.execute(
            _SETTLE, {"ticket_ids": list(ticket_ids), "live": LIVE, "routable": ROUTABLE, "now": now}
        )
        return [Unrouted(_waiting_ticket(row), row.route_after) for row in rows]

    async def enqueue(self, queues: Mapping[UUID, str]) -> None:
        """Put tickets into queues without deciding about them."""
        await self._session.execute(
            text("""
                UPDATE tickets t SET queue = q.queue
                FROM unnest(CAST(:ticket_ids AS uuid[]), CAST(:queues AS text[])) AS q (ticket_id, queue)
                WHERE t.ticket_id = q.ticket_id"""),
            {"ticket_ids": list(queues), "queues": list(queues.values())},
        )

    async def any_waiting(self, *, now: datetime) -> bool:
        """Whether a ticket waits in a queue whose time has come."""
        return bool(
            await self._session.scalar(
                text("SELECT EXISTS (SELECT FROM tickets WHERE queue IS NOT NULL AND route_after <= :now)"),
                {"now": now},
            )
        )

    async def claim_waiting(
        self, free: Iterable[Agent], *, now: datetime, return_after: timedelta, limit: int
    ) -> list[WaitingTicket]:
        """Lock the most urgent, oldest waiting tickets that at least one of the `free` agents could take.

        The condition is `domain.assignment`'s, so that tickets nobody can take do not stand before those behind them.
        """
        agents = list(free)
        rows = await self._session.execute(
            text(f"""
                SELECT {_WAITING_COLUMNS} FROM tickets t
                WHERE t.queue IS NOT NULL AND t.route_after <= :now AND EXISTS (
                    SELECT FROM json_to_recordset(CAST(:agents AS json)) AS a (id text, languages text[], groups text[])
                    WHERE (t.group_name IS NULL OR t.group_name = ANY(a.groups))
                        AND (coalesce(t.language, t.requester_language) IS NULL OR :fallback = ANY(a.languages)
                            OR coalesce(t.language, t.requester_language) = ANY(a.languages))
                        AND (CAST(t.released_at ->> a.id AS timestamptz) > :returned) IS NOT TRUE)
                ORDER BY t.priority_rank DESC, t.created_at
                LIMIT :limit
                FOR UPDATE OF t SKIP LOCKED"""),
            {
                "now": now,
                "returned": now - return_after,
                "limit": limit,
                "fallback": FALLBACK_LANGUAGE,
                "agents": json_rows(
                    {"id": agent.id, "languages": sorted(agent.spoken), "groups": sorted(agent.groups)}
                    for agent in agents
                ),
            },
        )
        return [_waiting_ticket(row) for row in rows]

    async def queues(self) -> list[dict[str, Any]]:
        """Tickets that wait, by queue: how many, and since when the oldest exists."""
        rows = await self._session.execute(
            text("""
                SELECT queue, count(*) AS waiting, min(created_at) AS oldest_created_at
                FROM tickets WHERE queue IS NOT NULL GROUP BY queue ORDER BY queue""")
        )
        return [dict(row) for row in rows.mappings()]


def _waiting_ticket(row: Row[Any]) -> WaitingTicket:
    return WaitingTicket(
        id=row.ticket_id,
        version=row.version,
        type=TicketType(row.type),
        group=row.group_name,
        language=row.language,
        tier=row.tier,
        tags=tuple(row.tags),
        released_at=dict.fromkeys(row.released_by, _LONG_AGO)
        | {UUID(agent_id): datetime.fromisoformat(at) for agent_id, at in row.released_at.items()},
    )
