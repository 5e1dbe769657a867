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

# The rows of tickets that have one are locked here, so that what is read of them afterwards stays true.
_ADD = text("""
    WITH added AS (
        INSERT INTO analytics.archive (event_id, type, source, aggregate_id, aggregate_version, ticket_id, time, data,
                                       delivery_at)
        SELECT event_id, type, source, aggregate_id, aggregate_version, ticket_id, time, CAST(data AS json), delivery_at
          FROM unnest(CAST(:event_id AS uuid[]), CAST(:type AS text[]), CAST(:source AS text[]),
                      CAST(:aggregate_id AS text[]), CAST(:aggregate_version AS bigint[]), CAST(:ticket_id AS uuid[]),
                      CAST(:time AS timestamptz[]), CAST(:data AS text[]), CAST(:delivery_at AS timestamptz[]))
            AS n (event_id, type, source, aggregate_id, aggregate_version, ticket_id, time, data, delivery_at)
         ORDER BY ticket_id, event_id
        ON CONFLICT (ticket_id, event_id) DO NOTHING
        RETURNING event_id, ticket_id
    ), locked AS (
        SELECT ticket_id FROM analytics.ticket_facts WHERE ticket_id = ANY(CAST(:ticket_id AS uuid[]))
         ORDER BY ticket_id FOR UPDATE
    )
    SELECT added.event_id, locked.ticket_id FROM added LEFT JOIN locked USING (ticket_id)""")


class ArchiveRepository:
    """The record: every consumed event once, without personal text."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def add(self, events: Sequence[ArchivedEvent]) -> tuple[set[UUID], set[UUID]]:
        """Keep these events; returns the ids of those that were not there yet, and those of their tickets that have
        facts already, which are locked now.
        """
        columns = dict(zip(ArchivedEvent._fields, map(list, zip(*events, strict=True)), strict=True))
        rows = (await self._session.execute(_ADD, columns)).all()
        return {event_id for event_id, _ in rows}, {ticket_id for _, ticket_id in rows if ticket_id is not None}

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
            select(
                *(cast(archive.c[name], Text) if name == "data" else archive.c[name] for name in ArchivedEvent._fields)
            )
            .where(archive.c.ticket_id.in_(tickets))
            .order_by(archive.c.ticket_id, archive.c.source, archive.c.aggregate_id, archive.c.aggregate_version)
        )
        return [ArchivedEvent(*row) for row in rows]


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
