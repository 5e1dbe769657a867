"""A client that keeps what was acknowledged, and the checks that hold the desk to it."""

import asyncio
import json
import random
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import httpx

from shared.ids import uuid7
from tests.running_desk import ROOT, RunningDesk

RETRY_STATUSES = {409, 429, 502, 503, 504}

LANGUAGES = {
    "en": "My parcel has not arrived yet, where is it?",
    "de": "Mein Paket ist noch nicht angekommen, wo bleibt es?",
    "es": "Mi paquete todavía no ha llegado, ¿dónde está?",
    "hi": "मेरा पार्सल अभी तक नहीं आया है, वह कहाँ है?",
    "ar": "لم تصل شحنتي بعد، أين هي الآن؟",
}


@dataclass
class Ledger:
    """Sends messages through the edge, again and again with the same key until they are acknowledged."""

    desk: RunningDesk
    seed: int
    acknowledged: dict[str, str] = field(default_factory=dict)  # external id -> ingestion's id
    retries: int = 0

    async def send(self, messages: int, *, batch: int, pause_seconds: float) -> None:
        """Send `messages` in batches; one conversation in five gets a second message of the same sender."""
        randomness = random.Random(self.seed)
        headers = {"Authorization": f"Bearer {self.desk.ingest_token}"}
        async with httpx.AsyncClient(base_url=self.desk.url, headers=headers, timeout=20) as client:
            for _ in range(0, messages, batch):
                body = {"messages": [self._message(randomness) for _ in range(batch)]}
                receipts = await self._deliver(client, body)
                for message, receipt in zip(body["messages"], receipts, strict=True):
                    self.acknowledged[message["external_id"]] = receipt["id"]
                await asyncio.sleep(pause_seconds)

    def _message(self, randomness: random.Random) -> dict[str, Any]:
        language, text = randomness.choice(list(LANGUAGES.items()))
        customer = randomness.randrange(200)
        return {
            "channel": "api",
            "sender": {"kind": "email", "address": f"customer-{customer}@example.org", "name": f"Customer {customer}"},
            "subject": f"Parcel {language} {randomness.randrange(10_000)}",
            "text": text,
            "external_id": f"r-{self.seed}-{uuid7()}",
        }

    async def _deliver(self, client: httpx.AsyncClient, body: dict[str, Any]) -> list[dict[str, Any]]:
        key = str(uuid7())
        async with asyncio.timeout(180):
            while True:
                try:
                    answer = await client.post("/api/ingest/messages", json=body, headers={"Idempotency-Key": key})
                except httpx.TransportError:
                    answer = None
                if answer is not None and answer.status_code == 202:
                    receipts: list[dict[str, Any]] = answer.json()["messages"]
                    return receipts
                # 500 is never a transient answer: it would be a defect.
                assert answer is None or answer.status_code in RETRY_STATUSES, answer.text
                self.retries += 1
                await asyncio.sleep(0.2)


async def _unconverged(urls: dict[str, str]) -> list[str]:
    """`unconverged`, also while PostgreSQL is on its way up from the last kill."""
    try:
        return await unconverged(urls)
    except (OSError, asyncpg.PostgresConnectionError, asyncpg.CannotConnectNowError) as error:
        return [f"PostgreSQL: {type(error).__name__}"]


async def unconverged(urls: dict[str, str]) -> list[str]:
    """What still separates the services: unsent events, events not yet read by a reader, held events."""
    connections = {service: await asyncpg.connect(url) for service, url in urls.items()}
    try:
        problems: list[str] = []
        versions: dict[str, dict[str, int]] = {}
        for service, connection in connections.items():
            versions[service] = dict(await connection.fetch(f"SELECT aggregate_id, version FROM {service}.streams"))
            if unsent := await connection.fetchval(f"SELECT count(*) FROM {service}.outbox WHERE sent_at IS NULL"):
                problems.append(f"{service}: {unsent} events unsent")
        for service, connection in connections.items():
            if held := await connection.fetchval(f"SELECT count(*) FROM {service}.dead_letters WHERE state = 'held'"):
                problems.append(f"{service}: {held} events held")
            sources = {
                row["source"]
                for row in await connection.fetch(f"SELECT DISTINCT source FROM {service}.stream_positions")
            }
            for source in sources:
                positions = dict(
                    await connection.fetch(
                        f"SELECT aggregate_id, version FROM {service}.stream_positions WHERE source = $1", source
                    )
                )
                behind = [key for key, version in versions[source].items() if positions.get(key) != version]
                if behind:
                    problems.append(f"{service}: {len(behind)} of {source}'s aggregates not read to their end")
        return problems
    finally:
        for connection in connections.values():
            await connection.close()


async def until_converged(urls: dict[str, str], seconds: float) -> None:
    """Wait until every event is where it belongs. Fails with what is missing."""
    problems: Sequence[str] = ()
    try:
        async with asyncio.timeout(seconds):
            while problems := await _unconverged(urls):
                await asyncio.sleep(0.5)
    except TimeoutError:
        raise AssertionError(f"not converged after {seconds} s: {problems}") from None


async def account_for(urls: dict[str, str], acknowledged: dict[str, str]) -> dict[str, int]:
    """Count tickets, and the acknowledged messages that are `lost` or `doubled`; all services know the same tickets."""
    tickets = await asyncpg.connect(urls["tickets"])
    messages = await tickets.fetch(
        "SELECT id, external_id, ticket_id FROM tickets.messages WHERE external_id IS NOT NULL"
    )
    all_tickets = {row["id"] for row in await tickets.fetch("SELECT id FROM tickets.tickets")}
    numbers = await tickets.fetchval("SELECT count(*) - count(DISTINCT number) FROM tickets.tickets")
    await tickets.close()
    by_external: dict[str, list[str]] = {}
    for row in messages:
        by_external.setdefault(row["external_id"], []).append(str(row["id"]))
    lost = [external for external in acknowledged if external not in by_external]
    doubled = [external for external in acknowledged if len(by_external.get(external, [])) > 1]
    assert numbers == 0, "two tickets share a number"
    for service, table, column in (
        ("routing", "tickets", "ticket_id"),
        ("sla", "tickets", "ticket_id"),
        ("analytics", "ticket_facts", "ticket_id"),
    ):
        connection = await asyncpg.connect(urls[service])
        known = {row[0] for row in await connection.fetch(f"SELECT {column} FROM {service}.{table}")}
        await connection.close()
        assert known == all_tickets, f"{service} knows {len(known)} tickets, tickets has {len(all_tickets)}"
    return {"tickets": len(all_tickets), "lost": len(lost), "doubled": len(doubled)}


async def count_events(urls: dict[str, str]) -> dict[str, int]:
    """Count events, and those `inverted`: versions of an aggregate are contiguous and given in id order."""
    total = inversions = 0
    for service, url in urls.items():
        connection = await asyncpg.connect(url)
        inversions += await connection.fetchval(
            f"""SELECT count(*) FROM (SELECT aggregate_version - lag(aggregate_version) OVER w AS step
                FROM {service}.outbox WINDOW w AS (PARTITION BY aggregate_id ORDER BY id)) s
                WHERE step IS NOT NULL AND step <> 1"""
        )
        total += await connection.fetchval(f"SELECT count(*) FROM {service}.outbox")
        await connection.close()
    return {"events": total, "inverted": inversions}


def report(name: str, **figures: Any) -> None:
    """Write `results/<name>.json`, from which tables in the documentation are generated."""
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True).stdout
    path = ROOT / "results" / f"{name}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({"commit": commit.strip(), **figures}, indent=2, sort_keys=True) + "\n")
