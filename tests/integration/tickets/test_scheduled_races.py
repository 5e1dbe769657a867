"""Replies that leave later while something else happens to them."""

import asyncio
from typing import Any
from uuid import UUID

import pytest

from services.tickets.repository import CustomerRepository
from services.tickets.service import scheduled
from shared.db import now_utc
from tests.integration.tickets.harness import Desk, Person, received
from tests.integration.tickets.test_scheduled import LATER, a_ticket, paths, release


async def test_a_reply_is_either_taken_back_or_released(desk: Desk) -> None:
    agent = await desk.person()
    outcomes = set()
    for round_ in range(40):
        ticket = await a_ticket(desk)
        replies, waiting = paths(ticket)
        id_ = (await agent.client.post(replies, {"text": "X", "undo_seconds": 60})).json()["id"]
        start = asyncio.Barrier(3)

        # Neither may be the faster one on every machine: each is given a lead in half of the rounds.
        lead = (round_ % 8 - 4) * 5 / 1000

        async def take_back(
            id_: str = id_, waiting: str = waiting, start: asyncio.Barrier = start, lead: float = lead
        ) -> int:
            await start.wait()
            await asyncio.sleep(max(0, -lead))
            return (await agent.client.delete(f"{waiting}/{id_}")).status

        async def let_go(start: asyncio.Barrier = start, lead: float = lead) -> int:
            await start.wait()
            await asyncio.sleep(max(0, lead))
            return await release(desk)

        status, *released = await asyncio.gather(take_back(), let_go(), let_go())
        if not sum(released):
            await release(desk)  # the timer passed by while the other held the ticket, and comes again
        sent = (await desk.one("SELECT count(*) AS n FROM messages WHERE id = :id", id=UUID(id_))).n
        told = (await desk.event_types(ticket.id)).count("ticket.message_added.v1")
        state = (await agent.client.get(f"{waiting}/{id_}")).json()["state"]
        assert (status, sent, told, state) in {(200, 0, 0, "cancelled"), (409, 1, 1, "released")}
        outcomes.add(state)
    assert outcomes == {"cancelled", "released"}, "one always won: this raced nothing"


async def test_two_workers_release_each_reply_once(desk: Desk) -> None:
    agent = await desk.person()
    tickets = [await a_ticket(desk) for _ in range(12)]
    for ticket in tickets:
        for _ in range(10):
            await agent.client.post(paths(ticket)[0], {"text": "X", "undo_seconds": 60})

    async def work() -> int:
        done = 0
        while count := await release(desk):
            done += count
        return done

    counts = await asyncio.gather(*(work() for _ in range(3)))
    while await release(desk):
        pass
    assert (await desk.one("SELECT count(*) AS n FROM messages WHERE kind = 'reply'")).n == 120
    added = await desk.rows("SELECT id FROM outbox WHERE type = 'ticket.message_added.v1'")
    assert len(added) == 120
    assert sum(counts) <= 120
    assert (await desk.one("SELECT count(*) AS n FROM scheduled_messages WHERE state = 'waiting'")).n == 0


async def test_a_worker_that_dies_loses_nothing(desk: Desk) -> None:
    agent, ticket = await desk.person(), await a_ticket(desk)
    await agent.client.post(paths(ticket)[0], {"text": "X", "undo_seconds": 60})

    async def release_and_die() -> None:
        async with desk.database.transaction() as session:
            assert await scheduled.release_due(session, now=now_utc() + LATER) == 1
            raise RuntimeError("killed before its commit")

    with pytest.raises(RuntimeError, match="killed"):
        await release_and_die()
    assert "ticket.message_added.v1" not in await desk.event_types(ticket.id)
    assert await release(desk) == 1


async def test_of_replies_to_the_same_version_exactly_one_wins(desk: Desk) -> None:
    agents = [await desk.person() for _ in range(6)]
    for extra in ({}, {"undo_seconds": 10}):
        for _ in range(5):
            ticket = await a_ticket(desk)
            body = {"text": "Use water.", "expected_version": 1, **extra}
            start = asyncio.Barrier(len(agents))

            async def send(
                agent: Person, ticket: Any = ticket, body: Any = body, start: asyncio.Barrier = start
            ) -> int:
                await start.wait()
                return (await agent.client.post(paths(ticket)[0], body)).status

            statuses = await asyncio.gather(*(send(agent) for agent in agents))
            assert sorted(statuses) == [202 if extra else 201] + [409] * 5
            forced = [
                agent.client.post(paths(ticket)[0], {**body, "force": True, "undo_seconds": 0}) for agent in agents
            ]
            assert {answer.status for answer in await asyncio.gather(*forced)} == {201}


async def test_who_is_unknown_again_is_made_before_tickets_are_locked(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under their locks it would wait for who makes the same customer and then waits for those tickets: for ever."""
    agent, ticket, boss = await desk.person(), await a_ticket(desk), "boss@customer.example"
    await agent.client.post(paths(ticket)[0], {"text": "Use water.", "cc": [boss], "undo_seconds": 60})
    await desk.execute("DELETE FROM customer_identities WHERE address = :address", address=boss)
    made, goes_on = asyncio.Event(), asyncio.Event()
    resolve = CustomerRepository.resolve

    async def resolve_and_wait(self: CustomerRepository, *arguments: Any) -> Any:
        found = await resolve(self, *arguments)
        if not made.is_set():
            made.set()
            await goes_on.wait()
        return found

    monkeypatch.setattr(CustomerRepository, "resolve", resolve_and_wait)
    answer = received(boss, conversation_id=ticket.conversation_id)
    taking = asyncio.ensure_future(desk.take(answer))
    await made.wait()
    releasing = asyncio.ensure_future(release(desk))
    while not await desk.rows(
        "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    ):
        await asyncio.sleep(0.01)
    goes_on.set()
    await asyncio.gather(taking, releasing)
    # The message came first, so the ticket may have been held by it: then the reply leaves with the next turn.
    assert await releasing + await release(desk) == 1
    assert (await desk.one("SELECT cc FROM messages WHERE kind = 'reply'")).cc == [boss]
    assert (await desk.one("SELECT count(*) AS n FROM customer_identities WHERE address = :a", a=boss)).n == 1
