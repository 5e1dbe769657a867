"""An outage: one problem behind two tickets, a task that has to be done first, and a bulk change thought better of."""

from typing import Any

import httpx

from shared.ids import uuid7
from tests.e2e.story import eventually, message, ticket_of
from tests.e2e.test_bulk import finished
from tests.running_desk import RunningDesk

ANY = {"If-Match": "*"}


def opened(system: httpx.Client, *texts: str) -> list[str]:
    posted = system.post("/api/ingest/messages", json={"messages": [message(text) for text in texts]})
    assert posted.status_code == 202, posted.text
    return [ticket_of(system, receipt["status_url"])["id"] for receipt in posted.json()["messages"]]


def test_a_problem_is_solved_with_its_incidents_once_nothing_blocks_it(desk: RunningDesk) -> None:
    with desk.system() as system, desk.client(desk.agent) as agent:
        cause, task, *incidents = opened(
            system, "The mail server is down", "Replace its disk", "I get no mail", "My mail does not leave"
        )
        path = f"/api/tickets/{cause}"
        links = [{"relation": "incident", "ticket_id": each} for each in incidents]
        for link in (*links, {"relation": "child", "ticket_id": task, "blocks": True}):
            assert agent.post(f"{path}/links", json=link).status_code == 201
        circle = agent.post(f"/api/tickets/{task}/links", json={"relation": "child", "ticket_id": cause})
        assert (circle.status_code, circle.json()["type"]) == (409, "/problems/link-circle")
        blocking = agent.get(f"/api/tickets/{task}/links").json()["items"]
        assert [(each["relation"], each["ticket"]["id"], each["blocks"]) for each in blocking] == [
            ("parent", cause, True)
        ]

        for refused in (
            agent.patch(path, json={"status": "solved"}, headers=ANY),
            agent.post(f"{path}/replies", json={"text": "It runs.", "status": "solved"}),
        ):
            assert (refused.status_code, refused.json()["type"]) == (409, "/problems/children-open")
            assert refused.json()["count"] == 1
        assert agent.patch(f"/api/tickets/{task}", json={"status": "solved"}, headers=ANY).status_code == 200
        solved = agent.patch(path, json={"status": "solved"}, headers=ANY)
        assert (solved.status_code, solved.json()["open_incidents"]) == (200, 2)

        body = {"reply": "Mail arrives and leaves again."}
        once = {"Idempotency-Key": str(uuid7())}
        for _ in range(2):
            done = agent.post(f"{path}/incidents/solve", json=body, headers=once)
            assert (done.status_code, done.json()["solved"], done.json()["next"]) == (200, 2, None)
        assert agent.get(path).json()["open_incidents"] == 0
        for incident in incidents:
            assert agent.get(f"/api/tickets/{incident}").json()["status"] == "solved"
            thread = agent.get(f"/api/tickets/{incident}/messages").json()["items"]
            assert [each["text"] for each in thread if each["kind"] == "reply"] == [body["reply"]]


def test_a_bulk_change_is_stopped(desk: RunningDesk) -> None:
    with desk.system() as system, desk.client(desk.admin) as admin:
        ids = opened(system, "I get no mail", "My mail does not leave", "Is it the server?")

        def job(tag: str) -> str:
            body = {"selection": {"ids": ids}, "actions": {"add_tags": [tag]}}
            made = admin.post("/api/bulk", json=body, headers={"Idempotency-Key": str(uuid7())})
            assert made.status_code == 202, made.text
            return made.headers["location"]

        def stopped() -> tuple[str, dict[str, Any]] | None:
            # A job of so few tickets may be done before it can be stopped.
            path = job(tag := f"outage-{uuid7().hex}")
            answer = admin.post(f"{path}/cancel")
            if answer.status_code == 409:
                assert answer.json()["type"] == "/problems/bulk-done"
                return None
            assert answer.status_code == 200, answer.text
            return tag, answer.json()

        tag, cancelled = eventually(stopped, "that a job is stopped in time")
        assert (cancelled["state"], cancelled["progress"]["skipped"]) == ("cancelled", 3)
        path = f"/api/bulk/{cancelled['id']}"
        for way, why in (("start", "bulk-cancelled"), ("undo", "nothing-to-undo")):
            refused = admin.post(f"{path}/{way}", headers={"Idempotency-Key": str(uuid7())})
            assert (refused.status_code, refused.json()["type"]) == (409, f"/problems/{why}")

        # Jobs take turns: one that comes later would not be done before it.
        assert finished(admin, job("mail"))["progress"]["changed"] == 3
        for ticket_id in ids:
            tags = admin.get(f"/api/tickets/{ticket_id}").json()["tags"]
            assert (tag in tags, "mail" in tags) == (False, True)
        skipped = admin.get(f"{path}/items", params={"result": "skipped"}).json()["items"]
        assert [item["ticket_id"] for item in skipped] == ids
