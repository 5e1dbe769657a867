"""R22: every service is restarted in turn, under load, behind an edge that knows two of each."""

import asyncio
import os
import signal
import time
from collections import Counter
from contextlib import ExitStack

import httpx
import psutil
import pytest

from tests.faults.ledger import Ledger
from tests.faults.replicas import edge_before
from tests.faults.stage import SERVICES, Stage, until_answers
from tests.faults.supervisor import Findings, Run, figure, supervise, whole

pytestmark = pytest.mark.faults

ROUNDS = whole(1, 20)
# A bound on liveness; the aim is 30 s.
EXIT_SECONDS = 300

# A reading request of each service; being refused for want of rights is an answer.
READS = (
    "/api/auth/session",
    "/api/ingest/quarantine",
    "/api/tickets",
    "/api/routing/queues",
    "/api/sla/policies",
    "/api/analytics/metrics",
    "/api/knowledge/public/articles",
)


async def rolling_restarts(stage: Stage, run: Run) -> Findings:
    """One process after the other gets SIGTERM and is replaced when it has gone; the next one when that is ready."""
    slowest = 0.0
    with ExitStack() as opened:
        peers = {service: opened.enter_context(stage.peer(service, "api")) for service in SERVICES}
        await asyncio.gather(*(peer.until_ready() for peer in peers.values()))
        pairs = {service: (stage.port(service), peer.port) for service, peer in peers.items()}
        url = opened.enter_context(edge_before(pairs, stage.home))
        ledger = run.ledger(stage, url=url)
        failed: list[str] = []
        done = asyncio.Event()
        reading = asyncio.create_task(_read(ledger, done, failed))
        async with ledger.load(senders=1, batch=1, pause_seconds=0.05):
            for _ in range(run.faults):
                for service in run.randomness.sample(SERVICES, len(SERVICES)):
                    slowest = max(slowest, await _restart(stage, service))
                    run.note(f"{service} was restarted")
                    peer = peers[service]
                    slowest = max(slowest, await asyncio.to_thread(peer.stop))
                    peers[service] = opened.enter_context(stage.peer(service, "api", port=peer.port))
                    await peers[service].until_ready()
                    run.note(f"the second {service} was restarted")
        done.set()
        asked = await reading
        found = await run.settle(stage, ledger)
    failed += [f"POST: {attempt.outcome}" for attempt in ledger.failures]
    run.note(f"failed: {dict(Counter(failed))}")
    return found | {
        "failed": len(failed),
        "measured": [
            *found["measured"],
            figure("requests", asked + len(ledger.attempts), ""),
            figure("failed requests", len(failed), "", "0"),
            figure("longest exit", slowest, "s", "< 30 s"),
        ],
    }


async def _read(ledger: Ledger, done: asyncio.Event, failed: list[str]) -> int:
    """Ask every service in turn until `done`, and never again for what failed; returns how many requests that were."""
    asked = 0
    async with ledger.client() as client:
        while not done.is_set():
            for path in READS:
                asked += 1
                try:
                    answer = await client.get(path)
                except httpx.TransportError as error:
                    failed.append(f"GET {path}: {type(error).__name__}")
                else:
                    if answer.status_code >= 500:
                        failed.append(f"GET {path}: {answer.status_code}")
            await asyncio.sleep(0.02)
    return asked


async def _restart(stage: Stage, service: str) -> float:
    """Have the launcher's process of `service` replaced; returns how many seconds its exit took."""
    process = psutil.Process(stage.pid(service))
    begun = time.monotonic()
    os.kill(process.pid, signal.SIGTERM)
    async with asyncio.timeout(EXIT_SECONDS):
        while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
            await asyncio.sleep(0.02)
        seconds = time.monotonic() - begun
        while stage.pid(service) == process.pid:
            await asyncio.sleep(0.1)
        await until_answers(stage.port(service))
    return seconds


async def test_r22_rolling_restarts_fail_no_request(plain_stage: Stage) -> None:
    await supervise("R22", rolling_restarts, plain_stage, faults=ROUNDS)
