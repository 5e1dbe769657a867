"""What the bare parts do on this machine in the same minutes: figures of ours mean something beside these."""

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from statistics import median
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import psutil
from aiokafka import TopicPartition

from bench import bare
from bench.processes import cpu_seconds, used
from bench.result import Figure
from bench.traffic import Client, messages, singles
from desk.ports import free_port
from shared.ids import uuid7
from shared.messaging.kafka import consumer, ensure_topics, producer
from shared.settings import KafkaSettings
from tests.running_desk import ROOT, RunningDesk

SECONDS = 3.0
CONNECTIONS = 16
BATCH = 50
RECORDS = 20_000
RECORD_BYTES = 1024
REQUESTS = 1_000
PACED_REQUESTS = 40


@dataclass(frozen=True)
class References:
    """Figures to compare with."""

    commits: Figure
    rows_in_batches: Figure
    bare_requests: Figure
    bare_cpu: Figure
    bare_latency: Figure
    produced: Figure
    consumed: Figure

    def all(self) -> list[Figure]:
        """In the order of the table."""
        return list(vars(self).values())


async def measure(desk: RunningDesk, *, per_second: float) -> References:
    """Measure all of them on the desk's own PostgreSQL and broker, while the desk rests."""
    url = await _database(desk)
    connection = await asyncpg.connect(url)
    await connection.execute(bare.TABLE)
    await connection.close()
    return References(
        commits=Figure("asyncpg: one insert per commit, 16 connections", await _commits(url), "/s"),
        rows_in_batches=Figure("asyncpg: inserts of 50 rows (unnest), one connection", await _batches(url), "rows/s"),
        **await _bare(desk, url, per_second),
        **await _broker(desk),
    )


async def _database(desk: RunningDesk) -> str:
    """A database of our own on the desk's server; returns its URL."""
    admin_url = os.environ.get("DESK_DATABASE_URL") or desk.facts["database"]["admin_url"]
    admin = await asyncpg.connect(admin_url)
    await admin.execute("DROP DATABASE IF EXISTS desk_bench WITH (FORCE)")
    await admin.execute("CREATE DATABASE desk_bench")
    await admin.close()
    return urlunsplit(urlsplit(admin_url)._replace(path="/desk_bench"))


async def _rate(work: Callable[[], Awaitable[object]]) -> float:
    """How often per second `work` can be done, one after the other."""
    count, begun = 0, time.monotonic()
    while time.monotonic() - begun < SECONDS:
        await work()
        count += 1
    return count / (time.monotonic() - begun)


async def _commits(url: str) -> float:
    message = messages(1)[0]

    async with asyncpg.create_pool(url, min_size=CONNECTIONS, max_size=CONNECTIONS) as pool:

        async def insert() -> None:
            await pool.execute(bare.INSERT, uuid7(), message["sender"]["address"], message["subject"], message["text"])

        return sum(await asyncio.gather(*(_rate(insert) for _ in range(CONNECTIONS))))


async def _batches(url: str) -> float:
    connection = await asyncpg.connect(url)
    rows = [(m["sender"]["address"], m["subject"], m["text"]) for m in messages(BATCH)]
    columns = [list(column) for column in zip(*rows, strict=True)]

    async def insert() -> None:
        await connection.execute(bare.INSERT_MANY, [uuid7() for _ in range(BATCH)], *columns)

    rate = await _rate(insert)
    await connection.close()
    return rate * BATCH


async def _bare(desk: RunningDesk, url: str, per_second: float) -> dict[str, Figure]:
    async with _bare_server(url) as (address, server):
        client = Client(address)
        await client.send_all(singles(50, "/messages"), CONNECTIONS)
        paced = await client.send_paced(singles(PACED_REQUESTS, "/messages"), per_second)
        posts = singles(REQUESTS, "/messages")
        database, before = cpu_seconds(desk), sum(server.cpu_times()[:2])
        seconds = await client.send_all(posts, CONNECTIONS)
        cpu = sum(server.cpu_times()[:2]) - before + used(database, cpu_seconds(desk)).get("postgres", 0.0)
    return {
        "bare_requests": Figure("bare endpoint (FastAPI, asyncpg): one insert per request", REQUESTS / seconds, "/s"),
        "bare_cpu": Figure("bare endpoint: processor per request, with PostgreSQL", cpu / REQUESTS * 1000, "ms"),
        "bare_latency": Figure("bare endpoint: answer, p50", median(done - sent for sent, done in paced) * 1000, "ms"),
    }


@asynccontextmanager
async def _bare_server(url: str) -> AsyncIterator[tuple[str, psutil.Process]]:
    """Address and process of the bare endpoint under uvicorn."""
    port = free_port()
    server = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "uvicorn", "bench.bare:app", "--port", str(port)),
        *("--no-access-log", "--log-level", "warning"),
        cwd=ROOT,
        env={**os.environ, "BENCH_DATABASE_URL": url},
    )
    try:
        await _until_listening(port)
        yield f"http://127.0.0.1:{port}", psutil.Process(server.pid)
    finally:
        server.terminate()
        await server.wait()


async def _until_listening(port: int) -> None:
    async with asyncio.timeout(60):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                return


async def _broker(desk: RunningDesk) -> dict[str, Figure]:
    facts = desk.facts["kafka"]
    settings = KafkaSettings(bootstrap=facts["bootstrap"], profile=facts["profile"], partitions=facts["partitions"])
    topic = f"bench.{uuid7().hex}"
    await ensure_topics(settings, [topic])
    sender = producer(settings)
    await sender.start()
    begun = time.monotonic()
    record = b"x" * RECORD_BYTES
    sent = [await sender.send(topic, record, key=str(number).encode()) for number in range(RECORDS)]
    await asyncio.gather(*sent)
    produced = RECORDS / (time.monotonic() - begun)
    await sender.stop()

    reader = consumer(settings, f"bench.{topic}", [])
    await reader.start()
    reader.assign([TopicPartition(topic, partition) for partition in range(settings.partitions)])
    for partition in reader.assignment():
        reader.seek(partition, 0)
    begun, seen = time.monotonic(), 0
    async with asyncio.timeout(120):
        while seen < RECORDS:
            seen += sum(len(records) for records in (await reader.getmany(timeout_ms=100)).values())
    consumed = RECORDS / (time.monotonic() - begun)
    await reader.stop()
    return {
        "produced": Figure("broker: 1 KB records produced", produced, "/s"),
        "consumed": Figure("broker: 1 KB records consumed", consumed, "/s"),
    }
