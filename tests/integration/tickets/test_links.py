"""What tickets are to each other: told from both sides, without circles, and what follows from it."""

import asyncio
from typing import Any
from uuid import UUID

import pytest

from services.tickets.domain import links as rules
from services.tickets.service import links
from shared.events.accounts import Role
from shared.events.messages import ThreadingEvidence
from shared.ids import uuid7
from tests.asgi import Answer
from tests.integration.tickets.harness import Desk, Person, received


async def a_ticket(desk: Desk, address: str = "ana@example.com") -> Any:
    message = received(address)
    await desk.take(message)
    return await desk.one(
        "SELECT t.* FROM tickets t JOIN messages m ON m.ticket_id = t.id WHERE m.id = :id", id=message.message_id
    )


async def link(agent: Person, ticket: Any, relation: str, other: Any, **fields: Any) -> Answer:
    body = {"relation": relation, "ticket_id": str(other.id), **fields}
    return await agent.client.post(f"/api/tickets/{ticket.id}/links", body)


async def linked(agent: Person, ticket: Any, **query: Any) -> list[tuple[str, int]]:
    answer = await agent.client.get(f"/api/tickets/{ticket.id}/links", **query)
    assert answer.status == 200, answer.body
    return [(one["relation"], one["ticket"]["number"]) for one in answer.json()["items"]]


async def move(agent: Person, ticket: Any, status: str) -> Answer:
    return await agent.client.patch(f"/api/tickets/{ticket.id}", {"status": status}, if_match="*")


def problem(answer: Answer) -> tuple[int, str]:
    return answer.status, answer.json()["type"].removeprefix("/problems/")


PAIRS = [
    ("parent", "child"),
    ("problem", "incident"),
    ("original", "duplicate"),
    ("follows", "follow_up"),
    ("related", "related"),
]


@pytest.mark.parametrize(("one_way", "other_way"), PAIRS + [pair[::-1] for pair in PAIRS[:-1]])
async def test_a_link_is_read_and_removed_from_both_sides(desk: Desk, one_way: str, other_way: str) -> None:
    agent, here, there = await desk.person(name="Ada"), await a_ticket(desk), await a_ticket(desk)
    made = await link(agent, here, one_way, there)
    assert made.status == 201, made.body
    assert (made.json()["relation"], made.json()["ticket"]["id"]) == (one_way, str(there.id))
    assert made.json()["created_by"]["name"] == "Ada"
    assert await linked(agent, here) == [(one_way, there.number)]
    assert await linked(agent, there) == [(other_way, here.number)]
    # Said from the other side it is the same link.
    assert (await link(agent, there, other_way, here)).json()["id"] == made.json()["id"]
    assert (await link(agent, here, one_way, there)).status == 200
    for ticket, relation in ((here, one_way), (there, other_way)):
        history = (await agent.client.get(f"/api/tickets/{ticket.id}/history")).json()["items"]
        assert [entry["cause"] for entry in history] == ["link", "message.received"]
        assert history[0]["changes"]["link"]["after"]["relation"] == relation
    # A link is no change of either ticket.
    assert (await agent.client.get(f"/api/tickets/{here.id}")).json()["version"] == 1

    gone = await agent.client.delete(f"/api/tickets/{there.id}/links/{made.json()['id']}")
    assert gone.status == 204, gone.body
    assert await linked(agent, here) == await linked(agent, there) == []
    assert (await agent.client.delete(f"/api/tickets/{here.id}/links/{made.json()['id']}")).status == 404
    history = (await agent.client.get(f"/api/tickets/{here.id}/history")).json()["items"]
    assert history[0]["cause"] == "unlink"


async def test_links_are_read_in_pages_and_by_relation(desk: Desk) -> None:
    agent, ticket = await desk.person(), await a_ticket(desk)
    children = [await a_ticket(desk) for _ in range(3)]
    for child in children:
        await link(agent, ticket, "child", child)
    parent = await a_ticket(desk)
    await link(agent, parent, "child", ticket)
    everything = [("parent", parent.number), *(("child", child.number) for child in reversed(children))]
    assert await linked(agent, ticket) == everything
    assert await linked(agent, ticket, relation="parent") == everything[:1]
    assert await linked(agent, ticket, relation="child") == everything[1:]
    assert await linked(agent, ticket, relation="duplicate") == []
    read, cursor = list[str](), None
    while True:
        query = {"cursor": cursor} if cursor else {}
        page = (await agent.client.get(f"/api/tickets/{ticket.id}/links", limit=1, **query)).json()
        read += [one["ticket"]["number"] for one in page["items"]]
        if (cursor := page["next_cursor"]) is None:
            break
    assert read == [number for _, number in everything]


async def test_what_cannot_be_linked_is_refused(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    agent = await desk.person()
    a, b, c = [await a_ticket(desk) for _ in range(3)]
    assert problem(await link(agent, a, "child", a)) == (422, "linked-to-itself")
    assert problem(await link(agent, a, "split_off", b)) == (422, "made-by-splitting")
    assert problem(await link(agent, a, "incident", b, blocks=True)) == (422, "only-children-block")
    unknown = await agent.client.post(f"/api/tickets/{a.id}/links", {"relation": "child", "ticket_id": str(uuid7())})
    assert problem(unknown) == (422, "unknown-tickets")
    await link(agent, a, "child", b)
    taken = await link(agent, c, "child", b)
    assert (problem(taken), taken.json()["ticket_id"]) == ((409, "link-taken"), str(a.id))
    await link(agent, b, "child", c)
    assert problem(await link(agent, c, "child", a)) == (409, "link-circle")
    assert problem(await link(agent, b, "child", a)) == (409, "link-circle")
    # Another kind is another matter.
    assert (await link(agent, c, "incident", a)).status == 201
    monkeypatch.setattr(rules, "MAX_LINKS", 1)
    assert problem(await link(agent, a, "child", await a_ticket(desk))) == (409, "too-many-links")
    assert (await link(agent, a, "related", b)).status == 201
    assert problem(await link(agent, c, "related", b)) == (409, "too-many-links")


async def test_circles_do_not_close_when_all_link_at_once(desk: Desk) -> None:
    """No two of these links have a ticket in common, so their locks alone keep nobody out."""
    agent = await desk.person()
    for _ in range(4):
        a, b, c, d = [await a_ticket(desk) for _ in range(4)]
        await asyncio.gather(link(agent, a, "child", b), link(agent, c, "child", d))
        answers = await asyncio.gather(link(agent, b, "child", c), link(agent, d, "child", a))
        assert sorted(answer.status for answer in answers) == [201, 409]


async def test_one_link_made_many_times_at_once_is_one(desk: Desk) -> None:
    agent, a, b = await desk.person(), await a_ticket(desk), await a_ticket(desk)
    answers = await asyncio.gather(
        *(link(agent, a, "related", b) for _ in range(4)), *(link(agent, b, "related", a) for _ in range(4))
    )
    assert sorted(answer.status for answer in answers) == [200] * 7 + [201]
    assert len({answer.json()["id"] for answer in answers}) == 1


async def test_children_that_block_are_solved_first(desk: Desk) -> None:
    agent = await desk.person()
    parent, child, other = [await a_ticket(desk) for _ in range(3)]
    await link(agent, parent, "child", child, blocks=True)
    await link(agent, parent, "child", other)
    refused = await move(agent, parent, "solved")
    assert (problem(refused), refused.json()["count"]) == ((409, "children-open"), 1)
    by_reply = await agent.client.post(f"/api/tickets/{parent.id}/replies", {"text": "Done.", "status": "solved"})
    assert problem(by_reply) == (409, "children-open")
    assert (await move(agent, parent, "on_hold")).status == 200
    assert (await move(agent, child, "solved")).status == 200
    assert (await move(agent, parent, "solved")).status == 200


async def test_a_child_blocks_until_it_is_told_not_to(desk: Desk) -> None:
    agent, parent, child = await desk.person(), await a_ticket(desk), await a_ticket(desk)
    await link(agent, child, "parent", parent, blocks=True)
    changed = await link(agent, parent, "child", child)
    assert (changed.status, changed.json()["blocks"]) == (200, False)
    told = (await agent.client.get(f"/api/tickets/{parent.id}/history")).json()["items"][0]["changes"]["link"]
    assert (told["before"]["blocks"], told["after"]["blocks"]) == (True, False)
    assert (await move(agent, parent, "solved")).status == 200


async def a_problem(desk: Desk, agent: Person, incidents: int) -> tuple[Any, list[Any]]:
    cause = await a_ticket(desk)
    found = [await a_ticket(desk, f"c{n}@example.com") for n in range(incidents)]
    for incident in found:
        await link(agent, cause, "incident", incident)
    return cause, found


async def solve(agent: Person, ticket: Any, **body: Any) -> Answer:
    return await agent.client.post(f"/api/tickets/{ticket.id}/incidents/solve", body)


async def test_a_solved_problem_offers_to_solve_its_incidents(desk: Desk) -> None:
    agent = await desk.person()
    cause, incidents = await a_problem(desk, agent, 3)
    assert (await move(agent, incidents[0], "solved")).json()["open_incidents"] == 0
    solved = await move(agent, cause, "solved")
    assert (solved.status, solved.json()["open_incidents"]) == (200, 2)
    answer = await solve(agent, cause, reply="It works again.")
    assert answer.json() == {"solved": 2, "refused": [], "remaining": 0, "next": None}
    assert (await agent.client.get(f"/api/tickets/{cause.id}")).json()["open_incidents"] == 0
    for incident in incidents[1:]:
        thread = (await agent.client.get(f"/api/tickets/{incident.id}/messages")).json()["items"]
        assert [message["text"] for message in thread] == ["It burns.", "It works again."]
        history = (await agent.client.get(f"/api/tickets/{incident.id}/history")).json()["items"]
        assert history[0]["cause"] == "problem.solved"
        assert (await desk.event_types(incident.id))[1:] == ["ticket.message_added.v1", "ticket.changed.v1"]
    assert (await solve(agent, cause)).json()["solved"] == 0


async def test_many_incidents_are_solved_chunk_by_chunk(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(links, "CHUNK", 2)
    agent = await desk.person()
    cause, incidents = await a_problem(desk, agent, 5)
    # One of them cannot be solved: it is told, and does not come up again.
    child = await a_ticket(desk)
    await link(agent, incidents[0], "child", child, blocks=True)
    told, after = list[tuple[int, int]](), None
    refused = list[Any]()
    while True:
        body = {"after": after} if after else {}
        answer = (await solve(agent, cause, **body)).json()
        told.append((answer["solved"], answer["remaining"]))
        refused += answer["refused"]
        if (after := answer["next"]) is None:
            break
    assert told == [(1, 3), (2, 1), (1, 0)]
    assert [(one["number"], one["problem"]) for one in refused] == [(incidents[0].number, "children-open")]
    rows = await desk.rows("SELECT status, count(*) AS n FROM tickets GROUP BY 1")
    assert {row.status: row.n for row in rows} == {"solved": 4, "new": 3}


async def test_a_chunk_that_is_asked_for_twice_replies_once(desk: Desk) -> None:
    agent = await desk.person()
    cause, incidents = await a_problem(desk, agent, 4)
    answers = await asyncio.gather(*(solve(agent, cause, reply="It works again.") for _ in range(3)))
    assert sum(answer.json()["solved"] for answer in answers) == 4
    ids = [incident.id for incident in incidents]
    replies = await desk.one(
        "SELECT count(*) AS n FROM messages WHERE kind = 'reply' AND ticket_id = ANY(:ids)", ids=ids
    )
    assert replies.n == 4


async def test_customers_know_of_no_links(desk: Desk) -> None:
    agent = await desk.person()
    cause, incidents = await a_problem(desk, agent, 1)
    customer = await desk.person(Role.CUSTOMER, "ana@example.com")
    path = f"/api/tickets/{cause.id}"
    assert (await customer.client.get(f"{path}/links")).status == 403
    assert (await link(customer, cause, "related", incidents[0])).status == 403
    assert (await solve(customer, cause)).status == 403
    assert (await customer.client.get(path)).json()["open_incidents"] == 0


def texts(page: Any) -> list[str]:
    return [message["text"] for message in page["items"]]


async def split(agent: Person, ticket: Any, message_id: UUID, **body: Any) -> Answer:
    return await agent.client.post(f"/api/tickets/{ticket.id}/split", {"message_id": str(message_id), **body})


async def test_a_message_is_split_off_into_a_ticket_of_its_author(desk: Desk) -> None:
    agent = await desk.person()
    first = received(text="The printer burns.")
    second = received(text="And my invoice?", conversation_id=first.conversation_id, external_id="<2@example.com>")
    await desk.take(first, second)
    original = await desk.one("SELECT * FROM tickets")
    made = await split(agent, original, second.message_id, subject="Invoice")
    assert made.status == 201, made.body
    new = made.json()
    assert made.headers["location"] == f"/api/tickets/{new['id']}"
    assert (new["subject"], new["status"], new["requester"]["name"]) == ("Invoice", "new", "Ana")
    path = f"/api/tickets/{new['id']}"
    assert texts((await agent.client.get(f"{path}/messages")).json()) == [
        "And my invoice?",
        f"Split off from #{original.number}.",
    ]
    there = (await agent.client.get(f"/api/tickets/{original.id}/messages")).json()
    assert texts(there) == ["The printer burns.", "And my invoice?", f"Split off into #{new['number']}."]
    assert await linked(agent, original) == [("split_off", new["number"])]
    row = await desk.one("SELECT * FROM tickets WHERE id = :id", id=UUID(new["id"]))
    assert await linked(agent, row) == [("split_from", original.number)]
    for of, key in ((original.id, "split_into"), (row.id, "split_from")):
        history = (await agent.client.get(f"/api/tickets/{of}/history")).json()["items"][0]
        assert (history["cause"], key in history["changes"]) == ("split", True)
    assert await desk.event_types(row.id) == ["ticket.created.v1", "ticket.message_added.v1"]
    # What is answered there answers the mail it came from, and comes back there.
    assert row.last_customer_external_id == "<2@example.com>"
    assert row.conversation_id != original.conversation_id
    later = received(conversation_id=row.conversation_id)
    await desk.take(later)
    assert (await desk.one("SELECT ticket_id FROM messages WHERE id = :id", id=later.message_id)).ticket_id == row.id

    again = await split(agent, original, second.message_id)
    assert (again.status, again.json()["id"]) == (200, new["id"])


async def test_what_its_author_wrote_afterwards_goes_along(desk: Desk) -> None:
    agent = await desk.person()
    first = received(text="One")
    more = [received(text=text, conversation_id=first.conversation_id) for text in ("Two", "Three")]
    await desk.take(first, more[0])
    original = await desk.one("SELECT * FROM tickets")
    await agent.client.post(f"/api/tickets/{original.id}/replies", {"text": "Hm."})
    await agent.client.post(f"/api/tickets/{original.id}/notes", {"text": "Odd."})
    await desk.take(more[1])
    new = (await split(agent, original, more[0].message_id, following=True)).json()
    assert texts((await agent.client.get(f"/api/tickets/{new['id']}/messages")).json())[:-1] == ["Two", "Three"]
    # A reply that was sent is not sent again.
    assert await desk.event_types(UUID(new["id"])) == ["ticket.created.v1"] + ["ticket.message_added.v1"] * 2
    # What went along went there, too.
    assert (await split(agent, original, more[1].message_id)).json()["id"] == new["id"]


async def test_only_what_a_customer_wrote_is_split_off(desk: Desk) -> None:
    agent, original = await desk.person(), await a_ticket(desk)
    note = await agent.client.post(f"/api/tickets/{original.id}/notes", {"text": "Odd."})
    answer = await split(agent, original, UUID(note.json()["message"]["id"]))
    assert problem(answer) == (422, "not-a-customers-message")
    assert (await split(agent, original, uuid7())).status == 404
    other = await a_ticket(desk)
    theirs = await desk.one("SELECT id FROM messages WHERE ticket_id = :id", id=other.id)
    assert (await split(agent, original, theirs.id)).status == 404
    customer = await desk.person(Role.CUSTOMER, "ana@example.com")
    assert (await split(customer, original, theirs.id)).status == 403


async def test_a_stranger_gets_their_own_ticket_back_by_splitting(desk: Desk) -> None:
    """After a merge across customers what they write stays aside; split off, it is theirs to read."""
    agent, target, source = await desk.person(), await a_ticket(desk), await a_ticket(desk, "ben@example.com")
    body = {"sources": [str(source.id)], "across_customers": True}
    await agent.client.post(f"/api/tickets/{target.id}/merges", body)
    later = received("ben@example.com", conversation_id=source.conversation_id, text="Ben insists.")
    await desk.take(later)
    new = (await split(agent, target, later.message_id)).json()
    ben = await desk.person(Role.CUSTOMER, "ben@example.com")
    assert texts((await ben.client.get(f"/api/tickets/{new['id']}/messages")).json()) == ["Ben insists."]


async def test_what_they_wrote_as_somebody_they_became_part_of_goes_along(desk: Desk) -> None:
    agent = await desk.person()
    first = received(text="One")
    await desk.take(first)
    original = await desk.one("SELECT * FROM tickets")
    token = ThreadingEvidence(token_conversation_id=first.conversation_id)
    aside = received("ben@example.com", text="Two", conversation_id=first.conversation_id, evidence=token)
    await desk.take(aside)
    (ben,) = await desk.rows("SELECT customer_id AS id FROM customer_identities WHERE address = 'ben@example.com'")
    made = await agent.client.post("/api/customers", {"name": "Benjamin"})
    body = {"customer_id": str(ben.id)}
    assert (await agent.client.post(f"/api/customers/{made.json()['id']}/merges", body)).status == 201
    later = received("ben@example.com", text="Three", conversation_id=first.conversation_id, evidence=token)
    await desk.take(later)
    new = (await split(agent, original, aside.message_id, following=True)).json()
    thread = (await agent.client.get(f"/api/tickets/{new['id']}/messages")).json()["items"][:-1]
    assert [message["text"] for message in thread] == ["Two", "Three"]
    assert {message["author"]["id"] for message in thread} == {new["requester"]["customer_id"]} == {made.json()["id"]}


async def test_what_is_split_off_tells_its_author_nothing_of_the_ticket_it_was_in(desk: Desk) -> None:
    agent, target, source = await desk.person(), await a_ticket(desk), await a_ticket(desk, "ben@example.com")
    await agent.client.patch(f"/api/tickets/{target.id}", {"subject": "Divorce of Ana"}, if_match="*")
    body = {"sources": [str(source.id)], "across_customers": True}
    await agent.client.post(f"/api/tickets/{target.id}/merges", body)
    later = received("ben@example.com", conversation_id=source.conversation_id, text="My invoice,\nplease.")
    await desk.take(later)
    assert (await split(agent, target, later.message_id)).json()["subject"] == "My invoice, please."
    # Who gave the subject keeps it.
    first = await desk.one("SELECT id FROM messages WHERE ticket_id = :id AND kind = 'customer'", id=target.id)
    assert (await split(agent, target, first.id)).json()["subject"] == "Divorce of Ana"


async def test_split_by_many_at_once_there_is_one_new_ticket(desk: Desk) -> None:
    agent, original = await desk.person(), await a_ticket(desk)
    message = await desk.one("SELECT id FROM messages")
    answers = await asyncio.gather(*(split(agent, original, message.id) for _ in range(6)))
    assert sorted(answer.status for answer in answers) == [200] * 5 + [201]
    assert (await desk.one("SELECT count(*) AS n FROM tickets")).n == 2
