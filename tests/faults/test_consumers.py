"""R2, R8, R9, R10: consumers and relays that freeze, die, come and go, and what they cannot read."""

import asyncio
import os
import random
import signal
import subprocess
import sys
from contextlib import ExitStack, suppress
from datetime import UTC, datetime

import asyncpg
import psutil
import pytest

from shared.ids import uuid7
from shared.messaging import kafka
from shared.messaging.relay import lock_key
from shared.settings import KafkaSettings
from tests.faults.proxy import CLEAR, Weather
from tests.faults.stage import SERVICES, ExposedStage, Peer, broker_settings
from tests.faults.supervisor import Findings, Run, figure, supervise, whole
from tests.running_desk import ROOT

pytestmark = pytest.mark.faults

FREEZES = whole(3, 50)
KILLED_HOLDERS = whole(5, 100)
JOINS = whole(3, 100)
POISON = whole(8, 100)
HEALTHY_PER_POISON = 100
# Above the session of the consumer group (6 s on Apache Kafka) and above what an open transaction may idle.
FROZEN_SECONDS = 1 + broker_settings(0).session_timeout_ms / 1000
STAY_SECONDS = 3.0
# What a worker that stands alone has; the embedded desk's processes are woken by their own commits and look rarely.
DEFAULT_IDLE_SECONDS = str(KafkaSettings.model_fields["relay_idle_seconds"].default)
SLOW = Weather(latency_seconds=0.02)
# Bounds on liveness.
TAKEOVER_SECONDS = 300
READ_SECONDS = 300
BURIED_SECONDS = 600


async def frozen_consumers(stage: ExposedStage, run: Run) -> Findings:
    """Freeze one of two workers of a service past its session: the other takes over; then the first wakes up."""
    ledger = run.ledger(stage)
    with ExitStack() as peers:
        pids = {}
        for service in ("tickets", "routing"):
            peer = peers.enter_context(stage.peer(service, "worker"))
            await peer.until_ready()
            pids[f"{service}'s second worker"] = peer.pid
            pids[service] = stage.pid(service)
        async with ledger.load():
            for _ in range(run.faults):
                await asyncio.sleep(run.randomness.uniform(0.5, 2))
                name = run.randomness.choice(sorted(pids))
                os.kill(pids[name], signal.SIGSTOP)
                seconds = FROZEN_SECONDS + run.randomness.uniform(0, 2)
                try:
                    await asyncio.sleep(seconds)
                finally:
                    os.kill(pids[name], signal.SIGCONT)
                run.note(f"{name} was frozen for {seconds:.1f} s")
        return await run.settle(stage, ledger)


async def test_r2_a_frozen_consumer_that_wakes_up_doubles_nothing(stage: ExposedStage) -> None:
    await supervise("R2", frozen_consumers, stage, faults=FREEZES)


async def killed_holders(stage: ExposedStage, run: Run) -> Findings:
    """Kill whoever holds the relay's lock of tickets: the desk's own process, or one of two more workers."""
    ledger = run.ledger(stage)
    longest = silence = 0.0
    admin = await asyncpg.connect(stage.admin_url)
    # Or the lock would be let go of before anybody is caught with it.
    stage.kafka.weather = SLOW
    try:
        with ExitStack() as peers:

            def another() -> Peer:
                settings = stage.direct("tickets") | {"DESK_KAFKA_RELAY_IDLE_SECONDS": DEFAULT_IDLE_SECONDS}
                return peers.enter_context(stage.peer("tickets", "worker", **settings))

            workers = [another(), another()]
            await asyncio.gather(*(worker.until_ready() for worker in workers))
            async with ledger.load():
                for _ in range(run.faults):
                    await asyncio.sleep(run.randomness.uniform(0.2, 1))
                    pid, killed = await _kill_holder(stage, admin)
                    sent, waiting_since = await _first_sent(admin, after=killed)
                    takeover = (sent - max(killed, waiting_since)).total_seconds()
                    longest, silence = max(longest, takeover), max(silence, (sent - killed).total_seconds())
                    run.note(f"kill -9 of the relay {pid}; the next one sent what waited for {takeover:.2f} s")
                    workers = [worker if worker.process.poll() is None else another() for worker in workers]
            stage.kafka.weather = CLEAR
            found = await run.settle(stage, ledger)
        events = await admin.fetchval("SELECT count(*) FROM tickets.outbox")
    finally:
        stage.kafka.weather = CLEAR
        await admin.close()
    return found | {
        "inverted": found["inverted"] + await _inverted_in_log(stage, events),
        "measured": [
            *found["measured"],
            figure("longest takeover", longest, "s", "< 5 s"),
            figure("longest silence", silence, "s"),
        ],
    }


async def _first_sent(admin: asyncpg.Connection, *, after: datetime) -> tuple[datetime, datetime]:
    """Wait until an event is sent after that moment; returns when it was, and since when the oldest such one waited.

    There may be nothing to send for a while: the consumers of a killed process are taken over, too, and that takes the
    group's session.
    """
    async with asyncio.timeout(TAKEOVER_SECONDS):
        while True:
            sent, waiting_since = await admin.fetchrow(_SENT_AFTER, after)
            if sent is not None:
                return sent, waiting_since
            await asyncio.sleep(0.01)


_SENT_AFTER = "SELECT min(sent_at), min(created_at) FROM tickets.outbox WHERE sent_at > $1"
_HOLDER = """
    SELECT a.client_port FROM pg_locks l JOIN pg_stat_activity a USING (pid)
    WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
      AND (l.classid::bigint << 32) | l.objid::bigint = hashtextextended($1, 0)"""


async def _kill_holder(stage: ExposedStage, admin: asyncpg.Connection) -> tuple[int, datetime]:
    """Freeze the process that holds the lock; if it still does, kill it. Returns its id and when it was killed."""
    processes = _processes(stage)
    async with asyncio.timeout(TAKEOVER_SECONDS):
        while True:
            if (port := await admin.fetchval(_HOLDER, lock_key("tickets"))) is None:
                continue
            if (pid := processes.get(port)) is None:
                processes = _processes(stage)
                continue
            os.kill(pid, signal.SIGSTOP)
            try:
                if await admin.fetchval(_HOLDER, lock_key("tickets")) == port:
                    os.kill(pid, signal.SIGKILL)
                    return pid, await admin.fetchval("SELECT clock_timestamp()")
            finally:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)


def _processes(stage: ExposedStage) -> dict[int, int]:
    """Which process is behind which client port that PostgreSQL sees, be it through the proxy.

    Never this one: a connection that the proxy is about to pass on is its own, and who froze itself stands for ever.
    """
    owners = {c.laddr.port: c.pid for c in psutil.net_connections("tcp4") if c.raddr and c.pid}
    through = {link.server_port: owners.get(link.client_port) for link in list(stage.database.links)}
    return {port: pid for port, pid in (owners | through).items() if pid not in {None, os.getpid()}}


async def _inverted_in_log(stage: ExposedStage, events: int) -> int:
    """Read the topic from its beginning; returns how many events first appear there after a later one of their key."""
    settings = broker_settings(stage.broker.port)
    client = kafka.consumer(settings, f"faults-{uuid7()}", ["desk.tickets"])
    seen: dict[bytes, set[int]] = {}
    found = inverted = 0
    await client.start()
    try:
        async with asyncio.timeout(READ_SECONDS):
            while found < events:
                for records in (await client.getmany(timeout_ms=200)).values():
                    for record in records:
                        version = int(dict(record.headers)["ce_aggregateversion"])
                        versions = seen.setdefault(record.key, {0})
                        if version not in versions:
                            found += 1
                            inverted += version < max(versions)
                            versions.add(version)
    except TimeoutError:
        raise AssertionError(f"{found} of {events} events in the log: the rest is lost") from None
    finally:
        await client.stop()
    return inverted


async def test_r8_a_relay_that_dies_with_the_lock_inverts_nothing(stage: ExposedStage) -> None:
    await supervise("R8", killed_holders, stage, faults=KILLED_HOLDERS)


async def coming_and_going(stage: ExposedStage, run: Run) -> Findings:
    """Second workers join, stay for three seconds, and leave or are killed, while every statement is slow."""
    ledger = run.ledger(stage)
    stage.database.weather = SLOW
    try:
        async with ledger.load(senders=1):
            for _ in range(run.faults):
                service = run.randomness.choice(("tickets", "routing", "sla", "analytics"))
                with stage.peer(service, "worker") as peer:
                    await peer.until_ready()
                    run.note(f"a second worker of {service} joins")
                    await asyncio.sleep(STAY_SECONDS)
                    number = run.randomness.choice((signal.SIGTERM, signal.SIGKILL))
                    await asyncio.to_thread(peer.stop, number)
                    run.note(f"it leaves by {number.name}")
    finally:
        stage.database.weather = CLEAR
    return await run.settle(stage, ledger)


async def test_r9_consumers_that_come_and_go_double_nothing(stage: ExposedStage) -> None:
    await supervise("R9", coming_and_going, stage, faults=JOINS)


async def poison(stage: ExposedStage, run: Run) -> Findings:
    """One record in a hundred cannot be applied: no event at all, half of a huge one, or one whose handler raises.

    The last kind is mended later (a trigger goes away), and replayed; replaying again changes nothing.
    """
    ledger = run.ledger(stage)
    settings = broker_settings(stage.broker.port)
    producer = kafka.producer(settings)
    admin = await asyncpg.connect(stage.admin_url)
    await producer.start()
    thrown: set[tuple[int, int]] = set()
    raising = 0
    try:
        await admin.execute(_RAISE)
        async with ledger.client() as client:
            for _ in range(run.faults):
                for _ in range(HEALTHY_PER_POISON // 20):
                    await ledger.deliver(client, [ledger.message(run.randomness) for _ in range(20)])
                kind = run.randomness.choice(("malformed", "huge", "raising"))
                run.note(kind)
                if kind == "raising":
                    await ledger.deliver(client, [ledger.message(run.randomness) | _RAISING])
                    raising += 1
                else:
                    headers, value = _unreadable(kind, run.randomness)
                    sent = await producer.send_and_wait("desk.messages", value, key=b"poison", headers=headers)
                    thrown.add((sent.partition, sent.offset))
        await _until_buried(admin, thrown, raising)
        await admin.execute(_RAISE_NO_MORE)
        replayed = await _operate(stage, "replay", "tickets", "--all", "--rate", "1000")
        assert replayed.count(": replayed") == raising, replayed
        effects = await admin.fetchrow(_EFFECTS)
        again = await _operate(stage, "replay", "tickets", "--all", "--rate", "1000")
        assert again.count(": failed") == len(thrown), again
        assert await admin.fetchrow(_EFFECTS) == effects, "replaying again had effects"
    finally:
        await admin.execute(_RAISE_NO_MORE)
        await _discard_all(stage, admin)
        await admin.close()
        await producer.stop()
    found = await run.settle(stage, ledger)
    return found | {"measured": [*found["measured"], figure("dead letters", len(thrown) + raising, "")]}


async def _until_buried(admin: asyncpg.Connection, thrown: set[tuple[int, int]], raising: int) -> None:
    """Wait until all that cannot be applied is put aside, and nothing else."""
    buried = await _buried(admin)
    try:
        async with asyncio.timeout(BURIED_SECONDS):
            while buried != (thrown, raising):
                await asyncio.sleep(0.2)
                buried = await _buried(admin)
    except TimeoutError:
        raise AssertionError(f"put aside: {buried}, not {(thrown, raising)}") from None


async def _discard_all(stage: ExposedStage, admin: asyncpg.Connection) -> None:
    """Give up what is still held, as an operator would."""
    for service in SERVICES:
        held = [row["id"] for row in await admin.fetch(f"SELECT id FROM {service}.dead_letters WHERE state = 'held'")]
        if held:
            await _operate(stage, "discard", service, *map(str, held))


_RAISING = {"subject": "poison", "sender": {"kind": "email", "address": "poison@example.org", "name": "Poison"}}
_RAISE = """
    CREATE OR REPLACE FUNCTION tickets.faults_raise() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'poison'; END $$;
    GRANT EXECUTE ON FUNCTION tickets.faults_raise() TO desk_tickets;
    CREATE TRIGGER faults_raise BEFORE INSERT ON tickets.tickets
    FOR EACH ROW WHEN (NEW.subject = 'poison') EXECUTE FUNCTION tickets.faults_raise()"""
_RAISE_NO_MORE = """
    DROP TRIGGER IF EXISTS faults_raise ON tickets.tickets;
    DROP FUNCTION IF EXISTS tickets.faults_raise()"""
_EFFECTS = """
    SELECT (SELECT count(*) FROM tickets.tickets) AS tickets, (SELECT count(*) FROM tickets.messages) AS messages,
           (SELECT count(*) FROM tickets.customers) AS customers"""


def _unreadable(kind: str, randomness: random.Random) -> tuple[list[tuple[str, bytes]], bytes]:
    """Headers and value of a record that is no event, or the first 900 KB of one."""
    if kind == "malformed":
        return [("ce_id", randomness.randbytes(8))], randomness.randbytes(200)
    headers = {
        "ce_specversion": "1.0",
        "ce_id": str(uuid7()),
        "ce_type": "message.received.v1",
        "ce_source": "/desk/ingestion",
        "ce_time": datetime.now(UTC).isoformat(),
        "ce_subject": str(uuid7()),
        "ce_aggregateversion": "1",
        "ce_correlationid": "poison",
    }
    return [(name, value.encode()) for name, value in headers.items()], b'{"text": "' + b"x" * 900_000


async def _buried(admin: asyncpg.Connection) -> tuple[set[tuple[int, int]], int]:
    """Places in desk.messages of the held records that no handler saw, and how many held events had one that raised."""
    rows = await admin.fetch(
        """SELECT topic_partition, topic_offset, error LIKE 'DBAPIError%' AS raised FROM tickets.dead_letters
           WHERE state = 'held' AND reason = 'poison' AND topic = 'desk.messages'"""
    )
    places = {(row["topic_partition"], row["topic_offset"]) for row in rows if not row["raised"]}
    return places, sum(row["raised"] for row in rows)


async def _operate(stage: ExposedStage, *arguments: str) -> str:
    """What `desk deadletters …` prints."""
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "desk", "deadletters", *arguments],
        cwd=ROOT,
        env={**os.environ, "DESK_HOME": str(stage.home)},
        capture_output=True,
        text=True,
    )
    return done.stdout + done.stderr


async def test_r10_poison_is_put_aside_and_the_rest_goes_on(stage: ExposedStage) -> None:
    await supervise("R10", poison, stage, faults=POISON)
