"""Agents: who they are, what they can do, and how much they carry."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.engine import RowMapping
from sqlalchemy.ext.asyncio import AsyncSession

from services.routing.domain.assignment import ASSIGNABLE_ROLES, Agent, languages_of
from services.routing.repository.rows import json_rows
from shared.events.accounts import AccountChanged, Role

_ASSIGNABLE = sorted(role.value for role in ASSIGNABLE_ROLES)

_DESK_LANGUAGES = text("SELECT DISTINCT unnest(languages) FROM agents WHERE active")
_LOCK_ASSIGNMENT = text("SELECT pg_advisory_xact_lock(hashtextextended('routing.assignment', 0))")
_AGENTS = text("""
    SELECT a.*, coalesce(held.count, 0) + coalesce(reserved.count, 0) AS load
    FROM agents a
    LEFT JOIN (SELECT assignee_id, count(*) FROM tickets
               WHERE assignee_id IS NOT NULL AND status IN ('new', 'open', 'pending', 'on_hold')
               GROUP BY assignee_id) held ON held.assignee_id = a.account_id
    LEFT JOIN (SELECT agent_id, count(*) FROM reservations
               WHERE state = 'open' GROUP BY agent_id) reserved ON reserved.agent_id = a.account_id
    WHERE a.role = ANY(:roles)
    ORDER BY a.name, a.account_id""")


class AgentRepository:
    """Agents with their load."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def desk_languages(self) -> frozenset[str]:
        """Primary subtags of the languages that active agents speak."""
        tags = await self._session.scalars(_DESK_LANGUAGES)
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
                "rows": json_rows(
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

    async def lock_assignment(self) -> None:
        """Until commit nobody else assigns automatically.

        Not a lock on the agents' rows: who arrives after it was taken would be counted on without being locked.
        """
        await self._session.execute(_LOCK_ASSIGNMENT)

    async def agents(self) -> list[Agent]:
        """Everybody who can be given tickets, by name, with their load.

        The load is counted, not kept: a count cannot drift. To decide by it, call `lock_assignment` before, in a
        statement of its own: what others committed while this waited for the lock is only seen by a later statement.
        """
        rows = await self._session.execute(_AGENTS, {"roles": _ASSIGNABLE})
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
