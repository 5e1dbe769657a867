"""A company points a mailbox at the desk: mail that comes there is a ticket, and the counts agree to the message."""

from collections.abc import Iterator
from typing import Any

import pytest

from shared.ids import uuid7
from tests.dovecot import PASSWORD, Dovecot, require_dovecot
from tests.e2e.story import eventually
from tests.running_desk import RunningDesk


@pytest.fixture
def dovecot() -> Iterator[Dovecot]:
    require_dovecot()
    with Dovecot() as server:
        yield server


def test_mail_of_an_added_mailbox_is_a_ticket_and_accounted_for(desk: RunningDesk, dovecot: Dovecot) -> None:
    word = f"kettle{uuid7().hex}"
    dovecot.add_user("help")
    body: dict[str, Any] = {
        "address": f"help@{word}.example",
        "name": "Help",
        "imap": {"host": "127.0.0.1", "port": dovecot.port, "security": "none", "username": "help"},
        "secrets": {"password": "not this"},
    }
    with desk.client(desk.admin) as admin:
        added = admin.post("/api/channels/mailboxes", json={**body, "enabled": False})
        assert added.status_code == 201, added.text
        path = f"/api/channels/mailboxes/{added.json()['id']}"
        assert admin.post(f"{path}/check").json()["problems"][0]["reason"] == "login_failed"
        changed = admin.put(
            path, json={**body, "secrets": {"password": PASSWORD}}, headers={"If-Match": added.headers["etag"]}
        )
        assert changed.status_code == 200, changed.text
        assert admin.post(f"{path}/check").json() == {"ok": True, "problems": [], "messages": 0}
        for _ in range(2):  # the second is the same mail again
            dovecot.deliver(
                "help",
                f"From: Ana <{word}@example.org>\r\nTo: {body['address']}\r\nSubject: My {word}\r\n"
                f"Message-ID: <{word}@example.org>\r\n\r\nIt leaks.\r\n".encode(),
            )

        def account() -> dict[str, Any] | None:
            found = admin.get("/api/channels/reconciliation").json()
            own = [each for each in found["mailboxes"] if each["address"] == body["address"]]
            return own[0] if own and own[0]["opened"] and own[0]["again"] else None

        counted = eventually(account, "that the mail is accounted for")
        assert (counted["received"], counted["again"], counted["opened"], counted["pending"]) == (2, 1, 1, 0)
        assert counted["balanced"] is True

        def ticket() -> dict[str, Any] | None:
            hits = admin.get("/api/tickets/search", params={"q": word}).json()["items"]
            return hits[0]["ticket"] if hits else None

        assert eventually(ticket, "that the ticket is found")["subject"] == f"My {word}"
        assert admin.delete(path, headers={"If-Match": "*"}).status_code == 204
