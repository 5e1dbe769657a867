"""R22, R23: every service is restarted and updated in turn, under load, behind an edge that knows two of each."""

import asyncio
import os
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import ExitStack, asynccontextmanager, suppress

import asyncpg
import httpx
import psutil
import pytest

from desk.ports import LOOPBACK
from desk.service import answers_ready
from tests.faults.ledger import Ledger
from tests.faults.next_version import FIELD, make_next_version, migrate
from tests.faults.replicas import edge_before
from tests.faults.stage import ON_KAFKA, SERVICES, Stage, until_answers
from tests.faults.supervisor import Findings, Run, figure, supervise, whole

pytestmark = pytest.mark.faults

ROUNDS = whole(1, 20)
# Two workers of one service that leave and join in turn: the embedded broker goes on naming a leader that has left.
RESTARTED_DURING_UPDATE = whole(1, 20) if ON_KAFKA else 0
SIDE_BY_SIDE_SECONDS = whole(10, 60)
# Bounds on liveness; the aim for an exit is 30 s.
EXIT_SECONDS = 300
MIGRATED_SECONDS = 300

_LONGEST_WAIT = "SELECT max(clock_timestamp() - waitstart) FROM pg_locks WHERE NOT granted"

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
        async with _reading(ledger, failed) as asked, ledger.load(senders=1, batch=1, pause_seconds=0.05):
            for _ in range(run.faults):
                for service in run.randomness.sample(SERVICES, len(SERVICES)):
                    slowest = max(slowest, await _restart(stage, service))
                    run.note(f"{service} was restarted")
                    peer = peers[service]
                    slowest = max(slowest, await asyncio.to_thread(peer.stop))
                    peers[service] = opened.enter_context(stage.peer(service, "api", port=peer.port))
                    await peers[service].until_ready()
                    run.note(f"the second {service} was restarted")
        found = await run.settle(stage, ledger)
    failed += [f"POST: {attempt.outcome}" for attempt in ledger.failures]
    run.note(f"failed: {dict(Counter(failed))}")
    return found | {
        "failed": len(failed),
        "measured": [
            *found["measured"],
            figure("requests", asked.total() + len(ledger.attempts), ""),
            figure("failed requests", len(failed), "", "0"),
            figure("longest exit", slowest, "s", "< 30 s"),
        ],
    }


async def old_and_new(stage: Stage, run: Run) -> Findings:
    """A rolling update, halfway: new processes wait for their tables, get them, and work beside the old ones.

    On Apache Kafka processes of both kinds are then restarted in turn.
    """
    newer = make_next_version(stage.home / "next")
    failed: list[str] = []
    with ExitStack() as opened:
        peers = {service: opened.enter_context(stage.peer(service, "all", **newer)) for service in SERVICES}
        await asyncio.gather(*(_until_live(peer.port) for peer in peers.values()))
        assert not any([await asyncio.to_thread(answers_ready, peer.port) for peer in peers.values()])
        ledger = run.ledger(stage)
        async with (
            _reading(ledger, failed) as asked,
            ledger.load(senders=1, batch=2, pause_seconds=0.05),
            _lock_waits(stage.admin_url) as waits,
        ):
            tries = sum(await asyncio.gather(*(_migrate(stage, service, newer) for service in SERVICES)))
            run.note(f"all were migrated, in {tries} tries")
            await asyncio.gather(*(peer.until_ready() for peer in peers.values()))
            run.note("all of the new version are ready")
        pairs = {service: (stage.port(service), peer.port) for service, peer in peers.items()}
        ledger.url = opened.enter_context(edge_before(pairs, stage.home))
        async with _reading(ledger, failed) as asked_both, ledger.load(senders=1, batch=2, pause_seconds=0.05):
            await asyncio.sleep(SIDE_BY_SIDE_SECONDS)
            for service in (run.randomness.choice(SERVICES) for _ in range(run.faults)):
                await _restart(stage, service)
                run.note(f"the old {service} was restarted")
                await asyncio.to_thread(peers[service].stop)
                peers[service] = opened.enter_context(stage.peer(service, "all", port=peers[service].port, **newer))
                await peers[service].until_ready()
                run.note(f"the new {service} was restarted")
        found = await run.settle(stage, ledger)
    failed += [f"POST: {attempt.outcome}" for attempt in ledger.failures]
    run.note(f"failed: {dict(Counter(failed))}")
    by_old, by_new = await _told_by(stage.admin_url)
    assert by_old, "the old version told nothing"
    assert by_new, "the new version told nothing"
    return found | {
        "failed": len(failed),
        "measured": [
            *found["measured"],
            figure("requests", asked.total() + asked_both.total() + len(ledger.attempts), ""),
            figure("failed requests", len(failed), "", "0"),
            figure("events of the old version", by_old, ""),
            figure("events of the new version", by_new, ""),
            figure("tries to migrate", tries, ""),
            figure("longest wait for a lock while migrating", max(waits), "s", "≤ 1 s"),
        ],
    }


async def _migrate(stage: Stage, service: str, newer: dict[str, str]) -> int:
    """Run the migrations of the new version, as a job does; returns how many tries it took."""
    environment = {**os.environ, **stage.environment(service), **newer}
    tries = 1
    async with asyncio.timeout(MIGRATED_SECONDS):
        while not await asyncio.to_thread(migrate, service, environment):
            await asyncio.sleep(0.5)
            tries += 1
    return tries


@asynccontextmanager
async def _lock_waits(admin_url: str) -> AsyncIterator[list[float]]:
    """For how many seconds the one that waits longest for a lock of PostgreSQL has waited, asked all the time."""
    waits = [0.0]
    connection = await asyncpg.connect(admin_url)

    async def ask() -> None:
        waited = await connection.fetchval(_LONGEST_WAIT)
        waits.append(waited.total_seconds() if waited else 0.0)

    try:
        async with _meanwhile(ask, pause_seconds=0.01):
            yield waits
    finally:
        await connection.close()


@asynccontextmanager
async def _meanwhile(do: Callable[[], Awaitable[None]], *, pause_seconds: float) -> AsyncIterator[None]:
    """Do it again and again as long as the block lasts; what is under way then is finished."""
    done = asyncio.Event()

    async def repeat() -> None:
        while not done.is_set():
            await do()
            await asyncio.sleep(pause_seconds)

    async with asyncio.TaskGroup() as group:
        group.create_task(repeat())
        try:
            yield
        finally:
            done.set()


async def _told_by(admin_url: str) -> tuple[int, int]:
    """How many events the old version has written, and how many the new one, since there is a new one."""
    connection = await asyncpg.connect(admin_url)
    try:
        counted = [
            await connection.fetchrow(
                f"""SELECT count(*) FILTER (WHERE NOT newer), count(*) FILTER (WHERE newer)
                    FROM (SELECT id, data LIKE '%"{FIELD}"%' AS newer FROM {service}.outbox) told
                    WHERE id >= (SELECT min(id) FROM {service}.outbox WHERE data LIKE '%"{FIELD}"%')"""
            )
            for service in SERVICES
        ]
    finally:
        await connection.close()
    return sum(old for old, _ in counted), sum(new for _, new in counted)


async def _until_live(port: int) -> None:
    async with asyncio.timeout(EXIT_SECONDS), httpx.AsyncClient() as client:
        while True:
            with suppress(httpx.TransportError):
                if (await client.get(f"http://{LOOPBACK}:{port}/health/live")).is_success:
                    return
            await asyncio.sleep(0.1)


@asynccontextmanager
async def _reading(ledger: Ledger, failed: list[str]) -> AsyncIterator[Counter[str]]:
    """Ask every service in turn meanwhile, and never again for what failed; counts requests by path."""
    asked: Counter[str] = Counter()

    async def read() -> None:
        for path in READS:
            asked[path] += 1
            try:
                answer = await client.get(path)
            except httpx.TransportError as error:
                failed.append(f"GET {path}: {type(error).__name__}")
            else:
                if answer.status_code >= 500:
                    failed.append(f"GET {path}: {answer.status_code}")

    async with ledger.client() as client, _meanwhile(read, pause_seconds=0.02):
        yield asked


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


async def test_r23_old_and_new_version_work_side_by_side(plain_stage: Stage) -> None:
    await supervise("R23", old_and_new, plain_stage, faults=RESTARTED_DURING_UPDATE)
