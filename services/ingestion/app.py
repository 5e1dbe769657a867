"""Composition root of ingestion."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI

from services.ingestion.admission import create_admission
from services.ingestion.api import ROUTERS
from services.ingestion.doorman import create_doorman
from services.ingestion.duties import MailDesk
from services.ingestion.egress import Allowed, EgressClient
from services.ingestion.mailbox_check import MailboxChecks
from services.ingestion.parsing import ParserLimits, ParserPool
from services.ingestion.service.providers import Providers
from services.ingestion.settings import IngestionSettings
from services.ingestion.wake import wakes
from services.ingestion.worker import create_worker
from shared import web
from shared.db import Database
from shared.objects import open_store
from shared.portal import Pages
from shared.service import Service

# Whose requests are held in memory before anything proves them.
PROVIDERS_AT_ONCE = 4
PAGES = Path(__file__).parent / "pages"


def create_app(settings: IngestionSettings, database: Database) -> FastAPI:
    """The HTTP side of ingestion."""
    parsers = ParserPool(1, ParserLimits(settings.mail_parser_seconds, settings.mail_parser_memory_mib))

    doorman = create_doorman(settings)

    egress = EgressClient(Allowed.of(settings.egress_allowed))

    @asynccontextmanager
    async def run(_app: FastAPI) -> AsyncIterator[None]:
        yield
        await parsers.close()
        await egress.close()
        doorman.close()

    app = web.create_app(service="ingestion", settings=settings, database=database, routers=ROUTERS, lifespan=run)
    app.state.parsers = parsers
    app.state.sealing_keys = settings.sealing_keys
    app.state.mail_address = settings.mail_address
    app.state.mailbox_checks = MailboxChecks(doorman)
    app.state.objects = open_store(settings)
    app.state.file_policy = settings.file_policy
    app.state.providers = Providers(settings.provider_secrets, egress)
    app.state.provider_slots = asyncio.Semaphore(PROVIDERS_AT_ONCE)
    app.state.portal_seal = settings.portal_seal
    app.state.pages = Pages(PAGES, organisation=settings.mail_name)
    app.state.mail_desk = MailDesk(database, settings)
    app.state.max_unattached_bytes = settings.max_unattached_mib * 1024 * 1024
    wakes(database).has_api = True
    app.state.admission = create_admission(settings, database, app.state.objects)
    return app


SERVICE = Service("ingestion", IngestionSettings, create_app, create_worker)
