"""R5, R11, R21: the broker out of reach, bad networks on every way, and clients that leave in the middle of a query."""

import asyncio
import time

import asyncpg
import pytest

from tests.faults.proxy import CLEAR, Weather
from tests.faults.stage import ExposedStage
from tests.faults.supervisor import Findings, Run, figure, supervise, whole

pytestmark = pytest.mark.faults

AWAY_SECONDS = whole(20, 600)
# Each kind of weather, on each of the two ways.
ROUNDS = whole(8, 40)
WEATHER_SECONDS = whole(3, 30)
LEAVING = whole(100, 1_000)
AT_ONCE = 50
# A bound on liveness; the aim is 5 s.
BACK_SECONDS = 50

WEATHERS = {
    "200 ms of latency": Weather(latency_seconds=0.2),
    "half-open connections": Weather(half_open=True),
    "1 byte/s": Weather(bytes_per_second=1),
    "resets": CLEAR,
}

_WAITING = """
    SELECT count(*) FROM pg_stat_activity
    WHERE usename = 'desk_tickets' AND wait_event_type = 'Lock' AND query LIKE '%tickets%'"""
_AT_WORK = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'desk_tickets' AND state <> 'idle'"
_CONNECTIONS = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'desk_tickets'"


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


async def bad_weather(stage: ExposedStage, run: Run) -> Findings:
    ledger = run.ledger(stage)
    kinds = [(way, name) for way in ("PostgreSQL", "broker") for name in WEATHERS]
    async with ledger.load():
        for number in range(run.faults):
            if number % len(kinds) == 0:
                run.randomness.shuffle(kinds)
            way, name = kinds[number % len(kinds)]
            proxy = stage.database if way == "PostgreSQL" else stage.kafka
            run.note(f"{name} between services and {way}")
            if name == "resets":
                for _ in range(WEATHER_SECONDS * 2):
                    await stage.there(proxy.reset())
                    await asyncio.sleep(0.5)
            else:
                proxy.weather = WEATHERS[name]
                await asyncio.sleep(WEATHER_SECONDS)
                proxy.weather = CLEAR
            await asyncio.sleep(run.randomness.uniform(0, 2))
    found = await run.settle(stage, ledger)
    longest = max(attempt.seconds for attempt in ledger.attempts)
    assert not any(attempt.outcome == "ReadTimeout" for attempt in ledger.attempts), "a request was never answered"
    return found | {"measured": [*found["measured"], figure("longest request", longest, "s", "≤ 60 s")]}


async def test_r11_bad_networks_lose_nothing_and_hang_nobody(stage: ExposedStage) -> None:
    await supervise("R11", bad_weather, stage, faults=ROUNDS)


async def leaving_clients(stage: ExposedStage, run: Run) -> Findings:
    """Requests wait for a locked table, their clients hang up, and then the lock goes away."""
    # Two connections: within a transaction, what is told of other sessions does not change.
    locker, admin = await asyncpg.connect(stage.admin_url), await asyncpg.connect(stage.admin_url)
    slowest = 0.0
    try:
        before = await admin.fetchval(_CONNECTIONS)
        for _ in range(0, run.faults, AT_ONCE):
            async with locker.transaction():
                await locker.execute("LOCK TABLE tickets.tickets IN ACCESS EXCLUSIVE MODE")
                leaving = [asyncio.create_task(_ask_and_leave(stage)) for _ in range(AT_ONCE)]
                try:
                    await _until(admin, _WAITING, at_least=5)
                finally:
                    for client in leaving:
                        client.cancel()
                    await asyncio.gather(*leaving, return_exceptions=True)
                run.note(f"{AT_ONCE} clients hang up")
            slowest = max(slowest, await _until(admin, _AT_WORK, at_most=0))
            await _until(admin, _CONNECTIONS, at_most=max(before, 10))
    finally:
        await locker.close()
        await admin.close()
    ledger = run.ledger(stage)
    await ledger.send(20)
    found = await run.settle(stage, ledger)
    return found | {"measured": [figure("connections back after", slowest, "s", "≤ 5 s")]}


async def _ask_and_leave(stage: ExposedStage) -> None:
    """Ask for tickets, wait, and when cancelled hang up without a word."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(stage.desk.url.rpartition(":")[2]))
    try:
        authorization = f"Authorization: Bearer {stage.desk.ingest_token}"
        writer.write(f"GET /api/tickets HTTP/1.1\r\nHost: desk\r\n{authorization}\r\n\r\n".encode())
        await reader.read()
    finally:
        writer.transport.abort()


async def _until(admin: asyncpg.Connection, count: str, *, at_least: int = 0, at_most: int = 10_000) -> float:
    """Wait until the count is within; returns how many seconds that took."""
    begun = time.monotonic()
    async with asyncio.timeout(BACK_SECONDS):
        while not at_least <= await admin.fetchval(count) <= at_most:
            await asyncio.sleep(0.01)
    return time.monotonic() - begun


async def test_r21_clients_that_hang_up_keep_no_connections(stage: ExposedStage) -> None:
    await supervise("R21", leaving_clients, stage, faults=LEAVING)
