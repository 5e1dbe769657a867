"""Organisations: customers belong to one by the domain of their mail, or because somebody said so."""

import asyncio
from typing import Any

import pytest

from shared.events.accounts import Role
from tests.integration.tickets.harness import Desk, Person, received
from tests.integration.tickets.test_customer_merges import customer_of, let_move, merged
from tests.integration.tickets.test_search import ANA, find, index
from tests.integration.tickets.test_views import PATH, create, subjects

LINES: dict[str, list[str]] = {
    "organisation:example": ["ana", "bo"],
    "organisation:EXAMPLE": ["ana", "bo"],
    "organisation:exam": [],
    "organisation:ΆΛΦΑ": ["cy", "di"],
    "organisation:άλφα,Example": ["ana", "bo", "cy", "di"],
    "organisation:nobody": [],
    "organisation:none": ["ed"],
    "-organisation:none": ["ana", "bo", "cy", "di"],
    "-organisation:example": ["cy", "di", "ed"],
    "organisation:example organisation:άλφα": [],
    "organisation:example status:new -organisation:άλφα": ["ana", "bo"],
    "organisation:άλφα OR tier:gold": ["ana", "cy", "di"],
    "tier:gold": ["ana"],
    "tier:Gold": [],
    "tier:gold,silver": ["ana", "cy"],
    "tier:standard": ["bo", "di", "ed"],
    "-tier:standard": ["ana", "cy"],
    "tier:none": [],
    "-tier:none": ["ana", "bo", "cy", "di", "ed"],
    "tier:gold organisation:example": ["ana"],
}


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


async def somebody_of_each(desk: Desk) -> tuple[Person, dict[str, str]]:
    """Who leads, and the organisations: of one `ana` by her mail, `bo` by hand; of the other `cy`, and `di` by her
    first address; `ed` is of none. Tickets are called like their requesters.
    """
    lead = await desk.person(Role.SUPERVISOR)
    ids = {
        "example": await made(lead, "Example", "example.com", tier="gold"),
        "alpha": await made(lead, "Άλφα", "alpha.example"),
    }
    await customer(lead, "di", "di@alpha.example", "di@example.com")
    addresses = (ANA, "bo@elsewhere.example", "cy@alpha.example", "di@example.com", "ed@elsewhere.example")
    await desk.take(*(received(address, subject=address.partition("@")[0]) for address in addresses))
    for address, fields in {
        ANA: {"tier": "gold"},
        "bo@elsewhere.example": {"organisation_id": ids["example"]},
        "cy@alpha.example": {"tier": "silver"},
    }.items():
        path = f"/api/customers/{await customer_of(desk, address)}"
        assert (await lead.client.patch(path, fields, if_match="*")).status == 200
    await index(desk)
    return lead, ids


async def test_tickets_are_asked_for_by_their_requesters_organisation_and_tier(desk: Desk) -> None:
    """In the search line, alone and beside words, and in lists. The tier is the customer's, not the organisation's."""
    lead, ids = await somebody_of_each(desk)
    for line, found in (LINES | {f"organisation:{ids['example']}": ["ana", "bo"]}).items():
        assert sorted(await subjects(lead, "/api/tickets", where=line)) == found, line
        assert sorted(await find(lead, line)) == found, line
        assert sorted(await find(lead, f"burns ({line})")) == found, line


@pytest.mark.parametrize("sort", ["-updated_at", "sla_due"])
async def test_a_view_of_an_organisation_or_a_tier_shows_and_counts_its_tickets(desk: Desk, sort: str) -> None:
    lead, ids = await somebody_of_each(desk)
    views = [
        (await create(lead, conditions=conditions, sort=sort), found)
        for conditions, found in (
            ({"field": "organisation", "is": ["example"]}, ["ana", "bo"]),
            ({"field": "organisation", "is": [ids["alpha"], "EXAMPLE"]}, ["ana", "bo", "cy", "di"]),
            ({"field": "organisation", "is": []}, ["ed"]),
            ({"not": {"field": "organisation", "is": ["example"]}}, ["cy", "di", "ed"]),
            ({"all": [{"field": "status", "is": ["new"]}, {"field": "tier", "is": ["gold"]}]}, ["ana"]),
        )
    ]
    counts = {each["view_id"]: each for each in (await lead.client.get(f"{PATH}/counts")).json()["items"]}
    for view, found in views:
        assert sorted(await subjects(lead, f"{PATH}/{view['id']}/tickets")) == found, view
        assert (counts[view["id"]]["count"], counts[view["id"]]["exactness"]) == (len(found), "exact"), view


async def test_customers_do_not_ask_for_tickets_by_organisation_or_tier(desk: Desk) -> None:
    await somebody_of_each(desk)
    ana = await desk.person(Role.CUSTOMER, ANA)
    for line in ("organisation:example", "organisation:none", "tier:gold"):
        answer = await ana.client.get("/api/tickets", where=line)
        assert (answer.status, answer.json()["type"]) == (422, "/problems/bad-search"), line
        # Whoever is not told of a field means words by it.
        assert await find(ana, line) == [], line


async def test_tickets_of_who_was_merged_are_of_the_organisation_of_whom_they_became_part_of(desk: Desk) -> None:
    """At once, though tickets follow a chunk at a time, and whatever organisation was said to be theirs before."""
    lead, _ = await somebody_of_each(desk)
    ed, bo, cy = [await customer_of(desk, f"{name}.example") for name in ("ed@elsewhere", "bo@elsewhere", "cy@alpha")]
    await merged(lead, ed, bo)  # of no organisation until then, so that of the other is filled in
    assert sorted(await subjects(lead, "/api/tickets", where="organisation:example")) == ["ana", "bo", "ed"]
    await merged(lead, cy, ed)  # by mail of another one: what was set by hand is filled in again, and goes before that
    for line, found in {
        "organisation:example": ["ana", "bo", "cy", "ed"],
        "organisation:άλφα": ["di"],
        "organisation:none": [],
    }.items():
        assert sorted(await subjects(lead, "/api/tickets", where=line)) == found, line
    assert (await lead.client.patch(f"/api/customers/{cy}", {"organisation_id": None}, if_match="*")).status == 200
    for settled in (False, True):
        assert sorted(await subjects(lead, "/api/tickets", where="organisation:example")) == ["ana"], settled
        assert sorted(await subjects(lead, "/api/tickets", where="organisation:άλφα")) == ["bo", "cy", "di", "ed"]
        assert await subjects(lead, "/api/tickets", where="organisation:none") == [], settled
        await let_move(desk)
