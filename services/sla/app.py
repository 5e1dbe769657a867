"""Composition root of SLA."""

from fastapi import FastAPI

from services.sla.api import router
from services.sla.settings import SlaSettings
from services.sla.worker import create_worker
from shared.db import Database
from shared.service import Service
from shared.web import create_app as create_kit_app


def create_app(settings: SlaSettings, database: Database) -> FastAPI:
    """The HTTP side of SLA."""
    return create_kit_app(service="sla", settings=settings, database=database, routers=(router,))


SERVICE = Service("sla", settings=SlaSettings, create_app=create_app, create_worker=create_worker)
