"""A reply goes out, its report comes back as mail, and the agent and the list of suppressions know."""

from email.message import EmailMessage
from pathlib import Path
from typing import Any

from shared.ids import uuid7
from tests.e2e.story import eventually, ticket_of
from tests.running_desk import RunningDesk

_RAW = {"Content-Type": "message/rfc822"}


def test_a_reply_that_did_not_arrive_is_known_to_the_agent(desk: RunningDesk) -> None:
    address = f"gone-{uuid7()}@example.org"
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = address, "support@example.com", "Where is my parcel?"
    mail["Message-ID"] = f"<{uuid7()}@example.org>"
    mail.set_content("Hello, please help me.")
    with desk.system() as system, desk.client(desk.admin) as agent:
        posted = system.post("/api/ingest/email", content=bytes(mail), headers=_RAW)
        ticket = ticket_of(system, posted.json()["status_url"])
        replied = agent.post(
            f"/api/tickets/{ticket['id']}/replies",
            json={"text": "It is on its way."},
            headers={"Idempotency-Key": str(uuid7())},
        )
        assert replied.status_code == 201, replied.text

        def left() -> Path | None:
            files = (desk.home / "outgoing").rglob("*.eml")
            return next((file for file in files if address in file.read_text()), None)

        sent = eventually(left, "delivery of the reply").read_text()
        mail_id = next(line for line in sent.splitlines() if line.lower().startswith("message-id:"))
        report = (
            "Return-Path: <>\r\nFrom: MAILER-DAEMON@mx.example\r\nTo: support@example.com\r\nSubject: Undelivered\r\n"
            "Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n--b\r\n\r\nSorry.\r\n"
            "--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example\r\n\r\n"
            f"Final-Recipient: rfc822; {address}\r\nAction: failed\r\nStatus: 5.1.1\r\n"
            "Diagnostic-Code: smtp; 550 5.1.1 no such user\r\n\r\n--b\r\nContent-Type: text/rfc822-headers\r\n\r\n"
            f"{mail_id}\r\n\r\n--b--\r\n"
        ).encode()
        assert system.post("/api/ingest/email", content=report, headers=_RAW).status_code == 202

        def bounced() -> dict[str, Any] | None:
            thread = agent.get(f"/api/tickets/{ticket['id']}/messages").json()["items"]
            return next((each for each in thread if each["delivery_state"] == "bounced"), None)

        assert eventually(bounced, "the bounce")["delivery_detail"] == f"{address}: 550 5.1.1 no such user"
        timeline = agent.get(f"/api/tickets/{ticket['id']}/timeline").json()["items"]
        assert [entry["cause"] for entry in timeline].count("message.bounced") == 1
        found = agent.get("/api/channels/suppressions", params={"address": address}).json()["items"]
        assert [(each["reason"], each["expires_at"] is None) for each in found] == [("bounce", False)]
        unknown = agent.post("/api/ingest/providers/mailgun", json={})
        assert unknown.status_code == 404, "a provider that is not set up is reached through the edge, and not heard"
