"""Decisions, and the reservations that hold a place for each proposal until tickets has answered it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from services.routing.domain.assignment import Decision
from services.routing.repository.rows import json_rows

_KEEP = text("""
    WITH r AS MATERIALIZED (
        SELECT * FROM json_to_recordset(CAST(:rows AS json)) AS r (
            id uuid, ticket_id uuid, ticket_version int, group_name text, assignee_id uuid, queue text,
            reasons jsonb, candidates jsonb, explained jsonb)),
    decided AS (
        INSERT INTO decisions
            (id, ticket_id, ticket_version, group_name, assignee_id, queue, reasons, candidates, explained, decided_at)
        SELECT r.*, CAST(:now AS timestamptz) FROM r),
    reserved AS (
        INSERT INTO reservations (decision_id, ticket_id, agent_id, state, proposed_at)
        SELECT r.id, r.ticket_id, r.assignee_id, 'open', CAST(:now AS timestamptz)
        FROM r WHERE r.assignee_id IS NOT NULL)
    UPDATE tickets t SET queue = CASE WHEN r.assignee_id IS NULL THEN r.queue END
    FROM r WHERE t.ticket_id = r.ticket_id
        AND t.queue IS DISTINCT FROM CASE WHEN r.assignee_id IS NULL THEN r.queue END""")


@dataclass(frozen=True, slots=True)
class PlannedDecision:
    """A decision with its id, as it is kept."""

    id: UUID
    decision: Decision


@dataclass(frozen=True, slots=True)
class StaleProposal:
    """A proposal that tickets has not answered, with what is needed to make it again."""

    decision_id: UUID
    ticket_id: UUID
    ticket_version: int
    agent_id: UUID
    group: str | None
    queue: str
    reasons: tuple[str, ...]
    proposals: int


class DecisionRepository:
    """Decisions and the reservations of their proposals."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def keep_decisions(self, planned: Sequence[PlannedDecision], *, now: datetime) -> None:
        """Keep decisions, reserve the places they take, and put the tickets of the others into their queues."""
        rows = json_rows(
            {
                "id": plan.id,
                "ticket_id": plan.decision.ticket.id,
                "ticket_version": plan.decision.ticket.version,
                "group_name": plan.decision.ticket.group,
                "assignee_id": plan.decision.assignee_id,
                "queue": plan.decision.queue,
                "reasons": plan.decision.reasons,
                "candidates": [
                    {
                        "agent_id": candidate.agent_id,
                        "name": candidate.name,
                        "score": candidate.score,
                        "reasons": candidate.reasons,
                        "explained": candidate.explained,
                    }
                    for candidate in plan.decision.candidates
                ],
                "explained": plan.decision.explained,
            }
            for plan in planned
        )
        await self._session.execute(_KEEP, {"rows": rows, "now": now})

    async def decline(self, decision_ids: Sequence[UUID], *, now: datetime) -> None:
        """Free the reservations of declined proposals. Each decline of a ticket doubles its wait for the next try.

        Call `lock_tickets` before. The first retry is at once: a proposal usually meets a ticket that has just changed.
        """
        await self._session.execute(
            text("""
                WITH freed AS (
                    UPDATE reservations SET state = 'declined', ended_at = :now
                    WHERE decision_id = ANY(:decision_ids) AND state = 'open'
                    RETURNING ticket_id)
                UPDATE tickets t SET declines = t.declines + 1, route_after = CASE t.declines WHEN 0 THEN :now
                    ELSE :now + least(2 ^ least(t.declines, 9), 300) * interval '1 second' END
                FROM freed WHERE t.ticket_id = freed.ticket_id"""),
            {"decision_ids": list(decision_ids), "now": now},
        )

    async def renew_stale(self, *, before: datetime, now: datetime, limit: int) -> list[StaleProposal]:
        """Claim open proposals last made before `before`, and count them as made again `now`.

        They are told as they were decided: only by the version they rest on can tickets see that they are outdated.
        """
        rows = await self._session.execute(
            text("""
                WITH stale AS (
                    SELECT r.decision_id
                    FROM reservations r JOIN tickets t USING (ticket_id)
                    WHERE r.state = 'open' AND r.proposed_at < :before
                    ORDER BY r.proposed_at LIMIT :limit
                    FOR UPDATE OF t SKIP LOCKED)
                UPDATE reservations r SET proposed_at = :now, proposals = r.proposals + 1
                FROM stale, decisions d
                WHERE r.decision_id = stale.decision_id AND r.state = 'open' AND d.id = stale.decision_id
                RETURNING r.decision_id, r.ticket_id, r.agent_id, r.proposals, d.ticket_version, d.group_name,
                    d.queue, d.reasons"""),
            {"before": before, "now": now, "limit": limit},
        )
        return [
            StaleProposal(
                decision_id=row["decision_id"],
                ticket_id=row["ticket_id"],
                ticket_version=row["ticket_version"],
                agent_id=row["agent_id"],
                group=row["group_name"],
                queue=row["queue"],
                reasons=tuple(row["reasons"]),
                proposals=row["proposals"],
            )
            for row in rows.mappings()
        ]

    async def forget_decisions(self, *, before: datetime, limit: int) -> int:
        """Delete decisions made before `before` and their ended reservations; returns how many, at most `limit`."""
        gone = await self._session.scalars(
            text("""
                WITH old AS (
                    SELECT d.id FROM decisions d
                    WHERE d.decided_at < :before
                        AND NOT EXISTS (SELECT FROM reservations r WHERE r.decision_id = d.id AND r.state = 'open')
                    ORDER BY d.decided_at LIMIT :limit
                    FOR UPDATE SKIP LOCKED),
                ended AS (DELETE FROM reservations r USING old WHERE r.decision_id = old.id)
                DELETE FROM decisions d USING old WHERE d.id = old.id RETURNING d.id"""),
            {"before": before, "limit": limit},
        )
        return len(gone.all())

    async def decisions_of(self, ticket_id: UUID, *, limit: int) -> list[dict[str, Any]]:
        """The newest decisions about a ticket, newest first, with what became of each proposal."""
        rows = await self._session.execute(
            text("""
                SELECT d.*, r.state AS proposal FROM decisions d LEFT JOIN reservations r ON r.decision_id = d.id
                WHERE d.ticket_id = :ticket_id ORDER BY d.id DESC LIMIT :limit"""),
            {"ticket_id": ticket_id, "limit": limit},
        )
        return [dict(row) for row in rows.mappings()]
