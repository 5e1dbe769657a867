"""Merges while something else happens to the same tickets."""

import asyncio
from collections.abc import Coroutine
from typing import Any
from uuid import UUID

from tests.integration.tickets.harness import Desk
from tests.integration.tickets.test_bulk_races import at_once
from tests.integration.tickets.test_merges import a_ticket, again, merge, problem, ticket, ticket_of, undo


async def test_into_each_other_at_once_one_wins(desk: Desk) -> None:
    agent = await desk.person()
    winners = set()
    for turn in range(6):
        a, b = await a_ticket(desk), await a_ticket(desk)
        first, second = ((a, b), (b, a))[:: 1 if turn % 2 else -1]
        answers = await at_once(desk, [a.id, b.id], merge(agent, *first), merge(agent, *second))
        assert sorted(answer.status for answer in answers) == [200, 409]
        lost = next(answer for answer in answers if answer.status == 409)
        assert problem(lost) == (409, "already-merged")
        merged = [each for each in (await ticket(desk, a.id), await ticket(desk, b.id)) if each.merged_into]
        assert len(merged) == 1
        winners.add("a" if merged[0].id == b.id else "b")
    assert winners == {"a", "b"}, "one always won: this raced nothing"


async def test_of_two_merges_of_one_source_one_wins(desk: Desk) -> None:
    agent = await desk.person()
    source, *targets = [await a_ticket(desk) for _ in range(5)]
    answers = await at_once(desk, [source.id], *(merge(agent, target, source) for target in targets))
    assert sorted(answer.status for answer in answers) == [200, 409, 409, 409]
    assert {problem(answer) for answer in answers if answer.status == 409} == {(409, "already-merged")}
    assert (await desk.one("SELECT count(*) AS n FROM merges")).n == 1


async def test_circles_of_many_at_once_never_close(desk: Desk) -> None:
    agent = await desk.person()
    for turn in range(4):
        ring = [await a_ticket(desk) for _ in range(4)]
        places = [(turn + n) % 4 for n in range(4)]
        answers = await at_once(
            desk, [each.id for each in ring], *(merge(agent, ring[place], ring[place - 1]) for place in places)
        )
        assert {answer.status for answer in answers} == {200, 409}
        assert {problem(answer) for answer in answers if answer.status == 409} == {(409, "already-merged")}
        rows = {each.id: (await ticket(desk, each.id)).merged_into for each in ring}
        assert None in rows.values()
        for start in rows:
            seen, at = set[UUID](), start
            while rows[at] is not None:
                assert at not in seen, "a circle"
                seen.add(at)
                at = rows[at]


async def test_a_message_that_comes_meanwhile_is_in_one_of_them_and_found(desk: Desk) -> None:
    """It waits for the lock of the source, and finds it merged; the target is not among what it locked."""
    agent = await desk.person()
    found_in = set()
    for turn in range(8):
        target, source = await a_ticket(desk), await a_ticket(desk)
        messages = [again(source) for _ in range(3)]
        calls: list[Coroutine[Any, Any, Any]] = [desk.take(one) for one in messages]
        calls.insert(turn % 4, merge(agent, target, source))
        answer = (await at_once(desk, [source.id], *calls))[turn % 4]
        assert answer.status == 200, answer.body
        for one in messages:
            there = await ticket_of(desk, one)
            assert there.id in {target.id, source.id}
            found_in.add("target" if there.id == target.id else "source")
            if there.id == source.id:
                assert (there.status, there.merged_into) == ("closed", target.id), "it came before the merge"
        at = await ticket(desk, target.id)
        counted = await desk.one("SELECT count(*) AS n FROM messages WHERE ticket_id = :id", id=target.id)
        assert at.message_count == counted.n
    assert found_in == {"target", "source"}, "one always came first: this raced nothing"


async def test_a_message_whose_ticket_is_merged_while_it_waits_goes_on_to_the_target(desk: Desk) -> None:
    target, source = await a_ticket(desk), await a_ticket(desk)
    agent = await desk.person()
    later = again(source)
    async with desk.database.transaction() as session:
        # What a merge holds until it commits.
        connection = await session.connection()
        await connection.exec_driver_sql(f"SELECT FROM tickets WHERE id = '{source.id}' FOR UPDATE")
        coming = asyncio.create_task(desk.take(later))
        await asyncio.sleep(0.3)
        await connection.exec_driver_sql(
            f"UPDATE tickets SET merged_into = '{target.id}', status = 'closed', solved_at = now() "
            f"WHERE id = '{source.id}'"
        )
    await coming
    assert (await ticket_of(desk, later)).id == target.id
    assert (await agent.client.get(f"/api/tickets/{target.id}")).json()["thread_version"] == 2


async def test_an_edit_at_once_is_before_the_merge_or_refused(desk: Desk) -> None:
    agent = await desk.person()
    outcomes = set()
    for turn in range(6):
        target, source = await a_ticket(desk), await a_ticket(desk)
        subject = f"Edited {turn}"
        edit = agent.client.patch(f"/api/tickets/{source.id}", {"subject": subject}, if_match='"1"')
        way = 1 if turn % 2 else -1
        calls = [merge(agent, target, source), edit][::way]
        merged, edited = (await at_once(desk, [source.id], *calls))[::way]
        assert merged.status == 200
        assert edited.status in {200, 412}, edited.body
        after = await ticket(desk, source.id)
        assert after.version == (3 if edited.status == 200 else 2)
        assert (after.subject == subject) is (edited.status == 200)
        assert (after.status, after.merged_into) == ("closed", target.id)
        outcomes.add(edited.status)
    assert outcomes == {200, 412}, "one always came first: this raced nothing"


async def test_an_undo_at_once_with_a_reply_loses_nothing(desk: Desk) -> None:
    agent = await desk.person()
    found_in = set()
    for turn in range(6):
        target, source = await a_ticket(desk), await a_ticket(desk)
        await merge(agent, target, source)
        messages = [again(source) for _ in range(2)]
        calls: list[Coroutine[Any, Any, Any]] = [desk.take(one) for one in messages]
        calls.insert(turn % 3, undo(agent, target, source))
        answer = (await at_once(desk, [target.id], *calls))[turn % 3]
        assert answer.status == 200, answer.body
        places = {(await ticket_of(desk, one)).id for one in messages}
        assert places <= {target.id, source.id}
        found_in |= {"target" if place == target.id else "source" for place in places}
        for each in (target, source):
            at = await ticket(desk, each.id)
            counted = await desk.one("SELECT count(*) AS n FROM messages WHERE ticket_id = :id", id=each.id)
            assert at.message_count == counted.n
        assert (await ticket(desk, source.id)).status in {"new", "open"}
    assert found_in == {"target", "source"}, "one always came first: this raced nothing"
