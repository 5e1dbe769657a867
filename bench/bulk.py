"""How fast a job changes as many tickets as one may have, and how fast it is taken back.

One PostgreSQL and the timer of the worker in this process, as in `search`; nothing else of a desk runs beside it. What
is told of the changes counts as sent now and then, outside of what is measured: no broker is here. The documents of
what changed are not made.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median, quantiles
from typing import Any
from uuid import UUID

import asyncpg
import psutil

from bench.result import Figure, Result, circumstances_of, load_average
from bench.search import desk
from services.tickets.app import create_app
from services.tickets.domain.bulk import MAX_TICKETS
from services.tickets.service import bulk, pace
from services.tickets.settings import TicketsSettings
from shared.auth import Principal
from shared.db import Database, now_utc
from shared.events.accounts import Role
from shared.ids import uuid7
from tests.asgi import Client, callers

_TAG = "recall-2026"
# What is closed refuses to be changed, and most of a desk's tickets are.
_OPEN_ALL = "UPDATE tickets SET status = 'open', solved_at = NULL WHERE status IN ('solved', 'closed')"
_SENT = "UPDATE outbox SET sent_at = now() WHERE sent_at IS NULL"
_STATE = "SELECT id, priority, tags FROM tickets ORDER BY id"


@dataclass(slots=True)
class _Run:
    """What the worker did until a job was done."""

    tickets: int = 0
    # With the pauses that it makes for everybody else.
    seconds: float = 0.0
    chunks: list[float] = field(default_factory=list)
    cpu: float = 0.0
    postgres_cpu: float = 0.0

    def split(self, place: str) -> float:
        """Milliseconds of processor time for each ticket."""
        return (self.cpu if place == "tickets" else self.postgres_cpu) / self.tickets * 1000


async def run(tickets: int = MAX_TICKETS) -> Result:
    """Change all of so many tickets by one job, and undo it."""
    async with desk(tickets) as (database, admin_url, _):
        load = load_average()  # with what is left of making them
        app = create_app(TicketsSettings(database_url=database.url), database)
        let_in = await callers(app, database)
        lead = let_in.client(Principal(UUID(int=1), Role.SUPERVISOR, "Sam", session_id=uuid7()))
        connection = await asyncpg.connect(
            database.url, command_timeout=600, server_settings={"search_path": "tickets"}
        )
        await connection.execute(_OPEN_ALL)
        await connection.execute("VACUUM ANALYZE")
        before = await connection.fetch(_STATE)
        body = {
            "selection": {"ids": [str(row["id"]) for row in before]},
            "actions": {"set": {"priority": "urgent"}, "add_tags": [_TAG]},
        }
        made, path = await _made(lead, "/api/bulk", body)
        changed = await _worked(database, connection)
        await _require_all_changed(lead, path, tickets)
        after = await connection.fetch(_STATE)
        assert all(row["priority"] == "urgent" and _TAG in row["tags"] for row in after)
        undo_made, path = await _made(lead, f"{path}/undo")
        undone = await _worked(database, connection)
        await _require_all_changed(lead, path, tickets)
        assert await connection.fetch(_STATE) == before
        await connection.close()
        await app.state.verifier.close()
        return Result(
            id="bulk",
            parameters={"tickets": tickets, "chunk": bulk.CHUNK},
            figures=[
                Figure(f"a job of {tickets:,} tickets is made", made, "ms"),
                *_figures("changed", changed),
                Figure("its undo is made", undo_made, "ms"),
                *_figures("put back", undone),
            ],
            split=[
                {"process": place, "changed, ms": changed.split(place), "put back, ms": undone.split(place)}
                for place in ("tickets", "postgres")
            ],
            circumstances=await circumstances_of(admin_url, "none", load),
        )


def _figures(what: str, run: _Run) -> Sequence[Figure]:
    return [
        Figure(f"tickets {what}", run.tickets, ""),
        Figure(f"until all are {what}", run.seconds, "s"),
        Figure(f"{what} by one worker, with its pauses", run.tickets / run.seconds, "/s"),
        Figure(f"processor per ticket {what}, with PostgreSQL", run.split("tickets") + run.split("postgres"), "ms"),
        Figure(f"a chunk of {bulk.CHUNK} {what}, median", median(run.chunks) * 1000, "ms"),
        Figure(f"a chunk of {bulk.CHUNK} {what}, p95", quantiles(run.chunks, n=20)[-1] * 1000, "ms"),
    ]


async def _made(lead: Client, path: str, body: Any = None) -> tuple[float, str]:
    """How many milliseconds it took until a job was made, and its path."""
    begun = time.perf_counter()
    answer = await lead.post(path, body)
    took = time.perf_counter() - begun
    assert answer.status == 202, answer.body
    return took * 1000, answer.headers["location"]


async def _worked(database: Database, connection: asyncpg.Connection) -> _Run:
    """Let the worker's timer run until it finds nothing to do."""
    runner, run = bulk.Runner(), _Run()
    postmaster = psutil.Process(await connection.fetchval("SELECT pg_backend_pid()")).parent()
    assert postmaster is not None
    unsent, more = 0, True
    while more:
        cpu, postgres, begun = time.process_time(), _postgres_seconds(postmaster), time.perf_counter()
        while more and unsent < pace.MAX_UNSENT - bulk.CHUNK:
            async with database.transaction() as session:
                # It pauses first, which is not of the chunk.
                await runner._pace.pause()  # noqa: SLF001 - then it has nothing to pause for
                chunk = time.perf_counter()
                done = await runner.run(session, now_utc())
            if more := done > 0:
                run.chunks.append(time.perf_counter() - chunk)
            unsent, run.tickets = unsent + done, run.tickets + done
        run.seconds += time.perf_counter() - begun
        run.cpu += time.process_time() - cpu
        run.postgres_cpu += _postgres_seconds(postmaster) - postgres
        await connection.execute(_SENT)
        unsent = 0
    return run


def _postgres_seconds(postmaster: psutil.Process) -> float:
    """Processor time so far of all processes of PostgreSQL, with those that have ended."""
    return sum(sum(process.cpu_times()[:4]) for process in [postmaster, *postmaster.children(recursive=True)])


async def _require_all_changed(lead: Client, path: str, tickets: int) -> None:
    job = (await lead.get(path)).json()
    assert (job["state"], job["progress"]["changed"], job["progress"]["total"]) == ("done", tickets, tickets), job
