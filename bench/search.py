"""How fast tickets are found: by words of every frequency in several scripts, and in lists, views and windows.

One PostgreSQL with the tables of tickets, as the service makes them, and the service's app in this process: what a
request takes but for HTTP. The tickets are those of `bench.stock`.
"""

import gc
import json
import random
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from statistics import median, quantiles
from typing import Any
from urllib.parse import urlsplit, urlunsplit
from uuid import UUID

import asyncpg
from sqlalchemy import text

from bench import creating, lists
from bench.result import Figure, Result, circumstances_of, load_average
from bench.stock import MESSAGES, WORDS, customers_of, fill, order_of, text_of, vocabulary
from desk.embedded.postgres import EmbeddedPostgres
from desk.embedded.roles import provision
from desk.ports import free_port
from services.tickets.app import create_app
from services.tickets.service.documents import Indexer
from services.tickets.settings import TicketsSettings
from shared.auth import Principal
from shared.db import Database, now_utc
from shared.events.accounts import Role
from shared.ids import uuid7
from shared.migrations import migrate
from shared.service import GC_THRESHOLDS
from tests.asgi import Client, callers
from tests.patience import patient

TICKETS = 100_000
REPEATS = 25
WARM_UP = 3
PAGE = 50
INDEXED = 1_000
# The first two are for loading; what is kept stays as it was loaded; and a desk with a million tickets gives its
# database memory for all of them.
_SETTINGS = {"maintenance_work_mem": "512MB", "max_wal_size": "4GB", "autovacuum": "off", "shared_buffers": "12GB"}
# What a desk's day has read by its first hour. Machines differ in what they keep of it by themselves.
_READ_BEFORE = """
    SELECT sum(pg_prewarm(oid)) FROM pg_class
    WHERE (relnamespace = 'tickets'::regnamespace AND relkind IN ('r', 'i'))
       OR oid IN (
           SELECT unnest(array_append(array_agg(indexrelid), indrelid)) FROM pg_index
           WHERE indrelid = (SELECT reltoastrelid FROM pg_class WHERE oid = 'tickets.search_documents'::regclass)
           GROUP BY indrelid)
"""
_LOADED = "loaded.json"


async def run(tickets: int, data: Path | None = None) -> Result:
    """Measure searches among so many tickets. With `data`, a directory that keeps them for the next time.

    How fast documents are made is measured once, when they are loaded.
    """
    load = load_average()
    async with desk(tickets, data) as (database, admin_url, made):
        async with agents(database) as agent:
            rows, seconds = await _measure(agent(), tickets)
            listed, figures = await lists.measure(agent(), tickets)
            opened, inserted = await creating.measure(agent(), admin_url, tickets)
        sizes = await _sizes(database.url)
        slowest = max(row["p95, ms"] for row in rows)
        return Result(
            id=f"search-{tickets}",
            parameters={"tickets": tickets, "messages": tickets * MESSAGES, "page": PAGE, "repeats": REPEATS},
            figures=[
                Figure(f"{tickets:,} tickets: a search, p95", _p95(seconds), "ms", aim="< 50 ms"),
                Figure(f"{tickets:,} tickets: the slowest of {len(rows)} kinds of searches, p95", slowest, "ms"),
                Figure(f"{tickets:,} tickets: a search, median", median(seconds), "ms"),
                Figure(f"{tickets:,} tickets: documents made by one worker", made, "per second"),
                *figures,
                opened,
                *sizes,
            ],
            split=[],
            references=[inserted],
            circumstances=await circumstances_of(admin_url, "none", load),
            tables={"reads": rows, "lists": listed},
        )


@contextmanager
def _directory(data: Path | None) -> Iterator[Path]:
    if data is not None:
        data.mkdir(parents=True, exist_ok=True)
        yield data
        return
    directory = Path(tempfile.mkdtemp(prefix="desk-search-"))
    directory.chmod(0o755)  # PostgreSQL of a privileged user runs as another one, who has to get in
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


@asynccontextmanager
async def desk(tickets: int, data: Path | None = None) -> AsyncIterator[tuple[Database, str, float]]:
    """The database of tickets, alone; its superuser's URL; how many documents a worker made in a second when loaded."""
    with _directory(data) as directory:
        loaded = directory / _LOADED
        server = EmbeddedPostgres(directory / "data", free_port(), durable=False, settings=_SETTINGS)
        if not loaded.exists():
            server.destroy()  # what an interrupted run left
        server.start()
        try:
            url = (await provision(server.admin_url, "desk", {"tickets": "bench"}))["tickets"]
            await migrate("tickets", url)
            database = patient(Database(url, service="tickets"))
            if not loaded.exists():
                loaded.write_text(json.dumps(await _load(database, tickets)))
            known = json.loads(loaded.read_text())
            if known["tickets"] != tickets:
                raise SystemExit(f"{directory} holds {known['tickets']:,} tickets: empty it, or name another one.")
            admin_url = urlunsplit(urlsplit(server.admin_url)._replace(path="/desk"))
            await _read_before(admin_url)
            yield database, admin_url, known["documents_per_second"]
            await database.close()
        finally:
            if data is None:
                server.destroy()
            else:
                server.stop()


async def _read_before(admin_url: str) -> None:
    connection = await asyncpg.connect(admin_url, command_timeout=600)
    await connection.execute("CREATE EXTENSION IF NOT EXISTS pg_prewarm")
    await connection.execute(_READ_BEFORE)
    await connection.close()


async def _load(database: Database, tickets: int) -> dict[str, float]:
    begun = time.perf_counter()
    await fill(database.url, tickets)
    print(f"{tickets} tickets loaded in {time.perf_counter() - begun:.0f} s", flush=True)
    made = await _index(database)
    connection = await asyncpg.connect(database.url)
    await connection.execute("VACUUM ANALYZE")
    await connection.close()
    return {"tickets": tickets, "documents_per_second": made}


async def _index(database: Database) -> float:
    """Documents that one worker makes in a second, of tickets as they are there."""
    async with database.transaction() as session:
        driver = await session.connection()
        await driver.exec_driver_sql(
            "INSERT INTO ticket_history (ticket_id, version, at, actor_kind, actor_id, actor_name, cause, changes, "
            "message_id) SELECT id, 1, now(), 'system', '1', 'x', 'x', '{}', id FROM tickets "
            f"ORDER BY number DESC LIMIT {INDEXED}"
        )
    indexer, made = Indexer(), 0
    begun = time.perf_counter()
    while made < INDEXED:
        async with database.transaction() as session:
            made += await indexer.run(session, now_utc())
    return made / (time.perf_counter() - begun)


@asynccontextmanager
async def agents(database: Database) -> AsyncIterator[Callable[[], Client]]:
    """Makes clients of an agent, each with a token of its own."""
    app = create_app(TicketsSettings(database_url=database.url), database)
    gc.freeze()  # as the service does
    gc.set_threshold(*GC_THRESHOLDS)
    async with database.transaction() as session:
        await session.execute(text("DELETE FROM auth_keys"))  # an earlier run's, of the same name
    let_in = await callers(app, database)
    yield lambda: let_in.client(Principal(UUID(int=1), Role.AGENT, "Sam", session_id=uuid7()))
    await app.state.verifier.close()


async def _measure(agent: Client, tickets: int) -> tuple[list[dict[str, Any]], list[float]]:
    rows, all_seconds = [], []
    for name, lines in _searches(tickets).items():
        seconds, busy, hits = [], [], []
        for number, line in enumerate(lines):
            begun, worked = time.perf_counter(), time.process_time()
            answer = await agent.get("/api/tickets/search", q=line, limit=PAGE)
            took, cost = time.perf_counter() - begun, time.process_time() - worked
            assert answer.status == 200, answer.body
            if number >= WARM_UP:
                seconds.append(took * 1000)
                busy.append(cost * 1000)
                hits.append(len(answer.json()["items"]))
        all_seconds += seconds
        rows.append(
            {
                "tickets": tickets,
                "search": name,
                "example": lines[0],
                "found, of a page": median(hits),
                "median, ms": median(seconds),
                "p95, ms": _p95(seconds),
                "best, ms": min(seconds),
                "Python's processor time, ms": median(busy),
            }
        )
        print(rows[-1], flush=True)
    return rows, all_seconds


def _searches(tickets: int) -> dict[str, list[str]]:
    """Lines of each kind; what stands side by side is taken from texts that are there."""
    chance = random.Random(7)
    count = REPEATS + WARM_UP

    def ranked(low: int, high: int, language: str = "en") -> list[str]:
        return [vocabulary(language)[chance.randrange(low, high)] for _ in range(count)]

    def written(language: str, words: int) -> list[str]:
        return [text_of(chance, language, words) for _ in range(count)]

    frequent, common, rare = ranked(0, 10), ranked(100, 400), ranked(10_000, WORDS)
    return {
        "a word of a third of the tickets": frequent,
        "a word of one in a hundred": common,
        "a rare word": rare,
        "a word of one ticket": [order_of(chance.randrange(tickets)) for _ in range(count)],
        "a word that nobody wrote": [f"{word}q{number}" for number, word in enumerate(rare)],
        "a frequent word and a rare one": [" ".join(pair) for pair in zip(frequent, rare, strict=True)],
        "three common words": [" ".join(three) for three in zip(common, ranked(0, 50), ranked(50, 400), strict=True)],
        "words that are never together": [" ".join(pair) for pair in zip(frequent, ranked(0, 10, "ru"), strict=True)],
        "a phrase": [f'"{phrase}"' for phrase in written("en", 2)],
        "a beginning": [f"{word[:5]}*" for word in common],
        "not a frequent word": [f"-{word}" for word in frequent],
        "Chinese, in the middle of sentences": written("zh", 2),
        "Thai, in the middle of sentences": written("th", 2),
        "a common word in Hindi": ranked(100, 400, "hi"),
        "a common word in Arabic": ranked(100, 400, "ar"),
        "a common word, open tickets": [f"status:open {word}" for word in common],
        "a frequent word, my tickets": [f"assignee:me {word}" for word in frequent],
        "a frequent word, of one customer": [
            f"requester:{UUID(int=1 + chance.randrange(customers_of(tickets)))} {word}" for word in frequent
        ],
        "a frequent word, of no ticket": [f"group:nobody {word}" for word in frequent],
        "a frequent word, urgent tickets": [f"priority:urgent {word}" for word in frequent],
        "a frequent word, of a rare value of a field": [f"fields.device:fax {word}" for word in frequent],
        "a common word, half a year ago": [f"created<-180d {word}" for word in common],
        "fields alone": ["status:open assignee:me -language:de"] * count,
    }


async def _sizes(url: str) -> list[Figure]:
    connection = await asyncpg.connect(url)
    figures = []
    for name, sql in (
        ("documents", "pg_table_size('tickets.search_documents')"),
        ("their indexes", "pg_indexes_size('tickets.search_documents')"),
        ("messages", "pg_total_relation_size('tickets.messages')"),
    ):
        figures.append(Figure(f"size of {name}", await connection.fetchval(f"SELECT {sql}") / 1e6, "MB"))
    await connection.close()
    return figures


def _p95(values: Sequence[float]) -> float:
    return quantiles(values, n=20)[-1]
