"""A tickets service on a fresh database: its app with real tokens, its use cases, and ways to look at what they did."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, MutableMapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import event as sqlalchemy_event
from sqlalchemy import text

from services.tickets.app import create_app
from services.tickets.service import facts, intake
from shared.auth import Principal
from shared.auth.tables import keep_keys
from shared.auth.tokens import encode_public_key, sign
from shared.db import Database, now_utc
from shared.events import Event, EventData
from shared.events.accounts import AccountChanged, Role, SigningKeyPublished
from shared.events.common import Channel
from shared.events.messages import MessageReceived, Sender, ThreadingEvidence
from shared.ids import uuid7
from shared.settings import Settings

KID = "test"
START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Answer:
    """What the service answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class Client:
    """Calls an ASGI app in this event loop, so that requests of one test really run side by side."""

    def __init__(self, app: Any, headers: Mapping[str, str]) -> None:
        self.app = app
        self.headers = headers

    async def get(self, path: str, **query: Any) -> Answer:
        return await self.request("GET", path, query=query)

    async def post(self, path: str, body: Any = None, **headers: str) -> Answer:
        return await self.request("POST", path, body=body, headers=headers)

    async def patch(self, path: str, body: Any = None, **headers: str) -> Answer:
        return await self.request("PATCH", path, body=body, headers=headers)

    async def put(self, path: str, body: Any = None, **headers: str) -> Answer:
        return await self.request("PUT", path, body=body, headers=headers)

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """One request. `body` is sent as JSON, bytes as they are; header names are given with underscores."""
        content = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        sent = {"host": "desk", "content-type": "application/json", "content-length": str(len(content)), **self.headers}
        sent |= {name.replace("_", "-"): value for name, value in (headers or {}).items()}
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": urlencode(query or {}, doseq=True).encode(),
            "root_path": "",
            "headers": [(name.lower().encode(), value.encode()) for name, value in sent.items()],
            "client": ("127.0.0.1", 1),
            "server": ("desk", 80),
            "state": {},
        }
        incoming = iter([{"type": "http.request", "body": content, "more_body": False}])
        status, received_headers, parts = 0, {}, []

        async def receive() -> dict[str, Any]:
            if message := next(incoming, None):
                return message
            await asyncio.Event().wait()
            raise AssertionError

        async def send(message: MutableMapping[str, Any]) -> None:
            nonlocal status, received_headers
            if message["type"] == "http.response.start":
                status = message["status"]
                received_headers = {name.decode(): value.decode() for name, value in message["headers"]}
            else:
                parts.append(message.get("body", b""))

        await self.app(scope, receive, send)
        return Answer(status, received_headers, b"".join(parts))


@dataclass
class Person:
    """Somebody who calls the API."""

    principal: Principal
    email: str
    client: Client


@dataclass
class Statements:
    """What was sent to the database, transaction control and driver chatter apart."""

    texts: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.texts)


def event_of(data: EventData, aggregate_id: object = None, version: int = 1) -> Event[Any]:
    """An event as the consumer hands it over."""
    return Event(
        id=uuid7(),
        source=data.source,
        aggregate_id=str(aggregate_id or uuid7()),
        aggregate_version=version,
        time=START,
        data=data,
        correlation_id="test",
    )


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

    def __init__(self, database: Database, key: Ed25519PrivateKey) -> None:
        self.database = database
        self.key = key
        self.app = create_app(Settings(database_url=database.url), database)

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
        return Person(principal, email, self.client(principal))

    def client(self, principal: Principal) -> Client:
        """A client with the principal's token."""
        token = sign(principal, key=self.key, kid=KID, now=now_utc(), lifetime=timedelta(minutes=10))
        return Client(self.app, {"authorization": f"Bearer {token}"})

    @contextmanager
    def counted(self) -> Iterator[Statements]:
        """Collect the statements sent within."""
        seen = Statements()

        def before(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
            seen.texts.append(statement)

        engine = self.database.engine.sync_engine
        sqlalchemy_event.listen(engine, "before_cursor_execute", before)
        try:
            yield seen
        finally:
            sqlalchemy_event.remove(engine, "before_cursor_execute", before)

    async def close(self) -> None:
        await self.app.state.verifier.close()


@asynccontextmanager
async def running_desk(database: Database) -> AsyncIterator[Desk]:
    key = Ed25519PrivateKey.generate()
    async with database.transaction() as session:
        published = SigningKeyPublished(kid=KID, public_key=encode_public_key(key.public_key()), not_before=START)
        await keep_keys(session, [published])
    desk = Desk(database, key)
    try:
        yield desk
    finally:
        await desk.close()
