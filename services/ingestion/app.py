"""Composition root of ingestion."""

from fastapi import FastAPI

from services.ingestion.admission import Admission
from services.ingestion.api import ROUTERS
from services.ingestion.settings import IngestionSettings
from services.ingestion.wake import wakes
from services.ingestion.worker import create_worker
from shared import web
from shared.db import Database
from shared.objects import open_store
from shared.service import Service


def create_app(settings: IngestionSettings, database: Database) -> FastAPI:
    """The HTTP side of ingestion."""
    app = web.create_app(service="ingestion", settings=settings, database=database, routers=ROUTERS)
    app.state.objects = open_store(settings)
    app.state.max_unattached_bytes = settings.max_unattached_mib * 1024 * 1024
    wakes(database).has_api = True
    app.state.admission = Admission(
        database,
        app.state.objects,
        max_unsent_events=settings.max_unsent_events,
        min_free_disk_mib=settings.min_free_disk_mib,
    )
    return app


SERVICE = Service("ingestion", IngestionSettings, create_app, create_worker)
