"""The SLA service on a fresh database, and tickets to follow."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import text

from services.sla import service
from services.sla.app import create_app
from services.sla.settings import SlaSettings
from shared.db import Database
from shared.events import Event
from shared.events.common import Actor, ActorKind, Channel, TicketStatus
from shared.events.tickets import MessageKind, ThreadMessage, TicketChanged, TicketCreated, TicketMessageAdded
from shared.ids import uuid7
from tests.asgi import Callers
from tests.integration.events import at, event_of, ticket
from tests.patience import patient

AGENT = Actor(kind=ActorKind.AGENT, id=str(UUID(int=9)), name="Asha")
CUSTOMER = Actor(kind=ActorKind.CUSTOMER, id=str(UUID(int=8)), name="Ben")
HOUR = 3600

# Of the default policy at normal priority.
FIRST_RESPONSE = 8 * HOUR
RESOLUTION = 72 * HOUR


def message(kind: MessageKind, author: Actor, seconds: float) -> ThreadMessage:
    return ThreadMessage(
        id=uuid7(),
        kind=kind,
        channel=Channel.EMAIL,
        author=author,
        text="Try turning it off.",
        added_at=at(seconds),
    )


class Desk:
    def __init__(self, database: Database) -> None:
        self.database = database
        self.app = create_app(SlaSettings(database_url=database.url), database)
        self.callers = Callers(self.app)
        self.as_, self.nobody = self.callers.as_, self.callers.nobody

    async def create(self, *ticket_ids: UUID, first: ThreadMessage | None = None, **fields: Any) -> None:
        """One batch of new tickets, whose first message is a customer's unless given."""
        first = first or message(MessageKind.CUSTOMER, CUSTOMER, 0)
        await self.take(
            service.take_tickets,
            *(
                event_of(TicketCreated(ticket=ticket(one, **fields), message=first, actor=first.author), one)
                for one in ticket_ids
            ),
        )

    async def change(self, ticket_id: UUID, seconds: float, **fields: Any) -> None:
        data = TicketChanged(
            ticket=ticket(ticket_id, **fields), changes={}, actor=AGENT, cause="test", changed_at=at(seconds)
        )
        await self.take(service.take_tickets, event_of(data, ticket_id))

    async def reply(
        self, ticket_id: UUID, seconds: float, *, kind: MessageKind = MessageKind.REPLY, author: Actor = AGENT
    ) -> None:
        data = TicketMessageAdded(
            ticket=ticket(ticket_id, status=TicketStatus.OPEN), message=message(kind, author, seconds)
        )
        await self.take(service.take_tickets, event_of(data, ticket_id))

    async def take(self, use_case: Callable[..., Awaitable[None]], *events: Event[Any]) -> None:
        async with self.database.transaction() as session:
            await use_case(session, events)

    async def fire(self, until: float, now: float | None = None) -> int:
        async with self.database.transaction() as session:
            return await service.fire_timers(session, now=at(until if now is None else now), judged_until=at(until))

    async def rows(self, sql: str, **parameters: Any) -> Sequence[Any]:
        async with self.database.read() as session:
            return (await session.execute(text(sql), parameters)).all()

    async def told(self, ticket_id: UUID) -> list[tuple[str, dict[str, Any]]]:
        """Type and data of the events about a ticket, in order."""
        rows = await self.rows(
            "SELECT type, CAST(data AS json) AS data FROM outbox WHERE aggregate_id = :id ORDER BY id",
            id=str(ticket_id),
        )
        return [(row.type, row.data) for row in rows]

    async def types(self, ticket_id: UUID) -> list[str]:
        return [type_ for type_, _ in await self.told(ticket_id)]


async def desk_of(database: Database) -> Desk:
    desk = Desk(patient(database))
    await desk.callers.publish_key(database)
    return desk
