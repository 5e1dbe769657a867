"""The background part of analytics."""

from services.analytics.consumers import handlers
from shared.db import Database
from shared.housekeeping import housekeeping
from shared.messaging.worker import Worker
from shared.settings import Settings


def create_worker(settings: Settings, database: Database) -> Worker:
    """The consumers of analytics, and its housekeeping."""
    return Worker(database, settings.kafka, handlers, timers=housekeeping(keeps_answers=False), gather_ms=1000)
