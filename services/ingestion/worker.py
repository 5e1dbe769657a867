"""The background part of ingestion: relay, consumers and timers, and beside them parsers and delivery."""

import asyncio
from datetime import timedelta

from services.ingestion import sweep
from services.ingestion.consumers import create_handlers
from services.ingestion.delivery import FileTransport, SmtpTransport, Transport
from services.ingestion.duties import Delivery, Duty, MailDesk, MailParsing
from services.ingestion.parsing import ParserLimits, ParserPool
from services.ingestion.service.attachments import forget_unattached
from services.ingestion.settings import IngestionSettings
from services.ingestion.wake import wakes
from shared.db import Database
from shared.housekeeping import housekeeping
from shared.messaging.timers import Timer
from shared.messaging.worker import Worker
from shared.objects import open_store

FORGET_EVERY = timedelta(hours=1)


class IngestionWorker(Worker):
    """The worker every service has, with the duties of mail beside it."""

    def __init__(self, database: Database, settings: IngestionSettings) -> None:
        objects = open_store(settings)
        desk = MailDesk(database, settings)
        hints = wakes(database)
        super().__init__(
            database,
            settings.kafka,
            create_handlers(objects, desk.context, hints.reply_noted),
            timers=(
                *housekeeping(keeps_answers=True),
                Timer("forget_unattached", FORGET_EVERY, forget_unattached),
                Timer("sweep_objects", sweep.EVERY, sweep.ObjectSweep(objects).run),
            ),
            gather_ms=500,
        )
        limits = ParserLimits(settings.mail_parser_seconds, settings.mail_parser_memory_mib)
        self._pool = ParserPool(settings.mail_parsers, limits)
        parsing = MailParsing(database, objects, desk, self._pool)
        delivery = Delivery(database, objects, desk, _transport(settings))
        self._parsers = [
            Duty(f"parse-{number}", parsing.turn, hints.mail_stored) for number in range(settings.mail_parsers)
        ]
        self._deliverer = Duty("deliver", delivery.turn, hints.reply_noted)
        self._hints = hints
        self._poll_seconds = settings.mail_poll_seconds

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop`."""
        if not self._hints.has_api:
            # Nobody wakes the parsers: one of them looks often.
            self._parsers[0].idle_seconds = self._poll_seconds
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(super().run(stop), name="worker")
                for duty in (*self._parsers, self._deliverer):
                    group.create_task(duty.run(stop), name=duty.name)
        finally:
            await self._pool.close()


def create_worker(settings: IngestionSettings, database: Database) -> Worker:
    """The background part of ingestion."""
    return IngestionWorker(database, settings)


def _transport(settings: IngestionSettings) -> Transport:
    if settings.smtp_url is None:
        return FileTransport(settings.outgoing_dir)
    return SmtpTransport(settings.smtp_url, timeout_seconds=settings.smtp_timeout_seconds)
