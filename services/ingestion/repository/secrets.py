"""SQL of keys made here."""

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.ingestion.models import secrets


class SecretRepository:
    """Keys that every process of this service shares."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def get_or_add(self, name: str, candidate: bytes) -> bytes:
        """The key of this name; `candidate` becomes it where there is none yet."""
        await self._session.execute(insert(secrets).values(name=name, value=candidate).on_conflict_do_nothing())
        value: bytes | None = await self._session.scalar(select(secrets.c.value).where(secrets.c.name == name))
        assert value is not None
        return value
