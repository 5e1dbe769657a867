"""Composition root of routing."""

from fastapi import FastAPI

from services.routing.api import router
from services.routing.settings import RoutingSettings
from services.routing.worker import create_worker
from shared.db import Database
from shared.service import Service
from shared.web import create_app as create_kit_app


def create_app(settings: RoutingSettings, database: Database) -> FastAPI:
    """The HTTP side of routing."""
    return create_kit_app(service="routing", settings=settings, database=database, routers=(router,))


SERVICE = Service("routing", settings=RoutingSettings, create_app=create_app, create_worker=create_worker)
