"""A file travels with a reply and is read by whom it was written to; an image in a mail is shown drawn anew."""

import json
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from shared.ids import uuid7
from tests.e2e.story import eventually, ticket_of
from tests.images import photo
from tests.running_desk import Login, RunningDesk


def test_files_travel_both_ways(desk: RunningDesk) -> None:
    customer, stranger = (Login(f"{name}-{uuid7()}@example.org", f"correct horse {uuid7()}") for name in ("ana", "bo"))
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = customer.email, "support@example.com", "Broken"
    mail["Message-ID"] = f"<{uuid7()}@example.org>"
    mail.set_content("Look at this.")
    mail.add_attachment(photo(), maintype="image", subtype="jpeg", filename="broken.jpg")
    with desk.system() as system, desk.client(desk.agent) as agent, desk.client(desk.admin) as admin:
        posted = system.post("/api/ingest/email", content=bytes(mail), headers={"Content-Type": "message/rfc822"})
        path = f"/api/tickets/{ticket_of(system, posted.json()['status_url'])['id']}"
        [message] = agent.get(f"{path}/messages").json()["items"]
        [picture] = message["attachments"]
        thumbnail = agent.get(f"{picture['url']}/thumbnail")
        assert (thumbnail.status_code, b"Ada-was-here" in thumbnail.content) == (200, False)

        uploaded = agent.post("/api/attachments?name=fix.pdf", content=b"%PDF-1.7 turn it off").json()
        body = {"text": "Read this.", "attachment_ids": [uploaded["id"]]}

        def reply() -> Any:
            # The upload may not be known there in the same second.
            answer = agent.post(f"{path}/replies", json=body, headers={"Idempotency-Key": str(uuid7())})
            return answer if answer.status_code != 409 else None

        assert eventually(reply, "a reply with the upload").status_code == 201

        def letter() -> EmailMessage | None:
            letters = (
                message_from_bytes(file.read_bytes(), policy=policy.default)
                for file in (desk.home / "outgoing").rglob("*.eml")
            )
            return next((each for each in letters if customer.email in str(each["To"])), None)

        [enclosed] = eventually(letter, "delivery of the reply").iter_attachments()
        assert (enclosed.get_filename(), enclosed.get_content()) == ("fix.pdf", b"%PDF-1.7 turn it off")

        for login in (customer, stranger):
            account = {"email": login.email, "name": "Somebody", "role": "customer", "password": login.password}
            assert admin.post("/api/accounts", json=account).status_code == 201
        with desk.client(customer) as ana, desk.client(stranger) as bo:

            def thread() -> Any:
                answer = ana.get(f"{path}/messages")
                return answer.json()["items"] if answer.status_code == 200 else None

            shown = eventually(thread, "the customer's thread")
            urls = [file["url"] for each in shown for file in each["attachments"]]
            assert [ana.get(url).status_code for url in urls] == [200, 200]
            assert [bo.get(url).status_code for url in urls] == [404, 404]
            assert ana.get(uploaded["url"]).status_code == 404, "only by the address that the thread gives"
            assert bo.get(f"{path}/messages").status_code == 404
            assert "key" not in json.dumps(shown)
