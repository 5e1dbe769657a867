"""Two of every api and of every worker: they share the work, and clients of either gateway see all of it."""

import asyncio
import json
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any

import asyncpg
import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from websockets.asyncio.client import connect

from desk.ports import LOOPBACK
from shared.settings import KafkaSettings
from tests.faults.replicas import edge_before
from tests.faults.stage import SERVICES, Stage
from tests.faults.supervisor import NONE_OF, Run
from tests.faults.test_restarts import READS

pytestmark = pytest.mark.faults

BATCHES = 25
# A client that changes over to the other gateway does so after so many frames.
HOP_FRAMES = 25
# A worker that stands alone; the launcher's processes are woken by their own commits and look rarely.
LOOKS_OFTEN = {"DESK_KAFKA_RELAY_IDLE_SECONDS": str(KafkaSettings.model_fields["relay_idle_seconds"].default)}
# Knowledge reads keys and revocations alone: not enough to be shared.
READERS = tuple(service for service in SERVICES if service != "knowledge")
LIVENESS_SECONDS = 300

Frames = list[dict[str, Any]]


class Watchers:
    """Live clients; what each has received, without what is said about the connection itself."""

    def __init__(self, ports: tuple[int, int], headers: Mapping[str, str]) -> None:
        self._urls = [f"ws://{LOOPBACK}:{port}/api/live" for port in ports]
        self._headers = headers
        self.received: dict[str, Frames] = {}

    async def stay(self, gateway: int, since: int) -> None:
        """Listen to one gateway for ever."""
        frames = self.received[f"at gateway {gateway}"] = []
        await self._listen(f"{self._urls[gateway]}?since={since}", frames)

    async def hop(self, since: int) -> None:
        """Listen to one gateway, then go on at the other from the last frame, and so on for ever."""
        frames = self.received["between gateways"] = []
        gateway = 0
        while True:
            last = frames[-1]["seq"] if frames else since
            await self._listen(f"{self._urls[gateway]}?since={last}", frames, at_most=HOP_FRAMES)
            gateway = 1 - gateway

    async def _listen(self, url: str, frames: Frames, at_most: int | None = None) -> None:
        heard = 0
        async with connect(url, additional_headers=self._headers) as socket:
            while at_most is None or heard < at_most:
                frame = json.loads(await socket.recv())
                assert frame["type"] not in {"resync", "bye"}, frame
                if frame["type"] != "hello":
                    frames.append(frame)
                    heard += 1


async def test_two_of_everything(plain_stage: Stage) -> None:
    stage = plain_stage
    run = Run("replicas", 0)
    with ExitStack() as opened:
        peers = {service: opened.enter_context(stage.peer(service, "all", **LOOKS_OFTEN)) for service in SERVICES}
        await asyncio.gather(*(peer.until_ready() for peer in peers.values()))
        ports = {service: (stage.port(service), peer.port) for service, peer in peers.items()}
        ledger = run.ledger(stage, url=opened.enter_context(edge_before(ports, stage.home)))
        first = await _newest(stage)
        with stage.desk.client(stage.desk.agent) as agent:
            cookies = "; ".join(f"{name}={value}" for name, value in agent.cookies.items())
        watchers = Watchers(ports["gateway"], {"Cookie": cookies, "Origin": stage.desk.url})
        async with asyncio.timeout(LIVENESS_SECONDS), asyncio.TaskGroup() as watching:
            listening = (watchers.stay(0, first), watchers.stay(1, first), watchers.hop(first))
            tasks = [watching.create_task(listener) for listener in listening]
            before = {service: await _handled(ports[service]) for service in SERVICES}
            async with asyncio.TaskGroup() as loading:
                loading.create_task(ledger.send(BATCHES * 5, batch=5, pause_seconds=0.1))
                loading.create_task(_read(ledger.url, ledger.token))
            found = await run.settle(stage, ledger)
            appended = await _frames(stage, after=first)
            while any(_newest_of(frames) < appended[-1]["seq"] for frames in watchers.received.values()):
                await asyncio.sleep(0.1)
            for task in tasks:
                task.cancel()
        after = {service: await _handled(ports[service]) for service in SERVICES}

    assert not {name: found[name] for name in NONE_OF if found.get(name)}, found
    assert ledger.failures == []
    for who, frames in watchers.received.items():
        seen = [frame for frame in frames if frame["seq"] <= appended[-1]["seq"] and "account_id" not in frame]
        assert seen == appended, f"{who}: {len(seen)} frames of {len(appended)}"
    work = {
        service: [(now[0] - then[0], now[1] - then[1]) for then, now in zip(before[service], counts, strict=True)]
        for service, counts in after.items()
    }
    run.note(f"{len(appended)} frames to each client; events and requests handled by each process: {work}")
    for service in SERVICES:
        events, requests = zip(*work[service], strict=True)
        assert min(requests) > 0, f"{service}: {requests} requests"
        if service in READERS:
            assert min(events) > 0, f"{service}: {events} events"


async def _read(url: str, token: str) -> None:
    async with httpx.AsyncClient(base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=60) as client:
        for _ in range(10):
            for path in READS:
                answer = await client.get(path)
                assert answer.status_code < 500, f"{path}: {answer.status_code}"


async def _handled(ports: tuple[int, int]) -> list[tuple[int, int]]:
    """How many events each of the processes has applied, and how many requests of the edge it has answered."""
    counted = []
    async with httpx.AsyncClient(timeout=60) as client:
        for port in ports:
            text = (await client.get(f"http://{LOOPBACK}:{port}/metrics")).text
            samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
            events = sum(sample.value for sample in samples if sample.name == "desk_events_applied_total")
            requests = sum(
                sample.value
                for sample in samples
                if sample.name == "desk_http_requests_total" and sample.labels["route"].startswith("/api/")
            )
            counted.append((int(events), int(requests)))
    return counted


async def _newest(stage: Stage) -> int:
    """The last number of the live sequence."""
    connection = await asyncpg.connect(stage.admin_url)
    try:
        return int(await connection.fetchval("SELECT coalesce(max(seq), 0) FROM gateway.live_frames"))
    finally:
        await connection.close()


async def _frames(stage: Stage, *, after: int) -> Frames:
    """The live sequence as it is kept, as clients should see it: without what is for one account alone."""
    connection = await asyncpg.connect(stage.admin_url)
    try:
        rows = await connection.fetch(
            "SELECT seq, frame FROM gateway.live_frames WHERE seq > $1 AND NOT frame ? 'account_id' ORDER BY seq", after
        )
        return [{"seq": row["seq"], **json.loads(row["frame"])} for row in rows]
    finally:
        await connection.close()


def _newest_of(frames: Frames) -> int:
    return int(frames[-1]["seq"]) if frames else 0
