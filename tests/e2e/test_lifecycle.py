"""An organisation has rules of its own: what has to be known before a ticket is solved, and that it then stays so."""

from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from typing import Any

import httpx

from shared.ids import uuid7
from tests.e2e.story import eventually
from tests.e2e.test_merging import mail, send
from tests.running_desk import RunningDesk

ANY = {"If-Match": "*"}


@contextmanager
def changed(admin: httpx.Client, path: str, after: dict[str, Any], *, back: dict[str, Any]) -> Iterator[None]:
    """Settings with these parts, and afterwards as they were but for those of `back`: other tests share the desk."""
    read = admin.get(path)
    before = {name: read.json()[name] for name in read.json().keys() - {"version", "changed_at", "changed_by"}}
    answer = admin.put(path, json={**before, **after}, headers={"If-Match": read.headers["ETag"]})
    assert answer.status_code == 200, answer.text
    try:
        yield
    finally:
        answer = admin.put(path, json={**before, **back}, headers={"If-Match": answer.headers["ETag"]})
        assert answer.status_code == 200, answer.text


@contextmanager
def lending(admin: httpx.Client, mark: str) -> Iterator[str]:
    """What is lent has to come back: a field, the rules with it, and a template; returns the template's id."""
    fields = admin.get("/api/settings/fields").json()["fields"]
    lifecycle = admin.get("/api/settings/tickets").json()
    tagged = {"field": "tags", "is": [mark]}
    field = {"key": f"shelf_{mark}", "kind": "text", "labels": {"en": "Shelf"}, "visible_if": tagged}
    required = {"to": "solved", "fields": [f"fields.{field['key']}"], "types": ["feature_request"]}
    rules = {
        "requirements": [*lifecycle["requirements"], required],
        "forbidden": {"agent": [{"from": at, "to": "on_hold"} for at in ("new", "open")]},
        "reopening_of": {**lifecycle["reopening_of"], mark: {"policy": "never"}},
    }
    content = {
        "subject": "Loan of a device",
        "text": "Which?",
        "type": "feature_request",
        "group": mark,
        "tags": [mark],
    }
    made = admin.post("/api/tickets/templates", json={"name": f"Loan {mark}", "content": content})
    assert made.status_code == 201, made.text
    # A field stays once it is there.
    gone = {"fields": [*fields, {**field, "active": False}]}
    try:
        with (
            changed(admin, "/api/settings/fields", {"fields": [*fields, field]}, back=gone),
            changed(admin, "/api/settings/tickets", rules, back={}),
        ):
            yield made.json()["id"]
    finally:
        assert admin.delete(made.headers["location"], headers=ANY).status_code == 204


def test_an_agent_keeps_to_the_rules_of_the_organisation(desk: RunningDesk) -> None:
    mark = f"loan_{uuid7().hex[-12:]}"
    customer = f"{mark}@example.org"
    shelf = {f"shelf_{mark}": "B 12"}
    with (
        desk.system() as system,
        desk.client(desk.admin) as admin,
        desk.client(desk.agent) as agent,
        lending(admin, mark) as template,
    ):
        body = {"template_id": template, "text": "A projector, please.", "requester": {"email": customer}}
        opened = agent.post("/api/tickets", json=body, headers={"Idempotency-Key": str(uuid7())})
        assert opened.status_code == 201, opened.text
        ticket = opened.json()
        assert (ticket["subject"], ticket["type"], ticket["group"]) == ("Loan of a device", "feature_request", mark)
        path = f"/api/tickets/{ticket['id']}"

        def ruled() -> bool | None:
            return "on_hold" not in agent.get(path).json()["allowed_statuses"] or None

        eventually(ruled, "that the desk works by the new rules")
        closed = agent.patch(path, json={"status": "on_hold"}, headers=ANY)
        assert (closed.status_code, closed.json()["type"]) == (403, "/problems/way-closed")
        assert "on_hold" not in closed.json()["allowed"]
        assert "on_hold" in admin.get(path).json()["allowed_statuses"], "it is closed to agents alone"

        returned = {"text": "Thank you for bringing it back.", "status": "solved"}
        for refused in (
            agent.patch(path, json={"status": "solved"}, headers=ANY),
            agent.post(f"{path}/replies", json=returned),
        ):
            assert (refused.status_code, refused.json()["type"]) == (422, "/problems/fields-missing")
            assert refused.json()["fields"] == [f"fields.shelf_{mark}"]
        assert len(agent.get(f"{path}/messages").json()["items"]) == 1, "what was refused was not sent"
        assert agent.patch(path, json={"fields": shelf}, headers=ANY).json()["fields"] == shelf
        assert agent.post(f"{path}/replies", json=returned).json()["ticket"]["status"] == "solved"
        impossible = agent.patch(path, json={"status": "new"}, headers=ANY)
        assert (impossible.status_code, impossible.json()["type"]) == (409, "/problems/invalid-transition")

        def letter() -> Any:
            letters = (message_from_bytes(f.read_bytes(), policy=policy.default) for f in outgoing.rglob("*.eml"))
            return next((each for each in letters if customer in each["To"]), None)

        outgoing = desk.home / "outgoing"
        answered = eventually(letter, "delivery of the reply")["Message-ID"]
        follow_up = send(system, mail(customer, "Re: Loan", "I need it again.", answers=answered))
        told = agent.get(f"/api/tickets/{follow_up['id']}").json()
        assert (told["id"] == ticket["id"], told["follow_up_of"]) == (False, ticket["id"])
        assert agent.get(path).json()["status"] == "solved"
