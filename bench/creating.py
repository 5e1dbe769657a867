"""How fast tickets are opened by the API, beside a route that inserts one row and does nothing else.

Both apps are in this process and asked without HTTP, one request after the other, of the same PostgreSQL. What is
opened stays there; its documents are not made.
"""

import time
from collections.abc import Mapping
from statistics import median
from typing import Any

import asyncpg

from bench import bare
from bench.result import Figure
from tests.asgi import Client

REPEATS = 100
WARM_UP = 20
_SUBJECT, _TEXT = "Lamp arrived broken", "The glass is cracked, and the parcel was wet. May I have another one?"


async def measure(agent: Client, admin_url: str, tickets: int) -> tuple[Figure, Figure]:
    """Tickets that are opened in a second where there are so many, and rows that are inserted."""
    async with asyncpg.create_pool(admin_url, min_size=1, max_size=1, server_settings={"search_path": "bare"}) as pool:
        await pool.execute("CREATE SCHEMA IF NOT EXISTS bare")
        await pool.execute(bare.TABLE)
        await pool.execute("SELECT setval('tickets.ticket_number', (SELECT max(number) FROM tickets.tickets))")
        bare.app.state.pool = pool
        sender = {"address": "ana@example.com"}
        row = await _seconds(Client(bare.app), "/messages", {"sender": sender, "subject": _SUBJECT, "text": _TEXT})
        requester = {"email": "ana@example.com", "name": "Ana"}
        body = {"requester": requester, "subject": _SUBJECT, "text": _TEXT}
        ticket = await _seconds(agent, "/api/tickets", body)
    reference = Figure("bare endpoint (FastAPI, asyncpg), without HTTP: one insert per request", 1 / row, "/s")
    opened = Figure(f"{tickets:,} tickets: opened by the API", 1 / ticket, "/s", aim="≥ 1/3 of", reference=reference)
    return opened, reference


async def _seconds(client: Client, path: str, body: Mapping[str, Any]) -> float:
    """What one request takes, the median."""
    seconds = []
    for number in range(WARM_UP + REPEATS):
        begun = time.perf_counter()
        answer = await client.post(path, body)
        took = time.perf_counter() - begun
        assert answer.status in {201, 202}, answer.body
        if number >= WARM_UP:
            seconds.append(took)
    return median(seconds)
