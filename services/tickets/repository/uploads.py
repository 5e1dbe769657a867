"""Files that people uploaded, for messages of theirs."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from services.tickets.models import uploads
from services.tickets.repository.rows import insert_rows
from shared.events.common import AttachmentRef
from shared.events.messages import FileUploaded


class UploadRepository:
    """What `file.uploaded` told of, until a message uses it or it is forgotten."""

    def __init__(self, session: AsyncSession) -> None:
        self.session = session

    async def keep(self, uploaded: Sequence[FileUploaded]) -> None:
        """Remember uploads; what is known stays as it is."""
        rows = [
            {
                "id": data.file.id,
                "account_id": data.account_id,
                "file": data.file,
                "kept_until": data.kept_until,
                "used": False,
            }
            for data in sorted(uploaded, key=lambda data: data.file.id)
        ]
        await insert_rows(self.session, uploads, rows, skip_existing=True)

    async def use(self, ids: Collection[UUID], account_id: UUID, *, until: datetime) -> dict[UUID, AttachmentRef]:
        """Take those of the files that are the account's, kept until then, and used by nothing; nobody else may."""
        wanted = uploads.c.id.in_(sorted(ids)), uploads.c.account_id == account_id, uploads.c.kept_until > until
        taken = update(uploads).where(*wanted, ~uploads.c.used).values(used=True)
        found = await self.session.scalars(taken.returning(uploads.c.file))
        files = [AttachmentRef.model_validate(file) for file in found]
        return {file.id: file for file in files}

    async def give_back(self, ids: Collection[UUID]) -> None:
        """Let files be used again that a message was to have which does not leave."""
        if ids:
            await self.session.execute(update(uploads).where(uploads.c.id.in_(sorted(ids))).values(used=False))

    async def kept_until(self, ids: Collection[UUID]) -> datetime | None:
        """Until when all of the files are kept; None for none."""
        query = select(func.min(uploads.c.kept_until)).where(uploads.c.id.in_(sorted(ids)))
        found: datetime | None = await self.session.scalar(query)
        return found

    async def forget(self, before: datetime, *, limit: int) -> int:
        """Forget files that are not kept any more; returns how many."""
        old = select(uploads.c.id).where(uploads.c.kept_until < before).limit(limit)
        gone = await self.session.scalars(
            delete(uploads)
            .where(uploads.c.id.in_(old.with_for_update(skip_locked=True).scalar_subquery()))
            .returning(uploads.c.id)
        )
        return len(gone.all())
