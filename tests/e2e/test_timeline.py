"""Who did what to a ticket, and through what: an agent reads it as one timeline, after a merge that was a mistake."""

from typing import Any

from shared.ids import uuid7
from tests.e2e.story import eventually, message, ticket_of
from tests.running_desk import RunningDesk


def test_a_ticket_tells_all_that_happened_to_it(desk: RunningDesk) -> None:
    with desk.system() as system, desk.client(desk.admin) as agent:

        def send(text: str) -> dict[str, Any]:
            answer = system.post("/api/ingest/messages", json=message(text))
            assert answer.status_code == 202, answer.text
            return ticket_of(agent, answer.json()["status_url"])

        def entries(ticket: dict[str, Any], **query: Any) -> list[dict[str, Any]]:
            answer = agent.get(f"/api/tickets/{ticket['id']}/timeline", params=query)
            assert answer.status_code == 200, answer.text
            return list(answer.json()["items"])[::-1]

        def clocks(ticket: dict[str, Any]) -> dict[str, str]:
            answer = agent.get(f"/api/sla/tickets/{ticket['id']}")
            found = answer.json()["clocks"] if answer.status_code == 200 else ()
            return {clock["metric"]: clock["state"] for clock in found}

        target, source = send("Where is my parcel?"), send("My lamp is broken")
        path = f"/api/tickets/{target['id']}"
        running = {"first_response": "running", "resolution": "running"}
        eventually(lambda: clocks(source) == running or None, "clocks of the ticket")

        # A program adds what it knows, an agent merges what does not belong together, and sees it.
        key = agent.post("/api/accounts/keys", json={"name": f"parcels {uuid7()}", "scopes": ["ticket.note"]})
        assert key.status_code == 201, key.text
        noted = system.post(
            f"{path}/notes",
            json={"text": "Parcel 4711 left on Monday."},
            headers={"Authorization": f"Bearer {key.json()['token']}"},
        )
        assert noted.status_code == 201, noted.text
        merged = agent.post(
            f"{path}/merges",
            json={"sources": [source["id"]], "across_customers": True},
            headers={"Idempotency-Key": str(uuid7())},
        )
        assert merged.status_code == 200, merged.text
        cancelled = {"first_response": "cancelled", "resolution": "met"}
        eventually(lambda: clocks(source) == cancelled or None, "the end of the clocks of what is merged")
        together = entries(target)
        assert {entry["ticket_id"] for entry in together} == {target["id"], source["id"]}
        undone = agent.delete(f"{path}/merges/{source['id']}")
        assert undone.status_code == 200, undone.text

        # The customer with the lamp is waited for again, and has been all the time.
        eventually(lambda: clocks(source) == running or None, "the clocks of what is on its own again")

        told = [(entry["via"], entry["cause"]) for entry in entries(target) if entry["cause"] != "routing"]
        assert told == [("api", "message.received"), ("api", "note"), ("web", "merge"), ("web", "merge.undone")]
        closed = entries(source, kind="change")
        assert [entry["changes"]["status"]["after"] for entry in closed if entry["cause"] == "merge"] == ["closed"]
        routed = [entry for entry in entries(source) if entry["cause"] == "routing"]
        assert {entry["via"] for entry in routed} <= {"system"}
        assert [entry["message"]["text"] for entry in entries(target, kind="note")] == ["Parcel 4711 left on Monday."]
