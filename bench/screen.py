"""P2: how long after its answer a message is on screen with somebody assigned, at half of what the desk sustains.

Always on Apache Kafka: the embedded broker answers a waiting reader only when its waiting time is over.
"""

import asyncio
import math
import time
from dataclasses import dataclass
from statistics import median

from aiokafka import TopicPartition

from bench import references
from bench.result import Figure, Result, circumstances, load_average
from bench.scratch import scratch_desk
from bench.traffic import Client, Post, batches, singles
from bench.way import BATCH, CAPACITY, CONNECTIONS, SINGLE_CONNECTIONS, hire, latencies, percentile, phase, spread
from shared.ids import uuid7
from shared.messaging.kafka import consumer, ensure_topics, producer
from shared.settings import KafkaSettings
from tests.running_desk import RunningDesk

# A broker that has just started takes four times as long for the first minute (the JVM compiles what it runs often).
WARM_UP, WARM_UP_PER_SECOND = 600, 10.0
SINGLES, MESSAGES = 400, 2_000
SECONDS = 30
# Only because agents have room for so many; a faster desk is measured for a shorter time.
AT_MOST = 6_000
RECORDS = 200


@dataclass(frozen=True)
class Half:
    """One kind of traffic: what is sustained of it, and seconds at half of that."""

    kind: str
    sustained: float
    answered: list[float]
    assigned: list[float]

    def figures(self, *, bare: Figure, hop: Figure) -> list[Figure]:
        """With what a bare endpoint, and the broker alone, take for theirs."""
        waiting = f"{self.kind}: from the answer until it is assigned on screen"
        return [
            Figure(f"{self.kind}: sustained, the whole way", self.sustained, "/s"),
            Figure(f"{self.kind}: half of it, at which was measured", self.sustained / 2, "/s"),
            *spread(f"{self.kind}: until the answer", self.answered, reference=bare),
            Figure(f"{waiting}, p50", median(self.assigned) * 1000, "ms", reference=hop),
            Figure(f"{waiting}, p95", percentile(self.assigned, 95) * 1000, "ms", aim="< 500"),
            Figure(f"{waiting}, p99", percentile(self.assigned, 99) * 1000, "ms"),
        ]


async def run() -> Result:
    """One desk: of each kind of traffic first as much as it takes, then half of that; then the references."""
    load = load_average()
    with scratch_desk("kafka") as desk:
        await asyncio.to_thread(desk.start)
        agents = math.ceil((WARM_UP + SINGLES + MESSAGES + 2 * AT_MOST) / CAPACITY)
        await asyncio.to_thread(hire, desk, agents)
        client = Client(desk.url, {"Authorization": f"Bearer {desk.ingest_token}"})
        await client.send_paced(singles(WARM_UP), WARM_UP_PER_SECOND, SINGLE_CONNECTIONS)
        single = await _half(desk, client, "single messages", singles(SINGLES), 1, SINGLE_CONNECTIONS)
        batched = await _half(desk, client, f"batches of {BATCH}", batches(MESSAGES, BATCH), BATCH, CONNECTIONS)
        bare = await references.measure(desk, per_second=single.sustained / 2)
        hop = Figure("broker: a record from sending until it is read, p50", median(await _hops(desk)) * 1000, "ms")
        where = await circumstances(desk, load)
    return Result(
        id="P2",
        circumstances=where,
        parameters={
            "messages_to_warm_up": WARM_UP,
            "seconds_at_half": SECONDS,
            "messages_at_half": len(single.assigned),
            "messages_in_batches_at_half": len(batched.assigned),
            "batch": BATCH,
            "agents": agents,
            "requests_repeated": client.repeated,
        },
        figures=[figure for half in (single, batched) for figure in half.figures(bare=bare.bare_latency, hop=hop)],
        references=[*bare.all(), hop],
        split=[],
    )


async def _half(desk: RunningDesk, client: Client, kind: str, posts: list[Post], batch: int, connections: int) -> Half:
    full = await phase(desk, client, posts, len(posts) * batch, connections)
    sustained = full.tickets / full.seconds
    count = batch * math.ceil(min(AT_MOST, SECONDS * sustained / 2) / batch)
    answered, assigned = await latencies(
        desk, client, count, sustained / 2, batch=batch, connections=SINGLE_CONNECTIONS
    )
    return Half(kind, sustained, answered, assigned)


async def _hops(desk: RunningDesk) -> list[float]:
    """Seconds from sending a record until another client has it, one after the other, with the desk's own settings."""
    facts = desk.facts["kafka"]
    settings = KafkaSettings(bootstrap=facts["bootstrap"], profile=facts["profile"], partitions=facts["partitions"])
    topic = f"bench.{uuid7().hex}"
    await ensure_topics(settings, [topic])
    sender, reader = producer(settings), consumer(settings, f"bench.{topic}", [])
    await sender.start()
    await reader.start()
    there = TopicPartition(topic, 0)
    reader.assign([there])
    reader.seek(there, 0)
    seconds = []
    for _ in range(RECORDS):
        begun = time.monotonic()
        await sender.send(topic, b"x", partition=0)
        await reader.getone()
        seconds.append(time.monotonic() - begun)
    await reader.stop()
    await sender.stop()
    return seconds
