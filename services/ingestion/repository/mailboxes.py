"""SQL of mailboxes."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, delete, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from services.ingestion.domain.addresses import Mailbox
from services.ingestion.domain.identities import Identity
from services.ingestion.models import mailbox_fetching, mailboxes

_FETCHING = mailbox_fetching.c


class MailboxRepository:
    """The mailboxes of the desk but for that of the settings."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def identities(self) -> list[Identity]:
        """Who we are in them, oldest first: also in those that are not fetched at the moment."""
        columns = mailboxes.c
        rows = await self._session.execute(
            select(columns.id, columns.address, columns.name, columns.brand, columns.group, columns.language).order_by(
                columns.created_at, columns.id
            )
        )
        return [Identity(id_, Mailbox(address, name), *rest) for id_, address, name, *rest in rows]

    async def with_server(self) -> Sequence[Row[Any]]:
        """Those that send through a server of their own, and their secrets."""
        columns = mailboxes.c
        query: Select[Any] = select(columns.id, columns.smtp_url, columns.secrets)
        query = query.where(columns.smtp_url.is_not(None))
        rows: Sequence[Row[Any]] = (await self._session.execute(query)).all()
        return rows

    async def page(self, *, after: UUID | None, limit: int) -> Sequence[Row[Any]]:
        """Mailboxes and how their fetching goes, oldest first."""
        query = _with_fetching().order_by(mailboxes.c.id).limit(limit)
        if after is not None:
            query = query.where(mailboxes.c.id > after)
        rows: Sequence[Row[Any]] = (await self._session.execute(query)).all()
        return rows

    async def get(self, mailbox_id: UUID, *, lock: bool = False) -> Row[Any] | None:
        """One mailbox, and how its fetching goes."""
        query = _with_fetching().where(mailboxes.c.id == mailbox_id)
        if lock:
            query = query.with_for_update(of=mailboxes)
        row: Row[Any] | None = (await self._session.execute(query)).one_or_none()
        return row

    async def is_taken(self, address: str, *, but_by: UUID | None = None) -> bool:
        """Whether another mailbox has this address."""
        query = select(mailboxes.c.id).where(mailboxes.c.address == address)
        found: UUID | None = await self._session.scalar(query)
        return found is not None and found != but_by

    async def add(self, mailbox_id: UUID, values: dict[str, Any], *, now: datetime) -> None:
        """A new mailbox."""
        await self._session.execute(insert(mailboxes).values(id=mailbox_id, **values, created_at=now, updated_at=now))
        await self.read_soon(mailbox_id)

    async def change(self, mailbox_id: UUID, values: dict[str, Any], *, now: datetime) -> None:
        """Other values for one that is locked."""
        await self._session.execute(
            update(mailboxes)
            .where(mailboxes.c.id == mailbox_id)
            .values(**values, version=mailboxes.c.version + 1, updated_at=now)
        )
        await self.read_soon(mailbox_id)

    async def read_soon(self, mailbox_id: UUID) -> None:
        """Whatever was wrong with it is tried anew."""
        await self._session.execute(
            text("""
                INSERT INTO mailbox_fetching (mailbox_id, due_at) VALUES (:id, now())
                ON CONFLICT (mailbox_id) DO UPDATE SET due_at = now(), failures = 0, reason = NULL, words = NULL"""),
            {"id": mailbox_id},
        )

    async def keep_secrets(self, mailbox_id: UUID, version: int, sealed: bytes) -> None:
        """Put renewed secrets into the place of those of this version; not over what somebody wrote since."""
        columns = mailboxes.c
        await self._session.execute(
            update(mailboxes).where(columns.id == mailbox_id, columns.version == version).values(secrets=sealed)
        )

    async def sealed(self) -> list[tuple[UUID, bytes]]:
        """The mailboxes that have secrets, and those."""
        columns = mailboxes.c
        rows = await self._session.execute(
            select(columns.id, columns.secrets).where(columns.secrets.is_not(None)).order_by(columns.id)
        )
        return [(id_, sealed) for id_, sealed in rows]

    async def reseal(self, mailbox_id: UUID, old: bytes, sealed: bytes) -> None:
        """Put the same secrets, sealed anew, into the place of the old ones; not over what somebody wrote since."""
        columns = mailboxes.c
        await self._session.execute(
            update(mailboxes).where(columns.id == mailbox_id, columns.secrets == old).values(secrets=sealed)
        )

    async def delete(self, mailbox_id: UUID) -> None:
        """Forget one that is locked. What came through it stays."""
        await self._session.execute(delete(mailboxes).where(mailboxes.c.id == mailbox_id))


def _with_fetching() -> Select[Any]:
    shown = (_FETCHING.due_at, _FETCHING.leased_until, _FETCHING.failures, _FETCHING.reason, _FETCHING.words)
    return select(mailboxes, *shown, _FETCHING.checked_at).outerjoin(
        mailbox_fetching, _FETCHING.mailbox_id == mailboxes.c.id
    )
