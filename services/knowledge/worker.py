"""The background part of knowledge."""

from services.knowledge.consumers import handlers
from shared.db import Database
from shared.housekeeping import housekeeping
from shared.messaging.worker import Worker
from shared.settings import Settings


def create_worker(settings: Settings, database: Database) -> Worker:
    """The relay and consumers of knowledge, and its housekeeping."""
    return Worker(database, settings.kafka, handlers, timers=housekeeping(keeps_answers=True), gather_ms=1000)
