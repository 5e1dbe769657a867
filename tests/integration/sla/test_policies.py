"""Policies over HTTP: preconditions, validation, and clocks that follow a changed policy."""

from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from services.sla import service
from services.sla.repository import SlaRepository
from shared.events.accounts import Role
from shared.events.common import TicketStatus
from shared.ids import uuid7
from tests.asgi import Client
from tests.integration.events import at
from tests.integration.sla.harness import HOUR, Desk

DEFAULT_ID = "5a000000-0000-4000-8000-000000000001"


async def terms(client: Client) -> dict[str, Any]:
    [policy] = (await client.get("/api/sla/policies")).json()["items"]
    return {key: value for key, value in policy.items() if key not in {"id", "version", "updated_at"}}


async def replan(desk: Desk, seconds: float) -> int:
    async with desk.database.transaction() as session:
        return await service.replan_outdated(session, now=at(seconds), judged_until=at(seconds))


async def test_the_default_policy_is_there_from_the_start(desk: Desk) -> None:
    client = desk.as_(Role.AGENT)
    [policy] = (await client.get("/api/sla/policies")).json()["items"]
    assert (policy["id"], policy["version"], policy["warn_fraction"]) == (DEFAULT_ID, 1, 0.8)
    assert policy["targets"]["normal"] == {"first_response_seconds": 8 * HOUR, "resolution_seconds": 72 * HOUR}


async def test_a_changed_policy_plans_open_clocks_anew(desk: Desk) -> None:
    open_one, closed_one = uuid7(), uuid7()
    await desk.create(open_one)
    await desk.create(closed_one, status=TicketStatus.CLOSED)
    client = desk.as_(Role.SUPERVISOR)
    body = await terms(client)
    body["targets"]["normal"]["first_response_seconds"] = HOUR
    answer = await client.put(f"/api/sla/policies/{DEFAULT_ID}", body, if_match='"1"')
    assert (answer.status, answer.headers["etag"]) == (200, '"2"')
    assert await replan(desk, 60) == 1
    assert await replan(desk, 60) == 0
    clocks = (await client.get(f"/api/sla/tickets/{open_one}")).json()["clocks"]
    assert [clock["target_seconds"] for clock in clocks] == [HOUR, 72 * HOUR]
    assert clocks[0]["due_at"] == at(HOUR).isoformat().replace("+00:00", "Z")
    assert await desk.types(closed_one) == ["sla.met.v1", "sla.clock_changed.v1"]
    assert await desk.fire(HOUR + 1) == 2


async def test_a_longer_target_takes_a_breach_back(desk: Desk) -> None:
    one = uuid7()
    await desk.create(one)
    await desk.fire(8 * HOUR + 1)
    client = desk.as_(Role.ADMIN)
    body = await terms(client)
    body["targets"]["normal"]["first_response_seconds"] = 24 * HOUR
    await client.put(f"/api/sla/policies/{DEFAULT_ID}", body, if_match="*")
    await replan(desk, 9 * HOUR)
    (_, last) = (await desk.told(one))[-1]
    assert (last["clocks"][0]["state"], last["clocks"][0]["breached_at"]) == ("running", None)


async def test_policies_are_changed_one_at_a_time(desk: Desk) -> None:
    """A revision comes from a sequence: committed after a higher one, it left open clocks on the older terms."""
    gold = uuid7()
    async with desk.database.transaction() as session:
        await session.execute(
            text(
                "INSERT INTO policies (id, name, position, tiers, targets, warn_fraction) "
                "SELECT :id, 'Gold', 1, '{gold}', targets, warn_fraction FROM policies"
            ),
            {"id": gold},
        )
    async with desk.database.read() as session:
        policies = {stored.policy.id: stored.policy for stored in await SlaRepository(session).policies()}
    async with desk.database.transaction() as first:
        await service.change_policy(first, policies[UUID(DEFAULT_ID)], expected_version=1, now=at(0))
        async with desk.database.transaction() as second:
            await second.execute(text("SET LOCAL lock_timeout = '50ms'"))
            with pytest.raises(DBAPIError, match="lock timeout"):
                await service.change_policy(second, policies[gold], expected_version=1, now=at(0))
            await second.rollback()


@pytest.mark.parametrize(
    ("headers", "status"),
    [({}, 428), ({"if_match": '"7"'}, 412), ({"if_match": 'W/"7"'}, 412), ({"if_match": "yesterday"}, 422)],
)
async def test_a_change_names_the_version_it_is_made_to(desk: Desk, headers: dict[str, str], status: int) -> None:
    client = desk.as_(Role.ADMIN)
    answer = await client.put(f"/api/sla/policies/{DEFAULT_ID}", await terms(client), **headers)
    assert answer.status == status


@pytest.mark.parametrize(
    ("change", "slug"),
    [
        ({"tiers": ["gold"]}, "no-policy-for-all"),
        ({"warn_fraction": 1.0}, "validation"),
        ({"surprise": True}, "validation"),
        ({"calendar": "9-5"}, "validation"),
        ({"name": "a\x00b"}, "validation"),
    ],
)
async def test_terms_that_make_no_sense_are_refused(desk: Desk, change: dict[str, Any], slug: str) -> None:
    client = desk.as_(Role.ADMIN)
    body = await terms(client) | change
    answer = await client.put(f"/api/sla/policies/{DEFAULT_ID}", body, if_match='"1"')
    assert (answer.status, answer.json()["type"]) == (422, f"/problems/{slug}")


async def test_agents_read_policies_but_do_not_change_them(desk: Desk) -> None:
    client = desk.as_(Role.AGENT)
    body = await terms(client)
    answer = await client.put(f"/api/sla/policies/{DEFAULT_ID}", body, if_match='"1"')
    assert answer.status == 403
    client = desk.as_(Role.CUSTOMER)
    assert (await client.get("/api/sla/policies")).status == 403


async def test_what_is_not_there_is_404(desk: Desk) -> None:
    client = desk.as_(Role.ADMIN)
    assert (await client.get(f"/api/sla/tickets/{uuid7()}")).status == 404
    body = await terms(client)
    answer = await client.put(f"/api/sla/policies/{uuid7()}", body, if_match="*")
    assert answer.status == 404


async def test_a_tickets_clocks_can_be_checked_by_hand(desk: Desk) -> None:
    one = uuid7()
    await desk.create(one)
    await desk.change(one, HOUR, status=TicketStatus.PENDING)
    await desk.change(one, 5 * HOUR, status=TicketStatus.OPEN)
    await desk.change(one, 7 * HOUR, status=TicketStatus.SOLVED)
    client = desk.as_(Role.AGENT)
    first, resolution = (await client.get(f"/api/sla/tickets/{one}")).json()["clocks"]
    assert first["state"] == "paused"
    assert (resolution["state"], resolution["counted_seconds"]) == ("met", 3 * HOUR)
    assert resolution["remaining_seconds"] == 69 * HOUR
    assert [(i["start"], i["end"]) for i in resolution["intervals"]] == [
        (at(0).isoformat().replace("+00:00", "Z"), at(HOUR).isoformat().replace("+00:00", "Z")),
        (at(5 * HOUR).isoformat().replace("+00:00", "Z"), at(7 * HOUR).isoformat().replace("+00:00", "Z")),
    ]
