"""All SQL of SLA. Statements take whole batches; the session's search path names the schema.

A ticket's row in `tickets` is the lock of its clocks and timers. Consumers take it in order of ticket ids; timers take
it with SKIP LOCKED, so neither can wait for the other in a circle.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import TypeAdapter
from sqlalchemy import Row, text
from sqlalchemy.engine import RowMapping
from sqlalchemy.ext.asyncio import AsyncSession

from services.sla.domain.clock import Clock, Interval, Plan, TimerKind, timers_of
from services.sla.domain.policy import Fact, Policy, StoredPolicy, Targets, same_to_clocks
from shared.events.common import Channel, Priority, TicketStatus
from shared.events.sla import ClockState, SlaMetric

ClocksByTicket = dict[UUID, dict[SlaMetric, Clock]]

_CLOCK_COLUMNS = """ticket_id uuid, metric text, state text, policy_id uuid, policy text, target_seconds int,
    warn_fraction double precision, started_at timestamptz, intervals jsonb, generation int, due_at timestamptz,
    warn_due_at timestamptz, warned_at timestamptz, breached_at timestamptz, stopped_at timestamptz"""

_POLICIES = text("SELECT * FROM policies ORDER BY position, id")
# A row that would stay as it is, is locked all the same, and not written again.
_KEEP_TICKETS = text("""
    INSERT INTO tickets AS t
        (ticket_id, status, priority, tier, channel, assignee_id, created_at, policy_revision)
    SELECT r.ticket_id, r.status, r.priority, r.tier, r.channel, r.assignee_id, r.created_at,
        (SELECT max(revision) FROM policies)
    FROM json_to_recordset(CAST(:rows AS json)) AS r (
        ticket_id uuid, status text, priority text, tier text, channel text, assignee_id uuid,
        created_at timestamptz)
    ORDER BY r.ticket_id
    ON CONFLICT (ticket_id) DO UPDATE SET
        status = excluded.status, priority = excluded.priority, tier = excluded.tier,
        channel = excluded.channel, assignee_id = excluded.assignee_id,
        policy_revision = excluded.policy_revision
    WHERE (t.status, t.priority, t.tier, t.channel, t.assignee_id, t.policy_revision) IS DISTINCT FROM (
        excluded.status, excluded.priority, excluded.tier, excluded.channel, excluded.assignee_id,
        excluded.policy_revision)
    RETURNING new.ticket_id, new.status, old.status AS status_before,
        (new.priority, new.tier, new.channel, new.policy_revision)
            IS DISTINCT FROM (old.priority, old.tier, old.channel, old.policy_revision) AS plan_moved""")
_CLOCKS = text("SELECT * FROM clocks WHERE ticket_id = ANY(:ticket_ids) ORDER BY ticket_id, metric")
_KEEP_CLOCKS = text(f"""
    INSERT INTO clocks SELECT * FROM json_to_recordset(CAST(:rows AS json)) AS r ({_CLOCK_COLUMNS})
    ON CONFLICT (ticket_id, metric) DO UPDATE SET
        state = excluded.state, policy_id = excluded.policy_id, policy = excluded.policy,
        target_seconds = excluded.target_seconds, warn_fraction = excluded.warn_fraction,
        intervals = excluded.intervals, generation = excluded.generation, due_at = excluded.due_at,
        warn_due_at = excluded.warn_due_at, warned_at = excluded.warned_at,
        breached_at = excluded.breached_at, stopped_at = excluded.stopped_at""")
_DISARM = text("""
    DELETE FROM timers t
    USING json_to_recordset(CAST(:rows AS json)) AS r (ticket_id uuid, metric text, generation int)
    WHERE t.ticket_id = r.ticket_id AND t.metric = r.metric AND t.generation < r.generation""")
_ARM = text("""
    INSERT INTO timers (ticket_id, metric, kind, generation, due_at)
    SELECT * FROM json_to_recordset(CAST(:rows AS json)) AS r (
        ticket_id uuid, metric text, kind text, generation int, due_at timestamptz)""")

_ROWS = TypeAdapter(list[Mapping[str, Any]])


@dataclass(frozen=True, slots=True)
class DueTimer:
    """An open timer whose time has come, claimed together with its ticket."""

    id: int
    ticket_id: UUID
    metric: SlaMetric
    kind: TimerKind
    generation: int
    assignee_id: UUID | None


class SlaRepository:
    """Policies, the projection of tickets, clocks and timers."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def policies(self) -> list[StoredPolicy]:
        """All policies, in the order in which they are asked."""
        rows = await self._session.execute(_POLICIES)
        return [_stored_policy(row) for row in rows.mappings()]

    async def policies_for_update(self) -> dict[UUID, StoredPolicy]:
        """All policies by id, locked: one change at a time, so that revisions are committed in their order.

        A revision that is committed after a higher one would never plan anything anew.
        """
        rows = await self._session.execute(text("SELECT * FROM policies ORDER BY id FOR UPDATE"))
        return {row["id"]: _stored_policy(row) for row in rows.mappings()}

    async def change_policy(self, policy: Policy, *, now: datetime) -> StoredPolicy:
        """Store a policy's new terms under its next version, and a new revision of all."""
        rows = await self._session.execute(
            text("""
                UPDATE policies SET name = :name, position = :position, tiers = CAST(:tiers AS text[]),
                    channels = CAST(:channels AS text[]), targets = CAST(:targets AS jsonb),
                    warn_fraction = :warn_fraction, version = version + 1, revision = nextval('policy_revisions'),
                    updated_at = :now
                WHERE id = :id RETURNING *"""),
            {
                "id": policy.id,
                "name": policy.name,
                "position": policy.position,
                "tiers": sorted(policy.tiers),
                "channels": sorted(channel.value for channel in policy.channels),
                "targets": json.dumps(
                    {
                        priority.value: {
                            "first_response_seconds": targets.first_response_seconds,
                            "resolution_seconds": targets.resolution_seconds,
                        }
                        for priority, targets in policy.targets.items()
                    }
                ),
                "warn_fraction": policy.warn_fraction,
                "now": now,
            },
        )
        return _stored_policy(rows.mappings().one())

    async def keep_tickets(self, facts: Iterable[Fact]) -> set[UUID]:
        """Bring the projection to what the facts tell, and hold the tickets until the end of the transaction.

        Returns the tickets that are new, or differ from what they were in a way that may move a clock.
        """
        rows = await self._session.execute(
            _KEEP_TICKETS,
            {
                "rows": _json(
                    {
                        "ticket_id": fact.ticket_id,
                        "status": fact.status,
                        "priority": fact.priority,
                        "tier": fact.tier,
                        "channel": fact.channel,
                        "assignee_id": fact.assignee_id,
                        "created_at": fact.created_at,
                    }
                    for fact in facts
                )
            },
        )
        return {
            row.ticket_id
            for row in rows
            if row.plan_moved or not same_to_clocks(TicketStatus(row.status_before), TicketStatus(row.status))
        }

    async def claim_outdated(self, *, at: datetime, limit: int) -> list[Fact]:
        """Lock unclosed tickets whose clocks were planned under older policies, and mark them as up to date.

        Returns how they stand, as facts of the moment `at`.
        """
        rows = await self._session.execute(
            text("""
                WITH outdated AS (
                    SELECT ticket_id FROM tickets
                    WHERE status <> 'closed' AND policy_revision < (SELECT max(revision) FROM policies)
                    ORDER BY policy_revision LIMIT :limit
                    FOR UPDATE SKIP LOCKED)
                UPDATE tickets t SET policy_revision = (SELECT max(revision) FROM policies)
                FROM outdated WHERE t.ticket_id = outdated.ticket_id
                RETURNING t.*"""),
            {"limit": limit},
        )
        return [
            Fact(
                ticket_id=row["ticket_id"],
                status=TicketStatus(row["status"]),
                priority=Priority(row["priority"]),
                tier=row["tier"],
                channel=Channel(row["channel"]),
                assignee_id=row["assignee_id"],
                created_at=row["created_at"],
                at=at,
            )
            for row in rows.mappings()
        ]

    async def clocks(self, ticket_ids: Iterable[UUID]) -> ClocksByTicket:
        """The clocks of tickets; read them after their tickets are locked, in a statement of its own."""
        rows = await self._session.execute(_CLOCKS, {"ticket_ids": list(ticket_ids)})
        found: ClocksByTicket = defaultdict(dict)
        for row in rows:
            clock = _clock(row)
            found[row.ticket_id][clock.metric] = clock
        return found

    async def keep_clocks(self, clocks: Sequence[tuple[UUID, Clock]]) -> None:
        """Store clocks that have moved on: disarm the timers of their older generations, arm those of the new one."""
        rows = _json(_clock_row(ticket_id, clock) for ticket_id, clock in clocks)
        await self._session.execute(_KEEP_CLOCKS, {"rows": rows})
        # A clock that has only just been started has no timers yet.
        if any(clock.generation > 1 for _, clock in clocks):
            await self._session.execute(_DISARM, {"rows": rows})
        armed = [
            {"ticket_id": ticket_id, "metric": clock.metric, "kind": timer.kind}
            | {"generation": timer.generation, "due_at": timer.due_at}
            for ticket_id, clock in clocks
            for timer in timers_of(clock)
        ]
        if armed:
            await self._session.execute(_ARM, {"rows": _json(armed)})

    async def claim_due(self, until: datetime, *, limit: int) -> list[DueTimer]:
        """Lock open timers due before `until` and their tickets, the earliest first; skips what others hold."""
        rows = await self._session.execute(
            text("""
                SELECT t.id, t.ticket_id, t.metric, t.kind, t.generation, k.assignee_id
                FROM timers t JOIN tickets k USING (ticket_id)
                WHERE t.fired_at IS NULL AND t.due_at < :until
                ORDER BY t.due_at, t.id LIMIT :limit
                FOR UPDATE SKIP LOCKED"""),
            {"until": until, "limit": limit},
        )
        return [
            DueTimer(
                id=row["id"],
                ticket_id=row["ticket_id"],
                metric=SlaMetric(row["metric"]),
                kind=TimerKind(row["kind"]),
                generation=row["generation"],
                assignee_id=row["assignee_id"],
            )
            for row in rows.mappings()
        ]

    async def keep_fired(
        self, timers: Sequence[DueTimer], clocks: Sequence[tuple[UUID, Clock]], *, now: datetime
    ) -> None:
        """Store that timers have fired, and the clocks they changed, each only in the generation it was armed under."""
        await self._session.execute(
            text("UPDATE timers SET fired_at = :now WHERE id = ANY(:ids)"),
            {"now": now, "ids": [timer.id for timer in timers]},
        )
        await self._session.execute(
            text("""
                UPDATE clocks c SET state = r.state, warned_at = r.warned_at, breached_at = r.breached_at
                FROM json_to_recordset(CAST(:rows AS json)) AS r (
                    ticket_id uuid, metric text, generation int, state text, warned_at timestamptz,
                    breached_at timestamptz)
                WHERE c.ticket_id = r.ticket_id AND c.metric = r.metric AND c.generation = r.generation"""),
            {
                "rows": _json(
                    {
                        "ticket_id": ticket_id,
                        "metric": clock.metric,
                        "generation": clock.generation,
                        "state": clock.state,
                        "warned_at": clock.warned_at,
                        "breached_at": clock.breached_at,
                    }
                    for ticket_id, clock in clocks
                )
            },
        )


def _clock_row(ticket_id: UUID, clock: Clock) -> dict[str, Any]:
    return {
        "ticket_id": ticket_id,
        "metric": clock.metric,
        "state": clock.state,
        "policy_id": clock.plan.policy_id,
        "policy": clock.plan.policy,
        "target_seconds": clock.plan.target_seconds,
        "warn_fraction": clock.plan.warn_fraction,
        "started_at": clock.started_at,
        "intervals": [[interval.start, interval.end] for interval in clock.intervals],
        "generation": clock.generation,
        "due_at": clock.due_at,
        "warn_due_at": clock.warn_due_at,
        "warned_at": clock.warned_at,
        "breached_at": clock.breached_at,
        "stopped_at": clock.stopped_at,
    }


def _clock(row: Row[Any]) -> Clock:
    return Clock(
        metric=SlaMetric(row.metric),
        state=ClockState(row.state),
        plan=Plan(row.policy_id, row.policy, row.target_seconds, row.warn_fraction),
        started_at=row.started_at,
        intervals=tuple(
            Interval(datetime.fromisoformat(start), datetime.fromisoformat(end) if end else None)
            for start, end in row.intervals
        ),
        generation=row.generation,
        due_at=row.due_at,
        warn_due_at=row.warn_due_at,
        warned_at=row.warned_at,
        breached_at=row.breached_at,
        stopped_at=row.stopped_at,
    )


def _stored_policy(row: RowMapping) -> StoredPolicy:
    return StoredPolicy(
        policy=Policy(
            id=row["id"],
            name=row["name"],
            position=row["position"],
            tiers=frozenset(row["tiers"]),
            channels=frozenset(Channel(channel) for channel in row["channels"]),
            targets={Priority(priority): Targets(**targets) for priority, targets in row["targets"].items()},
            warn_fraction=row["warn_fraction"],
        ),
        calendar=row["calendar"],
        version=row["version"],
        updated_at=row["updated_at"],
    )


def _json(rows: Iterable[Mapping[str, Any]]) -> str:
    return _ROWS.dump_json(list(rows)).decode()
