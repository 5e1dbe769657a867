"""Organisations: customers belong to one by the domain of their mail, or because somebody said so."""

import asyncio
from typing import Any

from shared.events.accounts import Role
from tests.integration.tickets.harness import Desk, Person, received


async def made(lead: Person, name: str, *domains: str, **fields: Any) -> str:
    answer = await lead.client.post("/api/organisations", {"name": name, "domains": list(domains), **fields})
    assert answer.status == 201, answer.body
    return str(answer.json()["id"])


async def members(lead: Person, organisation: str) -> list[str]:
    """Names, over pages of two."""
    names: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        answer = await lead.client.get(f"/api/organisations/{organisation}/members", limit=2, **cursor)
        assert answer.status == 200, answer.body
        assert {item["organisation"]["id"] for item in answer.json()["items"]} <= {organisation}
        names += [item["name"] for item in answer.json()["items"]]
        if answer.json()["next_cursor"] is None:
            return names
        cursor = {"cursor": answer.json()["next_cursor"]}


async def customer(lead: Person, name: str, *emails: str) -> str:
    identities = [{"kind": "email", "address": email} for email in emails]
    answer = await lead.client.post("/api/customers", {"name": name, "identities": identities})
    assert answer.status == 201, answer.body
    return str(answer.json()["id"])


async def test_customers_belong_to_the_organisation_of_their_mails_domain(desk: Desk) -> None:
    lead = await desk.person(Role.SUPERVISOR)
    for name in ("ana", "ben"):
        await desk.take(received(f"{name}@example.com"))
    organisation = await made(lead, "Example Ltd", "Example.COM", "bücher.example", tier="gold")
    assert await members(lead, organisation) == ["Ana", "Ben"]
    await desk.take(received("cy@example.com"), received("dan@sub.example.com"), received("eve@xn--bcher-kva.example"))
    assert await members(lead, organisation) == ["Ana", "Ben", "Cy", "Eve"]
    path = f"/api/organisations/{organisation}"
    answer = await lead.client.patch(path, {"domains": ["example.com"]}, if_match='"1"')
    assert (answer.status, answer.json()["domains"], answer.headers["etag"]) == (200, ["example.com"], '"2"')
    assert await members(lead, organisation) == ["Ana", "Ben", "Cy"]
    assert (await lead.client.patch(path, {"name": "X"}, if_match='"1"')).status == 412
    (ana,) = (await lead.client.get("/api/customers", identity="ana@example.com")).json()["items"]
    assert ana["organisation"] == {"id": organisation, "name": "Example Ltd", "tier": "gold"}


async def test_whom_somebody_put_elsewhere_belongs_there_and_everybody_to_one(desk: Desk) -> None:
    lead = await desk.person(Role.SUPERVISOR)
    one, other = await made(lead, "One", "one.example"), await made(lead, "Other", "other.example")
    both = await customer(lead, "Both", "b@other.example", "a@one.example")
    lost = await customer(lead, "Lost", "z@one.example")
    assert (await members(lead, one), await members(lead, other)) == (["Both", "Lost"], [])
    for who in (both, lost):
        answer = await lead.client.patch(f"/api/customers/{who}", {"organisation_id": other}, if_match="*")
        assert answer.json()["organisation"]["name"] == "Other"
    assert (await members(lead, one), await members(lead, other)) == ([], ["Both", "Lost"])
    await lead.client.patch(f"/api/customers/{lost}", {"organisation_id": None}, if_match="*")
    assert (await members(lead, one), await members(lead, other)) == (["Lost"], ["Both"])


async def test_a_domain_is_of_one_organisation_and_of_no_mail_provider(desk: Desk) -> None:
    lead, agent = await desk.person(Role.SUPERVISOR), await desk.person()
    await made(lead, "One", "one.example")
    taken = await lead.client.post("/api/organisations", {"name": "Two", "domains": ["ONE.example", "two.example"]})
    assert (taken.status, taken.json()["type"], taken.json()["domain"]) == (
        409,
        "/problems/domain-taken",
        "one.example",
    )
    assert len((await lead.client.get("/api/organisations")).json()["items"]) == 1, "all or nothing"
    for domain in ("gmail.com", "localhost"):
        refused = await lead.client.post("/api/organisations", {"name": "Mail", "domains": [domain]})
        assert refused.status == 422, domain
    assert (await agent.client.post("/api/organisations", {"name": "Two"})).status == 403
    answers = await asyncio.gather(
        *(lead.client.post("/api/organisations", {"name": f"O{n}", "domains": ["x.example"]}) for n in range(6))
    )
    assert sorted(answer.status for answer in answers) == [201] + [409] * 5


async def test_organisations_are_listed_by_name(desk: Desk) -> None:
    lead = await desk.person(Role.SUPERVISOR)
    for name in ("beta", "Alpha", "alpine", "Gamma"):
        await made(lead, name)
    first = (await lead.client.get("/api/organisations", limit=3)).json()
    rest = (await lead.client.get("/api/organisations", limit=3, cursor=first["next_cursor"])).json()
    assert [item["name"] for item in first["items"] + rest["items"]] == ["Alpha", "alpine", "beta", "Gamma"]
    found = (await lead.client.get("/api/organisations", name="ALP")).json()
    assert [item["name"] for item in found["items"]] == ["Alpha", "alpine"]


async def test_an_overview_shows_what_is_open_of_the_same_organisation(desk: Desk) -> None:
    lead = await desk.person(Role.SUPERVISOR)
    await made(lead, "Example", "example.com")
    for address in ("ana@example.com", "ben@example.com", "cy@example.com", "eve@elsewhere.example"):
        await desk.take(received(address, subject=f"Of {address}"))
    solved = await desk.one("SELECT id FROM tickets WHERE requester_email = 'cy@example.com'")
    await lead.client.post(f"/api/tickets/{solved.id}/replies", {"text": "Done.", "status": "solved"})
    (ana,) = (await lead.client.get("/api/customers", identity="ana@example.com")).json()["items"]
    overview = (await lead.client.get(f"/api/customers/{ana['id']}/overview")).json()
    assert [row["subject"] for row in overview["organisation_tickets"]] == ["Of ben@example.com"]
    assert [row["subject"] for row in overview["tickets"]["newest"]] == ["Of ana@example.com"]
    assert overview["customer"]["organisation"]["name"] == "Example"
