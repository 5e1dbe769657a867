"""A supervisor deals with an outage: all its tickets at once, tried beforehand, and taken back."""

from typing import Any

import httpx

from shared.ids import uuid7
from tests.e2e.story import eventually, message, ticket_of
from tests.running_desk import RunningDesk


def finished(client: httpx.Client, path: str) -> dict[str, Any]:
    def look() -> dict[str, Any] | None:
        job: dict[str, Any] = client.get(path).json()
        return job if job["finished_at"] else None

    return eventually(look, f"the end of {path}")


def test_an_outage_is_over_and_then_it_is_not(desk: RunningDesk) -> None:
    outage = f"outage{uuid7().hex}"
    with desk.system() as system, desk.client(desk.admin) as admin:
        posted = system.post("/api/ingest/messages", json={"messages": [message(f"{outage} {n}") for n in range(12)]})
        ids = [ticket_of(admin, receipt["status_url"])["id"] for receipt in posted.json()["messages"]]
        for status in ("solved", "closed"):
            admin.patch(f"/api/tickets/{ids[0]}", json={"status": status}, headers={"If-Match": "*"}).raise_for_status()

        def found() -> bool | None:
            return len(admin.get("/api/tickets/search", params={"q": outage}).json()["items"]) == 12 or None

        eventually(found, "that a search finds all of them")
        body = {
            "selection": {"q": outage},
            "actions": {"set": {"status": "solved"}, "add_tags": ["outage"]},
            "dry_run": True,
        }
        tried = admin.post("/api/bulk", json=body, headers={"Idempotency-Key": str(uuid7())})
        assert tried.status_code == 202, tried.text
        path = tried.headers["location"]
        assert tried.json()["preview"]["would_change"] == 11
        assert tried.json()["preview"]["refusals"] == [{"type": "/problems/ticket-closed", "count": 1}]

        admin.post(f"{path}/start").raise_for_status()
        progress = finished(admin, path)["progress"]
        assert (progress["changed"], progress["refused"], progress["waiting"]) == (11, 1, 0)
        refused = admin.get(f"{path}/items", params={"result": "refused"}).json()["items"]
        assert [item["ticket_id"] for item in refused] == [ids[0]]
        assert admin.get(f"/api/tickets/{ids[1]}").json()["status"] == "solved"

        # One customer is asked again, and then it shows that it was too early for the others, too.
        admin.patch(f"/api/tickets/{ids[1]}", json={"status": "pending"}, headers={"If-Match": "*"}).raise_for_status()
        undone = admin.post(f"{path}/undo", headers={"Idempotency-Key": str(uuid7())})
        assert undone.status_code == 202, undone.text
        progress = finished(admin, undone.headers["location"])["progress"]
        assert (progress["changed"], progress["refused"]) == (10, 1)
        for ticket_id in ids[2:]:
            ticket = admin.get(f"/api/tickets/{ticket_id}").json()
            assert ticket["status"] in {"new", "open"}
            assert ticket["solved_at"] is None
            assert "outage" not in ticket["tags"]
