"""SQL of deliveries: each time a mail came."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.ingestion.models import mail_deliveries
from shared.ids import uuid7


@dataclass(frozen=True, slots=True)
class Delivered:
    """How a mail came: through which door, into which mailbox (None: that of the settings), what the door calls it."""

    door: str
    mailbox_id: UUID | None = None
    source_id: str | None = None


class MailDeliveryRepository:
    """Deliveries of mail."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def add(self, delivered: Delivered, message_id: UUID, *, made_message: bool, now: datetime) -> None:
        """Note that a mail came; `made_message` where nobody had brought it before."""
        await self._session.execute(
            insert(mail_deliveries).values(
                id=uuid7(),
                mailbox_id=delivered.mailbox_id,
                message_id=message_id,
                door=delivered.door,
                source_id=delivered.source_id,
                made_message=made_message,
                delivered_at=now,
            )
        )
