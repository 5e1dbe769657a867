"""SQL of deliveries: each time a mail came."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from shared.driver import driver_of
from shared.ids import uuid7


@dataclass(frozen=True, slots=True)
class Delivered:
    """How a mail came: through which door, into which mailbox (None: that of the settings), what the door calls it."""

    door: str
    mailbox_id: UUID | None = None
    source_id: str | None = None


@dataclass(frozen=True, slots=True)
class Delivery:
    """A mail that came; `made_message` where nobody had brought it before."""

    delivered: Delivered
    message_id: UUID
    made_message: bool


class MailDeliveryRepository:
    """Deliveries of mail."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def add(self, deliveries: Sequence[Delivery], *, now: datetime) -> None:
        """Note that mails came."""
        driver = await driver_of(self._session)
        await driver.execute(
            _add_sql(),
            [uuid7() for _ in deliveries],
            [each.delivered.mailbox_id for each in deliveries],
            [each.message_id for each in deliveries],
            [each.delivered.door for each in deliveries],
            [each.delivered.source_id for each in deliveries],
            [each.made_message for each in deliveries],
            now,
        )


@cache
def _add_sql() -> str:
    return """
        INSERT INTO mail_deliveries (id, mailbox_id, message_id, door, source_id, made_message, delivered_at)
        SELECT *, $7::timestamptz
        FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::boolean[])"""
