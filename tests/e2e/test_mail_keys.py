"""A company hands in its keys: an encrypted mail is a ticket that agents read, and its signature is told."""

from typing import Any

from pysequoia import Tsk

from shared.ids import uuid7
from tests.e2e.story import eventually
from tests.mail_keys import ENTITY, mail, pgp_encrypted, pgp_message
from tests.running_desk import RunningDesk


def test_an_encrypted_mail_is_read_and_its_signature_told(desk: RunningDesk) -> None:
    word = f"swordfish{uuid7().hex}"
    ada, own = Tsk.generate(f"Ada <{word}@example.org>"), Tsk.generate("Support <support@desk.example>")
    with desk.client(desk.admin) as admin, desk.client(desk.agent) as agent:
        for key in (str(own), str(ada.extract_certificate())):
            added = admin.post("/api/channels/keys", json={"kind": "pgp", "key": key})
            assert added.status_code == 201, added.text
        message = pgp_message(ENTITY.replace(b"swordfish", word.encode()), by=ada, to=own)
        raw = mail(pgp_encrypted(message), sender=f"{word}@example.org")
        taken = agent.post("/api/ingest/email", content=raw, headers={"Content-Type": "message/rfc822"})
        assert taken.status_code == 202, taken.text

        def status() -> dict[str, Any] | None:
            found: dict[str, Any] = agent.get(taken.json()["status_url"]).json()
            return found if found["ticket"] else None

        told = eventually(status, "the ticket of an encrypted mail")
        assert (told["security"]["decrypted"], told["security"]["signature"]) == (True, "valid")
        thread = agent.get(f"/api/tickets/{told['ticket']['id']}/messages").json()["items"]
        assert thread[0]["text"] == f"The password is {word}."
