"""SQL of files."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import func, insert, select, text
from sqlalchemy.dialects.postgresql import insert as insert_or_update
from sqlalchemy.ext.asyncio import AsyncSession

from services.ingestion.domain.files import KeptFile
from services.ingestion.models import attachments, renditions
from shared.events.common import AttachmentRef


@dataclass(frozen=True, slots=True)
class Rendition:
    """An image drawn anew at `made_at`, or why it could not be after so many `tries`: then `key` is None."""

    key: str | None
    made_at: datetime
    content_type: str | None = None
    size_bytes: int | None = None
    reason: str | None = None
    tries: int = 1


@dataclass(frozen=True, slots=True)
class UnscannedFile:
    """A file that this process may have scanned until its lease ends. `attempts` counts this one."""

    id: UUID
    key: str
    attempts: int


class AttachmentRepository:
    """What is known of files; their bytes are in the object store."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def add(self, files: Iterable[tuple[AttachmentRef, UUID | None]], *, owner: str, now: datetime) -> None:
        """Note files that are in the object store, each with the message it is of, if it is of one yet."""
        rows = [
            {**file.model_dump(), "owner": owner, "message_id": message_id, "created_at": now}
            for file, message_id in files
        ]
        if rows:
            await self._session.execute(insert(attachments), rows)

    async def get(self, attachment_id: UUID) -> KeptFile | None:
        """One file, or None."""
        # Ids ascend in the order in which a mail's files stand in it; other messages' files count for themselves.
        result = await self._session.execute(
            text("""
                SELECT a.id, a.key, a.name, a.content_type, a.size_bytes, a.owner, a.message_id, a.scan, a.found,
                       coalesce(m.position, 1) AS position, coalesce(m.bytes_so_far, a.size_bytes) AS bytes_so_far
                FROM attachments a
                LEFT JOIN LATERAL (
                    SELECT CAST(count(*) AS int) AS position, CAST(sum(size_bytes) AS bigint) AS bytes_so_far
                    FROM attachments WHERE message_id = a.message_id AND id <= a.id
                ) m ON a.owner = 'mail' AND a.message_id IS NOT NULL
                WHERE a.id = :id"""),
            {"id": attachment_id},
        )
        row = result.one_or_none()
        return None if row is None else KeptFile(**row._mapping)  # noqa: SLF001 - public by its documentation

    async def claim_unscanned(self, *, lease_for: timedelta, limit: int) -> list[UnscannedFile]:
        """Take files that nobody looked at, the longest waiting first; others get them when the lease has ended."""
        result = await self._session.execute(
            text("""
                UPDATE attachments a
                SET scan_due_at = now() + CAST(:lease_for AS interval), scan_attempts = scan_attempts + 1
                WHERE a.id = ANY(ARRAY(
                    SELECT id FROM attachments WHERE scan = 'unscanned' AND scan_due_at <= now()
                    ORDER BY scan_due_at LIMIT :limit FOR UPDATE SKIP LOCKED))
                RETURNING a.id, a.key, a.scan_attempts AS attempts"""),
            {"lease_for": lease_for, "limit": limit},
        )
        return [UnscannedFile(**row._mapping) for row in result]  # noqa: SLF001 - as above

    async def set_scans(self, scans: Mapping[UUID, tuple[str, str | None]]) -> None:
        """Note what a scanner said of files: the state, and the name of what it found."""
        await self._session.execute(
            text("""
                UPDATE attachments a SET scan = n.scan, found = n.found
                FROM unnest(CAST(:ids AS uuid[]), CAST(:scans AS text[]), CAST(:found AS text[])) AS n (id, scan, found)
                WHERE a.id = n.id AND a.scan = 'unscanned'"""),
            {
                "ids": list(scans),
                "scans": [scan for scan, _ in scans.values()],
                "found": [found for _, found in scans.values()],
            },
        )

    async def put_off_scans(self, attachment_ids: Collection[UUID], *, wait: timedelta, counted: bool) -> None:
        """Have files scanned later; where the attempt was not `counted`, as if there had been none."""
        await self._session.execute(
            text("""
                UPDATE attachments SET scan_due_at = now() + CAST(:wait AS interval),
                    scan_attempts = scan_attempts - CAST(:taken_back AS smallint)
                WHERE id = ANY(CAST(:ids AS uuid[]))"""),
            {"ids": sorted(attachment_ids), "wait": wait, "taken_back": 0 if counted else 1},
        )

    async def rendition(self, attachment_id: UUID, kind: str) -> Rendition | None:
        """What was drawn of an image, or None."""
        columns = renditions.c
        query = select(
            columns.key, columns.made_at, columns.content_type, columns.size_bytes, columns.reason, columns.tries
        )
        result = await self._session.execute(query.where(columns.attachment_id == attachment_id, columns.kind == kind))
        row = result.one_or_none()
        return None if row is None else Rendition(*row)

    async def add_rendition(self, attachment_id: UUID, kind: str, made: Rendition) -> bool:
        """Keep what was drawn, instead of an earlier try at it; false where somebody was first, or the file is gone."""
        there = select(attachments.c.id).where(attachments.c.id == attachment_id)
        if await self._session.scalar(there.with_for_update(read=True, key_share=True)) is None:
            return False
        values = {
            "attachment_id": attachment_id,
            "kind": kind,
            "key": made.key,
            "content_type": made.content_type,
            "size_bytes": made.size_bytes,
            "reason": made.reason,
            "made_at": made.made_at,
            "tries": made.tries,
        }
        new = insert_or_update(renditions).values(values)
        kept = new.on_conflict_do_update(
            constraint="pk_renditions",
            set_={name: new.excluded[name] for name in values},
            # Of those who try at once, as many count as one.
            where=renditions.c.key.is_(None)
            & (new.excluded.key.is_not(None) | (renditions.c.tries < new.excluded.tries)),
        ).returning(renditions.c.kind)
        return await self._session.scalar(kept) is not None

    async def of_message(self, message_id: UUID) -> list[UUID]:
        """The files of a message, in the order in which they stand in it."""
        # Ids ascend in the order in which they are made.
        query = select(attachments.c.id).where(attachments.c.message_id == message_id).order_by(attachments.c.id)
        return list(await self._session.scalars(query))

    async def owned(self, wanted: Collection[tuple[str, UUID]]) -> dict[UUID, AttachmentRef]:
        """Those of the files, named by owner and id, that are there, and stay until the transaction ends."""
        result = await self._session.execute(
            text("""
                SELECT a.id, a.key, a.name, a.content_type, a.size_bytes
                FROM unnest(CAST(:owners AS text[]), CAST(:ids AS uuid[])) AS n (owner, id)
                JOIN attachments a USING (owner, id)
                FOR KEY SHARE OF a"""),
            {"owners": [owner for owner, _ in wanted], "ids": [id_ for _, id_ in wanted]},
        )
        return {row.id: AttachmentRef(**row._mapping) for row in result}  # noqa: SLF001 - public by its documentation

    async def lock_unattached_bytes(self, owner: str) -> int:
        """How many bytes the owner's files of no message have; until the transaction ends nobody else asks for them."""
        await self._session.execute(
            text("SELECT pg_advisory_xact_lock(hashtextextended('unattached:' || :owner, 0))"), {"owner": owner}
        )
        unattached = attachments.c.owner == owner, attachments.c.message_id.is_(None)
        return int(await self._session.scalar(select(func.sum(attachments.c.size_bytes)).where(*unattached)) or 0)

    async def forget_unattached(self, *, before: datetime, limit: int) -> int:
        """Forget up to `limit` files that were uploaded before a moment and that no message uses; returns how many."""
        result = await self._session.execute(
            text("""
                DELETE FROM attachments a USING (
                    SELECT id FROM attachments WHERE message_id IS NULL AND created_at < :before
                    LIMIT :limit FOR UPDATE SKIP LOCKED) old
                WHERE a.id = old.id RETURNING a.id"""),
            {"before": before, "limit": limit},
        )
        return len(result.all())

    async def unnamed(self, keys: Sequence[str]) -> list[str]:
        """Those of the object keys that no file and no message names."""
        result = await self._session.scalars(
            text("""
                SELECT n.key FROM unnest(CAST(:keys AS text[])) AS n (key)
                WHERE NOT EXISTS (SELECT FROM attachments a WHERE a.key = n.key)
                  AND NOT EXISTS (SELECT FROM renditions r WHERE r.key = n.key)
                  AND NOT EXISTS (SELECT FROM inbound_messages m WHERE m.raw_key = n.key)"""),
            {"keys": list(keys)},
        )
        return list(result)

    async def attach(self, messages: Mapping[UUID, UUID]) -> None:
        """Note which message uses each file; the first one does."""
        await self._session.execute(
            text("""
                UPDATE attachments a SET message_id = n.message_id
                FROM unnest(CAST(:ids AS uuid[]), CAST(:messages AS uuid[])) AS n (id, message_id)
                WHERE a.id = n.id AND a.message_id IS NULL"""),
            {"ids": list(messages), "messages": list(messages.values())},
        )
