"""SQL of keys of mail."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, delete, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.ingestion.domain.mail import MailKey
from services.ingestion.models import mail_keys

_COLUMNS = mail_keys.c


class MailKeyRepository:
    """The keys of the desk."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def count(self) -> int:
        """How many there are; until the end of the transaction nobody else adds one."""
        await self._session.execute(text("SELECT pg_advisory_xact_lock(hashtext('ingestion.mail_keys'))"))
        return int(await self._session.scalar(select(func.count()).select_from(mail_keys)) or 0)

    async def add(self, key_id: UUID, key: MailKey, secrets: bytes | None, *, by: UUID, now: datetime) -> bool:
        """A new key; false where it is known."""
        values = {
            "id": key_id,
            "kind": key.kind,
            "fingerprint": key.fingerprint,
            "name": key.name,
            "addresses": list(key.addresses),
            "ids": list(key.ids),
            "public": key.public,
            "secrets": secrets,
            "valid_from": key.valid_from,
            "expires_at": key.expires_at,
            "created_at": now,
            "created_by": by,
        }
        added = await self._session.scalar(
            insert(mail_keys).values(values).on_conflict_do_nothing().returning(_COLUMNS.id)
        )
        return added is not None

    async def page(self, *, after: UUID | None, limit: int) -> Sequence[Row[Any]]:
        """Keys, oldest first."""
        query: Select[Any] = select(mail_keys).order_by(_COLUMNS.id).limit(limit)
        if after is not None:
            query = query.where(_COLUMNS.id > after)
        rows: Sequence[Row[Any]] = (await self._session.execute(query)).all()
        return rows

    async def get(self, key_id: UUID) -> Row[Any] | None:
        """One key."""
        row: Row[Any] | None = (
            await self._session.execute(select(mail_keys).where(_COLUMNS.id == key_id))
        ).one_or_none()
        return row

    async def all(self) -> Sequence[Row[Any]]:
        """All of them, oldest first; how many there may be is bounded."""
        rows: Sequence[Row[Any]] = (await self._session.execute(select(mail_keys).order_by(_COLUMNS.id))).all()
        return rows

    async def sealed(self) -> list[tuple[UUID, bytes]]:
        """Those with something private, and that."""
        query = select(_COLUMNS.id, _COLUMNS.secrets).where(_COLUMNS.secrets.is_not(None)).order_by(_COLUMNS.id)
        return [(id_, secrets) for id_, secrets in await self._session.execute(query)]

    async def reseal(self, key_id: UUID, old: bytes, sealed: bytes) -> None:
        """Put the same secrets, sealed anew, into the place of the old ones."""
        await self._session.execute(
            update(mail_keys).where(_COLUMNS.id == key_id, _COLUMNS.secrets == old).values(secrets=sealed)
        )

    async def remove(self, key_id: UUID) -> bool:
        """Forget a key; false where there is none."""
        removed = await self._session.scalar(delete(mail_keys).where(_COLUMNS.id == key_id).returning(_COLUMNS.id))
        return removed is not None
