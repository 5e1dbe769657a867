"""What was told and is not sent yet."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession


async def unsent(session: AsyncSession, most: int) -> bool:
    """Whether more events than so many wait to be sent."""
    query = text("SELECT EXISTS (SELECT FROM outbox WHERE sent_at IS NULL OFFSET :most)")
    return bool(await session.scalar(query, {"most": most}))
