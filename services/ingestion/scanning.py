"""Having files looked at by a virus scanner, a few each turn."""

import asyncio
from collections.abc import Iterable, Sequence
from datetime import timedelta
from uuid import UUID

from prometheus_client import Counter

from services.ingestion.clamav import Clamd, ScanFailed, ScannerAway
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
# After each failure that counts, so that a file is given up in twenty minutes, and not in one bad one of the scanner.
_RETRIES = tuple(_RETRY * 4**failures for failures in range(MAX_ATTEMPTS))


class Scanning:
    """Scans files that nobody looked at: new ones, and those from before there was a scanner."""

    def __init__(self, database: Database, objects: ObjectStore, scanner: Clamd) -> None:
        self._database = database
        self._objects = objects
        self._scanner = scanner
        # Whether the scanner said of any file what it is in the turn before.
        self._answered = True

    async def turn(self) -> bool:
        """Scan those that wait the longest; false when there are none, or when the scanner fails at every file.

        Raises ScannerAway, and what the object store raises: then all that got no answer wait, as often as it takes.
        So do those that the scanner failed at while it answered of no other file: then the trouble is its own, be it
        that it is slow, reads its signatures anew, or has no room.
        """
        async with self._database.transaction() as session:
            claimed = await AttachmentRepository(session).claim_unscanned(lease_for=_LEASE, limit=AT_ONCE)
        if not claimed:
            return False
        answers = await asyncio.gather(*(self._scan(file) for file in claimed), return_exceptions=True)
        by_file = list(zip(claimed, answers, strict=True))
        answered = any(_is_answer(answer) for answer in answers)
        is_excused, self._answered = not (answered or self._answered), answered
        settled = {file.id: answer for file, answer in by_file if isinstance(answer, tuple)}
        failed: dict[UUID, timedelta] = {}
        for file, answer in by_file:
            if not isinstance(answer, ScanFailed) or is_excused:
                continue
            if answer.is_final or file.attempts >= MAX_ATTEMPTS:
                settled[file.id] = "unscannable", answer.reason
            else:
                failed[file.id] = _RETRIES[file.attempts - 1]
        failures = [
            answer
            for file, answer in by_file
            if isinstance(answer, ScanFailed | ScannerAway) and file.id not in settled
        ]
        _tell(settled.values(), failures)
        async with self._database.transaction() as session:
            files = AttachmentRepository(session)
            await files.set_scans(settled)
            for id_, wait in failed.items():
                await files.put_off_scans([id_], wait=wait, counted=True)
            waiting = {file.id for file in claimed} - settled.keys() - failed.keys()
            await files.put_off_scans(waiting, wait=_RETRY, counted=False)
        for answer in answers:
            if isinstance(answer, BaseException) and not isinstance(answer, ScanFailed):
                raise answer
        # Another file would fare no better: one that waits can wait for a pause.
        return not (is_excused and failures)

    async def _scan(self, file: UnscannedFile) -> tuple[str, str | None]:
        """What to note of a file. Raises ScannerAway and ScanFailed."""
        try:
            found = await self._scanner.scan(self._objects.stream(file.key))
        except ObjectNotFound:
            return "unscannable", "gone"
        return ("clean", None) if found is None else ("infected", found)


def _tell(settled: Iterable[tuple[str, str | None]], failures: Sequence[ScanFailed | ScannerAway]) -> None:
    """Count and log what became of files, and why the others wait."""
    for scan, found in settled:
        SCANNED.labels(scan).inc()
        if scan != "clean":
            log.warning("file.not_clean", scan=scan, found=found)
    SCANNED.labels("failed").inc(len(failures))
    if failures:
        reasons = {failure.reason if isinstance(failure, ScanFailed) else "away" for failure in failures}
        log.warning("scanner.failed", reasons=sorted(reasons), files=len(failures))


def _is_answer(answer: tuple[str, str | None] | BaseException) -> bool:
    """Whether the scanner said of a file what it is, or that it never will."""
    if isinstance(answer, ScanFailed):
        return answer.is_final
    return isinstance(answer, tuple) and answer[1] != "gone"
