"""SQL of what providers have told already."""

from datetime import datetime
from typing import Literal

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.ingestion.models import webhook_receipts

_FORGET_ROWS = 5_000


class WebhookReceiptRepository:
    """Requests of providers, by what they call them."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def note(
        self, provider: str, token: str, digest: bytes, *, now: datetime
    ) -> Literal["new", "again", "another"]:
        """Note a request: `again` where the same came before, `another` where the token came with other content.

        A request that is being taken elsewhere is waited for.
        """
        added = await self._session.execute(
            insert(webhook_receipts)
            .values(provider=provider, token=token, digest=digest, received_at=now)
            .on_conflict_do_nothing()
            .returning(webhook_receipts.c.token)
        )
        if added.one_or_none() is not None:
            return "new"
        columns = webhook_receipts.c
        known: bytes | None = await self._session.scalar(
            select(columns.digest).where(columns.provider == provider, columns.token == token)
        )
        return "again" if known == digest else "another"

    async def forget(self, *, before: datetime) -> int:
        """Drop those that are older; returns how many, at most a batch."""
        old = (
            select(webhook_receipts.c.provider, webhook_receipts.c.token)
            .where(webhook_receipts.c.received_at < before)
            .limit(_FORGET_ROWS)
            .subquery()
        )
        columns = webhook_receipts.c
        result = await self._session.scalars(
            delete(webhook_receipts)
            .where(columns.provider == old.c.provider, columns.token == old.c.token)
            .returning(columns.token)
        )
        return len(result.all())
