"""Every route that takes an id, called with the id of an object that exists and belongs to somebody else.

The routes come from the committed OpenAPI documents, so a new one is in here by itself. Whoever may not see an object
gets the very answer that an id nobody has would get: neither the object, nor the news that there is one.
"""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from email.message import EmailMessage
from itertools import product
from typing import Any

import httpx
import pytest
from pysequoia import Tsk

from shared.db import now_utc
from shared.ids import uuid7
from tests.e2e.story import eventually
from tests.images import png
from tests.running_desk import ROOT, Login, RunningDesk

METHODS = ("get", "put", "post", "patch", "delete")
REFUSED = {403, 404}

# Bodies that are well-formed, where the route lets the caller get as far as that.
BODIES: dict[tuple[str, str], Any] = {
    ("POST", "/api/tickets/{ticket_id}/replies"): {"text": "Is this mine?"},
    ("PUT", "/api/agents/{agent_id}"): {"skills": [], "languages": [], "capacity": 1, "available": False},
    ("PUT", "/api/channels/mailboxes/{mailbox_id}"): {"address": "mine@desk.example"},
}
# What agents may not do to others. Of tickets, customers and articles they may read and change all.
CLOSED_TO_AGENTS = {
    ("DELETE", "/api/accounts/keys/{key_id}"),
    ("DELETE", "/api/channels/keys/{mail_key_id}"),
    ("DELETE", "/api/channels/mailboxes/{mailbox_id}"),
    ("DELETE", "/api/channels/suppressions/{suppression_id}"),
    ("DELETE", "/api/ingest/quarantine/{quarantined_id}"),
    ("GET", "/api/channels/keys/{mail_key_id}"),
    ("GET", "/api/channels/mailboxes/{mailbox_id}"),
    ("GET", "/api/ingest/quarantine/{quarantined_id}/raw"),
    ("PATCH", "/api/accounts/{account_id}"),
    ("POST", "/api/accounts/{account_id}/revoke"),
    ("POST", "/api/channels/mailboxes/{mailbox_id}/check"),
    ("PUT", "/api/agents/{agent_id}"),
    ("PUT", "/api/channels/mailboxes/{mailbox_id}"),
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


@pytest.fixture(scope="module")
def world(desk: RunningDesk) -> Iterator[World]:
    with ExitStack() as stack:
        admin = stack.enter_context(desk.client(desk.admin))
        agent = stack.enter_context(desk.client(desk.agent))
        owner, other = (stack.enter_context(desk.client(customer(admin))) for _ in range(2))
        tickets = [open_ticket(client) for client in (owner, other)]
        email = owner.get("/api/auth/session").json()["email"]
        file = owner.post("/api/attachments?name=mine.png", content=png())
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
            "name": "mailgun",
            "mailbox_id": created(
                admin.post("/api/channels/mailboxes", json={"address": f"box-{uuid7().hex[-12:]}@x.example"})
            )["id"],
            "mail_key_id": mail_key(admin),
            "message_id": created(admin.post("/api/ingest/email", **mail_from(email)), 202)["id"],
            "policy_id": admin.get("/api/sla/policies").json()["items"][0]["id"],
            "quarantined_id": created(admin.post("/api/ingest/email", **mail_from("nobody")), 202)["id"],
            "suppression_id": created(
                admin.post("/api/channels/suppressions", json={"address": f"{uuid7()}@x.example"})
            )["id"],
            "ticket_id": tickets[0]["id"],
        }
        yield World(owner, other, agent, admin, ids | of_tickets(admin, ids["ticket_id"], ids["customer_id"]))


def of_tickets(admin: httpx.Client, ticket_id: str, customer_id: str) -> dict[str, str]:
    """What hangs on the ticket and on the customer, and what the administrator alone has beside them."""
    customer, ticket = f"/api/customers/{customer_id}", f"/api/tickets/{ticket_id}"
    related = open_for(admin, customer_id)
    twin = created(admin.post("/api/customers", json={"name": "Twin"}))["id"]
    created(admin.put(f"{customer}/facts/billing", json={"data": {"plan": "pro"}}), 200)
    later = {"text": "Later.", "send_at": (now_utc() + timedelta(days=7)).isoformat()}
    selection = {"selection": {"ids": [ticket_id]}, "actions": {"add_tags": ["x"]}, "dry_run": True}
    condition = {"conditions": {"field": "status", "is": ["open"]}}
    template = {"name": "Return", "content": {"subject": "Return"}}
    link = {"relation": "related", "ticket_id": related}
    macro = {"name": "Mine", "visibility": "personal", "texts": {"en": {"text": "Thank you."}}}
    return {
        "job_id": created(admin.post("/api/bulk", json=selection), 202)["id"],
        "link_id": created(admin.post(f"{ticket}/links", json=link))["id"],
        "macro_id": created(admin.post("/api/macros", json=macro))["id"],
        "merge_id": created(admin.post(f"{customer}/merges", json={"customer_id": twin}))["id"],
        "organisation_id": created(admin.post("/api/organisations", json={"name": "Example Ltd"}))["id"],
        "scheduled_id": created(admin.post(f"{ticket}/replies", json=later), 202)["id"],
        "source": "billing",
        "source_id": related,
        "template_id": created(admin.post("/api/tickets/templates", json=template))["id"],
        "view_id": created(admin.post("/api/views", json={"name": "Mine", **condition}))["id"],
    }


def mail_from(address: str) -> dict[str, Any]:
    """A formatted mail, as a request."""
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = address, "support@example.com", "Hello"
    mail["Message-ID"] = f"<{uuid7()}@example.org>"
    mail.set_content("Hello?")
    mail.add_alternative("<p>Hello?</p>", subtype="html")
    return {"content": bytes(mail), "headers": {"Content-Type": "message/rfc822"}}


def mail_key(admin: httpx.Client) -> str:
    """A key of mail of somebody's."""
    key = Tsk.generate(f"Somebody <{uuid7()}@x.example>").extract_certificate()
    return str(created(admin.post("/api/channels/keys", json={"kind": "pgp", "key": str(key)}))["id"])


def open_for(admin: httpx.Client, customer_id: str) -> str:
    body = {"text": "Another one.", "requester": {"customer_id": customer_id}}
    return str(created(admin.post("/api/tickets", json=body))["id"])


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
