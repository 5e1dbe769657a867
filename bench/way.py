"""P1: the whole way of a message: in, ticket, language, agent, clock, figures. And how long an agent waits for it."""

import asyncio
import json
import math
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from statistics import median, quantiles

import asyncpg
import psutil
from websockets.asyncio.client import ClientConnection, connect

from bench import references
from bench.arrival import count_events, until_arrived
from bench.processes import cpu_seconds, used
from bench.result import Figure, Result, circumstances, load_average
from bench.scratch import scratch_desk
from bench.traffic import LANGUAGES, Client, Post, batches, mails, messages, singles
from tests.running_desk import RunningDesk

MESSAGES = 3_000
BATCH = 50
CONNECTIONS = 2
SINGLES = 300
MAILS = 100
SINGLE_CONNECTIONS = 8
PACED = 80
WARM_UP = 20
PER_SECOND = 4.0
CAPACITY = 500  # the most an agent may have
PATIENCE_SECONDS = 300
COMMITTED = "SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()"
# Listed beside the others: another one can stand in its place, and does in every larger installation.
NOT_OURS = {"broker"}


@dataclass(frozen=True)
class Phase:
    """One kind of traffic, from its first request until every service had read everything."""

    tickets: int
    accepted_seconds: float
    seconds: float
    cpu: dict[str, float]
    client_cpu: float
    transactions: int

    @property
    def cpu_ms(self) -> float:
        """Milliseconds per ticket, without the broker."""
        return self.of(sum(seconds for name, seconds in self.cpu.items() if name not in NOT_OURS))

    def of(self, seconds: float) -> float:
        """Milliseconds per ticket."""
        return seconds / self.tickets * 1000


async def run(count: int = MESSAGES, broker: str = "tansu") -> Result:
    """One desk: slow traffic first, then single messages and mails, then batches, then the references."""
    load = load_average()
    with scratch_desk(broker) as desk:
        await asyncio.to_thread(desk.start)
        everything = WARM_UP + PACED + SINGLES + MAILS + count
        agents = math.ceil(everything / CAPACITY)
        await asyncio.to_thread(hire, desk, agents)
        client = Client(desk.url, {"Authorization": f"Bearer {desk.ingest_token}"})
        await client.send_paced(singles(WARM_UP), PER_SECOND)
        posted, assigned = await latencies(desk, client, PACED, PER_SECOND)
        one_by_one = await phase(desk, client, singles(SINGLES), SINGLES, SINGLE_CONNECTIONS)
        by_mail = await phase(desk, client, mails(MAILS), MAILS, SINGLE_CONNECTIONS)
        events = await count_events(desk)
        in_batches = await phase(desk, client, batches(count, BATCH), count, CONNECTIONS)
        events = await count_events(desk) - events
        waiting = await _unassigned(desk)
        bare = await references.measure(desk, per_second=PER_SECOND)
        found = await circumstances(desk, load)
    return Result(
        id="P1" if broker == "tansu" else f"P1-{broker}",
        circumstances=found,
        parameters={
            "messages": count,
            "batch": BATCH,
            "connections": CONNECTIONS,
            "single_posts": SINGLES,
            "mails": MAILS,
            "single_connections": SINGLE_CONNECTIONS,
            "paced_posts": PACED,
            "paced_per_second": PER_SECOND,
            "agents": agents,
            "tickets_without_assignee_at_the_end": waiting,
            "requests_repeated": client.repeated,
        },
        figures=[
            Figure(
                "tickets, the whole way, in batches of 50",
                count / in_batches.seconds,
                "/s",
                aim="hundreds",
                reference=bare.rows_in_batches,
            ),
            Figure(
                "messages accepted meanwhile",
                count / in_batches.accepted_seconds,
                "/s",
                reference=bare.rows_in_batches,
            ),
            Figure("events meanwhile", events / in_batches.seconds, "/s", reference=bare.produced),
            Figure("processor per ticket, in batches of 50", in_batches.cpu_ms, "ms", "≤ 3", bare.bare_cpu),
            Figure("processor per ticket, single messages", one_by_one.cpu_ms, "ms", reference=bare.bare_cpu),
            Figure("processor per ticket, mails", by_mail.cpu_ms, "ms", reference=bare.bare_cpu),
            Figure("beside it: broker, in batches of 50", in_batches.of(in_batches.cpu.get("broker", 0.0)), "ms"),
            Figure("beside it: the client, in batches of 50", in_batches.of(in_batches.client_cpu), "ms"),
            Figure("transactions per ticket, in batches of 50", in_batches.transactions / count, ""),
            Figure("transactions per ticket, single messages", one_by_one.transactions / SINGLES, ""),
            Figure("single messages, the whole way", SINGLES / one_by_one.seconds, "/s", reference=bare.bare_requests),
            Figure("mails, the whole way", MAILS / by_mail.seconds, "/s", reference=bare.bare_requests),
            *spread("a single message until its answer", posted, reference=bare.bare_latency),
            *spread("from the answer until it is assigned on screen", assigned),
        ],
        references=bare.all(),
        split=[
            {
                "process": name,
                "batches of 50, ms": in_batches.of(in_batches.cpu[name]),
                "single messages, ms": one_by_one.of(one_by_one.cpu[name]),
                "mails, ms": by_mail.of(by_mail.cpu[name]),
            }
            for name in sorted(in_batches.cpu, key=lambda name: -in_batches.cpu[name])
        ],
    )


def hire(desk: RunningDesk, agents: int) -> None:
    """Agents who speak everything, so that every ticket finds somebody: the demo organisation has room for fifty."""
    with desk.client(desk.admin) as admin:
        for number in range(agents):
            account = {
                "email": f"bench-{number}@example.com",
                "name": f"Bench {number}",
                "role": "agent",
                "languages": list(LANGUAGES),
                "password": secrets.token_urlsafe(12),
            }
            created = admin.post("/api/accounts", json=account)
            created.raise_for_status()
            profile = {"languages": list(LANGUAGES), "skills": [], "capacity": CAPACITY, "available": True}
            deadline = time.monotonic() + PATIENCE_SECONDS
            # Routing learns of an account by event.
            while (
                answer := admin.put(f"/api/agents/{created.json()['id']}", json=profile)
            ).status_code != HTTPStatus.OK:
                if answer.status_code != HTTPStatus.NOT_FOUND or time.monotonic() > deadline:
                    answer.raise_for_status()
                time.sleep(0.1)


async def phase(desk: RunningDesk, client: Client, posts: Sequence[Post], tickets: int, connections: int) -> Phase:
    """Post everything, wait until it has arrived everywhere. Raises TimeoutError if it does not."""
    return await measured(desk, lambda: client.send_all(posts, connections), tickets)


async def measured(desk: RunningDesk, hand_in: Callable[[], Awaitable[float]], tickets: int) -> Phase:
    """Hand in what makes so many tickets (`hand_in` tells in how many seconds), and wait until it arrived everywhere.

    Raises TimeoutError if it does not.
    """
    await until_arrived(desk, patience_seconds=PATIENCE_SECONDS)
    analytics = await asyncpg.connect(desk.database_urls["analytics"])
    expected = await analytics.fetchval("SELECT count(*) FROM analytics.ticket_facts") + tickets
    committed = await analytics.fetchval(COMMITTED)
    ourselves = psutil.Process()
    cpu, client_cpu, begun = cpu_seconds(desk), sum(ourselves.cpu_times()[:2]), time.monotonic()
    accepted = await hand_in()
    await until_arrived(desk, tickets=expected, patience_seconds=PATIENCE_SECONDS)
    phase = Phase(
        tickets=tickets,
        accepted_seconds=accepted,
        seconds=time.monotonic() - begun,
        cpu=used(cpu, cpu_seconds(desk)),
        client_cpu=sum(ourselves.cpu_times()[:2]) - client_cpu,
        transactions=await analytics.fetchval(COMMITTED) - committed,
    )
    await analytics.close()
    return phase


async def latencies(
    desk: RunningDesk, client: Client, count: int, per_second: float, *, batch: int = 1, connections: int = 1
) -> tuple[list[float], list[float]]:
    """Seconds until each request is answered, and from there until the live view shows each ticket with an assignee.

    So many messages a second, `batch` of them in a request.
    """
    made = messages(count)
    for message in made:
        message["subject"] = f"{message['external_id']} {message['subject']}"
    bodies = [{"messages": made[start : start + batch]} for start in range(0, count, batch)] if batch > 1 else made
    posts = [Post.json("/api/ingest/messages", body) for body in bodies]
    async with _screen(desk) as socket:
        watching = asyncio.create_task(_first_assigned(socket, {message["subject"] for message in made}))
        times = await client.send_paced(posts, per_second / batch, connections)
        async with asyncio.timeout(PATIENCE_SECONDS):
            seen = await watching
    posted = [answered - sent for sent, answered in times]
    assigned = [seen[message["subject"]] - times[place // batch][1] for place, message in enumerate(made)]
    return posted, assigned


@asynccontextmanager
async def _screen(desk: RunningDesk) -> AsyncIterator[ClientConnection]:
    """The live socket of a supervisor, as their browser has it."""
    with desk.client(desk.login("supervisor")) as supervisor:
        cookies = "; ".join(f"{name}={value}" for name, value in supervisor.cookies.items())
    headers = {"Cookie": cookies, "Origin": desk.url}
    live = desk.url.replace("http", "ws", 1) + "/api/live"
    async with connect(live, additional_headers=headers, max_queue=None) as socket:
        while json.loads(await socket.recv())["type"] != "hello":
            pass
        yield socket


async def _first_assigned(socket: ClientConnection, subjects: set[str]) -> dict[str, float]:
    """When each subject was first shown with an assignee (monotonic)."""
    seen: dict[str, float] = {}
    while len(seen) < len(subjects):
        frame = json.loads(await socket.recv())
        now = time.monotonic()
        if frame["type"] == "ticket.upserted" and frame["ticket"]["assignee"]:
            subject = frame["ticket"]["subject"]
            if subject in subjects:
                seen.setdefault(subject, now)
    return seen


async def _unassigned(desk: RunningDesk) -> int:
    connection = await asyncpg.connect(desk.database_urls["tickets"])
    count = await connection.fetchval("SELECT count(*) FROM tickets.tickets WHERE assignee_id IS NULL")
    await connection.close()
    return int(count)


def spread(name: str, seconds: list[float], reference: Figure | None = None) -> list[Figure]:
    """Median, compared with the reference's, and 95th percentile, in milliseconds."""
    return [
        Figure(f"{name}, p50", median(seconds) * 1000, "ms", reference=reference),
        Figure(f"{name}, p95", percentile(seconds, 95) * 1000, "ms"),
    ]


def percentile(values: list[float], percent: int) -> float:
    """What so many of a hundred values are below of."""
    return quantiles(values, n=100, method="inclusive")[percent - 1]
