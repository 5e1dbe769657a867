"""Events that any service may record: each is of the service that did, and a reader takes them all (ADR 0011)."""

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from shared.db import Database
from shared.events import Event
from shared.events.notifications import Addressee, NotificationKind, NotificationRequested
from shared.ids import uuid7
from shared.messaging import outbox
from shared.messaging.envelope import Record, encode_headers
from shared.messaging.handlers import Handlers
from shared.messaging.inbox import Inbox
from tests.contract.messaging.world import World, article


async def requested(database: Database, notification_id: UUID) -> Record:
    """The record of a notification that this service asks for."""
    data = NotificationRequested(
        notification_id=notification_id,
        kind=NotificationKind.SURVEY,
        to=Addressee(address="ada@example.com"),
        requested_at=datetime.now(UTC),
    )
    async with database.transaction() as session:
        outbox.record(session, data, aggregate_id=notification_id)
    async with database.read() as session:
        row = (await session.execute(text("SELECT * FROM outbox"))).one()
    assert row.source == database.service
    return Record(row.topic, 0, row.id, row.aggregate_id.encode(), tuple(encode_headers(row)), row.data.encode())


async def test_one_type_of_two_services_is_read_from_both(world: World) -> None:
    """Each counts the versions of the same aggregate for itself: the second is no repetition of the first."""
    notification_id = uuid7()
    records = [await requested(database, notification_id) for database in (world.producer, world.consumer)]
    seen: list[tuple[str, int]] = []

    async def note(_: AsyncSession, events: Sequence[Event[NotificationRequested]]) -> None:
        seen.extend((event.source, event.aggregate_version) for event in events)

    inbox = Inbox(world.consumer, Handlers("analytics").on(NotificationRequested, note))
    await inbox.apply([*records, records[0]])
    await inbox.apply([records[1]])
    assert sorted(seen) == [(world.consumer.service, 1), (world.producer.service, 1)]
    assert await world.held() == []


async def test_an_event_of_another_service_is_still_refused(world: World) -> None:
    with pytest.raises(outbox.OutboxError, match="belong to another service"):
        async with world.consumer.transaction() as session:
            outbox.record(session, article(), aggregate_id=uuid7())
