"""Relay, consumers and timers of tickets, started together."""

from services.tickets.consumers import handlers
from shared.db import Database
from shared.housekeeping import housekeeping
from shared.messaging.worker import Worker
from shared.settings import Settings


def create_worker(settings: Settings, database: Database) -> Worker:
    """The background part of tickets."""
    return Worker(database, settings.kafka, handlers, timers=housekeeping(keeps_answers=True))
