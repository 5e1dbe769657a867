"""Every route that takes an id, called with the id of an object that exists and belongs to somebody else.

The routes come from the committed OpenAPI documents, so a new one is in here by itself. Whoever may not see an object
gets the very answer that an id nobody has would get: neither the object, nor the news that there is one.
"""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import product
from typing import Any, TypeVar

import httpx
import pytest

from shared.ids import uuid7
from tests.running_desk import ROOT, Login, RunningDesk

T = TypeVar("T")

PATIENCE_SECONDS = 60
METHODS = ("get", "put", "post", "patch", "delete")
REFUSED = {403, 404}

# Bodies that are well-formed, where the route lets the caller get as far as that.
BODIES: dict[tuple[str, str], Any] = {
    ("POST", "/api/tickets/{ticket_id}/replies"): {"text": "Is this mine?"},
    ("PUT", "/api/agents/{agent_id}"): {"skills": [], "languages": [], "capacity": 1, "available": False},
}
# What agents may not do to others. Of tickets, customers and articles they may read and change all.
CLOSED_TO_AGENTS = {
    ("DELETE", "/api/accounts/keys/{key_id}"),
    ("PATCH", "/api/accounts/{account_id}"),
    ("POST", "/api/accounts/{account_id}/revoke"),
    ("PUT", "/api/agents/{agent_id}"),
    ("PUT", "/api/sla/policies/{policy_id}"),
}


@dataclass(frozen=True)
class Route:
    method: str
    path: str
    parameters: tuple[str, ...]

    def ask(self, client: httpx.Client, ids: dict[str, str]) -> httpx.Response:
        body = BODIES.get((self.method, self.path))
        return client.request(self.method, self.path.format(**ids), json=body, headers={"If-Match": "*"})


def routes_with_ids() -> Iterator[Route]:
    for document in sorted((ROOT / "docs" / "openapi").glob("*.json")):
        for (path, operations), method in product(json.loads(document.read_text())["paths"].items(), METHODS):
            if "{" in path and method in operations:
                shared = operations.get("parameters", [])
                names = [p["name"] for p in (*shared, *operations[method].get("parameters", [])) if p["in"] == "path"]
                yield Route(method.upper(), path, tuple(names))


ROUTES = list(routes_with_ids())


@dataclass(frozen=True)
class World:
    """`ids` is what the first customer, her agent and the administrator have, by the name of the path parameter."""

    owner: httpx.Client
    other: httpx.Client
    agent: httpx.Client
    admin: httpx.Client
    ids: dict[str, str]


def eventually(look: Callable[[], T | None], what: str) -> T:
    """What `look` returns once it is something; services learn of each other by event."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if (found := look()) is not None:
            return found
        time.sleep(0.1)
    pytest.fail(f"{what} did not happen within {PATIENCE_SECONDS} s")


@pytest.fixture(scope="module")
def world(desk: RunningDesk) -> Iterator[World]:
    with ExitStack() as stack:
        admin = stack.enter_context(desk.client(desk.admin))
        agent = stack.enter_context(desk.client(desk.agent))
        owner, other = (stack.enter_context(desk.client(customer(admin))) for _ in range(2))
        tickets = [open_ticket(client) for client in (owner, other)]
        email = owner.get("/api/auth/session").json()["email"]
        message = {"channel": "api", "sender": {"kind": "email", "address": email, "name": "A"}, "text": "Hello?"}
        receipt = created(admin.post("/api/ingest/messages", json={"subject": "Hello", **message}), 202)
        file = owner.post("/api/attachments?name=mine.txt", content=b"mine")
        draft = {"locale": "en", "title": "Not yet", "body": "Nobody shall read this yet."}
        key = {"name": "Importer", "scopes": ["ticket.read"]}
        me = agent.get("/api/auth/session").json()["account_id"]
        others = [a["id"] for a in admin.get("/api/agents").json()["items"] if a["id"] != me]
        ids = {
            "account_id": owner.get("/api/auth/session").json()["account_id"],
            "agent_id": others[0],
            "article_id": created(admin.post("/api/knowledge/articles", json=draft))["id"],
            "attachment_id": created(file)["id"],
            "customer_id": tickets[0]["requester"]["customer_id"],
            "key_id": created(admin.post("/api/accounts/keys", json=key))["id"],
            "message_id": receipt["id"],
            "policy_id": admin.get("/api/sla/policies").json()["items"][0]["id"],
            "ticket_id": tickets[0]["id"],
        }
        yield World(owner, other, agent, admin, ids)


def created(answer: httpx.Response, status: int = 201) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    body: dict[str, Any] = answer.json()
    return body


def customer(admin: httpx.Client) -> Login:
    login = Login(f"customer-{uuid7()}@example.org", str(uuid7()))
    account = {"email": login.email, "name": "Customer", "role": "customer", "password": login.password}
    created(admin.post("/api/accounts", json=account))
    return login


def open_ticket(client: httpx.Client) -> dict[str, Any]:
    def look() -> dict[str, Any] | None:
        answer = client.post("/api/tickets", json={"subject": "Mine", "text": "Only mine."})
        return answer.json() if answer.status_code == 201 else None

    return eventually(look, "a customer's first ticket")


def test_every_kind_of_object_has_an_id_here(world: World) -> None:
    for route in ROUTES:
        unknown = set(route.parameters) - set(world.ids)
        assert not unknown, f"{route.method} {route.path}: declare an id of {unknown} in `world`"
    assert {(route.method, route.path) for route in ROUTES} >= CLOSED_TO_AGENTS | set(BODIES)


@pytest.mark.parametrize("path", [r.path for r in ROUTES if r.method == "GET" and "/public/" not in r.path])
def test_the_objects_are_there(world: World, path: str) -> None:
    """Otherwise everything below would pass for want of objects."""
    eventually(lambda: world.admin.get(path.format(**world.ids)).status_code == 200 or None, f"200 from {path}")


def test_customers_have_what_is_theirs(world: World) -> None:
    for path in ("/api/tickets/{ticket_id}", "/api/tickets/{ticket_id}/messages", "/api/attachments/{attachment_id}"):
        assert world.owner.get(path.format(**world.ids)).status_code == 200, path


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_another_customer_gets_nothing(world: World, route: Route) -> None:
    assert_as_if_it_were_not_there(world.other, route, world.ids)


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_an_agent_gets_no_further_than_agents_may(world: World, route: Route) -> None:
    if (route.method, route.path) in CLOSED_TO_AGENTS:
        assert_as_if_it_were_not_there(world.agent, route, world.ids)
    elif route.method == "GET":
        assert route.ask(world.agent, world.ids).status_code in {200, 404}


def assert_as_if_it_were_not_there(client: httpx.Client, route: Route, ids: dict[str, str]) -> None:
    answer = route.ask(client, ids)
    nobodys = route.ask(client, {name: str(uuid7()) for name in ids})
    assert answer.status_code in REFUSED, f"{answer.status_code} {answer.text}; 422: declare a body in BODIES"
    assert (answer.status_code, answer.json()) == (nobodys.status_code, nobodys.json())


def test_lists_and_counts_show_nothing_of_others(world: World) -> None:
    for path in ("/api/tickets", "/api/knowledge/articles", "/api/knowledge/public/articles"):
        answer = world.other.get(path, params={"limit": 200})
        assert answer.status_code == 200, path
        # Whom one's own ticket is assigned to is no secret.
        found = [name for name, value in world.ids.items() if value in answer.text and name != "agent_id"]
        assert found == [], path
