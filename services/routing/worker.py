"""Relay, consumer and timers of routing, started together."""

from datetime import timedelta
from functools import partial

from services.routing import service
from services.routing.consumers import create_handlers
from services.routing.detector import Detector
from services.routing.settings import RoutingSettings
from shared.db import Database
from shared.housekeeping import housekeeping
from shared.messaging.timers import Timer
from shared.messaging.worker import Worker

_RENEW_EVERY = timedelta(minutes=1)
_FORGET_EVERY = timedelta(hours=1)


def create_worker(settings: RoutingSettings, database: Database) -> Worker:
    """The worker of one process; loads the language models."""
    return Worker(
        database,
        settings.kafka,
        create_handlers(Detector(), return_after=settings.return_after),
        timers=(
            *housekeeping(keeps_answers=False),
            Timer(
                "drain_queues",
                settings.drain_every,
                partial(service.drain_queues, return_after=settings.return_after),
            ),
            Timer("renew_proposals", _RENEW_EVERY, partial(service.renew_proposals, after=settings.renew_after)),
            Timer("forget_decisions", _FORGET_EVERY, service.forget_decisions),
        ),
    )
