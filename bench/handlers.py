"""What the events of a ticket cost each service: Python's and PostgreSQL's processor time, apart from everything else.

All services live in this process, on one PostgreSQL, and a list stands in for the broker. They take turns, and only the
processor time of whose turn it is counts: so the figures say the same on a busy machine, but for its caches.
What the broker's client costs is not in them; `way` has it.
"""

import asyncio
import cProfile
import gc
import os
import shutil
import tempfile
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from time import process_time
from typing import Any

import asyncpg
import psutil
from rich.table import Table

from bench.traffic import LANGUAGES, batches
from desk.embedded.postgres import EmbeddedPostgres
from desk.embedded.roles import provision
from desk.ports import free_port
from services.routing.service import configure_agent
from shared.db import Database
from shared.events.accounts import AccountChanged, Role
from shared.ids import uuid7
from shared.messaging import kafka, outbox
from shared.messaging.envelope import Record, encode_headers
from shared.messaging.inbox import Inbox
from shared.messaging.relay import BATCH_ROWS, Relay
from shared.migrations import migrate
from shared.service import Service
from tests.asgi import Client, callers

SERVICES = ("gateway", "ingestion", "tickets", "routing", "sla", "analytics", "knowledge")
MESSAGES = 1_000
BATCH = 50
BATCHES_AT_ONCE = 2
WARM_UP = 200
CAPACITY = 500
STATEMENT_CHARS = 130
STATEMENTS = """
    SELECT userid::regrole, calls, total_exec_time, rows, wal_bytes, regexp_replace(query, '\\s+', ' ', 'g') AS query
    FROM pg_stat_statements ORDER BY total_exec_time DESC LIMIT 50"""


@dataclass
class Cost:
    """Of one kind of turn of one service, in seconds."""

    turns: int = 0
    events: int = 0
    python: float = 0.0
    postgres: float = 0.0


@dataclass
class Meter:
    """Adds up what turns cost. Where `profiled` names a service, its turns are profiled as well."""

    postgres: psutil.Process
    profiled: str | None = None
    backends: dict[str, int] = field(default_factory=dict)
    costs: dict[tuple[str, str], Cost] = field(default_factory=lambda: defaultdict(Cost))
    profile: cProfile.Profile = field(default_factory=cProfile.Profile)

    @contextmanager
    def turn(self, service: str, what: str, events: int = 0) -> Iterator[Cost]:
        """A turn of one service: nothing else runs meanwhile."""
        cost = self.costs[service, what]
        postgres, python = self.postgres_seconds(), process_time()
        if service == self.profiled:
            self.profile.enable()
        try:
            yield cost
        finally:
            self.profile.disable()
            cost.python += process_time() - python
            cost.postgres += self.postgres_seconds() - postgres
            cost.turns += 1
            cost.events += events

    def postgres_seconds(self) -> float:
        """Of the services' backends, also those that have ended. The kernel's ticks (psutil) are too coarse."""
        pids = Path(f"/proc/{self.postgres.pid}/task/{self.postgres.pid}/children").read_text().split()
        for pid in set(pids) - self.backends.keys():
            with suppress(OSError):  # autovacuum comes and goes
                if "desk_" in Path(f"/proc/{pid}/cmdline").read_text():
                    self.backends[pid] = 0
        for pid in self.backends:
            with suppress(OSError):
                self.backends[pid] = int(Path(f"/proc/{pid}/schedstat").read_text().split()[0])
        return sum(self.backends.values()) / 1e9

    def server_seconds(self) -> float:
        """Of the whole server, with what vacuums, writes and has ended."""
        return sum(sum(each.cpu_times()[:4]) for each in (self.postgres, *self.postgres.children()))


class Log:
    """What stands in for the broker's log."""

    def __init__(self) -> None:
        self.records: list[Record] = []

    def append(self, rows: Sequence[Any], partitions: int) -> None:
        """Take what a relay read from its outbox."""
        for row in rows:
            self.records.append(
                Record(
                    topic=row.topic,
                    partition=kafka.partition_of(row.aggregate_id, partitions),
                    offset=len(self.records),
                    key=row.aggregate_id.encode(),
                    headers=tuple(encode_headers(row)),
                    value=row.data.encode(),
                )
            )


class LogRelay(Relay):
    """A relay that sends into the list."""

    log: Log

    async def _produce(self, rows: Sequence[Any]) -> None:
        self.log.append(rows, self._settings.partitions)


class Part:
    """One service: its worker's handlers, and its relay."""

    def __init__(self, name: str, database: Database, directory: Path, log: Log) -> None:
        self.name, self.database, self._log = name, database, log
        self._service: Service = import_module(f"services.{name}.app").SERVICE
        self._settings = self._service.settings(database_url=database.url, object_store=directory / "objects")
        self._handlers = self._service.create_worker(self._settings, database).handlers
        self._inbox = Inbox(database, self._handlers)
        self._relay = LogRelay(database, self._settings.kafka)
        self._relay.log = log
        self._has_unsent = asyncio.Event()
        database.after_record(self._has_unsent.set)
        self._read = 0

    async def client(self) -> Client:
        """Somebody who may do everything at the service's HTTP side."""
        app = self._service.create_app(self._settings, self.database)
        return (await callers(app, self.database)).as_(Role.ADMIN)

    async def send(self, meter: Meter) -> None:
        """Send what was recorded since the last time."""
        while self._has_unsent.is_set():
            with meter.turn(self.name, "sends") as cost:
                sent = await self._relay.send_batch()
                cost.events += sent
            if sent < BATCH_ROWS:
                self._has_unsent.clear()

    async def read(self, meter: Meter) -> bool:
        """Apply everything in the log, in batches as a consumer makes them; tells whether there was anything."""
        new, self._read = self._log.records[self._read :], len(self._log.records)
        records = [record for record in new if record.topic in self._handlers.topics]
        size = self._settings.kafka.max_poll_records
        for start in range(0, len(records), size):
            batch = records[start : start + size]
            with meter.turn(self.name, "reads", len(batch)):
                await self._inbox.apply(batch)
        return bool(records)


async def run(messages: int = MESSAGES, profiled: str | None = None) -> list[Table]:
    """Take messages the whole way; returns what each service's turns cost, and PostgreSQL's dearest statements."""
    async with _parts() as (parts, postgres, admin):
        await _hire(parts["gateway"], parts["routing"], messages + WARM_UP)
        client = await parts["ingestion"].client()
        await _go(parts, client, Meter(postgres), WARM_UP)
        # Autovacuum would come to it at some time: before or after it plans are not the same.
        await admin.execute("ANALYZE")
        await admin.execute("SELECT pg_stat_statements_reset()")
        # Seven services share one heap here, which each collection would go through for all of them.
        gc.collect()
        gc.freeze()
        meter = Meter(postgres, profiled)
        begun = meter.server_seconds()
        await _go(parts, client, meter, messages)
        everything = meter.server_seconds() - begun
        statements = await admin.fetch(STATEMENTS)
        unassigned = await admin.fetchval("SELECT count(*) FROM tickets.tickets WHERE assignee_id IS NULL")
    assert not unassigned, "every ticket has to go the whole way"
    if profiled:
        meter.profile.dump_stats(path := f"{tempfile.gettempdir()}/handlers-{profiled}.prof")
        print(f"profile: {path}")
    return [_costs(meter, messages, everything), _statements(statements, messages)]


@asynccontextmanager
async def _parts() -> AsyncIterator[tuple[dict[str, Part], psutil.Process, asyncpg.Connection]]:
    """All services on one PostgreSQL of their own, with the settings that the embedded desk has."""
    directory = Path(tempfile.mkdtemp(prefix="desk-bench-"))
    # PostgreSQL of a privileged user runs as another one, who has to get in.
    os.chmod(directory, 0o755)  # noqa: PTH101 - ruff takes the method for a slow one
    settings = {"shared_preload_libraries": "pg_stat_statements", "pg_stat_statements.track_planning": "on"}
    server = EmbeddedPostgres(directory / "postgres", free_port(), settings=settings)
    async with AsyncExitStack() as stack:
        stack.callback(shutil.rmtree, directory, ignore_errors=True)
        stack.callback(server.destroy)
        server.start()
        urls = await provision(server.admin_url, "desk", dict.fromkeys(SERVICES, "bench"))
        admin = await asyncpg.connect(server.admin_url.rpartition("/")[0] + "/desk")
        stack.push_async_callback(admin.close)
        await admin.execute("CREATE EXTENSION pg_stat_statements")
        log, parts = Log(), {}
        for name, url in urls.items():
            await migrate(name, url)
            database = Database(url, service=name)
            stack.push_async_callback(database.close)
            parts[name] = Part(name, database, directory, log)
        assert server.pid is not None
        yield parts, psutil.Process(server.pid), admin


async def _hire(gateway: Part, routing: Part, tickets: int) -> None:
    """Agents who speak everything, with room for all tickets."""
    agents = [uuid7() for _ in range(tickets // CAPACITY + 1)]
    async with gateway.database.transaction() as session:
        for number, agent in enumerate(agents):
            account = AccountChanged(
                account_id=agent,
                email=f"bench-{number}@example.com",
                name=f"Bench {number}",
                role=Role.AGENT,
                languages=LANGUAGES,
                version=1,
            )
            outbox.record(session, account, aggregate_id=agent)
    idle = Meter(psutil.Process())
    await gateway.send(idle)
    await routing.read(idle)
    async with routing.database.transaction() as session:
        for agent in agents:
            profile: dict[str, Any] = {"skills": [], "languages": LANGUAGES, "capacity": CAPACITY, "available": True}
            await configure_agent(session, agent, **profile, by_themselves=False)


async def _go(parts: dict[str, Part], client: Client, meter: Meter, messages: int) -> None:
    """Post everything; after some batches each lets all services work until nothing is left to do."""
    posts = batches(messages, BATCH)
    for start in range(0, len(posts), BATCHES_AT_ONCE):
        for post in posts[start : start + BATCHES_AT_ONCE]:
            with meter.turn("ingestion", "answers", BATCH):
                answer = await client.post(post.path, post.body, idempotency_key=post.headers["Idempotency-Key"])
            assert answer.status == 202, answer.body
        is_busy = True
        while is_busy:
            for part in parts.values():
                await part.send(meter)
            is_busy = any([await part.read(meter) for part in parts.values()])


def _costs(meter: Meter, tickets: int, everything: float) -> Table:
    table = Table(title=f"{tickets:,} tickets, in batches of {BATCH}; processor time")
    for column in ("service", "", "turns", "events", "python, µs/event", "postgres, µs/event", "python", "postgres"):
        table.add_column(column, justify="left" if column in {"service", ""} else "right")
    table.columns[-2].header, table.columns[-1].header = "python, ms/ticket", "postgres, ms/ticket"
    total = Cost()
    for (service, what), cost in sorted(meter.costs.items()):
        per_event = [seconds / cost.events * 1e6 if cost.events else 0.0 for seconds in (cost.python, cost.postgres)]
        per_ticket = [seconds / tickets * 1e3 for seconds in (cost.python, cost.postgres)]
        table.add_row(
            service,
            what,
            f"{cost.turns:,}",
            f"{cost.events:,}",
            *[f"{each:.1f}" for each in per_event],
            *[f"{each:.3f}" for each in per_ticket],
        )
        total.python += cost.python
        total.postgres += cost.postgres
    background = (everything - total.postgres) / tickets * 1e3
    table.add_row("postgres", "in the background", "", "", "", "", "", f"{background:.3f}")
    sums = [f"{seconds / tickets * 1e3:.3f}" for seconds in (total.python, everything)]
    table.add_row("[bold]all[/bold]", "", "", "", "", "", *sums)
    return table


def _statements(rows: Sequence[Any], tickets: int) -> Table:
    table = Table(title="PostgreSQL's dearest statements (wall time of execution, so without parsing and commit)")
    for column in ("role", "calls", "µs/ticket", "rows/ticket", "WAL, B/ticket", "statement"):
        table.add_column(column, justify="left" if column in {"role", "statement"} else "right")
    for row in rows:
        table.add_row(
            row["userid"].removeprefix("desk_"),
            f"{row['calls']:,}",
            f"{row['total_exec_time'] / tickets * 1e3:.1f}",
            f"{row['rows'] / tickets:.2f}",
            f"{row['wal_bytes'] / tickets:,.0f}",
            row["query"].strip()[:STATEMENT_CHARS],
        )
    return table
