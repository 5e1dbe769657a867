"""A client that keeps what was acknowledged, and can hold the desk to it."""

import asyncio
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

from shared.ids import uuid7

RETRY_STATUSES = {409, 429, 502, 503, 504}
# Bounds on liveness; the edge waits for a service for 60 s.
REQUEST_SECONDS = 600
DELIVERY_SECONDS = 1200
# Kept keys that are asked again afterwards.
SAMPLE = 100

LANGUAGES = {
    "en": "My parcel has not arrived yet, where is it?",
    "de": "Mein Paket ist noch nicht angekommen, wo bleibt es?",
    "es": "Mi paquete todavía no ha llegado, ¿dónde está?",
    "hi": "मेरा पार्सल अभी तक नहीं आया है, वह कहाँ है?",
    "ar": "لم تصل شحنتي بعد، أين هي الآن؟",
}


@dataclass(frozen=True, slots=True)
class Attempt:
    """One request: when it ended (monotonic), how long it took, and its status or the name of what went wrong."""

    ended: float
    seconds: float
    outcome: int | str

    @property
    def failed(self) -> bool:
        return self.outcome not in {200, 201, 202}


@dataclass(frozen=True, slots=True)
class Delivery:
    """A request that was acknowledged."""

    key: str
    body: dict[str, Any]
    receipts: list[dict[str, Any]]


@dataclass
class Ledger:
    """Sends messages to `url`, again and again with the same key until they are acknowledged."""

    url: str
    token: str
    seed: str
    acknowledged: dict[str, str] = field(default_factory=dict)  # external id -> ingestion's id
    deliveries: list[Delivery] = field(default_factory=list)
    attempts: list[Attempt] = field(default_factory=list)

    async def send(self, messages: int, *, batch: int = 10, pause_seconds: float = 0.05) -> None:
        """Send so many messages, in batches."""
        async with self.client() as client:
            randomness = random.Random(self.seed)
            for _ in range(0, messages, batch):
                await self.deliver(client, [self.message(randomness) for _ in range(batch)])
                await asyncio.sleep(pause_seconds)

    @asynccontextmanager
    async def load(self, *, senders: int = 2, batch: int = 5, pause_seconds: float = 0.15) -> AsyncIterator[None]:
        """Send from several senders at once as long as the block lasts; what is under way then is delivered."""
        done = asyncio.Event()

        async def send(sender: int) -> None:
            randomness = random.Random(f"{self.seed}-{sender}")
            async with self.client() as client:
                while not done.is_set():
                    await self.deliver(client, [self.message(randomness) for _ in range(batch)])
                    await asyncio.sleep(pause_seconds)

        async with asyncio.TaskGroup() as group:
            for sender in range(senders):
                group.create_task(send(sender))
            try:
                yield
            finally:
                done.set()

    async def deliver(self, client: httpx.AsyncClient, messages: list[dict[str, Any]]) -> None:
        """Post one batch until it is acknowledged, and keep what was said."""
        key, body = str(uuid7()), {"messages": messages}
        async with asyncio.timeout(DELIVERY_SECONDS):
            while (answer := await self._attempt(client, key, body)) is None or answer.status_code != 202:
                # 500 is never a transient answer: it would be a defect.
                assert answer is None or answer.status_code in RETRY_STATUSES, answer.text
                await asyncio.sleep(0.2)
        self._keep(Delivery(key, body, answer.json()["messages"]))

    def message(self, randomness: random.Random) -> dict[str, Any]:
        """A message of one of 200 customers; they write about several things, so some share a sender."""
        language, text = randomness.choice(list(LANGUAGES.items()))
        customer = randomness.randrange(200)
        return {
            "channel": "api",
            "sender": {"kind": "email", "address": f"customer-{customer}@example.org", "name": f"Customer {customer}"},
            "subject": f"Parcel {language} {randomness.randrange(10_000)}",
            "text": text,
            "external_id": f"r-{self.seed}-{uuid7()}",
        }

    async def ask_again(self) -> int:
        """Repeat a sample of what was acknowledged; returns how many are not answered as they were: `stuck`."""
        stuck = 0
        async with self.client() as client:
            for delivery in random.Random(self.seed).sample(self.deliveries, min(SAMPLE, len(self.deliveries))):
                answer = await self._attempt(client, delivery.key, delivery.body)
                if answer is None or answer.status_code != 202 or answer.json()["messages"] != delivery.receipts:
                    stuck += 1
        return stuck

    @property
    def failures(self) -> list[Attempt]:
        """Attempts that were not acknowledged."""
        return [attempt for attempt in self.attempts if attempt.failed]

    def client(self) -> httpx.AsyncClient:
        """What the ledger's requests go through."""
        return httpx.AsyncClient(
            base_url=self.url, headers={"Authorization": f"Bearer {self.token}"}, timeout=REQUEST_SECONDS
        )

    async def _attempt(self, client: httpx.AsyncClient, key: str, body: dict[str, Any]) -> httpx.Response | None:
        begun = time.monotonic()
        try:
            answer = await client.post("/api/ingest/messages", json=body, headers={"Idempotency-Key": key})
        except httpx.TransportError as error:
            self._note(begun, type(error).__name__)
            return None
        self._note(begun, answer.status_code)
        return answer

    def _note(self, begun: float, outcome: int | str) -> None:
        now = time.monotonic()
        self.attempts.append(Attempt(now, now - begun, outcome))

    def _keep(self, delivery: Delivery) -> None:
        self.deliveries.append(delivery)
        for message, receipt in zip(delivery.body["messages"], delivery.receipts, strict=True):
            self.acknowledged[message["external_id"]] = receipt["id"]
