"""Clocks and timers on real PostgreSQL: what is stored, what is told, and what two workers do at once."""

import asyncio
from collections import Counter
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from services.sla import service
from shared.events.accounts import Role
from shared.events.common import Actor, ActorKind, Channel, Priority, Requester, TicketStatus
from shared.events.tickets import MessageKind
from shared.ids import uuid7
from tests.integration.events import at
from tests.integration.sla.harness import AGENT, CUSTOMER, FIRST_RESPONSE, HOUR, RESOLUTION, Desk, message
from tests.statements import sent

CHANGED, WARNED, BREACHED, MET = "sla.clock_changed.v1", "sla.warned.v1", "sla.breached.v1", "sla.met.v1"


async def test_a_new_ticket_has_two_clocks_and_tells_the_next_deadline(desk: Desk) -> None:
    one = uuid7()
    await desk.create(one)
    [(type_, data)] = await desk.told(one)
    assert type_ == CHANGED
    assert [(clock["metric"], clock["state"], clock["generation"]) for clock in data["clocks"]] == [
        ("first_response", "running", 1),
        ("resolution", "running", 1),
    ]
    assert data["next_due_at"] == at(FIRST_RESPONSE).isoformat().replace("+00:00", "Z")


async def test_a_warning_then_a_breach_each_told_once(desk: Desk) -> None:
    one = uuid7()
    await desk.create(one, assignee_id=UUID(int=9))
    assert await desk.fire(0.8 * FIRST_RESPONSE) == 0
    assert await desk.fire(0.8 * FIRST_RESPONSE + 1) == 1
    assert await desk.fire(FIRST_RESPONSE) == 0
    assert await desk.fire(FIRST_RESPONSE + 1) == 1
    assert await desk.fire(FIRST_RESPONSE + 1) == 0
    assert await desk.types(one) == [CHANGED, WARNED, BREACHED]
    (_, breach) = (await desk.told(one))[-1]
    assert breach["assignee_id"] == str(UUID(int=9))
    assert breach["clock"]["state"] == "breached"
    assert breach["clock"]["breached_at"] == at(FIRST_RESPONSE).isoformat().replace("+00:00", "Z")


async def test_only_an_agents_public_reply_stops_the_first_response(desk: Desk) -> None:
    one = uuid7()
    await desk.create(one)
    await desk.reply(one, 10, kind=MessageKind.NOTE)
    await desk.reply(one, 20, kind=MessageKind.CUSTOMER, author=CUSTOMER)
    await desk.reply(one, 30, author=Actor(kind=ActorKind.SYSTEM, id="ingestion"))
    assert await desk.types(one) == [CHANGED]
    await desk.reply(one, 40, author=AGENT)
    await desk.reply(one, 50, author=AGENT)
    assert await desk.types(one) == [CHANGED, MET]
    assert await desk.fire(FIRST_RESPONSE + 1) == 0


async def test_a_ticket_that_begins_with_an_agents_reply_waits_for_no_first_response(desk: Desk) -> None:
    one = uuid7()
    await desk.create(one, first=message(MessageKind.REPLY, AGENT, 0))
    [(_, changed)] = [(type_, data) for type_, data in await desk.told(one) if type_ == CHANGED]
    assert [(clock["metric"], clock["state"]) for clock in changed["clocks"]] == [
        ("first_response", "met"),
        ("resolution", "running"),
    ]
    assert sorted(await desk.types(one)) == [CHANGED, MET]
    assert {row.metric for row in await desk.rows("SELECT metric FROM timers")} == {"resolution"}
    assert await desk.fire(FIRST_RESPONSE + 1) == 0


async def test_a_reply_that_was_in_time_but_came_late_withdraws_the_breach(desk: Desk) -> None:
    one = uuid7()
    await desk.create(one)
    await desk.fire(FIRST_RESPONSE + 60)
    assert (await desk.types(one))[-1] == BREACHED
    await desk.reply(one, FIRST_RESPONSE - 60)
    told = await desk.told(one)
    assert [type_ for type_, _ in told][-2:] == [MET, CHANGED]
    met, changed = told[-2][1], told[-1][1]
    assert met["clock"]["breached_at"] is None
    assert changed["clocks"][0]["breached_at"] is None
    [stored] = await desk.rows("SELECT state, breached_at FROM clocks WHERE metric = 'first_response'")
    assert tuple(stored) == ("met", None)


async def test_a_late_reply_declares_the_breach_that_no_timer_had_fired_for(desk: Desk) -> None:
    one = uuid7()
    await desk.create(one)
    await desk.reply(one, FIRST_RESPONSE + 60)
    assert await desk.types(one) == [CHANGED, BREACHED, MET]
    assert await desk.fire(FIRST_RESPONSE + 100) == 0


async def test_a_deadline_is_not_judged_before_everything_up_to_it_is_read(desk: Desk) -> None:
    await desk.create(uuid7())
    assert await desk.fire(until=FIRST_RESPONSE - 1, now=10 * FIRST_RESPONSE) == 1
    assert (await desk.rows("SELECT count(*) FROM outbox WHERE type = :type", type=BREACHED))[0][0] == 0


async def test_a_pause_moves_the_deadline_and_disarms_the_old_timer(desk: Desk) -> None:
    one = uuid7()
    await desk.create(one)
    await desk.reply(one, 10)
    await desk.change(one, HOUR, status=TicketStatus.PENDING)
    assert await desk.fire(RESOLUTION + 1) == 0
    [(_, paused)] = (await desk.told(one))[-1:]
    assert (paused["clocks"][1]["state"], paused["next_due_at"]) == ("paused", None)
    await desk.change(one, 3 * HOUR, status=TicketStatus.OPEN)
    assert await desk.fire(RESOLUTION + 1) == 1, "the warning, 80 % of the way"
    assert await desk.fire(RESOLUTION + 2 * HOUR + 1) == 1
    assert (await desk.types(one))[-2:] == [WARNED, BREACHED]


async def test_a_timer_of_an_older_generation_does_nothing(desk: Desk) -> None:
    """Disarmed timers are deleted with the move that outdates them; should one survive, its generation stops it."""
    one = uuid7()
    await desk.create(one)
    await desk.change(one, HOUR, priority=Priority.LOW)
    async with desk.database.transaction() as session:
        await session.execute(
            text("UPDATE timers SET generation = 1, due_at = :due WHERE metric = 'first_response'"), {"due": at(1)}
        )
    assert await desk.fire(HOUR) == 2
    assert await desk.types(one) == [CHANGED, CHANGED]
    assert await desk.fire(HOUR) == 0


async def test_two_workers_fire_every_timer_exactly_once(desk: Desk) -> None:
    tickets = [uuid7() for _ in range(600)]
    for first in range(0, len(tickets), 200):
        await desk.create(*tickets[first : first + 200])

    async def worker() -> int:
        fired = 0
        while claimed := await desk.fire(RESOLUTION + 1):
            fired += claimed
        return fired

    fired = await asyncio.gather(worker(), worker())
    assert sum(fired) == 4 * len(tickets)
    # Both warnings were overdue together with their breach, so only the breaches are worth telling.
    told = await desk.rows("SELECT aggregate_id, type FROM outbox WHERE type <> :type", type=CHANGED)
    assert Counter(row.type for row in told) == {BREACHED: 2 * len(tickets)}
    assert set(Counter((row.aggregate_id, row.type) for row in told).values()) == {2}


async def test_replies_and_breaches_that_race_agree_in_the_end(desk: Desk) -> None:
    tickets = [uuid7() for _ in range(40)]
    await desk.create(*tickets)

    async def fire_all() -> None:
        while await desk.fire(FIRST_RESPONSE + 10):
            pass

    await asyncio.gather(fire_all(), *(desk.reply(one, FIRST_RESPONSE - 10) for one in tickets), fire_all())
    states = await desk.rows(
        "SELECT state, breached_at FROM clocks WHERE metric = 'first_response' GROUP BY state, breached_at"
    )
    assert [tuple(row) for row in states] == [("met", None)]
    for one in tickets:
        last = [data["clocks"][0] for type_, data in await desk.told(one) if type_ == CHANGED][-1]
        types = await desk.types(one)
        assert types.count(MET) == 1
        if BREACHED in types:
            assert (types[-1], last["breached_at"]) == (CHANGED, None)


@pytest.mark.parametrize("size", [1, 200])
async def test_a_batch_takes_the_same_few_statements_whatever_its_size(desk: Desk, size: int) -> None:
    tickets = [uuid7() for _ in range(size)]
    async with sent(desk.database) as seen:
        await desk.create(*tickets)
    assert len(seen) <= 7, seen
    async with sent(desk.database) as seen:
        assert await desk.fire(FIRST_RESPONSE + 1) == 2 * size
    assert len(seen) <= 6, seen


async def test_an_event_that_says_nothing_new_writes_no_row_again(desk: Desk) -> None:
    ticket_id = uuid7()
    await desk.create(ticket_id)
    written = await desk.rows("SELECT xmin FROM tickets UNION ALL SELECT xmin FROM clocks")
    await desk.change(ticket_id, 60)
    assert await desk.rows("SELECT xmin FROM tickets UNION ALL SELECT xmin FROM clocks") == written
    await desk.change(ticket_id, 120, priority=Priority.URGENT)
    assert await desk.rows("SELECT xmin FROM tickets") != written[:1]


async def test_who_has_the_ticket_moves_no_clock_and_reads_none(desk: Desk) -> None:
    ticket_id, agent = uuid7(), uuid7()
    await desk.create(ticket_id)
    async with sent(desk.database) as seen:
        await desk.change(ticket_id, 60, status=TicketStatus.OPEN, assignee_id=agent)
    assert len(seen) == 1, seen
    [kept] = await desk.rows("SELECT status, assignee_id FROM tickets")
    assert tuple(kept) == ("open", agent)


@pytest.mark.parametrize(
    "changed",
    [
        {"status": TicketStatus.PENDING},
        {"priority": Priority.LOW},
        {"channel": Channel.CHAT},
        {"requester": Requester(customer_id=UUID(int=8), name="Ben", tier="gold")},
    ],
)
async def test_what_may_move_a_clock_is_looked_at(desk: Desk, changed: dict[str, Any]) -> None:
    ticket_id = uuid7()
    await desk.create(ticket_id)
    async with sent(desk.database) as seen:
        await desk.change(ticket_id, 60, **changed)
    assert any("FROM clocks" in statement.sql for statement in seen), seen


async def test_what_came_from_another_desk_is_not_timed(desk: Desk) -> None:
    """Its creation was never told; a clock that started then would be missed at once."""
    ticket_id = uuid7()
    await desk.change(ticket_id, 900 * HOUR, status=TicketStatus.OPEN)
    await desk.reply(ticket_id, 901 * HOUR)
    assert await desk.told(ticket_id) == []
    async with desk.database.transaction() as session:
        await session.execute(text("UPDATE tickets SET policy_revision = -1"))
        assert await service.replan_outdated(session, now=at(902 * HOUR), judged_until=at(902 * HOUR)) == 1
    assert await desk.fire(1_000 * HOUR) == 0
    assert await desk.told(ticket_id) == []
    assert (await desk.as_(Role.AGENT).get(f"/api/sla/tickets/{ticket_id}")).status == 404
