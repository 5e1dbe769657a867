"""Two agents work at one ticket and do not get in each other's way; and somebody moves to another company."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from shared.ids import uuid7
from tests.e2e.story import assigned, eventually, message, ticket_of
from tests.e2e.test_merging import mail, send
from tests.running_desk import RunningDesk

ANY = {"If-Match": "*"}


def at_once(*calls: Callable[[], httpx.Response]) -> list[httpx.Response]:
    with ThreadPoolExecutor(len(calls)) as threads:
        return [each.result() for each in [threads.submit(call) for call in calls]]


def problem(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].removeprefix("/problems/")


def in_days(days: int) -> str:
    return (datetime.now(UTC) + timedelta(days=days)).isoformat()


def test_two_agents_share_the_work_at_a_ticket(desk: RunningDesk) -> None:
    mark = f"work-{uuid7().hex[-12:]}"
    first = mail(f"{mark}@example.org", "My lamp", "It does not shine.")
    ann, lead = desk.client(desk.agent), desk.client(desk.login("supervisor"))
    with desk.system() as system, ann as agent, lead as other:
        ticket = assigned(agent, send(system, first)["id"])
        path = f"/api/tickets/{ticket['id']}"

        # Who changes something says what they have seen. What waits for its customer routing leaves to people.
        seen = {"If-Match": agent.get(path).headers["ETag"]}
        change = {"status": "pending", "tags": [mark]}
        assert problem(agent.patch(path, json=change)) == (428, "precondition-required")
        changed = agent.patch(path, json=change, headers=seen)
        assert changed.status_code == 200, changed.text
        late = other.patch(path, json={"tags": []}, headers=seen)
        assert (problem(late), late.json()["version"]) == ((412, "precondition-failed"), changed.json()["version"])

        nobodys = agent.put(f"{path}/assignee", json={"assignee_id": None}, headers=ANY)
        assert nobodys.json()["assignee"] is None
        claims = at_once(*(lambda client=client: client.post(f"{path}/claim") for client in (agent, other)))
        won, lost = sorted(claims, key=lambda answer: answer.status_code)
        assert (won.status_code, problem(lost)) == (200, (409, "already-assigned"))
        assert won.json()["assignee"]["id"] == lost.json()["assignee_id"]
        holder, follower = (agent, other) if won is claims[0] else (other, agent)

        (following,) = follower.put(f"{path}/followers/me").json()["items"]
        assert following in holder.get(path).json()["followers"]
        asleep = holder.put(f"{path}/snooze", json={"until": in_days(3)}, headers=ANY)
        assert asleep.status_code == 200, asleep.text
        assert (listed(holder, mark, snoozed=True), listed(holder, mark, snoozed=False)) == ([ticket["id"]], [])

        # A reply for the day after tomorrow, or for one day later, or not at all.
        read = holder.get(f"{path}/messages").json()["thread_version"]
        reply = {"text": "Does it shine now?", "expected_version": read}
        later = holder.post(f"{path}/replies", json={**reply, "send_at": in_days(2)})
        assert later.status_code == 202, later.text
        waiting, version = later.headers["location"], {"If-Match": later.headers["ETag"]}
        moved = holder.patch(waiting, json=(asked := {"send_at": in_days(3)}), headers=version)
        assert (moved.status_code, moved.json()["state"]) == (200, "waiting")
        assert datetime.fromisoformat(moved.json()["release_at"]) == datetime.fromisoformat(asked["send_at"])
        assert holder.patch(waiting, json={"send_at": in_days(4)}, headers=version).status_code == 412
        assert holder.delete(waiting).json()["state"] == "cancelled"
        assert holder.get(f"{path}/draft").json()["draft"]["text"] == reply["text"]

        # Meanwhile the customer writes: it is no more put off, who follows it is told, and the reply would be stale.
        again = mail(f"{mark}@example.org", "Re: My lamp", "Now it does.", answers=first["Message-ID"])
        assert send(system, again)["id"] == ticket["id"]
        assert listed(holder, mark, snoozed=False) == [ticket["id"]]
        eventually(lambda: "answered" in told(follower, ticket["id"]) or None, "that who follows is told of the answer")
        stale = holder.post(f"{path}/replies", json=reply)
        assert (problem(stale), stale.json()["thread_version"]) == ((409, "stale-thread"), read + 1)
        assert [each["text"] for each in stale.json()["messages"]] == ["Now it does."]
        assert holder.post(f"{path}/replies", json={**reply, "force": True}).status_code == 201
        history = [entry["changes"] for entry in holder.get(f"{path}/history").json()["items"]]
        forced = [changes["sent_anyway"] for changes in history if "sent_anyway" in changes]
        assert forced == [{"before": read, "after": read + 1}]
        assert follower.delete(f"{path}/followers/me").json()["items"] == []


def test_somebody_writes_from_a_company_for_a_while(desk: RunningDesk) -> None:
    company = f"company-{uuid7().hex[-12:]}.example"
    home, work = f"home-{uuid7()}@example.org", f"ana@{company}"
    with desk.system() as system, desk.client(desk.agent) as agent, desk.client(desk.admin) as admin:
        made = admin.post("/api/organisations", json={"name": company, "domains": [company]})
        assert made.status_code == 201, made.text
        members = f"{made.headers['location']}/members"
        ana = asks(system, home)
        path, address = f"/api/customers/{ana}", {"kind": "email", "address": work}
        assert agent.get(members).json()["items"] == []

        added = agent.post(f"{path}/identities", json=address, headers=ANY)
        assert added.status_code == 200, added.text
        assert [each["id"] for each in agent.get(members).json()["items"]] == [ana]
        assert asks(system, work) == ana, "from whichever address, it is her"

        seen = {"If-Match": f'"{added.json()["version"]}"'}
        removed = agent.delete(f"{path}/identities", params=address, headers=seen)
        assert removed.status_code == 200, removed.text
        assert agent.get(members).json()["items"] == []
        somebody = asks(system, work)
        assert somebody != ana, "who writes from there next is somebody else"
        assert [each["id"] for each in agent.get(members).json()["items"]] == [somebody]


def asks(system: httpx.Client, address: str) -> str:
    """Who the customer is that a message from this address comes from."""
    sender = {"kind": "email", "address": address, "name": ""}
    answer = system.post("/api/ingest/messages", json=message("Where is it?", sender=sender))
    assert answer.status_code == 202, answer.text
    return str(ticket_of(system, answer.json()["status_url"])["requester"]["customer_id"])


def listed(client: httpx.Client, tag: str, *, snoozed: bool) -> list[Any]:
    found = client.get("/api/tickets", params={"tag": tag, "snoozed": snoozed})
    return [each["id"] for each in found.json()["items"]]


def told(client: httpx.Client, ticket_id: str) -> list[Any]:
    """Of what kinds the notifications of a ticket are."""
    return [each["kind"] for each in client.get("/api/notifications").json()["items"] if each["ticket_id"] == ticket_id]
