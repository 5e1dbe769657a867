"""One person behind two addresses: found, merged and told apart again, as an agent and another system see it."""

from typing import Any

import httpx

from shared.ids import uuid7
from tests.e2e.story import eventually, message, ticket_of
from tests.running_desk import RunningDesk


def test_an_agent_finds_one_person_behind_two_addresses_and_merges_them(desk: RunningDesk) -> None:
    company = f"company-{uuid7().hex[-12:]}.example"
    work, home = f"ana@{company}", f"ana-{uuid7()}@home.example"
    with desk.system() as system, desk.client(desk.agent) as agent, desk.client(desk.admin) as admin:
        tickets = {
            address: ticket_of(system, posted(system, address, name)["status_url"])
            for address, name in ((work, "Ana Lima"), (home, ""))
        }
        made = admin.post("/api/organisations", json={"name": company, "domains": [company], "tier": "gold"})
        assert made.status_code == 201, made.text
        assert admin.post("/api/organisations", json={"name": "All", "domains": ["gmail.com"]}).status_code == 422

        ana = found(agent, work.upper())
        assert (ana["name"], ana["organisation"]["name"]) == ("Ana Lima", company)
        other = found(agent, home)
        path = f"/api/customers/{ana['id']}"
        taken = agent.post(
            f"{path}/identities", json={"kind": "email", "address": home}, headers={"If-Match": f'"{ana["version"]}"'}
        )
        assert (taken.status_code, taken.json()["customer"]["id"]) == (409, other["id"])

        billing = api_key(admin)
        facts = {"data": {"plan": "pro", "balance": -12.5}, "as_of": "2026-01-02T03:04:05Z"}
        headers = {"Authorization": f"Bearer {billing}"}
        with httpx.Client(base_url=desk.url, headers=headers, timeout=30) as other_system:
            told = other_system.put(f"/api/customers/{other['id']}/facts/billing", json=facts)
            assert told.status_code == 200, told.text
            assert other_system.get(path).status_code == 403, "a key may do what it is for"

        merged = agent.post(f"{path}/merges", json={"customer_id": other["id"]})
        assert merged.status_code == 201, merged.text
        merge = f"{path}/merges/{merged.json()['id']}"
        eventually(lambda: agent.get(merge).json()["state"] == "merged" or None, "the tickets to follow")
        overview = agent.get(f"{path}/overview").json()
        assert {row["id"] for row in overview["tickets"]["newest"]} == {ticket["id"] for ticket in tickets.values()}
        assert [(fact["source"], fact["data"]) for fact in overview["facts"]] == [("billing", facts["data"])]
        assert agent.get(f"/api/customers/{other['id']}").json()["id"] == ana["id"]

        another = ticket_of(system, posted(system, home, "")["status_url"])
        assert another["requester"]["customer_id"] == ana["id"], "from now on it is her"

        assert agent.delete(merge).status_code == 200
        eventually(lambda: agent.get(merge).json()["state"] == "undone" or None, "the tickets to go back")
        requester = agent.get(f"/api/tickets/{tickets[home]['id']}").json()["requester"]
        assert requester["customer_id"] == other["id"]
        causes = [entry["cause"] for entry in agent.get(f"{path}/history").json()["items"]]
        assert causes == ["customer.unmerged", "customer.merged"]


def posted(system: httpx.Client, address: str, name: str) -> dict[str, Any]:
    sender = {"kind": "email", "address": address, "name": name}
    answer = system.post("/api/ingest/messages", json=message("Where is it?", sender=sender))
    assert answer.status_code == 202, answer.text
    receipt: dict[str, Any] = answer.json()
    return receipt


def found(agent: httpx.Client, identity: str) -> dict[str, Any]:
    (customer,) = agent.get("/api/customers", params={"identity": identity}).json()["items"]
    row: dict[str, Any] = customer
    return row


def api_key(admin: httpx.Client) -> str:
    answer = admin.post("/api/accounts/keys", json={"name": f"billing {uuid7()}", "scopes": ["customer.facts"]})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["token"])
