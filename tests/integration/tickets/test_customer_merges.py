"""Two customers who are one become one, whatever happens at the same time, and two again."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from services.tickets.repository import CustomerRepository, TicketRepository
from services.tickets.repository.profiles import ProfileRepository
from services.tickets.service import customer_merges, pace
from shared.db import now_utc
from shared.events.accounts import Role
from tests.asgi import Answer
from tests.integration.tickets.harness import Desk, Person, received

MERGED_ROWS = """
SELECT 'ticket' FROM tickets t JOIN customers c ON c.id = t.requester_id WHERE c.merged_into IS NOT NULL
UNION ALL SELECT 'participant' FROM participants p JOIN customers c ON c.id = p.customer_id
WHERE c.merged_into IS NOT NULL
UNION ALL SELECT 'identity' FROM customer_identities i JOIN customers c ON c.id = i.customer_id
WHERE c.merged_into IS NOT NULL
"""


async def customer_of(desk: Desk, address: str) -> str:
    return str(
        (await desk.one("SELECT customer_id FROM customer_identities WHERE address = :a", a=address)).customer_id
    )


async def merge(agent: Person, into: str, other: str) -> Answer:
    return await agent.client.post(f"/api/customers/{into}/merges", {"customer_id": other})


async def merged(agent: Person, into: str, other: str) -> str:
    answer = await merge(agent, into, other)
    assert answer.status == 201, answer.body
    return f"/api/customers/{into}/merges/{answer.json()['id']}"


async def let_move(desk: Desk, *, settled_after: timedelta = timedelta(days=1)) -> int:
    """Run the timer until it has nothing to do; returns how often it had."""
    mover, runs = customer_merges.Mover(settled_after=settled_after), 0
    while await moved(desk, mover):
        runs += 1
    return runs


async def moved(desk: Desk, mover: customer_merges.Mover) -> int:
    """Run the timer once."""
    async with desk.database.transaction() as session:
        return await mover.run(session, now_utc())


async def requesters(desk: Desk) -> dict[str, str]:
    rows = await desk.rows("SELECT subject, requester_id FROM tickets ORDER BY id")
    return {row.subject: str(row.requester_id) for row in rows}


async def two(desk: Desk) -> tuple[Person, str, str]:
    """An agent, Ana with a ticket, and the same Ana at work with another."""
    agent = await desk.person(name="Ada")
    await desk.take(received("ana@home.example", subject="Home"), received("ana@work.example", subject="Work"))
    return agent, await customer_of(desk, "ana@home.example"), await customer_of(desk, "ana@work.example")


async def test_addresses_tickets_and_blanks_move_and_histories_tell(desk: Desk) -> None:
    agent, home, work = await two(desk)
    await agent.client.patch(f"/api/customers/{work}", {"locale": "pt-BR", "notes": "At work."}, if_match="*")
    await agent.client.patch(f"/api/customers/{home}", {"notes": "At home."}, if_match="*")
    await agent.client.put(f"/api/customers/{work}/facts/crm", {"data": {"plan": "pro"}})
    answer = await merge(agent, home, work)
    assert (answer.status, answer.json()["state"], answer.json()["tickets_left"]) == (201, "moving", 1), answer.body
    assert answer.json()["identities"] == [{"kind": "email", "address": "ana@work.example"}]
    again = await merge(agent, home, work)
    assert (again.status, again.json()["id"]) == (201, answer.json()["id"])

    await let_move(desk)
    assert await requesters(desk) == {"Home": home, "Work": home}
    assert await desk.rows(MERGED_ROWS) == []
    path = f"/api/customers/{home}/merges/{answer.json()['id']}"
    assert (await agent.client.get(path)).json()["state"] == "merged"
    shown = await agent.client.get(f"/api/customers/{work}")
    assert (shown.json()["id"], shown.json()["locale"], shown.json()["notes"]) == (home, "pt-BR", "At home.")
    assert [one["address"] for one in shown.json()["identities"]] == ["ana@home.example", "ana@work.example"]
    assert [item["id"] for item in (await agent.client.get("/api/customers")).json()["items"]] == [home]
    overview = (await agent.client.get(f"/api/customers/{work}/overview")).json()
    assert [fact["source"] for fact in overview["facts"]] == ["crm"]
    assert overview["tickets"]["by_status"]["new"] == 2
    edit = await agent.client.patch(f"/api/customers/{work}", {"tier": "gold"}, if_match="*")
    assert (edit.status, edit.json()["merged_into"]) == (409, home)

    ticket = await desk.one("SELECT * FROM tickets WHERE subject = 'Work'")
    (last,) = [
        entry
        for entry in (await agent.client.get(f"/api/tickets/{ticket.id}/history")).json()["items"]
        if entry["cause"] == "customer.merged"
    ]
    assert last["changes"] == {"requester_id": {"before": work, "after": home}}
    assert (last["actor"]["name"], ticket.version, ticket.requester_email) == ("Ada", 2, "ana@work.example")
    assert (await desk.event_types(ticket.id))[-1] == "ticket.changed.v1"
    for customer in (home, work):
        newest = (await agent.client.get(f"/api/customers/{customer}/history")).json()["items"][0]
        assert (newest["cause"], newest["actor"]["name"]) == ("customer.merged", "Ada")
        assert [item["id"] for item in (await agent.client.get(f"/api/customers/{customer}/merges")).json()["items"]]
    opened = await agent.client.post("/api/tickets", {"text": "Call me", "requester": {"customer_id": work}})
    assert opened.json()["requester"]["customer_id"] == home

    await let_move(desk, settled_after=timedelta(0))
    assert (await desk.one("SELECT state FROM customer_merges")).state == "done"


async def test_intake_finds_the_one_customer_while_tickets_are_still_moving(desk: Desk) -> None:
    agent, home, work = await two(desk)
    ticket = await desk.one("SELECT * FROM tickets WHERE subject = 'Work'")
    await merged(agent, home, work)
    await desk.take(received("ana@work.example", conversation_id=ticket.conversation_id, subject="Re: Work"))
    assert await requesters(desk) == {"Home": home, "Work": work}, "no new ticket, and none moved yet"
    await desk.take(received("ana@work.example", subject="New"))
    assert (await requesters(desk))["New"] == home


async def test_undoing_gives_back_what_moved_and_is_where_it_was_put(desk: Desk) -> None:
    agent, home, work = await two(desk)
    phone = {"kind": "phone", "address": "+4930123456"}
    await agent.client.post(f"/api/customers/{work}/identities", phone, if_match="*")
    await agent.client.patch(f"/api/customers/{work}", {"locale": "pt-BR", "region": "BR"}, if_match="*")
    await agent.client.put(f"/api/customers/{work}/facts/crm", {"data": {"plan": "pro"}})
    await agent.client.put(f"/api/customers/{work}/facts/shop", {"data": {"orders": 1}})
    path = await merged(agent, home, work)
    await let_move(desk)
    await desk.take(received("ana@work.example", subject="Since"))
    await desk.take(received("ana@home.example", subject="Since, home"))
    await agent.client.patch(f"/api/customers/{home}", {"region": "PT"}, if_match="*")
    await agent.client.put(f"/api/customers/{home}/facts/shop", {"data": {"orders": 2}})
    gone = f"/api/customers/{home}/identities?kind=phone&address=%2B4930123456"
    assert (await agent.client.delete(gone, if_match="*")).status == 200
    colleague = (await agent.client.post("/api/customers", {"name": "Ben", "identities": [phone]})).json()["id"]

    answer = await agent.client.delete(path)
    assert (answer.status, answer.json()["state"]) == (200, "undoing"), answer.body
    await let_move(desk)
    assert (await agent.client.get(path)).json()["state"] == "undone"
    assert (await agent.client.delete(path)).json()["undone_at"] == answer.json()["undone_at"]
    assert await requesters(desk) == {"Home": home, "Work": work, "Since": work, "Since, home": home}
    both = {row["id"]: row for row in (await agent.client.get("/api/customers")).json()["items"]}
    assert [one["address"] for one in both[work]["identities"]] == ["ana@work.example"]
    assert [one["address"] for one in both[colleague]["identities"]] == ["+4930123456"]
    assert (both[home]["locale"], both[home]["region"], both[work]["locale"]) == (None, "PT", "pt-BR")
    facts = {row.source: str(row.customer_id) for row in await desk.rows("SELECT * FROM customer_facts")}
    assert facts == {"crm": work, "shop": home}
    pairs = await desk.rows(
        "SELECT t.subject, p.customer_id FROM participants p JOIN tickets t ON t.id = p.ticket_id ORDER BY t.id"
    )
    assert {(row.subject, str(row.customer_id)) for row in pairs} == {
        ("Home", home),
        ("Work", work),
        ("Since", work),
        ("Since, home", home),
    }
    assert (await agent.client.get(f"/api/customers/{work}/history")).json()["items"][0]["cause"] == "customer.unmerged"


async def test_merges_of_merges_are_undone_in_turn(desk: Desk) -> None:
    agent, home, work = await two(desk)
    await desk.take(received("ana@club.example", subject="Club"))
    club = await customer_of(desk, "ana@club.example")
    first = await merged(agent, home, work)
    second = await merged(agent, club, home)
    await let_move(desk)
    assert set((await requesters(desk)).values()) == {club}
    assert (await agent.client.get(f"/api/customers/{work}")).json()["id"] == club
    refused = await agent.client.delete(first)
    assert (refused.status, refused.json()["type"]) == (409, "/problems/merged-further")
    assert (await agent.client.delete(second)).status == 200
    still = await agent.client.delete(first)
    assert (still.status, still.json()["type"]) == (409, "/problems/still-moving")
    await let_move(desk)
    assert (await agent.client.delete(first)).status == 200
    await let_move(desk)
    assert await requesters(desk) == {"Home": home, "Work": work, "Club": club}


async def test_of_two_who_merge_each_into_the_other_one_wins(desk: Desk) -> None:
    agent, home, work = await two(desk)
    for _ in range(5):
        answers = await asyncio.gather(merge(agent, home, work), merge(agent, work, home))
        assert sorted(answer.status for answer in answers) == [201, 409], [answer.body for answer in answers]
        (done,) = [answer.json() for answer in answers if answer.status == 201]
        await let_move(desk)
        assert set((await requesters(desk)).values()) == {done["into_id"]}
        assert (await agent.client.delete(f"/api/customers/{home}/merges/{done['id']}")).status == 200
        await let_move(desk)


@pytest.fixture
def paused(monkeypatch: pytest.MonkeyPatch) -> tuple[asyncio.Event, asyncio.Event]:
    """Intake that waits once it knows who wrote: (it knows, it may go on)."""
    knows, goes_on = asyncio.Event(), asyncio.Event()
    resolve = CustomerRepository.resolve

    async def slowly(self: CustomerRepository, *arguments: Any) -> Any:
        found = await resolve(self, *arguments)
        knows.set()
        await goes_on.wait()
        return found

    monkeypatch.setattr(CustomerRepository, "resolve", slowly)
    return knows, goes_on


async def while_intake_waits(
    desk: Desk, paused: tuple[asyncio.Event, asyncio.Event], message: Any, act: Callable[[], Awaitable[Any]]
) -> None:
    knows, goes_on = paused
    taking = asyncio.ensure_future(desk.take(message))
    await knows.wait()
    await act()
    goes_on.set()
    await taking


async def test_a_ticket_opened_across_a_merge_finds_its_way(desk: Desk, request: pytest.FixtureRequest) -> None:
    agent, home, work = await two(desk)
    message = received("ana@work.example", subject="Across")

    async def act() -> None:
        await merged(agent, home, work)
        await let_move(desk)

    await while_intake_waits(desk, request.getfixturevalue("paused"), message, act)
    assert (await requesters(desk))["Across"] == work
    await let_move(desk)
    assert set((await requesters(desk)).values()) == {home}
    assert await desk.rows(MERGED_ROWS) == []


async def test_an_answer_written_across_a_merge_joins_its_ticket(desk: Desk, request: pytest.FixtureRequest) -> None:
    agent, home, work = await two(desk)
    ticket = await desk.one("SELECT * FROM tickets WHERE subject = 'Work'")
    message = received("ana@work.example", conversation_id=ticket.conversation_id, subject="Re: Work")
    await while_intake_waits(desk, request.getfixturevalue("paused"), message, lambda: merged(agent, home, work))
    assert (await desk.one("SELECT count(*) AS n FROM messages WHERE ticket_id = :id", id=ticket.id)).n == 2
    assert len(await requesters(desk)) == 2


async def test_many_tickets_move_a_chunk_at_a_time(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(customer_merges, "CHUNK", 3)
    agent, home, work = await two(desk)
    await desk.take(*(received("ana@work.example", subject=f"Work {n}") for n in range(9)))
    path = await merged(agent, home, work)
    for left in (10, 7, 4, 1, 0):
        assert (await agent.client.get(path)).json()["tickets_left"] == left
        await moved(desk, customer_merges.Mover())
    assert (await agent.client.delete(path)).status == 200
    assert await let_move(desk) == 4
    assert list((await requesters(desk)).values()).count(work) == 10


async def test_whatever_is_merged_undone_and_written_at_once_ends_with_customers_who_are_there(desk: Desk) -> None:
    """Seeded; the interleaving is not, and what has to hold in the end does not depend on it."""
    choose = random.Random(20)
    agent = await desk.person()
    addresses = [f"customer{number}@example.com" for number in range(6)]
    await desk.take(*(received(address) for address in addresses for _ in range(2)))
    customers = [await customer_of(desk, address) for address in addresses]

    async def merge_some(seed: int) -> None:
        pick = random.Random(seed)
        for _ in range(8):
            into, other = pick.sample(customers, 2)
            answer = await merge(agent, into, other)
            assert answer.status in {201, 409}, answer.body
            if answer.status == 201 and pick.random() < 0.5:
                undone = await agent.client.delete(f"/api/customers/{into}/merges/{answer.json()['id']}")
                assert undone.status in {200, 409}, undone.body

    async def write() -> None:
        for _ in range(10):
            await desk.take(*(received(address) for address in choose.sample(addresses, 3)))

    async def move() -> None:
        for _ in range(15):
            await let_move(desk)
            await asyncio.sleep(0)

    await asyncio.gather(merge_some(1), merge_some(2), merge_some(3), write(), move())
    await let_move(desk)
    assert await desk.rows(MERGED_ROWS) == []
    assert (await desk.one("SELECT count(*) AS n FROM tickets")).n == 12 + 30


async def test_facts_are_kept_of_whom_they_became_under_that_ones_lock(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent, home, work = await two(desk)
    lock, locked = ProfileRepository.lock, []

    async def after_a_merge(self: ProfileRepository, *ids: UUID) -> Any:
        monkeypatch.setattr(ProfileRepository, "lock", noted)
        await merged(agent, home, work)
        locked.clear()
        return await noted(self, *ids)

    async def noted(self: ProfileRepository, *ids: UUID) -> Any:
        locked.append(ids)
        return await lock(self, *ids)

    monkeypatch.setattr(ProfileRepository, "lock", after_a_merge)
    assert (await agent.client.put(f"/api/customers/{work}/facts/crm", {"data": {"plan": "pro"}})).status == 200
    assert locked == [(UUID(work),), (UUID(home),)]
    assert str((await desk.one("SELECT customer_id FROM customer_facts")).customer_id) == home


async def four(desk: Desk) -> tuple[Person, str, str]:
    """An agent, and two merges of two customers each: the first one, and the second one."""
    agent, home, work = await two(desk)
    await desk.take(*(received(f"{name}@example.com", subject=name) for name in ("ben", "bob")))
    ben, bob = [await customer_of(desk, f"{name}@example.com") for name in ("ben", "bob")]
    return agent, await merged(agent, home, work), await merged(agent, ben, bob)


async def test_a_merge_that_fails_does_not_keep_the_others_waiting(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    agent, bad, good = await four(desk)
    lock_many, failing = TicketRepository.lock_many, await desk.one("SELECT id FROM tickets WHERE subject = 'Work'")

    async def locked(self: TicketRepository, ids: Any) -> Any:
        if failing.id in ids:
            raise RuntimeError("out of order")
        return await lock_many(self, ids)

    monkeypatch.setattr(TicketRepository, "lock_many", locked)
    mover = customer_merges.Mover()
    with pytest.raises(RuntimeError):
        await moved(desk, mover)
    assert await moved(desk, mover) == 1
    assert await moved(desk, mover) == 0
    left = [(await agent.client.get(path)).json()["tickets_left"] for path in (bad, good)]
    assert left == [1, 0]


async def test_merges_have_their_turn_one_after_the_other(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(customer_merges, "CHUNK", 1)
    agent, home, work = await two(desk)
    await desk.take(*(received("ana@work.example", subject=f"Work {n}") for n in range(3)))
    await desk.take(received("ben@example.com"), received("bob@example.com"))
    large = await merged(agent, home, work)
    small = await merged(agent, *[await customer_of(desk, f"{name}@example.com") for name in ("ben", "bob")])
    mover = customer_merges.Mover()
    for _ in range(2):
        await moved(desk, mover)
    assert [(await agent.client.get(path)).json()["tickets_left"] for path in (large, small)] == [3, 0]


async def test_while_nobody_hears_of_changes_no_ticket_moves(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    agent, home, work = await two(desk)
    path = await merged(agent, home, work)
    waiting = (await desk.one("SELECT count(*) AS n FROM outbox WHERE sent_at IS NULL")).n
    monkeypatch.setattr(pace, "MAX_UNSENT", waiting - 1)
    assert await let_move(desk) == 0
    monkeypatch.setattr(pace, "MAX_UNSENT", waiting)
    assert await let_move(desk) == 1
    assert (await agent.client.get(path)).json()["tickets_left"] == 0


async def test_a_merge_is_not_over_while_another_undo_brings_tickets(desk: Desk) -> None:
    agent, home, work = await two(desk)
    await desk.take(received("ana@club.example", subject="Club"))
    club = await customer_of(desk, "ana@club.example")
    first = await merged(agent, home, work)
    await let_move(desk)
    assert (await agent.client.delete(first)).status == 200
    await merged(agent, club, work)
    async with desk.database.transaction() as other:
        await other.execute(text("SELECT FROM customer_merges WHERE state = 'undoing' FOR UPDATE"))
        await let_move(desk, settled_after=timedelta(0))
    await let_move(desk, settled_after=timedelta(0))
    assert await requesters(desk) == {"Home": home, "Work": club, "Club": club}
    assert await desk.rows(MERGED_ROWS) == []


async def test_a_customers_account_follows_the_address(desk: Desk) -> None:
    agent, home, work = await two(desk)
    ana = await desk.person(Role.CUSTOMER, "ana@work.example")
    assert len((await ana.client.get("/api/tickets")).json()["items"]) == 1
    await merged(agent, home, work)
    await let_move(desk)
    assert len((await ana.client.get("/api/tickets")).json()["items"]) == 2


async def test_what_cannot_be_merged(desk: Desk) -> None:
    agent, home, work = await two(desk)
    nobody = "00000000-0000-7000-8000-000000000000"
    assert (await merge(agent, home, home)).status == 422
    assert (await merge(agent, home, nobody)).status == 404
    path = await merged(agent, home, work)
    assert (await agent.client.get(path.replace(home, nobody))).status == 404
    ana = await desk.person(Role.CUSTOMER, "ana@home.example")
    assert (await merge(ana, home, work)).status == 403
