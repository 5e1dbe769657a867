"""An ingestion service on a fresh database: its app with real tokens, its duties, and a look at what they did."""

import asyncio
import json
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fastapi import FastAPI
from sqlalchemy import text

from services.ingestion.app import create_app
from services.ingestion.consumers import create_handlers
from services.ingestion.delivery import FileTransport, Transport
from services.ingestion.duties import Delivery, MailDesk, MailParsing
from services.ingestion.parsing import ParserPool
from services.ingestion.settings import IngestionSettings
from shared.auth import Principal
from shared.auth.tables import keep_keys
from shared.auth.tokens import encode_public_key, sign
from shared.db import Database, now_utc
from shared.events import Event, EventData
from shared.events.accounts import Role, SigningKeyPublished
from shared.ids import uuid7
from shared.objects import ObjectStore

KID = "test"


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
        return await self._request("GET", path, query, b"", {})

    async def post(
        self, path: str, body: Any = None, *, query: Mapping[str, Any] | None = None, **headers: str
    ) -> Answer:
        """`body` goes as JSON, bytes as they are; header names are given with underscores."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return await self._request(
            "POST", path, query or {}, content, {k.replace("_", "-"): v for k, v in headers.items()}
        )

    async def _request(
        self, method: str, path: str, query: Mapping[str, Any], content: bytes, headers: Mapping[str, str]
    ) -> Answer:
        sent = {"host": "desk", "content-type": "application/json", "content-length": str(len(content)), **self.headers}
        sent |= {name.lower(): value for name, value in headers.items()}
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": urlencode(query, doseq=True).encode(),
            "root_path": "",
            "headers": [(name.encode(), value.encode()) for name, value in sent.items()],
            "client": ("127.0.0.1", 1),
            "server": ("desk", 80),
            "state": {},
        }
        incoming = iter([{"type": "http.request", "body": content, "more_body": False}])
        status, received, parts = 0, {}, []

        async def receive() -> dict[str, Any]:
            if message := next(incoming, None):
                return message
            await asyncio.Event().wait()
            raise AssertionError

        async def send(message: MutableMapping[str, Any]) -> None:
            nonlocal status, received
            if message["type"] == "http.response.start":
                status = message["status"]
                received = {name.decode(): value.decode() for name, value in message["headers"]}
            else:
                parts.append(message.get("body", b""))

        await self.app(scope, receive, send)
        return Answer(status, received, b"".join(parts))


class Desk:
    """The service and its parts."""

    def __init__(self, database: Database, directory: Path, pool: ParserPool, **settings: Any) -> None:
        self.database = database
        self.settings = IngestionSettings(
            database_url=database.url,
            object_store=directory / "objects",
            DESK_INGESTION_OUTGOING_DIR=directory / "outgoing",
            **settings,
        )
        self.app: FastAPI = create_app(self.settings, database)
        self.objects: ObjectStore = self.app.state.objects
        self.pool = pool
        self.mail_desk = MailDesk(database, self.settings)
        self.parsing = MailParsing(database, self.objects, self.mail_desk, self.pool)
        self.handlers = create_handlers(self.objects, self.mail_desk.context)
        self._key = Ed25519PrivateKey.generate()

    async def start(self) -> None:
        published = SigningKeyPublished(
            kid=KID, public_key=encode_public_key(self._key.public_key()), not_before=now_utc()
        )
        async with self.database.transaction() as session:
            await keep_keys(session, [published])

    def as_(self, role: Role, account_id: UUID | None = None) -> Client:
        """A client that calls with the token of somebody of this role."""
        principal = Principal(account_id=account_id or uuid7(), role=role, name="Somebody", session_id=uuid7())
        token = sign(principal, key=self._key, kid=KID, now=now_utc(), lifetime=timedelta(minutes=5))
        return Client(self.app, {"authorization": f"Bearer {token}"})

    async def post_mail(self, raw: bytes, client: Client | None = None) -> Answer:
        return await (client or self.as_(Role.AGENT)).post("/api/ingest/email", raw, content_type="message/rfc822")

    async def parse_all(self) -> None:
        while await self.parsing.turn():
            pass

    async def take_mail(self, raw: bytes) -> dict[str, Any]:
        """Hand in a mail, parse it, and return its status."""
        answer = await self.post_mail(raw)
        assert answer.status == 202, answer.body
        await self.parse_all()
        return await self.status(answer.json()["id"])

    async def status(self, message_id: str) -> dict[str, Any]:
        answer = await self.as_(Role.AGENT).get(f"/api/ingest/messages/{message_id}")
        assert answer.status == 200, answer.body
        status: dict[str, Any] = answer.json()
        return status

    def delivery(self, transport: Transport | None = None) -> Delivery:
        return Delivery(
            self.database, self.objects, self.mail_desk, transport or FileTransport(self.settings.outgoing_dir)
        )

    async def consume(self, *events: EventData) -> None:
        """Handle events as the consumer would."""
        async with self.database.transaction() as session:
            for data in events:
                for handler in self.handlers.by_type[data.type]:
                    await handler(session, [event_of(data)])

    async def events(self, type_: str | None = None) -> list[dict[str, Any]]:
        """What was recorded in the outbox, in order."""
        async with self.database.read() as session:
            rows = await session.execute(
                text("""SELECT type, aggregate_id, data FROM outbox
                        WHERE CAST(:type AS text) IS NULL OR type = :type ORDER BY id"""),
                {"type": type_},
            )
            return [{"type": row.type, "aggregate_id": row.aggregate_id, **json.loads(row.data)} for row in rows]

    async def scalar(self, sql: str, **parameters: Any) -> Any:
        async with self.database.read() as session:
            return await session.scalar(text(sql), parameters)

    async def execute(self, sql: str, **parameters: Any) -> None:
        async with self.database.transaction() as session:
            await session.execute(text(sql), parameters)


def event_of(data: EventData) -> Event[Any]:
    """An event as the consumer hands it over."""
    return Event(
        id=uuid7(),
        source=data.source,
        aggregate_id=str(uuid7()),
        aggregate_version=1,
        time=now_utc(),
        data=data,
        correlation_id=str(uuid7()),
    )


def mail(body: str = "My printer is on fire.", **headers: str) -> bytes:
    """A small mail; header names with underscores for hyphens."""
    fields = {"From": "Ada Lovelace <ada@example.org>", "To": "support@desk.example", "Subject": "Help", **headers}
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in fields.items()]
    return ("\r\n".join(lines) + "\r\n\r\n" + body + "\r\n").encode()
