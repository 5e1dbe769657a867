"""Events as a consumer hands them over, and the tickets they tell of."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from shared.events import Event, EventData
from shared.events.common import Channel, Priority, Requester, TicketSnapshot, TicketStatus, TicketType
from shared.ids import uuid7

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def event_of(data: EventData, aggregate_id: UUID | None = None, *, version: int = 1) -> Event[Any]:
    """An event of some aggregate unless that is given."""
    return Event(
        id=uuid7(),
        source=data.source,
        aggregate_id=str(aggregate_id or uuid7()),
        aggregate_version=version,
        time=START,
        data=data,
        correlation_id="test",
    )


def ticket(ticket_id: UUID, **fields: Any) -> TicketSnapshot:
    """A new ticket, or what is given of it."""
    given: dict[str, Any] = {
        "id": ticket_id,
        "number": 1,
        "version": 1,
        "subject": "Printer on fire",
        "status": TicketStatus.NEW,
        "priority": Priority.NORMAL,
        "type": TicketType.QUESTION,
        "channel": Channel.EMAIL,
        "requester": Requester(customer_id=UUID(int=8), name="Ben"),
        "created_at": START,
        "updated_at": START,
    }
    return TicketSnapshot(**(given | fields))
