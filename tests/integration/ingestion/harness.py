"""An ingestion service on a fresh database: its app with real tokens, its duties, and a look at what they did."""

import asyncio
import json
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from fastapi import FastAPI
from sqlalchemy import text

from services.ingestion.app import create_app
from services.ingestion.consumers import create_handlers
from services.ingestion.delivery import Transport
from services.ingestion.duties import MailDesk
from services.ingestion.parsing import ParserPool
from services.ingestion.reading import MailReading
from services.ingestion.sending import Delivery, NoticeDelivery
from services.ingestion.settings import IngestionSettings
from services.ingestion.transports import Transports
from services.ingestion.wake import wakes
from shared.db import Database, now_utc
from shared.events import Event, EventData
from shared.events.accounts import Role
from shared.ids import uuid7
from shared.objects import ObjectStore
from tests.asgi import Answer, Callers, Client

_A_WHILE_SECONDS = 0.1


class Desk:
    """The service and its parts."""

    def __init__(self, database: Database, directory: Path, pool: ParserPool, **settings: Any) -> None:
        self.database = database
        self.settings = IngestionSettings(
            database_url=database.url,
            DESK_INGESTION_OUTGOING_DIR=directory / "outgoing",
            **{"object_store": directory / "objects", **settings},
        )
        self.app: FastAPI = create_app(self.settings, database)
        self.objects: ObjectStore = self.app.state.objects
        self.pool = pool
        self.app.state.parsers = pool
        self.mail_desk = MailDesk(database, self.settings)
        self.reading = MailReading(database, self.objects, self.mail_desk, self.pool)
        self.handlers = create_handlers(
            self.objects,
            self.mail_desk.context,
            wakes(database),
            portal=self.settings.portal_seal,
            public_url=self.settings.public_url,
        )
        self.callers = Callers(self.app)

    async def start(self) -> None:
        await self.callers.publish_key(self.database)

    def as_(self, role: Role, account_id: UUID | None = None) -> Client:
        """A client that calls with the token of somebody of this role."""
        return self.callers.as_(role, account_id)

    async def post_mail(self, raw: bytes, client: Client | None = None) -> Answer:
        return await (client or self.as_(Role.AGENT)).post("/api/ingest/email", raw, content_type="message/rfc822")

    async def parse_all(self) -> None:
        while await self.reading.turn():
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
            self.database,
            self.objects,
            self.mail_desk,
            Transports(self.database, self.settings, transport),
            self.settings,
        )

    def notifying(self, transport: Transport | None = None) -> NoticeDelivery:
        transports = Transports(self.database, self.settings, transport)
        return NoticeDelivery(self.database, self.mail_desk, transports, self.settings)

    def watch_deletes(self, monkeypatch: pytest.MonkeyPatch) -> list[int]:
        """How many transactions that wrote waited meanwhile, for each object that is deleted from now on."""
        waiting: list[int] = []
        delete = self.objects.delete

        async def idle() -> set[str]:
            async with self.database.read() as session:
                rows = await session.scalars(
                    text("""
                    SELECT concat(pid, state_change) FROM pg_stat_activity
                    WHERE datname = current_database() AND state = 'idle in transaction' AND backend_xid IS NOT NULL""")
                )
                return set(rows)

        async def watched(key: str) -> None:
            before = await idle()
            # One that is on its way to its end is gone by then, or has done something else.
            await asyncio.sleep(_A_WHILE_SECONDS)
            waiting.append(len(before & await idle()))
            await delete(key)

        monkeypatch.setattr(self.objects, "delete", watched)
        return waiting

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
