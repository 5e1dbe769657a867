"""Agents and explanations over HTTP."""

from typing import Any

import pytest
from sqlalchemy import text

from services.routing import service
from shared.events.accounts import AccountChanged, Role
from shared.ids import uuid7
from tests.integration.events import event_of
from tests.integration.routing.harness import Desk

BODY: dict[str, Any] = {"skills": ["billing"], "languages": ["de", "en-GB"], "capacity": 3, "available": True}


async def test_a_supervisor_sets_what_an_agent_can_do(desk: Desk) -> None:
    agent = await desk.agent("fr", capacity=20)
    client = desk.as_(Role.SUPERVISOR)
    answer = await client.put(f"/api/agents/{agent}", BODY)
    assert answer.status == 200
    [listed] = (await client.get("/api/agents")).json()["items"]
    assert answer.json() == listed
    assert (listed["languages"], listed["skills"], listed["capacity"]) == (["de", "en"], ["billing"], 3)


async def test_languages_set_here_outlive_a_change_of_the_account_until_they_are_given_back(desk: Desk) -> None:
    agent = await desk.agent("fr")
    client = desk.as_(Role.SUPERVISOR)
    await client.put(f"/api/agents/{agent}", BODY)
    await desk.agent("it", account_id=agent)
    await client.put(f"/api/agents/{agent}", BODY)
    [listed] = (await client.get("/api/agents")).json()["items"]
    assert listed["languages"] == ["de", "en"]
    answer = await client.put(f"/api/agents/{agent}", BODY | {"languages": None})
    assert answer.json()["languages"] == ["it"]


async def test_agents_come_and_go_by_themselves_and_change_nothing_else(desk: Desk) -> None:
    agent, other = await desk.agent("de", capacity=3), await desk.agent("de", capacity=3)
    own = {"skills": [], "languages": None, "capacity": 3, "available": False}
    client = desk.as_(Role.AGENT, agent)
    answer = await client.put(f"/api/agents/{agent}", own)
    assert (answer.status, answer.json()["available"]) == (200, False)
    for change in ({"capacity": 500}, {"skills": ["billing"]}, {"languages": ["en"]}):
        assert (await client.put(f"/api/agents/{agent}", own | change)).status == 403
    assert (await client.put(f"/api/agents/{other}", own)).status == 404


@pytest.mark.parametrize(
    "change", [{"capacity": 501}, {"capacity": -1}, {"skills": [""]}, {"languages": ["not a tag"]}, {"role": "admin"}]
)
async def test_what_makes_no_sense_is_refused(desk: Desk, change: dict[str, Any]) -> None:
    agent = await desk.agent("de")
    client = desk.as_(Role.ADMIN)
    assert (await client.put(f"/api/agents/{agent}", BODY | change)).status == 422


async def test_customers_see_nothing_and_strangers_less(desk: Desk) -> None:
    client = desk.as_(Role.CUSTOMER)
    for path in ("/api/agents", "/api/routing/queues", f"/api/routing/tickets/{uuid7()}"):
        assert (await client.get(path)).status == 403
    assert (await desk.nobody().get("/api/agents")).status == 401


async def test_only_who_can_be_given_tickets_is_listed(desk: Desk) -> None:
    agent, demoted = await desk.agent("de"), await desk.agent("de")
    for account_id, role in ((uuid7(), Role.CUSTOMER), (uuid7(), Role.ADMIN), (demoted, Role.CUSTOMER)):
        account = AccountChanged(account_id=account_id, email="x@example.com", name="X", role=role, version=2)
        await desk.take(service.take_accounts, event_of(account, account_id))
    client = desk.as_(Role.ADMIN)
    assert (await client.put(f"/api/agents/{uuid7()}", BODY)).status == 404
    assert (await client.put(f"/api/agents/{demoted}", BODY)).status == 404
    listed = (await client.get("/api/agents")).json()["items"]
    assert [one["id"] for one in listed] == [str(agent)]


async def test_a_decision_is_explained(desk: Desk) -> None:
    agent = await desk.agent("de")
    one = uuid7()
    await desk.create(one, said="de")
    client = desk.as_(Role.AGENT)
    shown = (await client.get(f"/api/routing/tickets/{one}")).json()
    assert (await client.get(f"/api/routing/tickets/{uuid7()}")).status == 404
    assert (shown["language"], shown["queue"]) == ("de", None)
    [decision] = shown["decisions"]
    assert (decision["assignee_id"], decision["proposal"]) == (str(agent), "open")
    assert decision["candidates"][0]["score"] == 100
    speaks, load = (
        {"code": "speaks", "params": {"language": "de"}},
        {"code": "load", "params": {"load": 0, "capacity": 20}},
    )
    assert decision["reasons"] == ["speaks de", "load 0 of 20"]
    assert decision["explained"] == decision["candidates"][0]["explained"] == [speaks, load]


async def test_what_nobody_can_take_is_explained_by_code_and_with_moments(desk: Desk) -> None:
    """The reasons were English sentences, and a moment in them was one in UTC."""
    only, _ = await desk.agent("en"), await desk.agent("en", available=False)
    one = uuid7()
    await desk.create(one, assignee_id=only)
    await desk.change(one, before={"assignee_id": str(only)})
    [decision] = (await desk.as_(Role.AGENT).get(f"/api/routing/tickets/{one}")).json()["decisions"]
    until = {"code": "let_go_until", "params": {"at": "2026-03-02T09:15:00Z", "utc": "09:15"}}
    away = {"code": "away", "params": {}}
    assert decision["explained"] == [
        {"code": "nobody_fits", "params": {}},
        {"code": "left_out", "params": {"count": 1, "reason": away}},
        {"code": "left_out", "params": {"count": 1, "reason": until}},
    ]
    told = {candidate["agent_id"]: candidate["explained"] for candidate in decision["candidates"]}
    assert told[str(only)] == [until]


async def test_decisions_that_were_kept_without_codes_are_still_told(desk: Desk) -> None:
    await desk.agent("de")
    one = uuid7()
    await desk.create(one, said="de")
    async with desk.database.transaction() as session:
        await session.execute(
            text("""
                UPDATE decisions SET explained = DEFAULT, candidates =
                    (SELECT jsonb_agg(kept - 'explained') FROM jsonb_array_elements(candidates) AS kept)""")
        )
    [decision] = (await desk.as_(Role.AGENT).get(f"/api/routing/tickets/{one}")).json()["decisions"]
    for told in (decision, decision["candidates"][0]):
        assert (told["reasons"], told["explained"]) == (["speaks de", "load 0 of 20"], [])
