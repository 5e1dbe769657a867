"""A tickets service on a fresh database: its app with real tokens, its use cases, and ways to look at what they did."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import text

from services.tickets.app import create_app
from services.tickets.service import facts, intake
from services.tickets.settings import TicketsSettings
from shared.auth import Principal
from shared.db import Database
from shared.events import Event
from shared.events.accounts import AccountChanged, Role
from shared.events.common import Channel
from shared.events.messages import MessageReceived, Sender, ThreadingEvidence
from shared.ids import uuid7
from tests.asgi import Callers, Client
from tests.integration.events import START, event_of
from tests.patience import patient


@dataclass
class Person:
    """Somebody who calls the API."""

    principal: Principal
    email: str
    client: Client


def received(address: str = "ana@example.com", **fields: Any) -> MessageReceived:
    """A message from outside."""
    given: dict[str, Any] = {
        "message_id": uuid7(),
        "conversation_id": uuid7(),
        "channel": Channel.EMAIL,
        "received_at": START,
        "sender": Sender(kind="email", address=address, name=address.partition("@")[0].title()),
        "subject": "Printer on fire",
        "text": "It burns.",
        "evidence": ThreadingEvidence(),
    }
    return MessageReceived(**(given | fields))


class Desk:
    """The service under test."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.app = create_app(TicketsSettings(database_url=database.url), database)
        self.callers = Callers(self.app)

    async def take(self, *messages: MessageReceived) -> None:
        """One batch of messages, in one transaction."""
        async with self.database.transaction() as session:
            await intake.receive_messages(session, [event_of(data, data.conversation_id) for data in messages])

    async def handle(self, handler: Callable[..., Awaitable[None]], *events: Event[Any]) -> None:
        """One batch of events, in one transaction."""
        async with self.database.transaction() as session:
            await handler(session, events)

    async def rows(self, sql: str, **parameters: Any) -> Sequence[Any]:
        """What a query finds."""
        async with self.database.read() as session:
            return (await session.execute(text(sql), parameters)).all()

    async def execute(self, sql: str, **parameters: Any) -> None:
        """Change what is stored."""
        async with self.database.transaction() as session:
            await session.execute(text(sql), parameters)

    async def one(self, sql: str, **parameters: Any) -> Any:
        """The only row of a query."""
        rows = await self.rows(sql, **parameters)
        assert len(rows) == 1, rows
        return rows[0]

    async def event_types(self, aggregate_id: UUID | None = None) -> list[str]:
        """Types of the recorded events, in order."""
        where = "WHERE aggregate_id = :id" if aggregate_id else ""
        rows = await self.rows(
            f"SELECT type FROM outbox {where} ORDER BY id", **({"id": str(aggregate_id)} if aggregate_id else {})
        )
        return [row.type for row in rows]

    async def person(self, role: Role = Role.AGENT, email: str = "", *, name: str = "", **fields: Any) -> Person:
        """Somebody with an account that tickets knows, and a client that is signed in."""
        principal = Principal(account_id=uuid7(), role=role, name=name or role.value.title(), session_id=uuid7())
        email = email or f"{principal.account_id}@desk.example"
        account = AccountChanged(
            account_id=principal.account_id, email=email, name=principal.name, role=role, version=1, **fields
        )
        await self.handle(facts.keep_accounts, event_of(account, principal.account_id))
        return Person(principal, email, self.callers.client(principal))

    async def close(self) -> None:
        await self.app.state.verifier.close()


@asynccontextmanager
async def running_desk(database: Database) -> AsyncIterator[Desk]:
    desk = Desk(patient(database))
    await desk.callers.publish_key(database)
    try:
        yield desk
    finally:
        await desk.close()
