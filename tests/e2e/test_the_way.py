"""One customer message travels the whole way: through the edge, on real PostgreSQL and a real broker."""

import json
from email.message import EmailMessage
from pathlib import Path

import httpx
from websockets.sync.client import connect

from shared.ids import uuid7
from tests.e2e.story import PATIENCE_SECONDS, assigned, eventually, message, ticket_of
from tests.running_desk import ROOT, RunningDesk


def test_a_mail_file_becomes_an_assigned_ticket_with_a_clock(desk: RunningDesk) -> None:
    sample = ROOT / "samples" / "mail" / "02-hindi-utf8-base64.eml"
    with desk.system() as client:
        answer = client.post(
            "/api/ingest/email", content=sample.read_bytes(), headers={"Content-Type": "message/rfc822"}
        )
        assert answer.status_code == 202, answer.text
        ticket = assigned(client, ticket_of(client, answer.json()["status_url"])["id"])
        assert ticket["channel"] == "email"
        assert ticket["sla"]["state"] in {"running", "warned"}
        decision = client.get(f"/api/routing/tickets/{ticket['id']}").json()
        assert ticket["assignee"]["id"] in json.dumps(decision)
        again = client.post(
            "/api/ingest/email", content=sample.read_bytes(), headers={"Content-Type": "message/rfc822"}
        )
        assert ticket_of(client, again.json()["status_url"])["id"] == ticket["id"], "the same mail is the same ticket"


def test_a_reply_leaves_and_stops_the_clock(desk: RunningDesk) -> None:
    mail = EmailMessage()
    mail["From"] = f"Reply Tester <reply-{uuid7()}@example.org>"
    mail["To"] = "support@example.com"
    mail["Subject"] = "Where is my parcel?"
    mail["Message-ID"] = f"<{uuid7()}@example.org>"
    mail.set_content("Hello, I am still waiting for my parcel. Please help me.")
    outgoing = desk.home / "outgoing"
    with desk.system() as system, desk.client(desk.admin) as agent:
        posted = system.post("/api/ingest/email", content=bytes(mail), headers={"Content-Type": "message/rfc822"})
        ticket = assigned(system, ticket_of(system, posted.json()["status_url"])["id"])
        replied = agent.post(
            f"/api/tickets/{ticket['id']}/replies",
            json={"text": "It is on its way."},
            headers={"Idempotency-Key": str(uuid7())},
        )
        assert replied.status_code == 201, replied.text

        def delivered() -> Path | None:
            return next((f for f in outgoing.rglob("*.eml") if mail["Message-ID"] in f.read_text()), None)

        sent = eventually(delivered, "delivery of the reply")
        assert "It is on its way." in sent.read_text()

        def state() -> str | None:
            thread = agent.get(f"/api/tickets/{ticket['id']}/messages").json()["items"]
            reply = next(m for m in thread if m["kind"] == "reply")
            return reply["delivery_state"] if reply["delivery_state"] == "delivered" else None

        eventually(state, "the delivery state in the thread")
        assert agent.get(f"/api/tickets/{ticket['id']}").json()["status"] == "pending"

        def met() -> bool | None:
            clocks = agent.get(f"/api/sla/tickets/{ticket['id']}").json()["clocks"]
            return any(c["metric"] == "first_response" and c["state"] == "met" for c in clocks) or None

        eventually(met, "the first-response clock to stop")

        answer = EmailMessage()
        answer["From"], answer["To"], answer["Subject"] = mail["From"], "support@example.com", "Re: Where is my parcel?"
        answer["Message-ID"] = f"<{uuid7()}@example.org>"
        header = next(line for line in sent.read_text().splitlines() if line.lower().startswith("message-id:"))
        answer["In-Reply-To"] = header.partition(":")[2].strip()
        answer.set_content("Thank you!")
        second = system.post("/api/ingest/email", content=bytes(answer), headers={"Content-Type": "message/rfc822"})
        joined = ticket_of(system, second.json()["status_url"])
        assert joined["id"] == ticket["id"], "the customer's answer joins her ticket"
        assert joined["status"] == "open"


def test_batches_are_stored_whole_and_once(desk: RunningDesk) -> None:
    batch = {"messages": [message(f"Batch message {n}", external_id=str(uuid7())) for n in range(50)]}
    with desk.system() as client:
        first = client.post("/api/ingest/messages", json=batch)
        assert first.status_code == 202, first.text
        second = client.post("/api/ingest/messages", json=batch)
        assert second.json() == first.json(), "a duplicate gets the same answer"
        receipts = first.json()["messages"]
        assert len(receipts) == 50
        tickets = {ticket_of(client, receipt["status_url"])["id"] for receipt in receipts}
        assert len(tickets) == 50


def test_an_event_of_another_system_becomes_a_ticket(desk: RunningDesk) -> None:
    event = {
        "specversion": "1.0",
        "id": str(uuid7()),
        "source": "/monitoring/eu-1",
        "type": "com.example.disk.full",
        "subject": "db-7",
        "data": {"free_bytes": 0},
    }
    with desk.system() as client:
        answer = client.post(
            "/api/ingest/events",
            content=json.dumps(event),
            headers={"Content-Type": "application/cloudevents+json"},
        )
        assert answer.status_code == 202, answer.text
        assert ticket_of(client, answer.json()["status_url"])["channel"] == "event"


def test_live_frames_resume_by_sequence(desk: RunningDesk) -> None:
    live = desk.url.replace("http", "ws", 1) + "/api/live"
    with desk.client(desk.agent) as agent, desk.system() as system:
        cookies = "; ".join(f"{name}={value}" for name, value in agent.cookies.items())
        headers = {"Cookie": cookies, "Origin": desk.url}
        with connect(live, additional_headers=headers) as socket:
            hello = json.loads(socket.recv(timeout=PATIENCE_SECONDS))
            assert hello["type"] == "hello"
            posted = system.post("/api/ingest/messages", json=message("Live please"))
            ticket = ticket_of(system, posted.json()["status_url"])
            seen = []
            while True:
                frame = json.loads(socket.recv(timeout=PATIENCE_SECONDS))
                seen.append(frame)
                if frame["type"] == "ticket.upserted" and frame["ticket"]["id"] == ticket["id"]:
                    break
            assert "Live please" not in json.dumps({k: v for k, v in frame["ticket"].items() if k != "subject"})
        with connect(f"{live}?since={hello['seq']}", additional_headers=headers) as socket:
            again = json.loads(socket.recv(timeout=PATIENCE_SECONDS))
            while again["type"] == "hello":
                again = json.loads(socket.recv(timeout=PATIENCE_SECONDS))
            assert again == seen[0], "what was missed comes again, from the same place"


def test_refusals_are_problem_documents(desk: RunningDesk) -> None:
    with httpx.Client(base_url=desk.url) as stranger, desk.system() as system:
        for answer, status in (
            (stranger.get("/api/tickets"), 401),
            (stranger.post("/api/ingest/messages", json={}), 401),
            (system.post("/api/ingest/messages", json={"nonsense": 1}), 422),
            (system.get(f"/api/tickets/{uuid7()}"), 404),
            (system.get("/api/accounts"), 403),
            (stranger.get("/api/nowhere"), 404),
        ):
            assert answer.status_code == status, answer.text
            assert answer.headers["content-type"].startswith("application/problem+json"), answer.url
            assert answer.json()["title"]
