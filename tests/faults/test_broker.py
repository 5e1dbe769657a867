"""R5, R6: the broker is away for long, and forgets everything."""

import asyncio
import hashlib
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime

import asyncpg
import psutil
import pytest

from shared.messaging.refill import caught_up_at
from tests.faults.checkers import until_converged
from tests.faults.proxy import CLEAR, Weather
from tests.faults.stage import ExposedStage, Stage
from tests.faults.supervisor import Findings, Run, figure, supervise, whole
from tests.running_desk import ROOT

pytestmark = pytest.mark.faults

AWAY_SECONDS = whole(20, 600)
WIPES = whole(2, 20)
# A bound on liveness.
RESTART_SECONDS = 120

# What is made from events, without what only tells how or when it came here: sequences, leases, marks, and what the
# order between aggregates decides.
_PROJECTIONS = {
    "gateway": ("ticket_activity",),
    "ingestion": ("inbound_messages",),
    "tickets": ("tickets", "messages", "customers", "participants", "conversations"),
    "routing": ("tickets", "agents", "reservations", "decisions"),
    "sla": ("tickets", "clocks"),
    "analytics": ("archive", "ticket_facts", "ticket_spans", "ticket_clocks"),
}


async def long_outage(stage: ExposedStage, run: Run) -> Findings:
    """Nobody reaches the broker; it keeps what it has."""
    ledger = run.ledger(stage)
    accepted = refused = 0
    async with ledger.load():
        for _ in range(run.faults):
            await asyncio.sleep(2)
            before, failed = len(ledger.acknowledged), len(ledger.failures)
            stage.kafka.weather = Weather(refusing=True)
            await stage.there(stage.kafka.reset())
            run.note(f"the broker is away for {AWAY_SECONDS} s")
            await asyncio.sleep(AWAY_SECONDS)
            accepted += len(ledger.acknowledged) - before
            refused += len(ledger.failures) - failed
            stage.kafka.weather = CLEAR
            run.note("the broker is back")
    found = await run.settle(stage, ledger)
    assert accepted > 0, "intake stopped"
    measured = [figure("accepted meanwhile", accepted, ""), figure("refused meanwhile", refused, "")]
    return found | {"measured": [*found["measured"], *measured]}


async def test_r5_intake_goes_on_without_a_broker(stage: ExposedStage) -> None:
    await supervise("R5", long_outage, stage, faults=1)


async def wiped_broker(stage: Stage, run: Run) -> Findings:
    """Kill the broker, which keeps nothing, under load and at rest; then have everything sent again."""
    ledger = run.ledger(stage)
    async with ledger.load():
        for _ in range(run.faults):
            await asyncio.sleep(run.randomness.uniform(1, 4))
            await _wipe(stage, run)
    await until_converged(stage)
    before = await _fingerprints(stage)
    await _wipe(stage, run)
    await _until_read(stage)
    refill = [sys.executable, "-m", "desk", "refill", "--everything"]
    environment = {**os.environ, "DESK_HOME": str(stage.home)}
    told = await asyncio.to_thread(
        subprocess.run, refill, cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    run.note(told.stdout.strip())
    await _until_read(stage)
    found = await run.settle(stage, ledger)
    after = await _fingerprints(stage)
    different = sorted(name for name in before if before[name] != after[name])
    assert not different, f"not what they were: {different}"
    return found | {"measured": [*found["measured"], figure("projections byte-equal", len(before), "tables")]}


async def _wipe(stage: Stage, run: Run) -> None:
    pid = stage.pid("broker")
    os.kill(pid, signal.SIGKILL)
    run.note("kill -9 broker")
    begun = time.monotonic()
    while stage.pid("broker") == pid or not psutil.pid_exists(stage.pid("broker")):
        assert time.monotonic() - begun < RESTART_SECONDS, "the broker is not restarted"
        await asyncio.sleep(0.1)


async def _until_read(stage: Stage) -> None:
    """Wait until every consumer has read everything that is in the broker after this moment."""
    await until_converged(stage)
    begun = datetime.now(UTC)
    async with asyncio.timeout(RESTART_SECONDS):
        while (await caught_up_at(stage.desk.database_urls) or begun) <= begun:
            await asyncio.sleep(0.5)


async def _fingerprints(stage: Stage) -> dict[str, str]:
    """A hash of each projection's rows, in an order of their own."""
    connection = await asyncpg.connect(stage.admin_url)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            return {
                f"{service}.{table}": await _fingerprint(connection, f"{service}.{table}")
                for service, tables in _PROJECTIONS.items()
                for table in tables
            }
    finally:
        await connection.close()


async def _fingerprint(connection: asyncpg.Connection, table: str) -> str:
    digest = hashlib.sha256()
    for row in await connection.fetch(f"SELECT t::text AS row FROM {table} t ORDER BY 1"):
        digest.update(row["row"].encode() + b"\n")
    return digest.hexdigest()


async def test_r6_a_wiped_broker_is_filled_again_and_changes_nothing(plain_stage: Stage) -> None:
    await supervise("R6", wiped_broker, plain_stage, faults=WIPES)
