"""How fast tickets are listed: each order, first pages and deep ones, views, their counts, windows; and one ticket.

Counts are measured as they are counted anew: kept ones cost next to nothing.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from statistics import median, quantiles
from typing import Any
from uuid import UUID

from bench.result import Figure
from bench.stock import AGENTS, GROUPS, TAGS
from services.tickets.domain.lists import Sort
from services.tickets.service import views
from shared.web import encode_cursor
from tests.asgi import Client

REPEATS = 25
WARM_UP = 3
PAGE = 50
# As far as a window reaches into a list of a million.
DEEP = 50_000

_UNSOLVED = {"field": "status", "is": ["new", "open", "pending", "on_hold"]}
_UNSOLVED_ONLY = {"status": ["new", "open", "pending", "on_hold"]}
_VIEWS: Mapping[str, tuple[Any, str]] = {
    "urgent, or with a tag": (
        {
            "all": [
                _UNSOLVED,
                {"any": [{"field": "priority", "is": ["urgent"]}, {"field": "tags", "is": ["tag-40"]}]},
            ]
        },
        "sla_due",
    ),
    "mine, or nobody's of a group": (
        {
            "all": [
                _UNSOLVED,
                {
                    "any": [
                        {"field": "assignee", "is": ["me"]},
                        {"all": [{"field": "group", "is": ["group-3"]}, {"field": "assignee", "is": []}]},
                    ]
                },
            ]
        },
        "sla_due",
    ),
    "ever urgent, or with a tag": (
        {"any": [{"field": "priority", "is": ["urgent"]}, {"field": "tags", "is": ["tag-40"]}]},
        "-created_at",
    ),
    "a rare type of a rare brand": (
        {"all": [{"field": "type", "is": ["feature_request"]}, {"field": "brand", "is": ["outlet"]}]},
        "-updated_at",
    ),
    "frequent, but never together": (
        {"all": [{"field": "status", "is": ["closed"]}, {"field": "updated", "gte": "-20d"}]},
        "-updated_at",
    ),
    "a rare value of a field": ({"field": "fields.device", "is": ["fax"]}, "-updated_at"),
    "a number of a field": ({"field": "fields.cost", "gte": 990}, "-updated_at"),
    "not a tag": ({"not": {"field": "tags", "is": ["tag-1"]}}, "-updated_at"),
    "a part of the subject, which none has": ({"field": "subject", "contains": "qqq"}, "-updated_at"),
}

Request = tuple[str, dict[str, Any]]


async def measure(agent: Client, tickets: int) -> tuple[list[dict[str, Any]], list[Figure]]:
    """A row for each kind of request, and the figures that there are aims for."""
    views.KEPT_SECONDS = 0
    seconds: dict[str, list[float]] = {}
    rows = []
    added = await _add_views(agent)
    for name, request in (await _requests(agent, tickets, added)).items():
        seconds[name], items = await _timed(agent, request)
        rows.append(
            {
                "tickets": tickets,
                "request": name,
                "items": items,
                "median, ms": median(seconds[name]),
                "p95, ms": _p95(seconds[name]),
                "best, ms": min(seconds[name]),
            }
        )
        print(rows[-1], flush=True)
    for path in added.values():
        answer = await agent.delete(path, if_match="*")
        assert answer.status == 204, answer.body
    return rows, _figures(tickets, seconds)


def _figures(tickets: int, seconds: Mapping[str, Sequence[float]]) -> list[Figure]:
    def of(prefix: str) -> list[float]:
        return [one for name, some in seconds.items() if name.startswith(prefix) for one in some]

    return [
        Figure(f"{tickets:,} tickets: {what}, p95", _p95(of(prefix)), "ms", aim=aim)
        for what, prefix, aim in (
            ("a page of a list", "list: ", "< 50 ms"),
            ("a page of a view", "view: ", "< 50 ms"),
            ("the counts of all views", "counts", "< 100 ms"),
            ("a window", "window: ", None),
            ("a ticket", "a ticket", None),
            ("a thread", "a thread", None),
        )
    ]


async def _timed(agent: Client, request: Callable[[int], Request]) -> tuple[list[float], int]:
    seconds = []
    items = 0
    for number in range(REPEATS + WARM_UP):
        path, query = request(number)
        begun = time.perf_counter()
        answer = await agent.get(path, **query)
        took = (time.perf_counter() - begun) * 1000
        assert answer.status == 200, answer.body
        items = len(answer.json().get("items", ()))
        if number >= WARM_UP:
            seconds.append(took)
    return seconds, items


async def _add_views(agent: Client) -> dict[str, str]:
    """The path of each view that is measured beside those that every desk has; an interrupted run's are taken away."""
    for view in (await agent.get("/api/views")).json()["items"]:
        if view["visibility"] == "personal":
            await agent.delete(f"/api/views/{view['id']}", if_match="*")
    paths = {}
    for name, (conditions, sort) in _VIEWS.items():
        answer = await agent.post("/api/views", {"name": name, "conditions": conditions, "sort": sort})
        assert answer.status == 201, answer.body
        paths[name] = f"/api/views/{answer.json()['id']}"
    return paths


async def _requests(agent: Client, tickets: int, added: Mapping[str, str]) -> dict[str, Callable[[int], Request]]:
    def always(path: str, **query: Any) -> Callable[[int], Request]:
        return lambda _: (path, query)

    deep = min(DEEP, tickets // 2)
    requests: dict[str, Callable[[int], Request]] = {}
    for sort in Sort:
        requests[f"list: {sort.value}"] = always("/api/tickets", sort=sort.value)
        requests[f"list: {sort.value}, from row {deep} on"] = await _deep(agent, sort, deep)
    requests |= {
        "list: an agent's": lambda n: ("/api/tickets", {"assignee": str(UUID(int=1 + n % AGENTS))}),
        "list: an agent's, unsolved, next due": lambda n: (
            "/api/tickets",
            {"assignee": str(UUID(int=1 + n % AGENTS)), "sort": "sla_due", **_UNSOLVED_ONLY},
        ),
        "list: a group's": lambda n: ("/api/tickets", {"group": f"group-{1 + n % GROUPS}"}),
        "list: a group's, next due": lambda n: (
            "/api/tickets",
            {"group": f"group-{1 + n % GROUPS}", "sort": "sla_due", **_UNSOLVED_ONLY},
        ),
        "list: nobody's": always("/api/tickets", assignee="none", **_UNSOLVED_ONLY),
        "list: unsolved, the oldest": always("/api/tickets", sort="created_at", **_UNSOLVED_ONLY),
        "list: unsolved, next due": always("/api/tickets", sort="sla_due", **_UNSOLVED_ONLY),
        "list: pending": always("/api/tickets", status="pending"),
        "list: closed": always("/api/tickets", status="closed"),
        "list: urgent, by chat": always("/api/tickets", priority="urgent", channel="chat"),
        "list: a tag": lambda n: ("/api/tickets", {"tag": f"tag-{1 + n % TAGS}"}),
        "list: a type and a brand": always("/api/tickets", type="incident", brand="north"),
        "list: a field's value": always("/api/tickets", where="fields.device:fax"),
        "list: a field's number": always("/api/tickets", where="fields.cost>990"),
    }
    for view in (await agent.get("/api/views")).json()["items"]:
        if view["key"]:
            requests[f"view: {view['key']}"] = always(f"/api/views/{view['id']}/tickets")
    requests |= {f"view: {name}": always(f"{path}/tickets") for name, path in added.items()}
    found = (await agent.get("/api/tickets", limit=PAGE)).json()["items"]
    requests |= {
        "counts of the views above": always("/api/views/counts"),
        f"window: all, row {deep}": always("/api/tickets/window", offset=deep),
        f"window: closed, row {deep}": always("/api/tickets/window", offset=deep, status="closed"),
        f"window: a group's, row {deep // 10}": always("/api/tickets/window", offset=deep // 10, group="group-1"),
        f"window: not a tag, row {deep}": always(f"{added['not a tag']}/window", offset=deep),
        "a ticket": lambda n: (f"/api/tickets/{found[n % PAGE]['id']}", {}),
        "a thread": lambda n: (f"/api/tickets/{found[n % PAGE]['id']}/messages", {}),
    }
    return requests


async def _deep(agent: Client, sort: Sort, offset: int) -> Callable[[int], Request]:
    answer = await agent.get("/api/tickets/window", sort=sort.value, offset=offset, limit=1)
    assert answer.status == 200, answer.body
    (row,) = answer.json()["items"]
    value = row["sla"]["next_due_at"] if sort is Sort.SLA_DUE else row[sort.value.removeprefix("-")]
    cursor = encode_cursor(*(sort.value, False, value, row["id"]))
    return lambda _: ("/api/tickets", {"sort": sort.value, "cursor": cursor})


def _p95(values: Sequence[float]) -> float:
    return quantiles(values, n=20)[-1]
