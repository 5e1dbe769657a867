"""R1, R6: kill -9 of random processes under load, and of a broker that forgets everything."""

import asyncio
import hashlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import asyncpg
import psutil
import pytest

from shared.messaging.refill import caught_up_at
from tests.faults.checkers import account_for, disagreements, snapshot, unconverged, until_converged
from tests.faults.stage import ON_KAFKA, SERVICES, Stage
from tests.faults.supervisor import Findings, Run, figure, supervise, whole
from tests.running_desk import ROOT

pytestmark = pytest.mark.faults

EVERYTHING = (*SERVICES, "broker", "edge", "postgres")
KILLS = whole(20, 50 if ON_KAFKA else 200)
MESSAGES = whole(1_000, 5_000 if ON_KAFKA else 20_000)
WIPES = whole(2, 20)
# A bound on liveness.
RESTART_SECONDS = 600

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


async def random_kills(stage: Stage, run: Run) -> Findings:
    ledger = run.ledger(stage)
    sending = asyncio.create_task(ledger.send(MESSAGES))
    for _ in range(run.faults):
        await asyncio.sleep(run.randomness.uniform(0.2, 1.5))
        victim = run.randomness.choice(EVERYTHING)
        while not psutil.pid_exists(pid := stage.pid(victim)):
            await asyncio.sleep(0.1)
        os.kill(pid, signal.SIGKILL)
        run.note(f"kill -9 {victim}")
    await sending
    return await run.settle(stage, ledger)


async def test_r1_random_kills_lose_and_double_nothing(plain_stage: Stage) -> None:
    await supervise("R1", random_kills, plain_stage, faults=KILLS)


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
    async with snapshot(stage.admin_url) as connection:
        return {
            f"{service}.{table}": await _fingerprint(connection, f"{service}.{table}")
            for service, tables in _PROJECTIONS.items()
            for table in tables
        }


async def _fingerprint(connection: asyncpg.Connection, table: str) -> str:
    digest = hashlib.sha256()
    for row in await connection.fetch(f"SELECT t::text AS row FROM {table} t ORDER BY 1"):
        digest.update(row["row"].encode() + b"\n")
    return digest.hexdigest()


@pytest.mark.skipif(ON_KAFKA, reason="R6 is about a broker that keeps nothing: the embedded one")
async def test_r6_a_wiped_broker_is_filled_again_and_changes_nothing(plain_stage: Stage) -> None:
    await supervise("R6", wiped_broker, plain_stage, faults=WIPES)


_ANY = "ctid = (SELECT min(ctid) FROM {table})"
_FOLLOWED = "id = (SELECT min(id) FROM tickets.outbox GROUP BY aggregate_id HAVING count(*) > 1 LIMIT 1)"
_COPY = """
    INSERT INTO tickets.messages
    SELECT (jsonb_populate_record(m, jsonb_build_object('id', gen_random_uuid(), 'position', 1000))).*
    FROM tickets.messages m WHERE external_id = $1"""


async def test_checkers_see_what_is_wrong(plain_stage: Stage) -> None:
    """What no run may find is found when it is there."""
    await until_converged(plain_stage)
    connection = await asyncpg.connect(plain_stage.admin_url)
    try:
        async with connection.transaction(), _undone(connection):
            known = await connection.fetchval("SELECT max(external_id) FROM tickets.messages")
            assert (await account_for(connection, [known, "never seen"]))["lost"] == 1
            await connection.execute(_COPY, known)
            found = await account_for(connection, [known])
            assert (found["doubled"], found["disagreeing"]) == (1, 1), "one message is counted once, and is there twice"
        for table, change in (
            ("routing.tickets", "status = 'unheard of'"),
            ("sla.tickets", "assignee_id = gen_random_uuid()"),
            ("analytics.ticket_facts", "customer_messages = customer_messages + 1"),
            ("analytics.ticket_facts", "language = 'tlh'"),
        ):
            async with connection.transaction(), _undone(connection):
                await connection.execute(f"UPDATE {table} SET {change} WHERE {_ANY.format(table=table)}")
                assert await disagreements(connection) == 1, table
        for table, change in (
            ("tickets.outbox", "sent_at = NULL"),
            ("sla.stream_positions", "version = version - 1"),
        ):
            async with connection.transaction(), _undone(connection):
                await connection.execute(f"UPDATE {table} SET {change} WHERE {_ANY.format(table=table)}")
                assert await unconverged(connection), table
        async with connection.transaction(), _undone(connection):
            await connection.execute(f"UPDATE tickets.outbox SET aggregate_version = 1000 WHERE {_FOLLOWED}")
            assert (await account_for(connection, []))["inverted"] >= 1
    finally:
        await connection.close()


@asynccontextmanager
async def _undone(connection: asyncpg.Connection) -> AsyncIterator[None]:
    """Take back what happens inside, in a transaction of which nothing stays."""
    await connection.execute("SAVEPOINT before")
    try:
        yield
    finally:
        await connection.execute("ROLLBACK TO SAVEPOINT before")
