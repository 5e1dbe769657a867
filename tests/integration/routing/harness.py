"""The routing service on a fresh database, agents, and tickets to give to them."""

from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import text

from services.routing import service
from services.routing.app import create_app
from services.routing.detector import Sample
from services.routing.domain.language import Verdict
from services.routing.settings import RoutingSettings
from shared.db import Database
from shared.events import Event
from shared.events.accounts import AccountChanged, Role
from shared.events.common import Actor, ActorKind, Channel
from shared.events.tickets import (
    FieldChange,
    MessageKind,
    ThreadMessage,
    TicketChanged,
    TicketCreated,
    TicketRoutingDeclined,
)
from shared.ids import uuid7
from tests.asgi import Callers
from tests.integration.events import START, at, event_of, ticket
from tests.patience import patient

SOMEBODY = Actor(kind=ActorKind.AGENT, id=str(UUID(int=9)), name="Asha")


def message(text: str) -> ThreadMessage:
    return ThreadMessage(
        id=uuid7(), kind=MessageKind.CUSTOMER, channel=Channel.EMAIL, author=SOMEBODY, text=text, added_at=START
    )


class SpokenLanguage:
    """Takes the first word of a text for the name of its language, so that tests of assignment need no models."""

    async def identify(self, samples: Sequence[Sample], *, desk: Collection[str]) -> list[Verdict]:  # noqa: ARG002
        words = [sample.text.split()[0] if sample.text else "" for sample in samples]
        return [Verdict(word, 0.9) if len(word) == 2 else Verdict(None, 0.1) for word in words]


class Desk:
    def __init__(self, database: Database) -> None:
        self.database = database
        self.settings = RoutingSettings(database_url=database.url)
        self.app = create_app(self.settings, database)
        self.callers = Callers(self.app)
        self.as_, self.nobody = self.callers.as_, self.callers.nobody

    async def agent(self, *languages: str, capacity: int = 20, available: bool = True, **fields: Any) -> UUID:
        """An agent, by their account's event and what a supervisor sets."""
        account_id: UUID = fields.pop("account_id", None) or uuid7()
        skills = fields.pop("skills", ())
        given: dict[str, Any] = {
            "account_id": account_id,
            "email": "agent@example.com",
            "name": f"Agent {account_id}",
            "role": Role.AGENT,
            "languages": languages,
            "version": 1,
        }
        await self.take(service.take_accounts, event_of(AccountChanged(**(given | fields)), account_id))
        async with self.database.transaction() as session:
            await service.configure_agent(
                session,
                account_id,
                skills=skills,
                languages=None,
                capacity=capacity,
                available=available,
                by_themselves=False,
            )
        return account_id

    async def create(self, *ticket_ids: UUID, said: str = "en", seconds: float = 0, **fields: Any) -> None:
        """One batch of new tickets; the first word of `said` is their language."""
        first = message(f"{said} {'x' * 40}")
        events = [
            event_of(TicketCreated(ticket=ticket(one, **fields), message=first, actor=SOMEBODY), one)
            for one in ticket_ids
        ]
        await self.follow(*events, seconds=seconds)

    async def change(
        self,
        ticket_id: UUID,
        *,
        seconds: float = 0,
        lag: float = 0,
        before: dict[str, Any] | None = None,
        **fields: Any,
    ) -> None:
        """A changed ticket, of which routing hears `lag` seconds later; `before` holds what the named fields were."""
        snapshot = ticket(ticket_id, **fields)
        changes = {
            name: FieldChange(before=old, after=snapshot.model_dump(mode="json")[name])
            for name, old in (before or {}).items()
        }
        data = TicketChanged(ticket=snapshot, changes=changes, actor=SOMEBODY, cause="test", changed_at=at(seconds))
        await self.follow(event_of(data, ticket_id), seconds=seconds + lag)

    async def decline(self, ticket_id: UUID, decision_id: str, *, seconds: float = 0, **fields: Any) -> None:
        data = TicketRoutingDeclined(
            ticket=ticket(ticket_id, **fields), decision_id=UUID(decision_id), reason="moved on"
        )
        await self.follow(event_of(data, ticket_id), seconds=seconds)

    async def follow(self, *events: Event[Any], seconds: float = 0, detector: SpokenLanguage | None = None) -> None:
        """One batch of what tickets tells."""
        await self.take(service.take_tickets, *events, detector=detector or SpokenLanguage(), **self._edge(seconds))

    def _edge(self, seconds: float) -> dict[str, Any]:
        """What consumers and timers add to an event: the time, and the settings."""
        return {"now": at(seconds), "return_after": self.settings.return_after}

    async def take(self, use_case: Callable[..., Awaitable[None]], *events: Event[Any], **fixed: Any) -> None:
        async with self.database.transaction() as session:
            await use_case(session, events, **fixed)

    async def drain(self, seconds: float = 0) -> int:
        async with self.database.transaction() as session:
            return await service.drain_queues(session, **self._edge(seconds))

    async def rows(self, sql: str, **parameters: Any) -> Sequence[Any]:
        async with self.database.read() as session:
            return (await session.execute(text(sql), parameters)).all()

    async def routed(self, ticket_id: UUID) -> list[dict[str, Any]]:
        """Data of the proposals for a ticket, in order."""
        rows = await self.rows(
            """SELECT CAST(data AS json) AS data FROM outbox
               WHERE aggregate_id = :id AND type = 'ticket.routed.v1' ORDER BY id""",
            id=str(ticket_id),
        )
        return [row.data for row in rows]

    async def assignees(self, ticket_id: UUID) -> list[UUID | None]:
        return [UUID(one["assignee_id"]) if one["assignee_id"] else None for one in await self.routed(ticket_id)]

    async def states(self, ticket_id: UUID) -> list[str]:
        """States of the reservations made for a ticket, in order."""
        rows = await self.rows(
            "SELECT state FROM reservations WHERE ticket_id = :id ORDER BY decision_id", id=ticket_id
        )
        return [row.state for row in rows]

    async def loads(self) -> dict[UUID, int]:
        client = self.as_(Role.ADMIN)
        return {UUID(one["id"]): one["load"] for one in (await client.get("/api/agents")).json()["items"]}


async def desk_of(database: Database) -> Desk:
    desk = Desk(patient(database))
    await desk.callers.publish_key(database)
    return desk
