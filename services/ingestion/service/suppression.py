"""Use cases: addresses that nobody writes to any more."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncSession

from services.ingestion.repository.suppressions import NewSuppression, SuppressionRepository


async def suppressed(session: AsyncSession, addresses: Collection[str]) -> Mapping[str, str]:
    """Which of these (normalised) addresses are not to be written to now, and why: `bounce`, `complaint`, `manual`."""
    return await SuppressionRepository(session).reasons(addresses)


async def suppress(
    session: AsyncSession,
    address: str,
    *,
    note: str,
    expires_at: datetime | None,
    account_id: UUID,
    now: datetime,
) -> Row[Any]:
    """Have nobody write to an address, because somebody says so. Returns what holds now, which may be older."""
    new = NewSuppression(address, "manual", detail=note, added_by=account_id, expires_at=expires_at)
    repository = SuppressionRepository(session)
    await repository.add([new], now=now)
    return await repository.of(address)
