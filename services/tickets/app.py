"""Composition root of tickets."""

from fastapi import FastAPI

from services.tickets.api import ROUTERS
from services.tickets.worker import create_worker
from shared import web
from shared.db import Database
from shared.service import Service
from shared.settings import Settings


def create_app(settings: Settings, database: Database) -> FastAPI:
    """The HTTP side of tickets."""
    return web.create_app(service="tickets", settings=settings, database=database, routers=ROUTERS)


SERVICE = Service("tickets", Settings, create_app, create_worker)
