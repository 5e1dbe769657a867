"""The projection of tickets."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from services.routing.domain.assignment import priority_rank
from services.routing.repository.rows import LIVE, ROUTABLE, json_rows
from shared.events.common import TicketSnapshot

# A row that would stay as it is, is locked all the same, and not written again.
_OBSERVE = text("""
    INSERT INTO tickets AS t (ticket_id, version, status, priority_rank, type, group_name, language,
        requester_language, tier, tags, assignee_id, created_at, released_by, released_at)
    SELECT r.ticket_id, r.version, r.status, r.priority_rank, r.type, r.group_name, r.language,
        r.requester_language, r.tier, r.tags, r.assignee_id, r.created_at,
        array_remove(ARRAY[r.released_by], NULL), r.released_at
    FROM json_to_recordset(CAST(:rows AS json)) AS r (
        ticket_id uuid, version int, status text, priority_rank smallint, type text, group_name text,
        language text, requester_language text, tier text, tags text[], assignee_id uuid,
        created_at timestamptz, released_by uuid, released_at jsonb)
    ORDER BY r.ticket_id
    ON CONFLICT (ticket_id) DO UPDATE SET
        version = excluded.version, status = excluded.status, priority_rank = excluded.priority_rank,
        type = excluded.type, group_name = excluded.group_name,
        language = coalesce(excluded.language, t.language),
        requester_language = excluded.requester_language, tier = excluded.tier, tags = excluded.tags,
        assignee_id = excluded.assignee_id,
        released_by = CASE WHEN t.status = ANY(:live) AND excluded.status = ANY(:live)
            THEN array_cat(array_remove(t.released_by, excluded.released_by[1]), excluded.released_by)
            ELSE '{}' END,
        released_at = CASE WHEN t.status = ANY(:live) AND excluded.status = ANY(:live)
            THEN t.released_at || excluded.released_at ELSE '{}' END,
        declines = CASE WHEN excluded.assignee_id IS NULL THEN t.declines ELSE 0 END,
        queue = CASE
            WHEN excluded.assignee_id IS NULL AND excluded.status = ANY(:routable)
                AND excluded.group_name IS NOT DISTINCT FROM t.group_name
                AND coalesce(excluded.language, t.language) IS NOT DISTINCT FROM t.language
            THEN t.queue END
    WHERE cardinality(excluded.released_by) > 0 OR (
        t.version, t.status, t.priority_rank, t.type, t.group_name, t.language, t.requester_language, t.tier, t.tags,
        t.assignee_id) IS DISTINCT FROM (
        excluded.version, excluded.status, excluded.priority_rank, excluded.type, excluded.group_name,
        coalesce(excluded.language, t.language), excluded.requester_language, excluded.tier, excluded.tags,
        excluded.assignee_id)""")


@dataclass(frozen=True, slots=True)
class Release:
    """An agent let go of a ticket, leaving it to nobody."""

    agent_id: UUID
    at: datetime


@dataclass(frozen=True, slots=True)
class Observation:
    """A ticket as an event told it; languages are primary subtags. `release` is how it lost its agent, if it did."""

    ticket: TicketSnapshot
    language: str | None
    requester_language: str | None
    release: Release | None = None


class TicketRepository:
    """Tickets as their events told them."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def observe(self, observations: Sequence[Observation]) -> None:
        """Bring the projection to what the events told, one row per ticket.

        Holds the tickets until the end of the transaction. A ticket that no longer wants an agent, or wants another
        kind of agent, leaves its queue. Who let go of a ticket, and when, is remembered until it is solved; a reopened
        one is a new piece of work.
        """
        await self._session.execute(
            _OBSERVE,
            {
                "live": LIVE,
                "routable": ROUTABLE,
                "rows": json_rows(
                    {
                        "ticket_id": seen.ticket.id,
                        "version": seen.ticket.version,
                        "status": seen.ticket.status,
                        "priority_rank": priority_rank(seen.ticket.priority),
                        "type": seen.ticket.type,
                        "group_name": seen.ticket.group,
                        "language": seen.language,
                        "requester_language": seen.requester_language,
                        "tier": seen.ticket.requester.tier,
                        "tags": seen.ticket.tags,
                        "assignee_id": seen.ticket.assignee_id,
                        "created_at": seen.ticket.created_at,
                        "released_by": seen.release and seen.release.agent_id,
                        "released_at": {str(seen.release.agent_id): seen.release.at} if seen.release else {},
                    }
                    for seen in observations
                ),
            },
        )

    async def lock_tickets(self, ticket_ids: Sequence[UUID]) -> None:
        """Take the rows of tickets, before anything that hangs on them."""
        await self._session.execute(
            text("SELECT FROM tickets WHERE ticket_id = ANY(:ticket_ids) ORDER BY ticket_id FOR UPDATE"),
            {"ticket_ids": list(ticket_ids)},
        )

    async def ticket(self, ticket_id: UUID) -> dict[str, Any] | None:
        """What routing knows of a ticket."""
        rows = await self._session.execute(
            text("SELECT ticket_id, assignee_id, language, queue FROM tickets WHERE ticket_id = :ticket_id"),
            {"ticket_id": ticket_id},
        )
        row = rows.mappings().one_or_none()
        return None if row is None else dict(row)
