"""Composition root of tickets."""

from pathlib import Path

from fastapi import FastAPI

from services.tickets.api import ROUTERS
from services.tickets.settings import TicketsSettings
from services.tickets.worker import create_worker
from shared import web
from shared.db import Database
from shared.portal import Pages
from shared.service import Service

PAGES = Path(__file__).parent / "pages"


def create_app(settings: TicketsSettings, database: Database) -> FastAPI:
    """The HTTP side of tickets."""
    app = web.create_app(service="tickets", settings=settings, database=database, routers=ROUTERS)
    app.state.portal_seal = settings.portal_seal
    app.state.pages = Pages(PAGES, organisation=settings.mail_name)
    return app


SERVICE = Service("tickets", TicketsSettings, create_app, create_worker)
