"""A reply has a copy, is taken back and sent; who got the copy answers, and what is over goes on in a follow-up."""

import json
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import httpx
from websockets.sync.client import ClientConnection, connect

from shared.ids import uuid7
from tests.e2e.story import PATIENCE_SECONDS, eventually, ticket_of
from tests.running_desk import Login, RunningDesk


def test_a_conversation_of_three(desk: RunningDesk) -> None:
    customer, colleague = (f"{name}-{uuid7()}@example.org" for name in ("ana", "bo"))
    live = desk.url.replace("http", "ws", 1) + "/api/live"
    with desk.system() as system, desk.client(desk.agent) as agent, desk.client(desk.admin) as admin:
        ticket = ticket_of(system, _sent(system, customer, "The invoice is wrong.")["status_url"])
        path = f"/api/tickets/{ticket['id']}"
        cookies = "; ".join(f"{name}={value}" for name, value in agent.cookies.items())
        with connect(live, additional_headers={"Cookie": cookies, "Origin": desk.url}) as socket:
            body = {"html": "<p>Here is a <b>new</b> one.</p>", "cc": [colleague], "undo_seconds": 60}
            waiting = agent.post(f"{path}/replies", json=body, headers=_once())
            assert waiting.status_code == 202, waiting.text
            assert _leaving(socket, ticket["id"])["release_at"] is not None
            assert agent.delete(waiting.headers["location"]).status_code == 200
            assert _leaving(socket, ticket["id"])["release_at"] is None
        draft = agent.get(f"{path}/draft").json()["draft"]
        assert (draft["html"], draft["cc"]) == (body["html"], [colleague])

        kept = {name: draft[name] for name in ("html", "cc")}
        assert agent.post(f"{path}/replies", json=kept, headers=_once()).status_code == 201

        def letter() -> Any:
            letters = (message_from_bytes(f.read_bytes(), policy=policy.default) for f in outgoing.rglob("*.eml"))
            return next((each for each in letters if each["Cc"] == colleague), None)

        outgoing = desk.home / "outgoing"
        copy = eventually(letter, "delivery of the copy")
        assert customer in copy["To"]

        answer = _sent(system, colleague, "I pay it.", answered=copy["Message-ID"])
        assert ticket_of(system, answer["status_url"])["id"] == ticket["id"], "who got a copy takes part"

        for status in ("solved", "closed"):
            assert agent.patch(path, json={"status": status}, headers={"If-Match": "*"}).status_code == 200
        password = f"correct horse {uuid7()}"
        account = {"email": customer, "name": "Ana", "role": "customer", "password": password}
        assert admin.post("/api/accounts", json=account).status_code == 201
        with desk.client(Login(customer, password)) as ana:
            assert eventually(lambda: _ok(ana.get(path)), "the customer's ticket")["status"] == "closed"
            again = ana.post(f"{path}/replies", json={"text": "It is wrong again."}, headers=_once())
            assert (again.status_code, again.json()["ticket"]["id"] == ticket["id"]) == (201, False)
            follow_up = agent.get(f"/api/tickets/{again.json()['ticket']['id']}").json()
            assert (follow_up["follow_up_of"], follow_up["status"] in {"new", "open"}) == (ticket["id"], True)


def _sent(system: httpx.Client, sender: str, text: str, *, answered: str | None = None) -> Any:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = sender, "support@example.com", "Invoice"
    mail["Message-ID"] = f"<{uuid7()}@example.org>"
    if answered:
        mail["In-Reply-To"] = answered
    mail.set_content(text)
    posted = system.post("/api/ingest/email", content=bytes(mail), headers={"Content-Type": "message/rfc822"})
    assert posted.status_code == 202, posted.text
    return posted.json()


def _leaving(socket: ClientConnection, ticket_id: str) -> Any:
    while True:
        frame = json.loads(socket.recv(timeout=PATIENCE_SECONDS))
        if frame["type"] == "ticket.leaving" and frame["ticket_id"] == ticket_id:
            return frame["reply"]


def _once() -> dict[str, str]:
    return {"Idempotency-Key": str(uuid7())}


def _ok(answer: httpx.Response) -> Any:
    return answer.json() if answer.status_code == 200 else None
