"""The archive of consumed events, and how far reading it again has come."""

from collections.abc import Collection, Sequence
from dataclasses import asdict
from datetime import datetime
from uuid import UUID

from sqlalchemy import Text, cast, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from services.analytics.domain.archive import ArchivedEvent
from services.analytics.domain.rebuild import Progress
from services.analytics.models import archive
from services.analytics.repository.facts import LOCK_OR_CREATE

_ADD = text(f"""
    WITH added AS (
        INSERT INTO analytics.archive (event_id, type, source, aggregate_id, aggregate_version, ticket_id, time, data)
        SELECT event_id, type, source, aggregate_id, aggregate_version, ticket_id, time, CAST(data AS jsonb)
          FROM unnest(CAST(:event_ids AS uuid[]), CAST(:types AS text[]), CAST(:sources AS text[]),
                      CAST(:aggregates AS text[]), CAST(:versions AS bigint[]), CAST(:tickets AS uuid[]),
                      CAST(:times AS timestamptz[]), CAST(:data AS text[]))
            AS n (event_id, type, source, aggregate_id, aggregate_version, ticket_id, time, data)
         ORDER BY event_id
        ON CONFLICT (event_id) DO NOTHING
        RETURNING event_id, ticket_id
    ), locked AS ({LOCK_OR_CREATE.format(tickets="added")})
    SELECT event_id FROM added""")


class ArchiveRepository:
    """The record: every consumed event once, without personal text."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def add(self, events: Sequence[ArchivedEvent]) -> set[UUID]:
        """Keep these events; returns the ids of those that were not there yet, and locks the tickets of those.

        The locks are those of `FactsRepository.lock`.
        """
        rows = await self._session.execute(
            _ADD,
            {
                "event_ids": [event.id for event in events],
                "types": [event.type for event in events],
                "sources": [event.source for event in events],
                "aggregates": [event.aggregate_id for event in events],
                "versions": [event.aggregate_version for event in events],
                "tickets": [event.ticket_id for event in events],
                "times": [event.time for event in events],
                "data": [event.data for event in events],
            },
        )
        return set(rows.scalars())

    async def count(self) -> int:
        """How many events there are."""
        return int(await self._session.scalar(text("SELECT count(*) FROM analytics.archive")) or 0)

    async def tickets_after(self, after: UUID | None, limit: int) -> list[UUID]:
        """The next tickets that have events, in the order of their ids."""
        query = select(archive.c.ticket_id).distinct().order_by(archive.c.ticket_id).limit(limit)
        return list(await self._session.scalars(query.where(archive.c.ticket_id > after) if after else query))

    async def of_tickets(self, tickets: Collection[UUID]) -> list[ArchivedEvent]:
        """All events of these tickets; those of one source and aggregate in the order of their versions."""
        rows = await self._session.execute(
            select(*(column for column in archive.c if column.name != "data"), cast(archive.c.data, Text).label("data"))
            .where(archive.c.ticket_id.in_(tickets))
            .order_by(archive.c.ticket_id, archive.c.source, archive.c.aggregate_id, archive.c.aggregate_version)
        )
        return [
            ArchivedEvent(
                id=row.event_id,
                type=row.type,
                source=row.source,
                aggregate_id=row.aggregate_id,
                aggregate_version=row.aggregate_version,
                ticket_id=row.ticket_id,
                time=row.time,
                data=row.data,
            )
            for row in rows
        ]


class RebuildRepository:
    """The progress of rebuilding."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def unfinished(self) -> Progress | None:
        """The rebuild that was interrupted, if there is one, locked until this transaction ends."""
        row = (
            (
                await self._session.execute(
                    text(
                        "SELECT id, after_ticket_id, events_total, events, tickets, corrected FROM analytics.rebuilds "
                        "WHERE finished_at IS NULL ORDER BY id DESC LIMIT 1 FOR UPDATE"
                    )
                )
            )
            .mappings()
            .one_or_none()
        )
        return Progress(**row) if row else None

    async def start(self, events_total: int, now: datetime) -> Progress:
        """Begin a new rebuild; an unfinished one is given up."""
        await self._session.execute(
            text("UPDATE analytics.rebuilds SET finished_at = :now WHERE finished_at IS NULL"), {"now": now}
        )
        rebuild_id = await self._session.scalar(
            text("INSERT INTO analytics.rebuilds (started_at, events_total) VALUES (:now, :total) RETURNING id"),
            {"now": now, "total": events_total},
        )
        return Progress(id=int(rebuild_id or 0), events_total=events_total)

    async def advance(self, progress: Progress, finished_at: datetime | None) -> None:
        """Note how far a rebuild has come."""
        await self._session.execute(
            text(
                "UPDATE analytics.rebuilds SET after_ticket_id = :after_ticket_id, events = :events, "
                "tickets = :tickets, corrected = :corrected, finished_at = :finished_at WHERE id = :id"
            ),
            {**asdict(progress), "finished_at": finished_at},
        )
