"""Composition root of knowledge."""

from fastapi import FastAPI

from services.knowledge import api
from services.knowledge.worker import create_worker
from shared import web
from shared.db import Database
from shared.service import Service
from shared.settings import Settings


def create_app(settings: Settings, database: Database) -> FastAPI:
    """The HTTP side of knowledge."""
    return web.create_app(service="knowledge", settings=settings, database=database, routers=[api.router])


SERVICE = Service("knowledge", Settings, create_app, create_worker)
