"""A customer asks the same thing twice, and another one beside it: an agent makes one matter of two, and two of one."""

from email.message import EmailMessage
from typing import Any

import httpx

from shared.ids import uuid7
from tests.e2e.story import eventually, ticket_of
from tests.running_desk import RunningDesk


def mail(sender: str, subject: str, text: str, *, answers: str = "") -> EmailMessage:
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = sender, "support@example.com", subject
    made["Message-ID"] = f"<{uuid7()}@example.org>"
    if answers:
        made["In-Reply-To"] = answers
    made.set_content(text)
    return made


def send(client: httpx.Client, message: EmailMessage) -> dict[str, Any]:
    answer = client.post("/api/ingest/email", content=bytes(message), headers={"Content-Type": "message/rfc822"})
    assert answer.status_code == 202, answer.text
    return ticket_of(client, answer.json()["status_url"])


def test_two_tickets_become_one_and_one_becomes_two(desk: RunningDesk) -> None:
    sender = f"Merge Tester <merge-{uuid7()}@example.org>"
    first = mail(sender, "My parcel", "Where is my parcel?")
    second = mail(sender, "Parcel!!", "You do not answer. Where is it?")
    with desk.system() as system, desk.client(desk.admin) as agent:
        target, source = send(system, first), send(system, second)
        assert target["id"] != source["id"]

        path = f"/api/tickets/{target['id']}"
        merged = agent.post(
            f"{path}/merges", json={"sources": [source["id"]]}, headers={"Idempotency-Key": str(uuid7())}
        )
        assert merged.status_code == 200, merged.text
        gone = agent.get(f"/api/tickets/{source['id']}").json()
        assert (gone["status"], gone["merged_into"]) == ("closed", target["id"])

        # Other services follow: nothing is promised any more for what was merged.
        def quiet() -> bool | None:
            answer = agent.get(f"/api/sla/tickets/{source['id']}")
            if answer.status_code == 404:
                return None  # Merged so soon that its clocks are not there yet.
            assert answer.status_code == 200, answer.text
            return all(clock["state"] not in {"running", "warned"} for clock in answer.json()["clocks"]) or None

        eventually(quiet, "the clocks of the merged ticket to stop")

        # An answer to the mail that was merged away goes on in the other ticket.
        third = mail(sender, "Re: Parcel!!", "And where is my invoice?", answers=second["Message-ID"])
        assert send(system, third)["id"] == target["id"]
        thread = agent.get(f"{path}/messages").json()
        said = [message for message in thread["items"] if message["kind"] == "customer"]
        assert [message["ticket_id"] for message in said] == [target["id"], source["id"], target["id"]]

        # The invoice is another matter.
        split = agent.post(f"{path}/split", json={"message_id": said[2]["id"], "subject": "Invoice"})
        assert split.status_code == 201, split.text
        links = agent.get(f"{path}/links").json()["items"]
        assert [(link["relation"], link["ticket"]["id"]) for link in links] == [("split_off", split.json()["id"])]

        # It was a mistake: they were two parcels.
        undone = agent.delete(f"{path}/merges/{source['id']}")
        assert undone.status_code == 200, undone.text
        assert undone.json()["status"] in {"new", "open"}
        fourth = mail(sender, "Re: Parcel!!", "Well?", answers=second["Message-ID"])
        assert send(system, fourth)["id"] == source["id"]
