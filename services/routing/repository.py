"""All SQL of routing. Statements take whole batches; the session's search path names the schema.

Lock order, so that nothing here can deadlock: rows of `tickets` in order of their ids, then `reservations`, then the
lock of assignment. Work that holds that one first takes ticket rows only with SKIP LOCKED.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.engine import RowMapping
from sqlalchemy.ext.asyncio import AsyncSession

from services.routing.domain.assignment import (
    ASSIGNABLE_ROLES,
    FALLBACK_LANGUAGE,
    LIVE_STATUSES,
    ROUTABLE_STATUSES,
    Agent,
    Decision,
    WaitingTicket,
    languages_of,
    priority_rank,
)
from shared.events.accounts import AccountChanged, Role
from shared.events.common import TicketSnapshot, TicketType
from shared.events.routing import Candidate

_LIVE = sorted(status.value for status in LIVE_STATUSES)
_ROUTABLE = sorted(status.value for status in ROUTABLE_STATUSES)
_ASSIGNABLE = sorted(role.value for role in ASSIGNABLE_ROLES)

_WAITING_COLUMNS = """t.ticket_id, t.version, t.type, t.group_name,
    coalesce(t.language, t.requester_language) AS language, t.tier, t.tags, t.released_by, t.route_after"""


@dataclass(frozen=True, slots=True)
class Observation:
    """A ticket as an event told it; languages are primary subtags.

    `released_by` is the agent whom the event took it from, leaving it to nobody.
    """

    ticket: TicketSnapshot
    language: str | None
    requester_language: str | None
    released_by: UUID | None = None


@dataclass(frozen=True, slots=True)
class Unrouted:
    """A ticket that wants an agent, and the moment before which it is not to be proposed again."""

    ticket: WaitingTicket
    route_after: datetime


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
    candidates: tuple[Candidate, ...]
    proposals: int


class RoutingRepository:
    """Agents, the projection of tickets, reservations and decisions."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def desk_languages(self) -> frozenset[str]:
        """Primary subtags of the languages that active agents speak."""
        tags = await self._session.scalars(text("SELECT DISTINCT unnest(languages) FROM agents WHERE active"))
        return languages_of(tags)

    async def keep_accounts(self, accounts: Sequence[AccountChanged]) -> None:
        """Take over what accounts say; whoever has never been staff is left out."""
        await self._session.execute(
            text("""
                INSERT INTO agents (account_id, name, role, active, groups, account_languages)
                SELECT r.account_id, r.name, r.role, r.active, r.groups, r.languages
                FROM json_to_recordset(CAST(:rows AS json)) AS r (
                    account_id uuid, name text, role text, active boolean, groups text[], languages text[])
                WHERE r.role <> :customer OR EXISTS (SELECT FROM agents a WHERE a.account_id = r.account_id)
                ORDER BY r.account_id
                ON CONFLICT (account_id) DO UPDATE SET
                    name = excluded.name, role = excluded.role, active = excluded.active, groups = excluded.groups,
                    account_languages = excluded.account_languages"""),
            {
                "customer": Role.CUSTOMER.value,
                "rows": _json(
                    {
                        "account_id": account.account_id,
                        "name": account.name,
                        "role": account.role.value,
                        "active": account.active,
                        "groups": account.groups,
                        "languages": account.languages,
                    }
                    for account in accounts
                ),
            },
        )

    async def observe(self, observations: Sequence[Observation]) -> None:
        """Bring the projection to what the events told, one row per ticket.

        A ticket that no longer wants an agent, or wants another kind of agent, leaves its queue. Who let go of a ticket
        is remembered until it is solved; a reopened one is a new piece of work.
        """
        await self._session.execute(
            text("""
                INSERT INTO tickets AS t (ticket_id, version, status, priority_rank, type, group_name, language,
                    requester_language, tier, tags, assignee_id, created_at, released_by)
                SELECT r.ticket_id, r.version, r.status, r.priority_rank, r.type, r.group_name, r.language,
                    r.requester_language, r.tier, r.tags, r.assignee_id, r.created_at,
                    array_remove(ARRAY[r.released_by], NULL)
                FROM json_to_recordset(CAST(:rows AS json)) AS r (
                    ticket_id uuid, version int, status text, priority_rank smallint, type text, group_name text,
                    language text, requester_language text, tier text, tags text[], assignee_id uuid,
                    created_at timestamptz, released_by uuid)
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
                    declines = CASE WHEN excluded.assignee_id IS NULL THEN t.declines ELSE 0 END,
                    queue = CASE
                        WHEN excluded.assignee_id IS NULL AND excluded.status = ANY(:routable)
                            AND excluded.group_name IS NOT DISTINCT FROM t.group_name
                            AND coalesce(excluded.language, t.language) IS NOT DISTINCT FROM t.language
                        THEN t.queue END"""),
            {
                "live": _LIVE,
                "routable": _ROUTABLE,
                "rows": _json(
                    {
                        "ticket_id": seen.ticket.id,
                        "version": seen.ticket.version,
                        "status": seen.ticket.status.value,
                        "priority_rank": priority_rank(seen.ticket.priority),
                        "type": seen.ticket.type.value,
                        "group_name": seen.ticket.group,
                        "language": seen.language,
                        "requester_language": seen.requester_language,
                        "tier": seen.ticket.requester.tier,
                        "tags": seen.ticket.tags,
                        "assignee_id": seen.ticket.assignee_id,
                        "created_at": seen.ticket.created_at,
                        "released_by": seen.released_by,
                    }
                    for seen in observations
                ),
            },
        )

    async def settle_reservations(self, ticket_ids: Sequence[UUID], *, now: datetime) -> None:
        """End open reservations whose ticket has got an assignee (theirs: confirmed) or is done with (superseded)."""
        await self._session.execute(
            text("""
                UPDATE reservations r
                SET state = CASE WHEN t.assignee_id = r.agent_id THEN 'confirmed' ELSE 'superseded' END, ended_at = :now
                FROM tickets t
                WHERE r.ticket_id = ANY(:ticket_ids) AND r.state = 'open' AND t.ticket_id = r.ticket_id
                    AND (t.assignee_id IS NOT NULL OR NOT t.status = ANY(:live))"""),
            {"ticket_ids": list(ticket_ids), "live": _LIVE, "now": now},
        )

    async def lock_tickets(self, ticket_ids: Sequence[UUID]) -> None:
        """Take the rows of tickets, before anything that hangs on them."""
        await self._session.execute(
            text("SELECT FROM tickets WHERE ticket_id = ANY(:ticket_ids) ORDER BY ticket_id FOR UPDATE"),
            {"ticket_ids": list(ticket_ids)},
        )

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

    async def unrouted(self, ticket_ids: Sequence[UUID]) -> list[Unrouted]:
        """Which of these tickets want an agent and neither wait in a queue nor have a proposal under way."""
        rows = await self._session.execute(
            text(f"""
                SELECT {_WAITING_COLUMNS} FROM tickets t
                WHERE t.ticket_id = ANY(:ticket_ids) AND t.queue IS NULL AND t.assignee_id IS NULL
                    AND t.status = ANY(:routable)
                    AND NOT EXISTS (SELECT FROM reservations r WHERE r.ticket_id = t.ticket_id AND r.state = 'open')
                ORDER BY t.priority_rank DESC, t.created_at, t.ticket_id"""),
            {"ticket_ids": list(ticket_ids), "routable": _ROUTABLE},
        )
        return [Unrouted(_waiting_ticket(row), row["route_after"]) for row in rows.mappings()]

    async def any_waiting(self, *, now: datetime) -> bool:
        """Whether a ticket waits in a queue whose time has come."""
        return bool(
            await self._session.scalar(
                text("SELECT EXISTS (SELECT FROM tickets WHERE queue IS NOT NULL AND route_after <= :now)"),
                {"now": now},
            )
        )

    async def claim_waiting(self, free: Iterable[Agent], *, now: datetime, limit: int) -> list[WaitingTicket]:
        """Lock the most urgent, oldest waiting tickets that at least one of the `free` agents could take.

        The condition is `domain.assignment`'s, so that tickets nobody can take do not stand before those behind them.
        """
        agents = list(free)
        rows = await self._session.execute(
            text(f"""
                SELECT {_WAITING_COLUMNS} FROM tickets t
                WHERE t.queue IS NOT NULL AND t.route_after <= :now AND EXISTS (
                    SELECT FROM json_to_recordset(CAST(:agents AS json)) AS a (languages text[], groups text[])
                    WHERE (t.group_name IS NULL OR t.group_name = ANY(a.groups))
                        AND (coalesce(t.language, t.requester_language) IS NULL OR :fallback = ANY(a.languages)
                            OR coalesce(t.language, t.requester_language) = ANY(a.languages)))
                ORDER BY t.priority_rank DESC, t.created_at
                LIMIT :limit
                FOR UPDATE OF t SKIP LOCKED"""),
            {
                "now": now,
                "limit": limit,
                "fallback": FALLBACK_LANGUAGE,
                "agents": _json(
                    {"languages": sorted(agent.spoken), "groups": sorted(agent.groups)} for agent in agents
                ),
            },
        )
        return [_waiting_ticket(row) for row in rows.mappings()]

    async def lock_assignment(self) -> None:
        """Until commit nobody else assigns automatically.

        Not a lock on the agents' rows: who arrives after it was taken would be counted on without being locked.
        """
        await self._session.execute(text("SELECT pg_advisory_xact_lock(hashtextextended('routing.assignment', 0))"))

    async def agents(self) -> list[Agent]:
        """Everybody who can be given tickets, by name, with their load.

        The load is counted, not kept: a count cannot drift. To decide by it, call `lock_assignment` before, in a
        statement of its own: what others committed while this waited for the lock is only seen by a later statement.
        """
        rows = await self._session.execute(
            text("""
                SELECT a.*, coalesce(held.count, 0) + coalesce(reserved.count, 0) AS load
                FROM agents a
                LEFT JOIN (SELECT assignee_id, count(*) FROM tickets
                           WHERE assignee_id IS NOT NULL AND status IN ('new', 'open', 'pending', 'on_hold')
                           GROUP BY assignee_id) held ON held.assignee_id = a.account_id
                LEFT JOIN (SELECT agent_id, count(*) FROM reservations
                           WHERE state = 'open' GROUP BY agent_id) reserved ON reserved.agent_id = a.account_id
                WHERE a.role = ANY(:roles)
                ORDER BY a.name, a.account_id"""),
            {"roles": _ASSIGNABLE},
        )
        return [_agent(row) for row in rows.mappings()]

    async def configure_agent(
        self,
        account_id: UUID,
        *,
        skills: Sequence[str],
        languages: Sequence[str] | None,
        capacity: int,
        available: bool,
    ) -> None:
        """Set what routing itself keeps of an agent; `languages` None leaves it to the account."""
        await self._session.execute(
            text("""
                UPDATE agents SET skills = CAST(:skills AS text[]), own_languages = CAST(:languages AS text[]),
                    capacity = :capacity, available = :available
                WHERE account_id = :account_id AND role = ANY(:roles)"""),
            {
                "account_id": account_id,
                "skills": list(skills),
                "languages": None if languages is None else list(languages),
                "capacity": capacity,
                "available": available,
                "roles": _ASSIGNABLE,
            },
        )

    async def set_availability(self, account_id: UUID, *, available: bool) -> None:
        """Let an agent come or go."""
        await self._session.execute(
            text("UPDATE agents SET available = :available WHERE account_id = :account_id"),
            {"account_id": account_id, "available": available},
        )

    async def keep_decisions(self, planned: Sequence[PlannedDecision], *, now: datetime) -> None:
        """Keep decisions, reserve the places they take, and put the tickets of the others into their queues."""
        rows = _json(
            {
                "id": plan.id,
                "ticket_id": plan.decision.ticket.id,
                "ticket_version": plan.decision.ticket.version,
                "group_name": plan.decision.ticket.group,
                "assignee_id": plan.decision.assignee_id,
                "queue": plan.decision.queue,
                "reasons": plan.decision.reasons,
                "candidates": [candidate.model_dump(mode="json") for candidate in plan.decision.candidates],
            }
            for plan in planned
        )
        await self._session.execute(
            text("""
                WITH r AS MATERIALIZED (
                    SELECT * FROM json_to_recordset(CAST(:rows AS json)) AS r (
                        id uuid, ticket_id uuid, ticket_version int, group_name text, assignee_id uuid, queue text,
                        reasons jsonb, candidates jsonb)),
                decided AS (
                    INSERT INTO decisions
                        (id, ticket_id, ticket_version, group_name, assignee_id, queue, reasons, candidates, decided_at)
                    SELECT r.*, CAST(:now AS timestamptz) FROM r),
                reserved AS (
                    INSERT INTO reservations (decision_id, ticket_id, agent_id, state, proposed_at)
                    SELECT r.id, r.ticket_id, r.assignee_id, 'open', CAST(:now AS timestamptz)
                    FROM r WHERE r.assignee_id IS NOT NULL)
                UPDATE tickets t SET queue = CASE WHEN r.assignee_id IS NULL THEN r.queue END
                FROM r WHERE t.ticket_id = r.ticket_id"""),
            {"rows": rows, "now": now},
        )

    async def enqueue(self, queues: Mapping[UUID, str]) -> None:
        """Put tickets into queues without deciding about them."""
        await self._session.execute(
            text("""
                UPDATE tickets t SET queue = q.queue
                FROM unnest(CAST(:ticket_ids AS uuid[]), CAST(:queues AS text[])) AS q (ticket_id, queue)
                WHERE t.ticket_id = q.ticket_id"""),
            {"ticket_ids": list(queues), "queues": list(queues.values())},
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
                    d.queue, d.reasons, d.candidates"""),
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
                candidates=tuple(Candidate.model_validate(candidate) for candidate in row["candidates"]),
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

    async def ticket(self, ticket_id: UUID) -> dict[str, Any] | None:
        """What routing knows of a ticket."""
        rows = await self._session.execute(
            text("SELECT ticket_id, assignee_id, language, queue FROM tickets WHERE ticket_id = :ticket_id"),
            {"ticket_id": ticket_id},
        )
        row = rows.mappings().one_or_none()
        return None if row is None else dict(row)

    async def queues(self) -> list[dict[str, Any]]:
        """Tickets that wait, by queue: how many, and since when the oldest exists."""
        rows = await self._session.execute(
            text("""
                SELECT queue, count(*) AS waiting, min(created_at) AS oldest_created_at
                FROM tickets WHERE queue IS NOT NULL GROUP BY queue ORDER BY queue""")
        )
        return [dict(row) for row in rows.mappings()]


def _waiting_ticket(row: RowMapping) -> WaitingTicket:
    return WaitingTicket(
        id=row["ticket_id"],
        version=row["version"],
        type=TicketType(row["type"]),
        group=row["group_name"],
        language=row["language"],
        tier=row["tier"],
        tags=tuple(row["tags"]),
        released_by=frozenset(row["released_by"]),
    )


def _agent(row: RowMapping) -> Agent:
    return Agent(
        id=row["account_id"],
        name=row["name"],
        role=Role(row["role"]),
        active=row["active"],
        available=row["available"],
        languages=languages_of(row["languages"]),
        skills=frozenset(row["skills"]),
        groups=frozenset(row["groups"]),
        capacity=row["capacity"],
        load=row["load"],
    )


def _json(rows: Iterable[Mapping[str, Any]]) -> str:
    return json.dumps(list(rows), default=str, ensure_ascii=False)
