"""A gateway on a fresh database for every test, started as it is in production."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest_asyncio
import uvicorn
from fastapi import FastAPI
from sqlalchemy import text

from services.gateway.app import create_app
from services.gateway.repository import Repository
from services.gateway.settings import GatewaySettings
from shared.auth import Principal
from shared.db import Database, now_utc
from shared.events.accounts import Role
from shared.ids import uuid7
from tests.asgi import Client, browser

ADMIN = "admin@desk.example"
PASSWORD = "correct horse battery"

MakeDatabase = Callable[..., Awaitable[Database]]


@dataclass
class Gateway:
    app: FastAPI
    database: Database
    settings: GatewaySettings

    def browser(self, **fields: Any) -> Client:
        return browser(self.app, **fields)

    async def signed_in(self, email: str = ADMIN, password: str = PASSWORD) -> Client:
        client = self.browser()
        answer = await client.post("/api/auth/sign-in", {"email": email, "password": password})
        assert answer.status == 200, answer.body
        return client

    async def token(self, role: Role, *, lifetime: timedelta = timedelta(minutes=5), **fields: Any) -> str:
        principal = Principal(**{"account_id": uuid7(), "role": role, "name": "Ada", "session_id": uuid7()} | fields)
        return await self.app.state.parts.signer.token(principal, now=now_utc(), lifetime=lifetime)

    async def bearer(self, role: Role, **fields: Any) -> Client:
        return Client(self.app, {"authorization": f"Bearer {await self.token(role, **fields)}"})

    async def person(self, role: Role, email: str, *, password: str = PASSWORD) -> str:
        """An account's id."""
        admin = await self.signed_in()
        body = {"email": email, "name": email.partition("@")[0], "role": role, "password": password}
        answer = await admin.post("/api/accounts", body)
        assert answer.status == 201, answer.body
        return str(answer.json()["id"])

    async def rows(self, sql: str, **parameters: Any) -> list[Any]:
        async with self.database.read() as session:
            return list((await session.execute(text(sql), parameters)).all())

    async def fresh_revocations(self) -> None:
        """Let the verifier see what was revoked, as it would within two seconds."""
        await self.app.state.verifier.refresh()


@pytest_asyncio.fixture
async def gateway(make_database: MakeDatabase) -> AsyncIterator[Gateway]:
    database = await make_database("gateway")
    settings = GatewaySettings(
        database_url=database.url,
        bootstrap_email=ADMIN,
        bootstrap_password=PASSWORD,
        key_secret="a secret of the test",
    )
    app = create_app(settings, database)
    async with app.router.lifespan_context(app):
        yield Gateway(app, database, settings)


@asynccontextmanager
async def serving(app: FastAPI) -> AsyncIterator[str]:
    """`host:port` of an app, started before, behind a real server."""
    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_config=None, lifespan="off", ws="websockets-sansio")
    server = uvicorn.Server(config)
    task = asyncio.create_task(server._serve())
    async with asyncio.timeout(30):
        while not server.started:
            await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"127.0.0.1:{port}"
    server.should_exit = True
    server.force_exit = True
    await task


@pytest_asyncio.fixture
async def served(gateway: Gateway) -> AsyncIterator[str]:
    """`host:port` of the gateway."""
    async with serving(gateway.app) as address:
        yield address


async def append(gateway: Gateway, *frames: dict[str, Any]) -> None:
    """Append live frames as the consumers do."""
    async with gateway.database.transaction() as session:
        await Repository(session).append_frames(frames)
