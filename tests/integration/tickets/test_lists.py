"""Lists: filters, orders, a bounded number of statements, and pages that neither skip nor repeat."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from shared.events.common import Channel, Priority
from shared.web import encode_cursor
from tests.integration.events import START
from tests.integration.tickets.harness import Desk, Person, received
from tests.statements import sent


async def walk(person: Person, limit: int, between: Any = None, **query: Any) -> list[dict[str, Any]]:
    """All items of a list, page by page; `between` is awaited after each page."""
    items: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        answer = await person.client.get("/api/tickets", limit=limit, **query, **cursor)
        assert answer.status == 200, answer.body
        page = answer.json()
        items += page["items"]
        if between:
            await between()
        if page["next_cursor"] is None:
            return items
        cursor = {"cursor": page["next_cursor"]}


async def many(desk: Desk, count: int) -> None:
    """Tickets of which several share each moment, so that only the id tells them apart."""
    await desk.take(
        *(received(f"c{n}@example.com", received_at=START + timedelta(minutes=n // 4)) for n in range(count))
    )


async def test_a_page_is_one_statement_however_long(desk: Desk) -> None:
    agent = await desk.person()
    await many(desk, 60)
    await agent.client.get("/api/tickets")
    for limit in (1, 50):
        async with sent(desk.database) as statements:
            assert len((await agent.client.get("/api/tickets", limit=limit)).json()["items"]) == limit
        # One of them at most is the token verifier keeping its keys fresh.
        about_tickets = [statement for statement in statements if "auth_" not in statement.sql]
        assert len(about_tickets) == 1, statements
        assert len(statements) <= 3, statements


@pytest.mark.parametrize("sort", ["-updated_at", "created_at", "-created_at", "sla_due"])
async def test_pages_are_complete_and_in_order(desk: Desk, sort: str) -> None:
    agent = await desk.person()
    await many(desk, 41)
    async with desk.database.transaction() as session:
        await (await session.connection()).exec_driver_sql(
            "UPDATE tickets SET sla_next_due_at = created_at + interval '1 hour' WHERE number % 3 = 0"
        )
    items = await walk(agent, 7, sort=sort)
    assert len({item["id"] for item in items}) == len(items) == 41

    def key(item: dict[str, Any]) -> tuple[str, str]:
        value = item["sla"]["next_due_at"] or "9" if sort == "sla_due" else item[sort.removeprefix("-")]
        return value, item["id"]

    assert items == sorted(items, key=key, reverse=sort.startswith("-"))


async def test_rows_that_change_under_a_walk_are_neither_doubled_nor_do_they_hide_others(desk: Desk) -> None:
    """With OFFSET, each ticket that moved to the top pushed one that was not yet read out of the walk."""
    agent = await desk.person()
    await many(desk, 40)
    ids = [str(row.id) for row in await desk.rows("SELECT id FROM tickets ORDER BY number")]
    touched: set[str] = set()

    async def touch() -> None:
        # One that was read already and one that was not: the list is newest first, numbers are oldest first.
        for ticket_id in (ids[len(touched) // 2], ids[-1 - len(touched) // 2]):
            touched.add(ticket_id)
            edit = {"tags": [f"t{len(touched)}"]}
            assert (await agent.client.patch(f"/api/tickets/{ticket_id}", edit, if_match="*")).status == 200
        await desk.take(received(f"late{len(touched)}@example.com"))

    items = await walk(agent, 6, touch)
    seen = [item["id"] for item in items]
    assert len(seen) == len(set(seen)), "doubled"
    assert set(ids) - touched <= set(seen), "skipped"


async def test_a_walk_by_creation_is_complete_while_everything_is_updated(desk: Desk) -> None:
    agent = await desk.person()
    await many(desk, 40)
    ids = [str(row.id) for row in await desk.rows("SELECT id FROM tickets ORDER BY created_at, id")]
    stop = asyncio.Event()

    async def keep_updating() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            path = f"/api/tickets/{ids[number % len(ids)]}"
            assert (await agent.client.patch(path, {"tags": [str(number)]}, if_match="*")).status == 200

    updating = asyncio.create_task(keep_updating())
    try:
        items = await walk(agent, 3, sort="created_at")
    finally:
        stop.set()
        await updating
    assert [item["id"] for item in items] == ids


async def test_filters_narrow(desk: Desk) -> None:
    agent = await desk.person()
    await desk.take(
        received("a@example.com", language="de", priority=Priority.URGENT),
        received("b@example.com", channel=Channel.CHAT, language="fr"),
        received("c@example.com"),
    )
    a, b, c = await desk.rows("SELECT * FROM tickets ORDER BY requester_email")
    await agent.client.post(f"/api/tickets/{a.id}/claim")
    await agent.client.patch(f"/api/tickets/{b.id}", {"group": "billing", "status": "solved"}, if_match="*")

    async def found(**query: Any) -> set[Any]:
        return {item["id"] for item in await walk(agent, 50, **query)}

    assert await found(assignee="me") == await found(assignee=str(agent.principal.account_id)) == {str(a.id)}
    assert await found(assignee="none") == {str(b.id), str(c.id)}
    assert await found(status=["new", "solved"]) == {str(b.id), str(c.id)}
    assert await found(status="open") == {str(a.id)}
    assert await found(group="billing") == {str(b.id)}
    assert await found(channel="chat") == {str(b.id)}
    assert await found(language="de") == {str(a.id)}
    assert await found(priority="urgent") == {str(a.id)}
    assert await found(requester=str(c.requester_id)) == {str(c.id)}
    assert await found(status="open", channel="chat") == set()


async def test_a_query_that_means_nothing_is_refused(desk: Desk) -> None:
    agent = await desk.person()
    for query in (
        {"sort": "subject; DROP TABLE tickets"},
        {"status": "weird"},
        {"assignee": "you"},
        {"limit": 0},
        {"limit": 201},
        {"cursor": "nonsense"},
        {"cursor": encode_cursor("created_at", START, uuid4())},
        {"cursor": encode_cursor("-updated_at", None, uuid4())},
        {"group": "a\x00b"},
        {"language": "<script>"},
        {"where": "language:\x00"},
        {"where": "language:\x00 -tags:vip"},
        {"where": "tags:a,\x00"},
    ):
        answer = await agent.client.get("/api/tickets", **query)
        assert answer.status == 422, (query, answer.body)
