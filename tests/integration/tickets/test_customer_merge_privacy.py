"""Who reads and who takes part in what after merges were undone."""

from uuid import UUID

from shared.events.accounts import Role
from tests.integration.tickets.harness import Desk, received
from tests.integration.tickets.test_customer_merges import customer_of, let_move, merged, two


async def test_undoing_lets_nobody_read_what_was_kept_from_them_before(desk: Desk) -> None:
    agent, home, work = await two(desk)
    ids = {row.subject: row.id for row in await desk.rows("SELECT id, subject FROM tickets")}
    body = {"sources": [str(ids["Home"])], "across_customers": True}
    assert (await agent.client.post(f"/api/tickets/{ids['Work']}/merges", body)).status == 200
    asked = "SELECT customer_id, aside FROM participants WHERE ticket_id = :id ORDER BY aside"
    before = [(str(row.customer_id), row.aside) for row in await desk.rows(asked, id=ids["Work"])]
    assert before == [(work, False), (home, True)]
    path = await merged(agent, home, work)
    await let_move(desk)
    assert [tuple(row) for row in await desk.rows(asked, id=ids["Work"])] == [(UUID(home), False)]
    assert (await agent.client.delete(path)).status == 200
    await let_move(desk)
    assert [(str(row.customer_id), row.aside) for row in await desk.rows(asked, id=ids["Work"])] == before

    conversation = (await desk.one("SELECT conversation_id FROM tickets WHERE subject = 'Home'")).conversation_id
    await desk.take(received("ana@home.example", conversation_id=conversation, text="Between us"))
    worker = await desk.person(Role.CUSTOMER, "ana@work.example")
    thread = await worker.client.get(f"/api/tickets/{ids['Work']}/messages")
    assert thread.status == 200
    assert b"Between us" not in thread.body


async def test_who_opened_a_ticket_meanwhile_reads_it_after_the_undo_and_nobody_else(desk: Desk) -> None:
    agent, home, work = await two(desk)
    path = await merged(agent, home, work)
    await let_move(desk)
    await desk.take(received("ana@work.example", subject="Since"))
    assert (await agent.client.delete(path)).status == 200
    await let_move(desk)
    seen = {}
    for address in ("ana@home.example", "ana@work.example"):
        ana = await desk.person(Role.CUSTOMER, address)
        seen[address] = {item["subject"] for item in (await ana.client.get("/api/tickets")).json()["items"]}
    assert seen == {"ana@home.example": {"Home"}, "ana@work.example": {"Work", "Since"}}


async def test_undoing_a_merge_of_tickets_after_one_of_customers_leaves_nobody_behind(desk: Desk) -> None:
    agent, home, work = await two(desk)
    await desk.take(received("ben@example.com", subject="Ben's"))
    ids = {row.subject: row.id for row in await desk.rows("SELECT id, subject FROM tickets")}
    bens = ids["Ben's"]
    target = f"/api/tickets/{bens}/merges"
    body = {"sources": [str(ids["Work"])], "across_customers": True}
    assert (await agent.client.post(target, body)).status == 200
    await merged(agent, home, work)
    await let_move(desk)
    assert (await agent.client.delete(f"{target}/{ids['Work']}")).status == 200
    there = await desk.rows("SELECT customer_id FROM participants WHERE ticket_id = :id", id=bens)
    assert [str(row.customer_id) for row in there] == [await customer_of(desk, "ben@example.com")]


async def test_undoing_a_merge_of_tickets_leaves_who_was_there_before(desk: Desk) -> None:
    agent, home, work = await two(desk)
    await desk.take(received("ana@club.example", subject="Club"))
    await merged(agent, home, await customer_of(desk, "ana@club.example"))
    await let_move(desk)
    club = (await desk.one("SELECT id FROM tickets WHERE subject = 'Club'")).id
    source = (await desk.one("SELECT id FROM tickets WHERE subject = 'Work'")).id
    body = {"sources": [str(source)], "across_customers": True}
    assert (await agent.client.post(f"/api/tickets/{club}/merges", body)).status == 200
    await merged(agent, home, work)
    assert (await agent.client.delete(f"/api/tickets/{club}/merges/{source}")).status == 200
    there = await desk.rows("SELECT customer_id FROM participants WHERE ticket_id = :id", id=club)
    assert [str(row.customer_id) for row in there] == [home]


async def test_who_came_only_by_merges_of_tickets_leaves_with_the_last(desk: Desk) -> None:
    agent, home, work = await two(desk)
    await desk.take(received("ben@example.com", subject="Ben"))
    ids = {row.subject: str(row.id) for row in await desk.rows("SELECT id, subject FROM tickets")}
    target = f"/api/tickets/{ids['Ben']}/merges"
    for subject in ("Home", "Work"):
        body = {"sources": [ids[subject]], "across_customers": True}
        assert (await agent.client.post(target, body)).status == 200
    await merged(agent, home, work)
    await let_move(desk)
    asked = "SELECT customer_id FROM participants WHERE ticket_id = :id ORDER BY customer_id"
    ben = await customer_of(desk, "ben@example.com")
    for subject, left in (("Home", {ben, home}), ("Work", {ben})):
        assert (await agent.client.delete(f"{target}/{ids[subject]}")).status == 200
        assert {str(row.customer_id) for row in await desk.rows(asked, id=ids["Ben"])} == left
