"""Having files looked at by a virus scanner, a few each turn."""

import asyncio
from datetime import timedelta

from prometheus_client import Counter

from services.ingestion.clamav import Clamd, ScanFailed
from services.ingestion.repository.attachments import AttachmentRepository, UnscannedFile
from shared.db import Database
from shared.objects import ObjectNotFound, ObjectStore
from shared.telemetry import get_logger

log = get_logger(__name__)

SCANNED = Counter("desk_files_scanned_total", "Files a virus scanner was asked about", ["scan"])

AT_ONCE = 4
MAX_ATTEMPTS = 5
# Longer than a scan may take, so that a lease only ends when its holder is gone.
_LEASE = timedelta(minutes=10)
_RETRY = timedelta(seconds=15)


class Scanning:
    """Scans files that nobody looked at: new ones, and those from before there was a scanner."""

    def __init__(self, database: Database, objects: ObjectStore, scanner: Clamd) -> None:
        self._database = database
        self._objects = objects
        self._scanner = scanner

    async def turn(self) -> bool:
        """Scan those that wait the longest; false when there are none.

        Raises ScannerAway, and what the object store raises: then all that got no answer wait, as often as it takes.
        """
        async with self._database.transaction() as session:
            claimed = await AttachmentRepository(session).claim_unscanned(lease_for=_LEASE, limit=AT_ONCE)
        if not claimed:
            return False
        answers = await asyncio.gather(*(self._scan(file) for file in claimed), return_exceptions=True)
        settled = {file.id: answer for file, answer in zip(claimed, answers, strict=True) if isinstance(answer, tuple)}
        for scan, found in settled.values():
            SCANNED.labels(scan).inc()
            if scan != "clean":
                log.warning("file.not_clean", scan=scan, found=found)
        async with self._database.transaction() as session:
            files = AttachmentRepository(session)
            await files.set_scans(settled)
            failed = {file.id for file, answer in zip(claimed, answers, strict=True) if isinstance(answer, ScanFailed)}
            waiting = {file.id for file in claimed} - settled.keys() - failed
            await files.put_off_scans(failed, wait=_RETRY, counted=True)
            await files.put_off_scans(waiting, wait=_RETRY, counted=False)
        for answer in answers:
            if isinstance(answer, BaseException) and not isinstance(answer, ScanFailed):
                raise answer
        return True

    async def _scan(self, file: UnscannedFile) -> tuple[str, str | None]:
        """What to note of a file. Raises ScannerAway, and ScanFailed where another attempt may tell."""
        try:
            found = await self._scanner.scan(self._objects.stream(file.key))
        except ObjectNotFound:
            return "unscannable", "gone"
        except ScanFailed as error:
            if error.is_final or file.attempts >= MAX_ATTEMPTS:
                return "unscannable", error.reason
            raise
        return ("clean", None) if found is None else ("infected", found)
