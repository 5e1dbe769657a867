"""An agent's morning: views with their counts, into one of them, and down a view of one's own and back."""

from typing import Any

import httpx

from shared.ids import uuid7
from tests.e2e.story import assigned, message, ticket_of
from tests.running_desk import RunningDesk


def test_an_agent_works_through_views(desk: RunningDesk) -> None:
    with desk.system() as system, desk.client(desk.agent) as agent:
        tag, numbers = f"parcel-{uuid7()}", []
        for topic in ("A first parcel", "A second parcel", "A third parcel"):
            posted = system.post(
                "/api/ingest/messages", json=message(f"{topic} is late."), headers={"Idempotency-Key": str(uuid7())}
            )
            ticket = assigned(system, ticket_of(system, posted.json()["status_url"])["id"])
            numbers.append(ticket["number"])
            tagged = agent.patch(f"/api/tickets/{ticket['id']}", json={"tags": [tag]}, headers={"If-Match": "*"})
            assert tagged.status_code == 200, tagged.text

        views = {view["key"]: view for view in _ok(agent.get("/api/views"))["items"]}
        counts = {each["view_id"]: each for each in _ok(agent.get("/api/views/counts"))["items"]}
        assert counts[views["unsolved"]["id"]]["count"] >= 3
        due = _ok(agent.get(f"/api/views/{views['next_due']['id']}/tickets", params={"limit": 200}))["items"]
        moments = [ticket["sla"]["next_due_at"] for ticket in due]
        assert moments == sorted(moments)
        assert set(numbers) <= {ticket["number"] for ticket in due}

        given = {"conditions": {"field": "tags", "is": [tag]}, "sort": "created_at"}
        preview = _ok(agent.post("/api/views/preview", json=given))
        assert preview["total"] == {"count": 3, "exactness": "exact"}
        kept = agent.post(
            "/api/views", json={"name": "Late parcels", **given}, headers={"Idempotency-Key": str(uuid7())}
        )
        assert kept.status_code == 201, kept.text
        path = kept.headers["location"]
        first = _ok(agent.get(f"{path}/tickets", params={"limit": 2}))
        second = _ok(agent.get(f"{path}/tickets", params={"limit": 2, "cursor": first["next_cursor"]}))
        assert [ticket["number"] for ticket in (*first["items"], *second["items"])] == numbers
        back = _ok(agent.get(f"{path}/tickets", params={"limit": 2, "cursor": second["previous_cursor"]}))
        assert back["items"] == first["items"]
        window = _ok(agent.get(f"{path}/window", params={"offset": 1, "limit": 1}))
        assert ([ticket["number"] for ticket in window["items"]], window["total"]["count"]) == (numbers[1:2], 3)

        assert agent.delete(path, headers={"If-Match": kept.headers["etag"]}).status_code == 204
        assert agent.get(path).status_code == 404


def _ok(answer: httpx.Response) -> Any:
    assert answer.status_code == 200, answer.text
    return answer.json()
