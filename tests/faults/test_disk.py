"""R12: PostgreSQL runs out of disk."""

import asyncio
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.faults.stage import ExposedStage
from tests.faults.supervisor import Findings, Run, figure, supervise, whole

pytestmark = pytest.mark.faults

FILLINGS = whole(1, 10)
DISK_MIB = whole(500, 2_000)
# Bounds on liveness.
FULL_SECONDS = 600
RECOVERY_SECONDS = 600


@pytest.fixture
def small_disk_stage(tmp_path: Path) -> Iterator[ExposedStage]:
    """A desk whose PostgreSQL has its data on a small disk of its own, in memory."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount the small disk that this test fills")
    disk = Path(tempfile.mkdtemp(prefix="desk-faults-disk-"))
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MIB}m", "desk-faults", str(disk)]
    done = subprocess.run(mount, capture_output=True, text=True)
    if done.returncode:
        disk.rmdir()
        pytest.skip(f"the small disk that this test fills cannot be mounted: {done.stderr.strip()}")
    try:
        stage = ExposedStage(tmp_path / "home", postgres_in=disk)
        stage.start()
        try:
            yield stage
        finally:
            stage.stop()
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)
        disk.rmdir()


async def full_disks(stage: ExposedStage, run: Run) -> Findings:
    ledger = run.ledger(stage)
    ballast = stage.postgres.data_dir.parent / "ballast"
    slowest = 0.0
    async with ledger.load():
        for _ in range(run.faults):
            await asyncio.sleep(run.randomness.uniform(1, 3))
            refused = len(ledger.failures)
            async with asyncio.timeout(FULL_SECONDS):
                # PostgreSQL gives room back now and then, and takes it again: it stays full until a request is refused.
                while len(ledger.failures) == refused:
                    await asyncio.to_thread(_fill, ballast)
                    await asyncio.sleep(0.1)
            run.note(f"the disk is full; answered {ledger.failures[-1].outcome}")
            for _ in range(run.randomness.randrange(20, 60)):
                await asyncio.to_thread(_fill, ballast)
                await asyncio.sleep(0.1)
            ballast.unlink()
            room = time.monotonic()
            run.note("there is room again")
            async with asyncio.timeout(RECOVERY_SECONDS):
                while not any(a.ended - a.seconds > room and not a.failed for a in ledger.attempts[-50:]):
                    await asyncio.sleep(0.05)
            slowest = max(slowest, time.monotonic() - room)
    found = await run.settle(stage, ledger)
    return found | {"measured": [*found["measured"], figure("intake back after", slowest, "s")]}


def _fill(ballast: Path) -> None:
    """Take all the room there is."""
    with ballast.open("ab", buffering=0) as file:
        for size in (1 << 20, 4096):
            with suppress(OSError):
                while file.write(bytes(size)) == size:
                    pass


async def test_r12_a_full_disk_refuses_politely_and_loses_nothing(small_disk_stage: ExposedStage) -> None:
    await supervise("R12", full_disks, small_disk_stage, faults=FILLINGS)
