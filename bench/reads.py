"""What people look at all day, asked as the web app asks it; and the answering of many tickets at once."""

import asyncio
import random
import secrets
import time
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from statistics import median
from typing import Any
from urllib.parse import urlencode

import asyncpg
import httpx

from bench import statements
from bench.traffic import BUSY
from tests.running_desk import RunningDesk

REPEATS = 40
MOST_SECONDS = 20.0  # a slow read is not asked so often
WARM_UP = 3
_AT_ONCE = 4
_WAITING = [("status", "new"), ("status", "open")]
_UNSOLVED = [*_WAITING, ("status", "pending"), ("status", "on_hold")]
_DONE = [("status", "solved"), ("status", "closed")]
_LISTS: dict[str, list[tuple[str, str]]] = {
    "inbox: mine": [*_WAITING, ("assignee", "me")],
    "inbox: unassigned": [*_WAITING, ("assignee", "none")],
    "inbox: unsolved": _UNSOLVED,
    "inbox: unsolved, next due first": [*_UNSOLVED, ("sort", "sla_due")],
    "inbox: unsolved, oldest first": [*_UNSOLVED, ("sort", "created_at")],
    "inbox: solved": _DONE,
    "list: urgent, in Arabic": [("priority", "urgent"), ("language", "ar")],
    "list: of a group without tickets": [("group", "nobody")],
}
_OF_A_TICKET = {"one ticket": "", "its thread": "/messages", "its history": "/history"}
_OF_ALL = {
    "analytics: overview, 7 days": "/api/analytics/overview?from={week}",
    "analytics: overview, 30 days": "/api/analytics/overview",
    "analytics: volume by channel, 30 days": "/api/analytics/volume?by=channel",
}
# What ran once for every request; relays look at their outboxes meanwhile.
_READ = """
    SELECT coalesce(sum(shared_blks_hit + shared_blks_read), 0)::float8, coalesce(sum(min_exec_time), 0)
    FROM pg_stat_statements JOIN pg_roles ON pg_roles.oid = userid
    WHERE rolname = $1 AND calls >= $2 AND query NOT LIKE '%outbox%' AND query ~* '^\\s*(select|with)'"""


async def measure_reads(desk: RunningDesk, *, week: str) -> dict[str, dict[str, float]]:
    """Of each read: pages of the database, its time there at best, and the request's, in milliseconds.

    Pages are what a read costs whoever else uses the machine; of times only the best tell something then. `week` is the
    day a week ago.
    """
    tickets = await _picked(desk)
    paths: dict[str, list[str]] = {
        name: [f"/api/tickets?{urlencode(query)}"] * len(tickets) for name, query in _LISTS.items()
    }
    paths["list: of one customer"] = [f"/api/tickets?requester={customer}" for _, customer in tickets]
    for name, below in _OF_A_TICKET.items():
        paths[name] = [f"/api/tickets/{ticket}{below}" for ticket, _ in tickets]
    paths["one customer"] = [f"/api/customers/{customer}" for _, customer in tickets]
    for name, path in _OF_ALL.items():
        paths[name] = [path.format(week=week)] * len(tickets)
    connection = await asyncpg.connect(desk.admin_url)
    found = {}
    with desk.client(desk.login("supervisor")) as client:
        for name, asked in paths.items():
            await asyncio.to_thread(_ask, client, asked[:WARM_UP])
            await statements.forget(desk)
            seconds = await asyncio.to_thread(_ask, client, asked[WARM_UP:])
            service = "analytics" if name.startswith("analytics") else "tickets"
            pages, best = await connection.fetchrow(_READ, f"desk_{service}", len(seconds))
            found[name] = {
                "pages": pages / len(seconds),
                "database": best,
                "request": min(seconds) * 1000,
                "median": median(seconds) * 1000,
            }
    await connection.close()
    return found


async def _picked(desk: RunningDesk) -> list[tuple[str, str]]:
    """Some tickets, old and new, with their requesters."""
    connection = await asyncpg.connect(desk.admin_url)
    rows = await connection.fetch(
        "SELECT id, requester_id FROM tickets.tickets ORDER BY random() LIMIT $1", REPEATS + WARM_UP
    )
    await connection.close()
    return [(str(row["id"]), str(row["requester_id"])) for row in rows]


def _ask(client: httpx.Client, paths: list[str]) -> list[float]:
    seconds: list[float] = []
    for path in paths:
        if sum(seconds) > MOST_SECONDS:
            break
        begun = time.perf_counter()
        client.get(path).raise_for_status()
        seconds.append(time.perf_counter() - begun)
    return seconds


def solve(desk: RunningDesk, tickets: list[str]) -> None:
    """Answer each ticket once and solve it, some at a time."""
    with desk.client(desk.agent) as client, ThreadPoolExecutor(_AT_ONCE) as pool:
        for done in pool.map(lambda ticket: _solve(client, ticket), tickets):
            done.raise_for_status()


def _solve(client: httpx.Client, ticket: str) -> httpx.Response:
    body: dict[str, Any] = {"text": "Thank you for your message. This is done.", "status": "solved"}
    headers = {"Idempotency-Key": secrets.token_hex(16)}
    while True:
        answer = client.post(f"/api/tickets/{ticket}/replies", json=body, headers=headers)
        if answer.status_code not in BUSY or answer.status_code == HTTPStatus.CONFLICT:
            return answer
        time.sleep(random.uniform(0.1, 0.3))
