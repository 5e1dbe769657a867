"""Tickets that are put off: out of the lists until their time, or until their customer writes."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from services.tickets.service import snooze
from services.tickets.worker import create_worker
from shared.db import now_utc
from shared.events.accounts import Role
from shared.settings import Settings
from tests.integration.tickets.harness import Desk, received

LATER = timedelta(days=2)


def tomorrow() -> dict[str, str]:
    return {"until": (now_utc() + timedelta(days=1)).isoformat()}


async def a_ticket(desk: Desk) -> Any:
    await desk.take(received())
    return await desk.one("SELECT * FROM tickets ORDER BY number DESC LIMIT 1")


async def wake(desk: Desk, after: timedelta = LATER) -> int:
    async with desk.database.transaction() as session:
        return await snooze.wake_due(session, now=now_utc() + after)


async def listed(desk: Desk, **query: Any) -> set[int]:
    agent = await desk.person()
    return {ticket["number"] for ticket in (await agent.client.get("/api/tickets", **query)).json()["items"]}


async def test_a_ticket_is_out_of_the_way_until_its_time(desk: Desk) -> None:
    agent, ticket, other = await desk.person(), await a_ticket(desk), await a_ticket(desk)
    path = f"/api/tickets/{ticket.id}"
    assert (await agent.client.put(f"{path}/snooze", tomorrow())).status == 428
    asleep = await agent.client.put(f"{path}/snooze", tomorrow(), if_match='"1"')
    assert (asleep.status, asleep.headers["etag"], asleep.json()["status"]) == (200, '"2"', "new")
    assert asleep.json()["snoozed_until"] is not None
    assert (await agent.client.put(f"{path}/snooze", tomorrow(), if_match='"1"')).status == 412
    assert await listed(desk) == {ticket.number, other.number}
    assert await listed(desk, snoozed="false") == {other.number}
    assert await listed(desk, snoozed="true") == {ticket.number}

    assert await wake(desk, timedelta(0)) == 0
    assert await wake(desk) == 1
    assert await wake(desk) == 0
    assert (await agent.client.get(path)).json()["snoozed_until"] is None
    history = (await agent.client.get(f"{path}/history")).json()["items"]
    assert [entry["cause"] for entry in history] == ["snooze.over", "snooze", "message.received"]
    assert history[0]["actor"]["kind"] == "system"
    assert (await desk.event_types(ticket.id))[1:] == ["ticket.changed.v1"] * 2


async def test_it_is_woken_by_hand(desk: Desk) -> None:
    agent, ticket = await desk.person(), await a_ticket(desk)
    path = f"/api/tickets/{ticket.id}/snooze"
    await agent.client.put(path, tomorrow(), if_match="*")
    awake = await agent.client.delete(path, if_match='"2"')
    assert (awake.status, awake.json()["snoozed_until"]) == (200, None)
    assert await wake(desk) == 0


async def test_its_customer_wakes_it_at_once_and_a_machine_does_not(desk: Desk) -> None:
    agent, ticket = await desk.person(), await a_ticket(desk)
    path = f"/api/tickets/{ticket.id}"
    await agent.client.put(f"{path}/snooze", tomorrow(), if_match="*")
    await desk.take(received(conversation_id=ticket.conversation_id, auto_submitted=True))
    await agent.client.post(f"{path}/notes", {"text": "Not yet."})
    assert (await agent.client.get(path)).json()["snoozed_until"] is not None
    await desk.take(received(conversation_id=ticket.conversation_id, text="Well?"))
    assert (await agent.client.get(path)).json()["snoozed_until"] is None
    changes = (await agent.client.get(f"{path}/history")).json()["items"][0]["changes"]
    assert changes["snoozed_until"]["after"] is None


@pytest.mark.parametrize("ahead", [timedelta(seconds=-1), timedelta(days=366)])
async def test_a_time_that_cannot_be_is_refused(desk: Desk, ahead: timedelta) -> None:
    agent, ticket = await desk.person(), await a_ticket(desk)
    body = {"until": (now_utc() + ahead).isoformat()}
    answer = await agent.client.put(f"/api/tickets/{ticket.id}/snooze", body, if_match="*")
    assert (answer.status, answer.json()["type"]) == (422, "/problems/bad-until")


async def test_what_is_closed_is_not_put_off(desk: Desk) -> None:
    agent, ticket = await desk.person(), await a_ticket(desk)
    for status in ("solved", "closed"):
        await agent.client.patch(f"/api/tickets/{ticket.id}", {"status": status}, if_match="*")
    answer = await agent.client.put(f"/api/tickets/{ticket.id}/snooze", tomorrow(), if_match="*")
    assert (answer.status, answer.json()["type"]) == (409, "/problems/ticket-closed")


async def test_customers_do_not_see_what_is_put_off(desk: Desk) -> None:
    agent, ticket = await desk.person(), await a_ticket(desk)
    await agent.client.put(f"/api/tickets/{ticket.id}/snooze", tomorrow(), if_match="*")
    customer = await desk.person(Role.CUSTOMER, "ana@example.com")
    assert (await customer.client.get(f"/api/tickets/{ticket.id}")).json()["snoozed_until"] is None
    assert (await customer.client.get("/api/tickets", snoozed="true")).status == 403


async def test_workers_wake_each_ticket_once(desk: Desk) -> None:
    agent = await desk.person()
    tickets = [await a_ticket(desk) for _ in range(20)]
    for ticket in tickets:
        await agent.client.put(f"/api/tickets/{ticket.id}/snooze", tomorrow(), if_match="*")
    woken = await asyncio.gather(*(wake(desk) for _ in range(3)))
    assert sum(woken) == 20
    over = await desk.rows("SELECT ticket_id FROM ticket_history WHERE cause = 'snooze.over'")
    assert len(over) == len({row.ticket_id for row in over}) == 20


async def test_the_worker_has_a_timer_that_wakes(desk: Desk) -> None:
    agent, ticket = await desk.person(), await a_ticket(desk)
    await agent.client.put(f"/api/tickets/{ticket.id}/snooze", tomorrow(), if_match="*")
    worker = create_worker(Settings(database_url=desk.database.url), desk.database)
    timer = next(timer for timer in worker.timers if timer.name == "wake_tickets")
    async with desk.database.transaction() as session:
        assert await timer.run(session, now_utc() + LATER) == 1
