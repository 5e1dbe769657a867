"""Composition root of analytics."""

from fastapi import FastAPI

from services.analytics import api
from services.analytics.domain.metrics import require_declared
from services.analytics.worker import create_worker
from shared import web
from shared.db import Database
from shared.service import Service
from shared.settings import Settings


def create_app(settings: Settings, database: Database) -> FastAPI:
    """The HTTP side of analytics. Raises UndeclaredMetricError if a figure is served that has no definition."""
    require_declared(name for figures in api.FIGURES for name in figures.model_fields)
    return web.create_app(service="analytics", settings=settings, database=database, routers=[api.router])


SERVICE = Service("analytics", Settings, create_app, create_worker)
