"""R1: kill -9 of random processes under load. Nothing is lost, doubled or reordered, and all projections agree."""

import asyncio
import os
import random
import signal
import time

import psutil
import pytest

from tests.faults.ledger import Ledger, account_for, count_events, report, until_converged
from tests.running_desk import RunningDesk

SERVICES = ("gateway", "ingestion", "tickets", "routing", "sla", "analytics", "knowledge")
EVERYTHING = (*SERVICES, "broker", "edge", "postgres")

WHOLE = os.environ.get("DESK_FAULTS") == "whole"
KILLS = 200 if WHOLE else 20
MESSAGES = 20_000 if WHOLE else 1_000
SEED = int(os.environ.get("DESK_FAULTS_SEED", "20260"))
# A bound on liveness; how long it took is a figure of the result, with an aim of 60 s.
CONVERGED_SECONDS = 600


@pytest.mark.faults
async def test_r1_random_kills_lose_and_double_nothing(tmp_path) -> None:
    desk = RunningDesk(tmp_path / "home")
    await asyncio.to_thread(desk.start)
    randomness = random.Random(SEED)
    log: list[str] = []
    try:
        ledger = Ledger(desk, SEED)
        urls = desk.database_urls
        sending = asyncio.create_task(ledger.send(MESSAGES, batch=10, pause_seconds=0.05))
        while len(log) < KILLS:
            await asyncio.sleep(randomness.uniform(0.2, 1.5))
            victim = randomness.choice(EVERYTHING)
            pid = int(desk.facts["pids"][victim])
            if psutil.pid_exists(pid):
                os.kill(pid, signal.SIGKILL)
                log.append(f"{time.time():.1f} kill -9 {victim}")
        await sending
        calm = time.monotonic()
        await until_converged(urls, CONVERGED_SECONDS)
        converged = time.monotonic() - calm
        found = await account_for(urls, ledger.acknowledged) | await count_events(urls)
    finally:
        print(f"seed {SEED}", *log, sep="\n")
        await asyncio.to_thread(desk.stop)
    report(
        "r1" if WHOLE else "r1-short",
        id="R1",
        seed=SEED,
        broker="tansu",
        kills=len(log),
        messages=len(ledger.acknowledged),
        client_retries=ledger.retries,
        converged_seconds=round(converged, 1),
        **found,
    )
    assert len(ledger.acknowledged) == MESSAGES
    assert found["lost"] == found["doubled"] == found["inverted"] == 0, found
    assert found["events"] >= MESSAGES * 5
