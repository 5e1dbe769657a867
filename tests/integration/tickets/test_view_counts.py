"""Counts of views: bounded, kept for a moment, and by themselves."""

import asyncio

import pytest
from sqlalchemy import func, literal_column, text

from services.tickets.domain.conditions import Condition, comparisons
from services.tickets.repository.conditions import Asker
from services.tickets.repository.lists import Selection
from services.tickets.repository.selections import selected
from services.tickets.service import views
from shared.events.accounts import Role
from tests.integration.tickets.harness import Desk, Person, received
from tests.integration.tickets.test_views import ALL, FROM_THE_START, OPEN, PATH, create
from tests.statements import sent


async def test_counts_stop_where_nobody_tells_them_apart(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(views, "MOST_COUNTED", 3)
    agent = await desk.person()
    await create(agent, conditions={"not": {"field": "tags", "is": ["spam"]}})
    await desk.take(*(received(f"c{n}@example.com") for n in range(3)))

    async def counted() -> tuple[int, str]:
        last = (await agent.client.get(f"{PATH}/counts")).json()["items"][-1]
        return last["count"], last["exactness"]

    assert await counted() == (3, "exact")
    await desk.take(received("more@example.com"))
    monkeypatch.setattr(views, "KEPT_SECONDS", 0)
    assert await counted() == (3, "at_least")
    monkeypatch.setattr("services.tickets.repository.lists._MOST_COST", 0)
    monkeypatch.setattr(views, "WEIGHED_SECONDS", 0)
    count, exactness = await counted()
    assert exactness == "about"
    assert 0 <= count <= 3


async def test_counts_are_kept_a_moment_for_all_who_see_the_same(desk: Desk) -> None:
    sam, kim = await desk.person(), await desk.person()
    await desk.take(received())
    ticket_id = (await desk.one("SELECT id FROM tickets")).id
    assert (await sam.client.post(f"/api/tickets/{ticket_id}/claim")).status == 200

    async def counted(person: Person) -> tuple[int, int]:
        """The tickets of theirs, and how many statements that took."""
        async with sent(desk.database) as statements:
            (mine, *_) = (await person.client.get(f"{PATH}/counts")).json()["items"]
        return mine["count"], sum("count(*)" in each.sql and "tickets.tickets" in each.sql for each in statements)

    assert await counted(sam) == (1, 1)
    assert await counted(sam) == (1, 0)
    assert await counted(kim) == (0, 1)


async def test_one_view_that_fails_hides_no_count_of_the_others(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """One about what comes in 417,000 weeks made every list of counts fail, whoever asked."""
    agent, lead = await desk.person(), await desk.person(Role.SUPERVISOR)
    await desk.take(received())
    far = await create(lead, conditions={"field": "created", "lt": "+417000w"}, visibility="everyone", position=1)
    gone = await create(lead, conditions=ALL, visibility="everyone", position=0)
    await create(lead, conditions={"field": "brand", "is": ["broken"]}, visibility="everyone", position=0)
    async with desk.database.transaction() as session:
        tree = '{"field": "fields.gone", "is": []}'
        query = text("UPDATE views SET conditions = cast(:tree AS jsonb) WHERE id = :id")
        await session.execute(query, {"tree": tree, "id": gone["id"]})

    def broken(condition: Condition, asker: Asker) -> Selection:
        fails = any(test.value == ("broken",) for test in comparisons(condition))
        return Selection(rest=literal_column("1 / (message_count * 0) = 1")) if fails else selected(condition, asker)

    monkeypatch.setattr(views, "selected", broken)
    answer = await agent.client.get(f"{PATH}/counts")
    assert answer.status == 200, answer.body
    found = {each["view_id"]: each["count"] for each in answer.json()["items"]}
    assert len(found) == len(FROM_THE_START) + 1
    assert found[far["id"]] == 1
    answer = await agent.client.get(f"{PATH}/{gone['id']}/tickets")
    assert (answer.status, answer.json()["type"]) == (422, "/problems/bad-condition")


async def test_what_takes_too_long_to_find_is_to_be_narrowed(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    agent = await desk.person()
    await desk.take(received())
    monkeypatch.setattr("services.tickets.repository.lists._MOST_MS", 500)
    slow = func.pg_sleep(60).is_not(None)
    monkeypatch.setattr("services.tickets.repository.selections.in_sql", lambda *_: slow)
    answer = await agent.client.post(f"{PATH}/preview", {"conditions": {"field": "subject", "contains": "parcel"}})
    assert (answer.status, answer.json()["type"]) == (422, "/problems/too-wide")
    assert "Narrow it" in answer.json()["detail"]


async def test_who_counts_the_same_at_once_counts_it_once(desk: Desk) -> None:
    people = [await desk.person() for _ in range(4)]
    everybodys = await create(await desk.person(Role.SUPERVISOR), conditions=OPEN, visibility="everyone")
    async with desk.database.transaction() as session:
        await session.execute(text("DELETE FROM views WHERE id <> :id"), {"id": everybodys["id"]})
    async with sent(desk.database) as statements:
        answers = await asyncio.gather(*(person.client.get(f"{PATH}/counts") for person in people))
    assert {answer.status for answer in answers} == {200}
    assert sum("count(*)" in each.sql and "tickets.tickets" in each.sql for each in statements) == 1


async def test_what_there_is_no_time_to_count_is_estimated_until_somebody_has_it(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent = await desk.person()

    async def exactness() -> set[str]:
        return {each["exactness"] for each in (await agent.client.get(f"{PATH}/counts")).json()["items"]}

    with monkeypatch.context() as hurried:
        hurried.setattr(views, "COUNTING_SECONDS", -1)
        assert await exactness() == {"about"}
    assert await exactness() == {"exact"}
