"""SQL of files."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, func, insert, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from services.ingestion.models import attachments
from shared.events.common import AttachmentRef


class AttachmentRepository:
    """What is known of files; their bytes are in the object store."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def add(self, files: Sequence[AttachmentRef], *, owner: str, message_id: UUID | None, now: datetime) -> None:
        """Note files that are in the object store."""
        if files:
            rows = [
                {**file.model_dump(), "owner": owner, "message_id": message_id, "created_at": now} for file in files
            ]
            await self._session.execute(insert(attachments), rows)

    async def get(self, attachment_id: UUID) -> Row[Any] | None:
        """One file, or None."""
        result = await self._session.execute(select(attachments).where(attachments.c.id == attachment_id))
        return result.one_or_none()

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
                  AND NOT EXISTS (SELECT FROM inbound_messages m WHERE m.raw_key = n.key)"""),
            {"keys": list(keys)},
        )
        return list(result)

    async def attach(self, messages: Mapping[UUID, UUID]) -> None:
        """Note which message uses each file."""
        await self._session.execute(
            text("""
                UPDATE attachments a SET message_id = n.message_id
                FROM unnest(CAST(:ids AS uuid[]), CAST(:messages AS uuid[])) AS n (id, message_id)
                WHERE a.id = n.id"""),
            {"ids": list(messages), "messages": list(messages.values())},
        )
