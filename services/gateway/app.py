"""Composition root of the gateway."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from fastapi import FastAPI

from services.gateway import service
from services.gateway.api import routers
from services.gateway.api.parts import Parts
from services.gateway.live import LiveHub
from services.gateway.passwords import Passwords
from services.gateway.presence import Presence
from services.gateway.repository import Repository
from services.gateway.settings import GatewaySettings
from services.gateway.signing import Signer, new_signing_key
from services.gateway.worker import create_worker
from shared import web
from shared.auth import TokenVerifier
from shared.db import Database, now_utc
from shared.service import Service


def create_app(settings: GatewaySettings, database: Database) -> FastAPI:
    """The HTTP and WebSocket side of the gateway."""
    verifier = TokenVerifier(database)
    passwords = Passwords(settings.password_workers)
    presence = Presence(database)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        await _first_start(settings, database, passwords)
        loops = [asyncio.create_task(loop) for loop in (parts.hub.run(), presence.run())]
        try:
            yield
        finally:
            parts.hub.end_all("shutting down")
            for loop in loops:
                loop.cancel()
            with suppress(asyncio.CancelledError):
                await asyncio.gather(*loops)
            await passwords.close()

    app = web.create_app(
        service="gateway",
        settings=settings,
        database=database,
        routers=routers,
        verifier=verifier,
        lifespan=lifespan,
    )
    parts = Parts(
        settings=settings,
        database=database,
        passwords=passwords,
        signer=Signer(database, settings.key_secret),
        hub=LiveHub(database, verifier, presence, app.state),
    )
    app.state.parts = parts
    return app


async def _first_start(settings: GatewaySettings, database: Database, passwords: Passwords) -> None:
    """Make the signing key, and the first admin if one is configured, where there are none yet."""
    now = now_utc()
    async with database.transaction() as session:
        await service.ensure_signing_key(session, new_signing_key(settings.key_secret, now))
    if settings.bootstrap_email is None or settings.bootstrap_password is None:
        return
    async with database.read() as session:
        if await Repository(session).has_accounts():
            return
    password_hash = await passwords.hash(settings.bootstrap_password.get_secret_value())
    async with database.transaction() as session:
        await service.bootstrap_admin(session, email=settings.bootstrap_email, password_hash=password_hash, now=now)


SERVICE = Service("gateway", GatewaySettings, create_app, create_worker)
