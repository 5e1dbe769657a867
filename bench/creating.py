"""How fast tickets are opened by the API, beside a route that inserts one row and does nothing else.

Both apps are in this process and asked without HTTP, one request after the other, of the same PostgreSQL. What is
opened stays there; its documents are not made.
"""

import time
from statistics import median

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
        message = {"sender": {"address": "ana@example.com"}, "subject": _SUBJECT, "text": _TEXT}
        ticket = {"requester": {"email": "ana@example.com", "name": "Ana"}, "subject": _SUBJECT, "text": _TEXT}
        requests = {"/messages": (Client(bare.app), message), "/api/tickets": (agent, ticket)}
        seconds: dict[str, list[float]] = {path: [] for path in requests}
        for number in range(WARM_UP + REPEATS):
            # One after the other, so that what the machine does beside is in both.
            for path, (client, body) in requests.items():
                begun = time.perf_counter()
                answer = await client.post(path, body)
                took = time.perf_counter() - begun
                assert answer.status in {201, 202}, answer.body
                if number >= WARM_UP:
                    seconds[path].append(took)
    row, opened = (median(some) for some in seconds.values())
    reference = Figure("bare endpoint (FastAPI, asyncpg), without HTTP: one insert per request", 1 / row, "/s")
    return Figure(f"{tickets:,} tickets: opened by the API", 1 / opened, "/s", "≥ 1/3 of", reference), reference
