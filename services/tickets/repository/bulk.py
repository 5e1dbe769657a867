"""Changes of many tickets: jobs, and the tickets of each."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic_core import to_json
from sqlalchemy import Text, Uuid, all_, func, insert, literal, select, text, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession

from services.tickets.domain.bulk import JobState, Result
from services.tickets.domain.conditions import Condition
from services.tickets.models import bulk_items, bulk_jobs, tickets
from services.tickets.repository.conditions import Asker, in_sql
from services.tickets.repository.rows import AnyRow

# Spelt as the index has it.
_RUNS = bulk_jobs.c.state == literal(JobState.RUNNING.value, Text, literal_execute=True)


class BulkRepository:
    """Jobs and their items as rows."""

    def __init__(self, session: AsyncSession) -> None:
        self.session = session

    async def insert(self, job: Mapping[str, Any]) -> None:
        """A new job, still without tickets."""
        await self.session.execute(insert(bulk_jobs).values(**job))

    async def add(self, job_id: UUID, ticket_ids: Sequence[UUID]) -> None:
        """Its tickets, in this order, from position 1."""
        await self.session.execute(
            text(f"""
                INSERT INTO {bulk_items.fullname} (job_id, position, ticket_id)
                SELECT :job, position, id FROM unnest(CAST(:ids AS uuid[])) WITH ORDINALITY AS u (id, position)"""),
            {"job": job_id, "ids": list(ticket_ids)},
        )

    async def add_changed(self, job_id: UUID, of: UUID) -> int:
        """Its tickets, in their order: those that the job `of` changed, and how. Returns how many."""
        added = await self.session.scalars(
            text(f"""
                INSERT INTO {bulk_items.fullname} (job_id, position, ticket_id, changes)
                SELECT :job, row_number() OVER (ORDER BY position), ticket_id, changes
                FROM {bulk_items.fullname} WHERE job_id = :of AND result = 'changed'
                RETURNING 1"""),
            {"job": job_id, "of": of},
        )
        return len(added.all())

    async def fitting(self, condition: Condition, asker: Asker, *, limit: int) -> list[UUID]:
        """At most so many tickets for which a condition holds, in no order."""
        query = select(tickets.c.id).where(in_sql(condition, asker)).limit(limit)
        return list(await self.session.scalars(query))

    async def get(self, job_id: UUID, *, account_id: UUID | None = None, locked: bool = False) -> AnyRow | None:
        """A job; with `account_id`, only if that account asked for it; `locked`, nobody works at it meanwhile."""
        query = select(bulk_jobs).where(bulk_jobs.c.id == job_id)
        if account_id is not None:
            query = query.where(bulk_jobs.c.account_id == account_id)
        if locked:
            query = query.with_for_update(key_share=True)
        return (await self.session.execute(query)).one_or_none()

    async def page(self, *, account_id: UUID | None, before: UUID | None, limit: int) -> Sequence[AnyRow]:
        """Jobs, the newest first, from before the one with the id `before`; with `account_id`, those of one account."""
        query = select(bulk_jobs)
        if account_id is not None:
            query = query.where(bulk_jobs.c.account_id == account_id)
        if before is not None:
            query = query.where(bulk_jobs.c.id < before)
        return (await self.session.execute(query.order_by(bulk_jobs.c.id.desc()).limit(limit))).all()

    async def take_turn(self, account_id: UUID) -> None:
        """Wait for those who make or start a job for the same account just now, and let others wait."""
        key = "hashtextextended(concat_ws(chr(31), 'tickets.bulk', CAST(:account AS text)), 0)"
        await self.session.execute(text(f"SELECT pg_advisory_xact_lock({key})"), {"account": str(account_id)})

    async def unfinished(self, account_id: UUID) -> int:
        """How many jobs of an account run."""
        query = select(func.count()).where(_RUNS, bulk_jobs.c.account_id == account_id)
        return await self.session.scalar(query) or 0

    async def undone_by(self, job_id: UUID) -> UUID | None:
        """The job that undoes this one, or has done so, unless it was cancelled."""
        query = select(bulk_jobs.c.id).where(bulk_jobs.c.undo_of == job_id, bulk_jobs.c.state != JobState.CANCELLED)
        found: UUID | None = await self.session.scalar(query)
        return found

    async def update(self, job_id: UUID, **values: Any) -> None:
        """Set these columns of a job that this transaction has locked."""
        await self.session.execute(update(bulk_jobs).where(bulk_jobs.c.id == job_id).values(**values))

    async def claim(self, *, but: Collection[UUID]) -> AnyRow | None:
        """Lock the job whose last chunk is longest ago, of those that run and nobody works at; not one of `but`."""
        query = (
            select(bulk_jobs)
            .where(_RUNS, bulk_jobs.c.id != all_(literal(list(but), ARRAY(Uuid))))
            .order_by(bulk_jobs.c.worked_at, bulk_jobs.c.id)
            .limit(1)
            .with_for_update(key_share=True, skip_locked=True)
        )
        return (await self.session.execute(query)).one_or_none()

    async def next_items(self, job: AnyRow, limit: int) -> Sequence[AnyRow]:
        """The tickets whose turn it is: items are settled in order, so as many are as the job has counted."""
        settled = job.changed + job.unchanged + job.refused
        query = select(bulk_items.c.position, bulk_items.c.ticket_id, bulk_items.c.changes).where(
            bulk_items.c.job_id == job.id, bulk_items.c.position > settled
        )
        return (await self.session.execute(query.order_by(bulk_items.c.position).limit(limit))).all()

    async def settle(self, job_id: UUID, items: Sequence[Mapping[str, Any]]) -> None:
        """Note what became of tickets of a job that this transaction has locked."""
        columns = ("result", "slug", "detail", "version_before", "version_after", "changes")
        await self.session.execute(
            text(f"""
                UPDATE {bulk_items.fullname} AS i SET {", ".join(f"{column} = r.{column}" for column in columns)}
                FROM json_populate_recordset(CAST(NULL AS {bulk_items.fullname}), CAST(:rows AS json)) AS r
                WHERE i.job_id = :job AND i.position = r.position"""),
            {"job": job_id, "rows": to_json(items).decode()},
        )

    async def items(self, job: AnyRow, *, result: Result | None, after: int, limit: int) -> Sequence[AnyRow]:
        """Tickets of a job in order, from after a position: those with this result, with their numbers."""
        query = (
            select(bulk_items, tickets.c.number)
            .outerjoin(tickets, tickets.c.id == bulk_items.c.ticket_id)
            .where(bulk_items.c.job_id == job.id, bulk_items.c.position > after)
        )
        if result in {Result.WAITING, Result.SKIPPED}:
            skips = job.state == JobState.CANCELLED
            if skips is not (result is Result.SKIPPED):
                return []
            query = query.where(bulk_items.c.position > job.changed + job.unchanged + job.refused)
        elif result is not None:
            query = query.where(bulk_items.c.result == result.value)
        return (await self.session.execute(query.order_by(bulk_items.c.position).limit(limit))).all()

    async def forget_previews(self, account_id: UUID, *, but: int) -> None:
        """Delete what an account previewed and never started, but so many of the newest."""
        waits = bulk_jobs.c.state == JobState.PREVIEWED
        newest = select(bulk_jobs.c.id).where(waits, bulk_jobs.c.account_id == account_id)
        older = (await self.session.scalars(newest.order_by(bulk_jobs.c.id.desc()).offset(but))).all()
        # One that is started just now is none.
        query = select(bulk_jobs.c.id).where(waits, bulk_jobs.c.id.in_(older)).with_for_update(skip_locked=True)
        if older and (ids := (await self.session.scalars(query)).all()):
            await self._delete(ids)

    async def forget(self, *, made_before: datetime, previewed_before: datetime) -> int:
        """Delete one job from before, that does not run, or was previewed and not started; returns how many."""
        job_id = await self.session.scalar(
            text(f"""
                SELECT id FROM {bulk_jobs.fullname}
                WHERE state IN ('done', 'cancelled') AND created_at < :made
                OR state = 'previewed' AND created_at < :previewed
                LIMIT 1 FOR UPDATE SKIP LOCKED"""),
            {"made": made_before, "previewed": previewed_before},
        )
        if job_id is None:
            return 0
        await self._delete([job_id])
        return 1

    async def _delete(self, job_ids: Collection[UUID]) -> None:
        for table, column in ((bulk_items, bulk_items.c.job_id), (bulk_jobs, bulk_jobs.c.id)):
            await self.session.execute(table.delete().where(column.in_(job_ids)))
