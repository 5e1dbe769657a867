"""Assignment on real PostgreSQL: capacity under concurrency, reservations, queues, and what is told."""

import asyncio
from collections.abc import Collection, Sequence
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from services.routing import service
from services.routing.detector import Sample
from services.routing.domain.language import Verdict
from services.routing.repository import AgentRepository, TicketRepository
from shared.events.accounts import Role
from shared.events.common import Priority, Requester, TicketStatus
from shared.events.tickets import TicketCreated, TicketMessageAdded, TicketRoutingDeclined
from shared.ids import uuid7
from tests.integration.events import at, event_of, ticket
from tests.integration.routing.harness import SOMEBODY, Desk, SpokenLanguage, message
from tests.statements import sent


async def test_a_new_ticket_is_classified_and_proposed_with_its_reasons(desk: Desk) -> None:
    german, english = await desk.agent("de-DE"), await desk.agent("en")
    one = uuid7()
    await desk.create(one, said="de")
    rows = await desk.rows("SELECT type, correlation_id, causation_id FROM outbox ORDER BY id")
    assert [row.type for row in rows] == ["ticket.classified.v1", "ticket.routed.v1"]
    assert all(row.causation_id and row.correlation_id == "test" for row in rows)
    [proposal] = await desk.routed(one)
    assert (proposal["assignee_id"], proposal["ticket_version"], proposal["queue"]) == (str(german), 1, "general:de")
    assert proposal["reasons"] == ["speaks de", "load 0 of 20"]
    [(kept,)] = await desk.rows("SELECT candidates FROM decisions")
    assert [UUID(candidate["agent_id"]) for candidate in kept] == [german, english]
    assert proposal["candidates"] == [], "the event does not carry who was considered"
    assert (await desk.loads())[german] == 1


async def test_a_ticket_that_has_somebody_is_left_alone_and_counts(desk: Desk) -> None:
    agent = await desk.agent("en", capacity=1)
    held, waiting = uuid7(), uuid7()
    await desk.create(held, assignee_id=agent)
    assert await desk.routed(held) == []
    await desk.create(waiting)
    assert await desk.assignees(waiting) == [None]


async def test_a_language_that_was_stated_is_not_guessed_again(desk: Desk) -> None:
    french = await desk.agent("fr")
    one = uuid7()
    await desk.create(one, said="de", language="fr-CA")
    assert await desk.assignees(one) == [french]
    assert len(await desk.rows("SELECT 1 FROM outbox WHERE type = 'ticket.classified.v1'")) == 0


async def test_eight_workers_at_once_never_exceed_capacity(desk: Desk) -> None:
    agents = {await desk.agent("en", capacity=capacity): capacity for capacity in (3, 5, 7)}
    batches = [[uuid7() for _ in range(5)] for _ in range(8)]
    await asyncio.gather(*(desk.create(*batch) for batch in batches))
    loads = await desk.loads()
    assert loads == agents, "every place is taken, and none twice"
    proposed = [await desk.assignees(one) for batch in batches for one in batch]
    assert sum(1 for assignees in proposed if assignees != [None]) == 15
    waiting = await desk.rows("SELECT count(*) FROM tickets WHERE queue IS NOT NULL")
    assert waiting[0][0] == 25


async def test_queues_and_new_tickets_that_race_for_places_never_exceed_capacity(desk: Desk) -> None:
    agent = await desk.agent("en", capacity=0)
    await desk.create(*(uuid7() for _ in range(20)))
    await desk.agent("en", capacity=10, account_id=agent)
    await asyncio.gather(
        desk.drain(), desk.create(*(uuid7() for _ in range(5))), desk.drain(), desk.create(uuid7()), desk.drain()
    )
    assert await desk.loads() == {agent: 10}


async def test_the_ticket_with_its_new_assignee_confirms_the_reservation(desk: Desk) -> None:
    agent = await desk.agent("en")
    one = uuid7()
    await desk.create(one)
    await desk.change(one, assignee_id=agent, version=2)
    assert await desk.states(one) == ["confirmed"]
    assert await desk.loads() == {agent: 1}


async def test_a_person_who_was_faster_frees_the_reservation(desk: Desk) -> None:
    chosen, other = await desk.agent("en"), await desk.agent("fr")
    one = uuid7()
    await desk.create(one)
    await desk.change(one, assignee_id=other, version=2)
    assert await desk.states(one) == ["superseded"]
    assert await desk.loads() == {chosen: 0, other: 1}


@pytest.mark.parametrize("status", [TicketStatus.SOLVED, TicketStatus.CLOSED])
async def test_a_finished_ticket_frees_its_place_and_the_queue_moves_up(desk: Desk, status: TicketStatus) -> None:
    agent = await desk.agent("en", capacity=1)
    first, second = uuid7(), uuid7()
    await desk.create(first)
    await desk.change(first, assignee_id=agent)
    await desk.create(second)
    assert await desk.drain() == 0
    await desk.change(first, assignee_id=agent, status=status)
    assert await desk.drain() == 1
    assert await desk.assignees(second) == [None, agent]
    assert await desk.loads() == {agent: 1}


async def test_a_declined_proposal_frees_its_place(desk: Desk) -> None:
    agent = await desk.agent("en")
    one = uuid7()
    await desk.create(one)
    [proposal] = await desk.routed(one)
    await desk.decline(one, proposal["decision_id"], status=TicketStatus.SOLVED)
    assert await desk.states(one) == ["declined"]
    assert await desk.loads() == {agent: 0}


async def test_what_a_message_tells_of_its_requester_counts_for_a_ticket_that_waits(desk: Desk) -> None:
    """No field of the ticket changes by it, so no `ticket.changed` tells."""
    german, one = await desk.agent("de"), uuid7()
    await desk.create(one, said="mumble", requester=Requester(customer_id=UUID(int=8), name="Ben", language="fr"))
    assert await desk.assignees(one) == [None]
    told = ticket(one, requester=Requester(customer_id=UUID(int=8), name="Ben", language="de"))
    await desk.follow(event_of(TicketMessageAdded(ticket=told, message=message("Hello")), one))
    await desk.drain()
    assert await desk.assignees(one) == [None, german]


async def test_declined_tickets_are_tried_again_at_once_and_then_ever_more_slowly(desk: Desk) -> None:
    agent = await desk.agent("en")
    one = uuid7()
    await desk.create(one)
    await desk.decline(one, (await desk.routed(one))[-1]["decision_id"], version=2)
    assert [proposal["ticket_version"] for proposal in await desk.routed(one)] == [1, 2]
    await desk.decline(one, (await desk.routed(one))[-1]["decision_id"], version=3)
    assert len(await desk.routed(one)) == 2
    assert await desk.drain(seconds=1) == 0
    assert await desk.drain(seconds=2) == 1
    assert await desk.assignees(one) == [agent] * 3
    assert await desk.loads() == {agent: 1}


async def test_who_lets_go_of_a_ticket_is_proposed_for_it_again_only_after_the_others(desk: Desk) -> None:
    first, second = await desk.agent("de"), await desk.agent("en")
    one = uuid7()
    await desk.create(one, said="de")
    await desk.change(one, assignee_id=first, language="de")
    await desk.change(one, language="de", before={"assignee_id": str(first)})
    assert await desk.assignees(one) == [first, second]


async def test_who_let_go_of_a_ticket_gets_it_from_the_queue_after_a_while_when_nobody_else_can(desk: Desk) -> None:
    """It came back at once, and again each time they let go of it."""
    only = await desk.agent("en")
    one = uuid7()
    await desk.create(one, assignee_id=only)
    await desk.change(one, before={"assignee_id": str(only)})
    shown = (await desk.as_(Role.AGENT).get(f"/api/routing/tickets/{one}")).json()
    assert shown["queue"] == "general:en"
    reason = "let go of this ticket; can get it again from 09:15 UTC"
    assert shown["decisions"][0]["reasons"] == ["nobody fits now", f"1 left out: {reason}"]
    assert await desk.drain(seconds=899.999) == 0
    assert await desk.drain(seconds=900) == 1
    assert await desk.assignees(one) == [None, only]
    assert "let go of this ticket before" in (await desk.routed(one))[-1]["reasons"]


async def test_who_lets_go_again_waits_again(desk: Desk) -> None:
    only = await desk.agent("en")
    one = uuid7()
    await desk.create(one, assignee_id=only)
    await desk.change(one, before={"assignee_id": str(only)})
    await desk.change(one, assignee_id=only, seconds=600)
    await desk.change(one, before={"assignee_id": str(only)}, seconds=840)
    assert await desk.drain(seconds=1739.999) == 0
    assert await desk.drain(seconds=1740) == 1


@pytest.mark.parametrize(("lag", "proposed"), [(0, False), (899, False), (900, True)])
async def test_a_cool_down_runs_from_the_change_and_not_from_when_routing_hears_of_it(
    desk: Desk, lag: float, proposed: bool
) -> None:
    only = await desk.agent("en")
    one = uuid7()
    await desk.create(one, assignee_id=only)
    await desk.change(one, before={"assignee_id": str(only)}, lag=lag)
    assert await desk.assignees(one) == [only if proposed else None]
    assert await desk.drain(seconds=900) == (0 if proposed else 1)


async def test_somebody_else_who_comes_meanwhile_gets_the_ticket(desk: Desk) -> None:
    first = await desk.agent("en")
    one = uuid7()
    await desk.create(one, assignee_id=first)
    await desk.change(one, before={"assignee_id": str(first)})
    assert await desk.drain(seconds=60) == 0
    second = await desk.agent("en")
    assert await desk.drain(seconds=61) == 1
    assert await desk.assignees(one) == [None, second]


async def test_tickets_in_their_cool_down_do_not_block_those_behind(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "DRAIN_BATCH", 2)
    only = await desk.agent("en")
    let_go = [uuid7() for _ in range(5)]
    await desk.create(*let_go, priority=Priority.URGENT, assignee_id=only)
    for one in let_go:
        await desk.change(one, priority=Priority.URGENT, before={"assignee_id": str(only)})
    await desk.agent("en", available=False, account_id=only)
    behind = uuid7()
    await desk.create(behind, priority=Priority.LOW)
    await desk.agent("en", account_id=only)
    assert await desk.drain(seconds=1) == 1
    assert (await desk.assignees(behind))[-1] == only


async def test_who_let_go_before_the_moment_was_kept_stands_behind_and_does_not_wait(desk: Desk) -> None:
    """During an upgrade a process of the version before writes `released_by` alone."""
    first, second = await desk.agent("en"), await desk.agent("en", available=False)
    one = uuid7()
    await desk.create(one, assignee_id=first)
    await desk.change(one, before={"assignee_id": str(first)})
    async with desk.database.transaction() as session:
        await session.execute(text("UPDATE tickets SET released_at = '{}'"))
    await desk.agent("en", capacity=1, account_id=second)
    await desk.agent("en", capacity=1, account_id=first)
    assert await desk.drain() == 1
    assert await desk.assignees(one) == [None, second]
    await desk.decline(one, (await desk.routed(one))[-1]["decision_id"], status=TicketStatus.PENDING)
    await desk.agent("en", available=False, account_id=second)
    await desk.change(one, status=TicketStatus.OPEN)
    assert await desk.assignees(one) == [None, second, first]


@pytest.mark.parametrize("reopened_at_once", [False, True])
async def test_a_solved_ticket_forgets_who_let_go_of_it(desk: Desk, reopened_at_once: bool) -> None:
    first, second = await desk.agent("de"), await desk.agent("en")
    one = uuid7()
    await desk.create(one, language="de", assignee_id=first)
    await desk.change(one, language="de", before={"assignee_id": str(first)})
    await desk.change(one, language="de", assignee_id=second, status=TicketStatus.SOLVED)
    if reopened_at_once:
        await desk.change(one, language="de", status=TicketStatus.OPEN, before={"assignee_id": str(second)})
    else:
        await desk.change(one, language="de", assignee_id=second, status=TicketStatus.OPEN)
    [row] = await desk.rows("SELECT released_by, released_at FROM tickets WHERE ticket_id = :id", id=one)
    assert (row.released_by, row.released_at) == ([], {})


async def test_queues_are_drained_by_priority_and_then_by_age(desk: Desk) -> None:
    agent = await desk.agent("en", available=False)
    old, new, urgent = uuid7(), uuid7(), uuid7()
    await desk.create(new, created_at=at(10))
    await desk.create(old, created_at=at(5))
    await desk.create(urgent, created_at=at(20), priority=Priority.URGENT)
    client = desk.as_(Role.SUPERVISOR)
    queues = (await client.get("/api/routing/queues")).json()["items"]
    assert [(queue["queue"], queue["waiting"]) for queue in queues] == [("general:en", 3)]
    for expected in (urgent, old, new):
        load = (await desk.loads())[agent]
        await desk.agent("en", capacity=load + 1, account_id=agent)
        assert await desk.drain() == 1
        assert (await desk.assignees(expected))[-1] == agent


async def test_tickets_that_nobody_can_take_do_not_block_those_behind(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "DRAIN_BATCH", 2)
    french = await desk.agent("fr", available=False, groups=("support",))
    await desk.create(*(uuid7() for _ in range(5)), said="ja", priority=Priority.URGENT)
    await desk.create(*(uuid7() for _ in range(5)), said="fr", group="sales", priority=Priority.URGENT)
    behind = uuid7()
    await desk.create(behind, said="fr", group="support", priority=Priority.LOW)
    await desk.agent("fr", account_id=french, groups=("support",))
    assert await desk.drain() == 1
    assert (await desk.assignees(behind))[-1] == french
    assert await desk.drain() == 0


async def test_an_unanswered_proposal_is_made_again_and_keeps_its_place(desk: Desk) -> None:
    agent = await desk.agent("en")
    one = uuid7()
    await desk.create(one)

    async def renew(seconds: float) -> int:
        async with desk.database.transaction() as session:
            return await service.renew_proposals(session, at(seconds), after=timedelta(minutes=5))

    assert await renew(299) == 0
    assert await renew(301) == 1
    assert await renew(302) == 0
    first, second = await desk.routed(one)
    assert first["decision_id"] == second["decision_id"]
    assert second["queue"] == first["queue"]
    assert await desk.loads() == {agent: 1}


async def test_a_proposal_made_again_says_what_it_was_decided_on(desk: Desk) -> None:
    """With the ticket's newest version, tickets took an old decision for one that knew the ticket's new group."""
    await desk.agent("en", groups=("support",))
    one = uuid7()
    await desk.create(one, group="support")
    await desk.change(one, group="sales", version=2)
    async with desk.database.transaction() as session:
        assert await service.renew_proposals(session, at(600), after=timedelta(minutes=5)) == 1
    told = [(proposal["ticket_version"], proposal["group"]) for proposal in await desk.routed(one)]
    assert told == [(1, "support"), (1, "support")]


async def test_nobody_else_assigns_meanwhile_even_where_there_is_no_agent_yet(desk: Desk) -> None:
    """Locking the agents' rows locked nothing before the first agent came; then two workers both counted them free."""
    async with desk.database.transaction() as first:
        await AgentRepository(first).lock_assignment()
        async with desk.database.transaction() as second:
            await second.execute(text("SET LOCAL lock_timeout = '50ms'"))
            with pytest.raises(DBAPIError, match="lock timeout"):
                await AgentRepository(second).lock_assignment()
            await second.rollback()


async def test_languages_are_told_before_tickets_are_locked(desk: Desk) -> None:
    """Detection waits for its thread; nobody else should wait for it too."""
    await desk.agent("en")
    one, new = uuid7(), uuid7()
    await desk.create(one)
    [proposal] = await desk.routed(one)

    class Looking(SpokenLanguage):
        async def identify(self, samples: Sequence[Sample], *, desk: Collection[str]) -> list[Verdict]:
            async with database.transaction() as other:
                await other.execute(text("SELECT FROM tickets FOR UPDATE NOWAIT"))
            return await super().identify(samples, desk=desk)

    database = desk.database
    declined = TicketRoutingDeclined(ticket=ticket(one), decision_id=UUID(proposal["decision_id"]), reason="moved on")
    created = TicketCreated(ticket=ticket(new), message=message("en"), actor=SOMEBODY)
    await desk.follow(event_of(declined, one), event_of(created, new), detector=Looking())
    assert len(await desk.routed(new)) == 1


async def test_declining_waits_for_the_ticket_before_it_takes_the_reservation(desk: Desk) -> None:
    """Who holds a ticket and wants its reservation must never meet somebody who holds them the other way round."""
    await desk.agent("en")
    one = uuid7()
    await desk.create(one)
    [proposal] = await desk.routed(one)
    async with desk.database.transaction() as holder:
        await TicketRepository(holder).lock_tickets([one])
        declining = asyncio.create_task(desk.decline(one, proposal["decision_id"], status=TicketStatus.SOLVED))
        while not await desk.rows(
            "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        ):
            await asyncio.sleep(0.01)
        await holder.execute(text("SELECT FROM reservations FOR UPDATE NOWAIT"))
    await declining
    assert await desk.states(one) == ["declined"]


async def test_decisions_are_forgotten_after_their_time_but_never_under_an_open_proposal(desk: Desk) -> None:
    agent = await desk.agent("en")
    answered, unanswered, recent = uuid7(), uuid7(), uuid7()
    await desk.create(answered, unanswered)
    await desk.change(answered, assignee_id=agent, version=2)
    await desk.create(recent, seconds=10)
    await desk.change(recent, assignee_id=agent, version=2)
    async with desk.database.transaction() as session:
        assert await service.forget_decisions(session, at(1) + service.DECISIONS_KEPT) == 1
    async with desk.database.transaction() as session:
        assert await service.forget_decisions(session, at(1) + service.DECISIONS_KEPT) == 0
    kept = {
        "decisions": {row.ticket_id for row in await desk.rows("SELECT ticket_id FROM decisions")},
        "reservations": {row.ticket_id for row in await desk.rows("SELECT ticket_id FROM reservations")},
    }
    assert kept == {"decisions": {unanswered, recent}, "reservations": {unanswered, recent}}


@pytest.mark.parametrize("size", [1, 100])
async def test_a_batch_takes_the_same_few_statements_whatever_its_size(desk: Desk, size: int) -> None:
    await desk.agent("en", capacity=500)
    async with sent(desk.database) as seen:
        await desk.create(*(uuid7() for _ in range(size)))
    assert len(seen) <= 8, seen


async def test_an_event_that_says_nothing_new_writes_no_row_again(desk: Desk) -> None:
    ticket_id = uuid7()
    await desk.create(ticket_id)
    written = await desk.rows("SELECT xmin FROM tickets")
    await desk.change(ticket_id, subject="Printer still on fire")
    assert await desk.rows("SELECT xmin FROM tickets") == written
    await desk.change(ticket_id, priority=Priority.URGENT)
    assert await desk.rows("SELECT xmin FROM tickets") != written
