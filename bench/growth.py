"""What changes while a desk grows: the cost of a ticket, the time of the main reads, the memory of every process.

One desk, kept in a directory of its own, so that an interrupted run is taken up where it was (`state.json` says where).
Tickets go the whole way, are answered and solved; copies of them (`bench.copies`) make up the numbers. With few and
with many in the database the same is measured. At the end as many as wanted go the whole way once more, while memory
is looked at.
"""

import asyncio
import json
import math
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg

from bench import statements
from bench.arrival import until_arrived
from bench.copies import TABLES, Copier
from bench.growth_report import report
from bench.processes import cpu_seconds, memory_bytes, used
from bench.reads import measure_reads, solve
from bench.result import Result, circumstances, load_average
from bench.traffic import Client, batches
from bench.way import BATCH, CAPACITY, CONNECTIONS, PATIENCE_SECONDS, hire
from tests.running_desk import RunningDesk

PATTERN = 500
FEW, MANY = 10_000, 500_000
# Of one copy from the next: MANY of them cover 90 days.
APART = timedelta(days=90) / (MANY / PATTERN)
COPIES_AT_ONCE = 10
COST = 3_000
WARM_UP = 500
MEMORY = 20_000
MEMORY_STEP = 1_000
# They are hired once, so that few and many tickets find as many of them.
_MOST_AGENTS = 1_000
_LOOK_SECONDS = 0.5

_SIZES = """
    SELECT nspname AS service, relname AS table, pg_total_relation_size(c.oid) AS bytes,
        pg_indexes_size(c.oid) AS index_bytes, greatest(reltuples, 0)::bigint AS rows
    FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
    WHERE relkind = 'r' AND nspname = ANY($1::text[])"""
# What goes through the broker: values, keys and the headers' contents.
_EVENTS = """
    SELECT topic, count(*)::float8 AS events, sum(octet_length(data) + octet_length(type) + octet_length(source)
        + 2 * octet_length(aggregate_id) + octet_length(correlation_id) + coalesce(octet_length(traceparent), 0)
        + 36 + 32 + CASE WHEN causation_id IS NULL THEN 0 ELSE 36 END)::float8 AS bytes
    FROM pattern.{service}_outbox GROUP BY topic"""


@dataclass
class State:
    """How far a run is; written after each step."""

    path: Path
    prepared: bool = False
    copies: int = 0
    measured: dict[str, Any] = field(default_factory=dict)
    memory: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    def of(cls, directory: Path) -> "State":
        """As it was left in the directory; a new one, and the directory, where none was."""
        directory = directory.absolute()
        directory.mkdir(parents=True, exist_ok=True)
        directory.chmod(0o755)  # PostgreSQL of a privileged user runs as another one, who has to get in
        path = directory / "state.json"
        return cls(path=path, **(json.loads(path.read_text()) if path.exists() else {}))

    def write(self) -> None:
        self.path.write_text(json.dumps({name: kept for name, kept in asdict(self).items() if name != "path"}))


async def run(directory: Path, *, many: int = MANY, memory: int = MEMORY) -> Result:
    """Go on with the run in the directory, or begin one there. It is the caller's to delete.

    A run that is done goes on as well: to more tickets, or with more of them while memory is watched.
    """
    load = load_average()
    state = State.of(directory)
    async with _started(RunningDesk(state.path.with_name("home"))) as desk:
        client = Client(desk.url, {"Authorization": f"Bearer {desk.ingest_token}"})
        if not state.prepared:
            await _make_pattern(desk, client, memory)
            state.prepared = True
            state.write()
        for name, tickets in (("few", FEW), ("many", many)):
            await _fill(desk, state, name, tickets // PATTERN - 1)
            if name not in state.measured:
                _say(f"measuring with about {tickets:,} tickets")
                state.measured[name] = await _measure(desk, client)
                state.write()
        await _watch_memory(desk, client, state, memory)
        found = await circumstances(desk, load)
    return report(state.measured, state.memory, found, {"pattern": PATTERN, "batch": BATCH, "tickets_for_cost": COST})


@asynccontextmanager
async def _started(desk: RunningDesk) -> AsyncIterator[RunningDesk]:
    """The desk, its statements counted; stopped at the end, and kept."""
    await asyncio.to_thread(desk.start)
    try:
        connection = await asyncpg.connect(desk.admin_url)
        counts = "pg_stat_statements" in await connection.fetchval("SHOW shared_preload_libraries")
        await connection.close()
        if not counts:
            await statements.watch(desk)
            await asyncio.to_thread(desk.stop)
            await asyncio.to_thread(desk.start)
        yield desk
    finally:
        await asyncio.to_thread(desk.stop)


async def _make_pattern(desk: RunningDesk, client: Client, memory: int) -> None:
    """Tickets that came, were answered and solved; nothing else is in the database."""
    everything = PATTERN + 2 * (COST + WARM_UP) + memory
    _say("hiring agents")
    await asyncio.to_thread(hire, desk, min(_MOST_AGENTS, math.ceil(everything / CAPACITY)))
    _say(f"{PATTERN:,} tickets go the way, and are solved")
    await client.send_all(batches(PATTERN, BATCH), CONNECTIONS)
    await until_arrived(desk, tickets=PATTERN, patience_seconds=PATIENCE_SECONDS)
    connection = await asyncpg.connect(desk.admin_url)
    tickets = [str(row["id"]) for row in await connection.fetch("SELECT id FROM tickets.tickets")]
    await asyncio.to_thread(solve, desk, tickets)
    await until_arrived(desk, tickets=PATTERN, patience_seconds=PATIENCE_SECONDS)
    await Copier(connection).prepare()
    await connection.close()


async def _fill(desk: RunningDesk, state: State, name: str, copies: int) -> None:
    """Copy until there are so many copies of the pattern, and let the database settle; measure anew after that."""
    if state.copies >= copies:
        return
    state.measured.pop(name, None)
    connection = await asyncpg.connect(desk.admin_url)
    copier = Copier(connection, apart=APART)
    while state.copies < copies:
        last = min(copies, state.copies + COPIES_AT_ONCE)
        await copier.copy(state.copies + 1, last)
        state.copies = last
        state.write()
        _say(f"{(last + 1) * PATTERN:,} of {(copies + 1) * PATTERN:,} tickets are there")
    _say("vacuum, statistics")
    await copier.settle()
    await connection.close()


async def _measure(desk: RunningDesk, client: Client) -> dict[str, Any]:
    """What tickets cost; then, so that there are unsolved ones, reads."""
    connection = await asyncpg.connect(desk.admin_url)
    tickets = await connection.fetchval("SELECT count(*) FROM tickets.tickets")
    sizes = [dict(row) for row in await connection.fetch(_SIZES, list(TABLES))]
    pattern = await connection.fetchval("SELECT count(*) FROM pattern.tickets_tickets")
    events: list[dict[str, Any]] = []
    rows: dict[str, int] = {}
    for service, tables in TABLES.items():
        if "outbox" in tables:
            events += [dict(row) for row in await connection.fetch(_EVENTS.format(service=service))]
        for table in tables:
            rows[f"{service}.{table}"] = await connection.fetchval(f"SELECT count(*) FROM pattern.{service}_{table}")
    await _send(desk, client, connection, WARM_UP)
    await statements.forget(desk)
    before, written = cpu_seconds(desk), await connection.fetchval("SELECT pg_current_wal_insert_lsn()")
    seconds = await _send(desk, client, connection, COST)
    cpu = used(before, cpu_seconds(desk))
    wal = await connection.fetchval("SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), $1)::float8", written)
    counted = await statements.counted(desk)
    # As autovacuum would by and by: before, PostgreSQL knows of no unsolved ticket.
    await connection.execute("ANALYZE")
    await connection.close()
    week = (datetime.now(UTC) - timedelta(days=7)).date().isoformat()
    return {
        "tickets": tickets,
        "reads": await measure_reads(desk, week=week),
        "sizes": sizes,
        "pattern": {"tickets": pattern, "events": events, "rows": rows},
        "cpu_ms": {name: spent / COST * 1000 for name, spent in cpu.items()},
        "tickets_per_second": COST / seconds,
        "wal_bytes": wal / COST,
        "statements": counted,
    }


async def _watch_memory(desk: RunningDesk, client: Client, state: State, memory: int) -> None:
    """A look before, and one after every step, when everything has arrived."""
    connection = await asyncpg.connect(desk.admin_url)
    sent = state.memory[-1]["tickets"] if state.memory else 0
    while not state.memory or sent < memory:
        step = min(MEMORY_STEP, memory - sent) if state.memory else 0
        seconds = await _send(desk, client, connection, step) if step else 0.0
        sent += step
        looked = {name: amount / 1e6 for name, amount in memory_bytes(desk).items()}
        state.memory.append({"tickets": sent, "seconds": seconds, "megabytes": looked})
        state.write()
        _say(f"{sent:,} of {memory:,} went the way; memory {sum(looked.values()):,.0f} MB")
    await connection.close()


async def _send(desk: RunningDesk, client: Client, connection: asyncpg.Connection, count: int) -> float:
    """Send so many tickets the whole way; returns the seconds until every service had read everything of them.

    Whether it has is asked of their aggregates only: a look at all there are would cost more than what is measured.
    """
    services = list(desk.database_urls)
    begun, moment = time.monotonic(), await connection.fetchval("SELECT now()")
    last = {name: await connection.fetchval(f"SELECT coalesce(max(id), 0) FROM {name}.outbox") for name in services}
    readers = [
        (reader, row["consumer"], row["source"])
        for reader, tables in TABLES.items()
        if "stream_positions" in tables
        for row in await connection.fetch(f"SELECT DISTINCT consumer, source FROM pattern.{reader}_stream_positions")
    ]
    await client.send_all(batches(count, BATCH), CONNECTIONS)
    async with asyncio.timeout(PATIENCE_SECONDS + count / 10):
        while await _is_under_way(connection, moment, count, last, readers):
            await asyncio.sleep(_LOOK_SECONDS)
    return time.monotonic() - begun


async def _is_under_way(
    connection: asyncpg.Connection,
    since: datetime,
    count: int,
    last: dict[str, int],
    readers: list[tuple[str, str, str]],
) -> bool:
    arrived = "SELECT count(*) FROM analytics.ticket_facts WHERE created_at >= $1"
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        if await connection.fetchval(arrived, since) < count:
            return True
        for service in last:
            if await connection.fetchval(f"SELECT EXISTS (SELECT FROM {service}.outbox WHERE sent_at IS NULL)"):
                return True
        for reader, consumer, source in readers:
            behind = f"""
                SELECT EXISTS (
                    SELECT FROM (SELECT aggregate_id, max(aggregate_version) AS version
                                 FROM {source}.outbox WHERE id > $1 GROUP BY aggregate_id) AS o
                    LEFT JOIN {reader}.stream_positions p
                        ON p.consumer = $2 AND p.source = $3 AND p.aggregate_id = o.aggregate_id
                    WHERE p.version IS DISTINCT FROM o.version)"""
            if await connection.fetchval(behind, last[source], consumer, source):
                return True
    return False


def _say(line: str) -> None:
    print(f"{datetime.now(UTC):%H:%M:%S} {line}", flush=True)
