"""A team moves in from another desk: its old tickets are there and are found, and no customer hears of it."""

import httpx

from shared.ids import uuid7
from tests.e2e.story import eventually
from tests.running_desk import RunningDesk


def test_old_tickets_are_there_and_nobody_hears_of_it(desk: RunningDesk) -> None:
    word = f"extinguisher{uuid7().hex}"
    address = f"ana-{uuid7()}@example.org"
    written = {"at": "2019-05-02T08:05:00Z", "agent": {"name": "Somebody who left"}}
    old = {
        "requester": {"address": address, "name": "Ana"},
        "messages": [
            {"kind": "customer", "at": "2019-05-02T08:00:00Z", "text": "The printer burns."},
            {"kind": "reply", "text": f"Use the {word}.", **written},
        ],
    }
    tickets = [
        {**old, "external_id": f"{word}-1", "status": "closed"},
        {**old, "external_id": f"{word}-2", "status": "open"},
    ]
    with desk.client(desk.admin) as admin:
        key = admin.post(
            "/api/accounts/keys", json={"name": f"move {word}", "scopes": ["ticket.import", "ticket.read", "sla.read"]}
        )
        assert key.status_code == 201, key.text
        bearer = {"Authorization": f"Bearer {key.json()['token']}"}
        with httpx.Client(base_url=desk.url, headers=bearer, timeout=30) as mover:
            body = {"source": "olddesk", "tickets": tickets}
            tried = mover.post("/api/tickets/import", json={**body, "dry_run": True}).json()
            assert [item["result"] for item in tried["items"]] == ["valid"] * 2
            moved = mover.post("/api/tickets/import", json=body)
            assert moved.status_code == 200, moved.text
            assert mover.post("/api/tickets/import", json=body).json() == moved.json()
            closed, still_open = [item["ticket_id"] for item in moved.json()["items"]]

            def found() -> bool | None:
                hits = mover.get("/api/tickets/search", params={"q": word}).json()["items"]
                return {hit["ticket"]["id"] for hit in hits} == {closed, still_open} or None

            eventually(found, "that a search finds old tickets")
            assert mover.get(f"/api/sla/tickets/{closed}").status_code == 404

        # The open one goes on. What is said now leaves, and when it has, what was said then has had its time, too.
        news = f"news{uuid7().hex}"
        replied = admin.post(f"/api/tickets/{still_open}/replies", json={"text": f"Does it still burn? {news}"})
        assert replied.status_code == 201, replied.text
        outgoing = desk.home / "outgoing"

        def to_ana() -> list[str] | None:
            mails = [text for file in outgoing.rglob("*.eml") if address in (text := file.read_text())]
            return mails if any(news in mail for mail in mails) else None

        mails = eventually(to_ana, "that the reply leaves")
        assert len(mails) == 1
        assert word not in mails[0]
        ticket = admin.get(f"/api/tickets/{still_open}").json()
        assert (ticket["status"], ticket["created_at"]) == ("pending", "2019-05-02T08:00:00Z")
        assert ticket["sla"]["next_due_at"] is None
