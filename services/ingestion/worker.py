"""The background part of ingestion: relay, consumers and timers, and beside them parsers and delivery."""

import asyncio
from datetime import timedelta

from services.ingestion import sweep
from services.ingestion.admission import create_admission
from services.ingestion.clamav import Clamd
from services.ingestion.consumers import create_handlers
from services.ingestion.doorman import create_doorman
from services.ingestion.duties import Duty, MailDesk
from services.ingestion.fetching import Fetching
from services.ingestion.lmtp import LmtpDoor, LmtpHandler
from services.ingestion.parsing import ParserLimits, ParserPool
from services.ingestion.reading import MailReading
from services.ingestion.scanning import Scanning
from services.ingestion.sending import Delivery, NoticeDelivery
from services.ingestion.service.attachments import forget_unattached
from services.ingestion.service.forms import forget_writes
from services.ingestion.service.mailboxes import SealKeeping
from services.ingestion.service.providers import forget_receipts
from services.ingestion.service.quarantine import QuarantineKeeping
from services.ingestion.service.reconciliation import measuring
from services.ingestion.settings import IngestionSettings
from services.ingestion.transports import Transports
from services.ingestion.wake import wakes
from shared.db import Database
from shared.housekeeping import housekeeping
from shared.messaging.timers import Timer
from shared.messaging.worker import Worker
from shared.objects import open_store

FORGET_EVERY = timedelta(hours=1)
QUARANTINE_EVERY = timedelta(minutes=1)
# Who uploads a file may want it back at once.
SCAN_POLL_SECONDS = 1.0
# How often a mailbox is looked for whose turn it is.
FETCH_POLL_SECONDS = 1.0
# How often Prometheus is told what became of the mail of the last day.
MEASURE_SECONDS = 60.0


class IngestionWorker(Worker):
    """The worker every service has, with the duties of mail beside it."""

    def __init__(self, database: Database, settings: IngestionSettings) -> None:
        objects = open_store(settings)
        desk = MailDesk(database, settings)
        hints = wakes(database)
        super().__init__(
            database,
            settings.kafka,
            create_handlers(objects, desk.context, hints, portal=settings.portal_seal, public_url=settings.public_url),
            timers=(
                *housekeeping(keeps_answers=True),
                Timer("forget_unattached", FORGET_EVERY, forget_unattached),
                Timer("keep_quarantine", QUARANTINE_EVERY, QuarantineKeeping(settings.quarantine_days).run),
                Timer("forget_writes", FORGET_EVERY, forget_writes),
                Timer("forget_receipts", FORGET_EVERY, forget_receipts),
                Timer("keep_seals", FORGET_EVERY, SealKeeping(settings.sealing_keys).run),
            ),
            gather_ms=500,
        )
        limits = ParserLimits(settings.mail_parser_seconds, settings.mail_parser_memory_mib)
        self._pool = ParserPool(settings.mail_parsers, limits)
        reading = MailReading(database, objects, desk, self._pool)
        self._transports = Transports(database, settings)
        self._delivery = Delivery(database, objects, desk, self._transports, settings)
        self._notifying = NoticeDelivery(database, desk, self._transports, settings)
        self._readers = [
            Duty(f"read-{number}", reading.turn, hints.mail_stored) for number in range(settings.mail_parsers)
        ]
        self._senders = [
            # Two of them: one batch waits for its slowest server, if not for long.
            *(Duty(f"deliver-{number}", self._delivery.turn, hints.reply_noted) for number in range(2)),
            Duty("notify", self._notifying.turn, hints.notice_noted),
        ]
        self._scanners: list[Duty] = []
        if settings.clamd is not None:
            scanner = Clamd(settings.clamd, timeout_seconds=settings.clamd_seconds)
            self._scanners = [Duty("scan", Scanning(database, objects, scanner).turn, idle_seconds=SCAN_POLL_SECONDS)]
        admission = create_admission(settings, database, objects)
        self._fetching = Fetching(
            database,
            objects,
            create_doorman(settings),
            admission,
            sealing_keys=settings.sealing_keys,
            stored=hints.mail_stored,
        )
        self._fetcher = Duty("fetch", self._fetching.turn, idle_seconds=FETCH_POLL_SECONDS)
        sweeping = sweep.ObjectSweep(database, objects)
        self._sweeper = Duty("sweep", sweeping.turn, idle_seconds=sweep.EVERY.total_seconds())
        self._reconciler = Duty("reconcile", measuring(database), idle_seconds=MEASURE_SECONDS)
        self._lmtp: LmtpDoor | None = None
        if settings.lmtp_listen is not None:
            handler = LmtpHandler(database, objects, desk.context, admission, hints.mail_stored)
            self._lmtp = LmtpDoor(settings.lmtp_listen, handler, connections=settings.lmtp_connections)
        self._hints = hints
        self._poll_seconds = settings.mail_poll_seconds

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop`."""
        if not self._hints.has_api:
            # Nobody wakes the parsers: one of them looks often.
            self._readers[0].idle_seconds = self._poll_seconds
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(super().run(stop), name="worker")
                if self._lmtp is not None:
                    group.create_task(self._lmtp.run(stop), name="lmtp")
                alone = (self._fetcher, self._reconciler, self._sweeper)
                for duty in (*self._readers, *self._senders, *self._scanners, *alone):
                    group.create_task(duty.run(stop), name=duty.name)
        finally:
            await self._fetching.close()
            await self._pool.close()
            await asyncio.gather(self._delivery.close(), self._notifying.close())
            await self._transports.close()


def create_worker(settings: IngestionSettings, database: Database) -> Worker:
    """The background part of ingestion."""
    return IngestionWorker(database, settings)
