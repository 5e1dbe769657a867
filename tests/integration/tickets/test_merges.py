"""Tickets that are merged: both threads stay, what comes later finds its way, and nobody reads what is not theirs."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from services.tickets.repository.merges import MergeRepository
from services.tickets.service import merges
from shared.events.accounts import Role
from shared.events.messages import Authentication, MessageReceived, ThreadingEvidence
from shared.ids import uuid7
from tests.asgi import Answer
from tests.integration.events import START
from tests.integration.tickets.harness import Desk, Person, received

ANA, BEN = "ana@example.com", "ben@example.com"


async def a_ticket(desk: Desk, address: str = ANA, **fields: Any) -> Any:
    """A new ticket with one message."""
    message = received(address, **fields)
    await desk.take(message)
    return await ticket_of(desk, message)


async def ticket_of(desk: Desk, message: MessageReceived) -> Any:
    return await desk.one(
        "SELECT t.*, m.kind FROM tickets t JOIN messages m ON m.ticket_id = t.id WHERE m.id = :id",
        id=message.message_id,
    )


async def ticket(desk: Desk, ticket_id: UUID) -> Any:
    return await desk.one("SELECT * FROM tickets WHERE id = :id", id=ticket_id)


async def merge(agent: Person, target: Any, *sources: Any, across: bool = False) -> Answer:
    body = {"sources": [str(source.id) for source in sources], "across_customers": across}
    return await agent.client.post(f"/api/tickets/{target.id}/merges", body)


async def undo(agent: Person, target: Any, source: Any) -> Answer:
    return await agent.client.delete(f"/api/tickets/{target.id}/merges/{source.id}")


async def thread(who: Person, of: Any, **query: Any) -> list[str]:
    answer = await who.client.get(f"/api/tickets/{of.id}/messages", **query)
    assert answer.status == 200, answer.body
    return [message["text"] for message in answer.json()["items"]]


def again(old: Any, address: str = ANA, **fields: Any) -> MessageReceived:
    """Another message in the conversation of a ticket."""
    return received(
        address, **{"conversation_id": old.conversation_id, "received_at": START + timedelta(hours=1), **fields}
    )


def problem(answer: Answer) -> tuple[int, str]:
    return answer.status, answer.json()["type"].removeprefix("/problems/")


async def test_the_source_is_closed_and_both_threads_and_histories_tell(desk: Desk) -> None:
    agent, target, source = await desk.person(name="Ada"), await a_ticket(desk), await a_ticket(desk, text="It smokes.")
    answer = await merge(agent, target, source)
    assert (answer.status, answer.json()["id"]) == (200, str(target.id)), answer.body
    merged = (await agent.client.get(f"/api/tickets/{source.id}")).json()
    assert (merged["status"], merged["merged_into"], merged["version"]) == ("closed", str(target.id), 2)
    assert merged["allowed_statuses"] == []
    assert await thread(agent, source) == ["It smokes.", f"Merged into #{target.number}."]

    page = (await agent.client.get(f"/api/tickets/{target.id}/messages")).json()
    told = [(message["text"], message["ticket_id"]) for message in page["items"]]
    assert sorted(told[:2]) == sorted([("It burns.", str(target.id)), ("It smokes.", str(source.id))])
    assert sorted(text for text, _ in told[2:]) == [
        f"Merged in: #{source.number}.",
        f"Merged into #{target.number}.",
    ]
    assert page["merged"] == [
        {
            "id": str(source.id),
            "number": source.number,
            "subject": source.subject,
            "merged_into": str(target.id),
        }
    ]
    assert page["thread_version"] == 2

    history = (await agent.client.get(f"/api/tickets/{source.id}/history")).json()["items"][0]
    assert (history["cause"], history["actor"]["name"]) == ("merge", "Ada")
    assert history["changes"]["merged_into"] == {"before": None, "after": str(target.id)}
    history = (await agent.client.get(f"/api/tickets/{target.id}/history")).json()["items"][0]
    assert history["changes"]["merged"]["after"] == [{"ticket_id": str(source.id), "number": source.number}]
    # Others follow by the events they know.
    assert (await desk.event_types(source.id))[1:] == ["ticket.message_added.v1", "ticket.changed.v1"]
    listed = (await agent.client.get(f"/api/tickets/{target.id}/merges")).json()["items"]
    assert [(one["number"], one["merged_by"]["name"], one["undone_at"]) for one in listed] == [
        (source.number, "Ada", None)
    ]


async def test_a_merged_thread_is_read_in_pages_in_order_of_time(desk: Desk) -> None:
    agent = await desk.person()
    target = await a_ticket(desk, text="0")
    sources = [await a_ticket(desk, text=str(n), received_at=START + timedelta(minutes=n)) for n in (1, 2)]
    await desk.take(again(target, text="3"), again(sources[0], text="4", received_at=START + timedelta(hours=2)))
    await merge(agent, target, *sources)
    read, cursor = list[str](), None
    for _ in range(20):
        query = {"cursor": cursor} if cursor else {}
        page = (await agent.client.get(f"/api/tickets/{target.id}/messages", limit=2, **query)).json()
        read += [message["text"] for message in page["items"]]
        if (cursor := page["next_cursor"]) is None:
            break
    assert read[:5] == ["0", "1", "2", "3", "4"]
    assert len(read) == 8


@pytest.mark.parametrize("how", ["conversation", "token", "reference", "number"])
async def test_what_comes_later_follows_the_chain(desk: Desk, how: str) -> None:
    agent = await desk.person()
    a, b, c = [await a_ticket(desk) for _ in range(3)]
    assert (await merge(agent, b, a)).status == (await merge(agent, c, b)).status == 200
    evidence = {
        "conversation": ThreadingEvidence(),
        "token": ThreadingEvidence(token_conversation_id=a.conversation_id),
        "reference": ThreadingEvidence(reference_conversation_id=a.conversation_id),
        "number": ThreadingEvidence(ticket_number=a.number, authentication=Authentication.PASS),
    }[how]
    conversation = a.conversation_id if how == "conversation" else uuid7()
    later = received(conversation_id=conversation, evidence=evidence, received_at=START + timedelta(hours=1))
    await desk.take(later)
    assert (await ticket_of(desk, later)).id == c.id
    assert (await ticket(desk, a.id)).message_count == 2


async def test_what_follows_a_ticket_up_and_is_merged_is_found(desk: Desk) -> None:
    """A customer names the closed ticket by its number; its follow-up went into another ticket."""
    agent = await desk.person()
    old, target = await a_ticket(desk), await a_ticket(desk)
    for status in ("solved", "closed"):
        await agent.client.patch(f"/api/tickets/{old.id}", {"status": status}, if_match="*")
    first = again(old)
    await desk.take(first)
    await merge(agent, target, await ticket_of(desk, first))
    evidence = ThreadingEvidence(ticket_number=old.number, authentication=Authentication.PASS)
    later = received(evidence=evidence, received_at=START + timedelta(hours=2))
    await desk.take(later)
    assert (await ticket_of(desk, later)).id == target.id


async def test_a_closed_target_is_followed_up_by_who_wrote_to_the_source(desk: Desk) -> None:
    agent, target, source = await desk.person(), await a_ticket(desk), await a_ticket(desk)
    await merge(agent, target, source)
    for status in ("solved", "closed"):
        await agent.client.patch(f"/api/tickets/{target.id}", {"status": status}, if_match="*")
    later = again(source)
    await desk.take(later)
    follow_up = await ticket_of(desk, later)
    assert (follow_up.follow_up_of, follow_up.conversation_id) == (target.id, source.conversation_id)
    more = again(source)
    await desk.take(more)
    assert (await ticket_of(desk, more)).id == follow_up.id


@pytest.mark.parametrize(("status", "after"), [("pending", "open"), ("solved", "open"), ("on_hold", "on_hold")])
async def test_what_waited_for_the_desk_waits_in_the_target(desk: Desk, status: str, after: str) -> None:
    agent, target, source = await desk.person(), await a_ticket(desk), await a_ticket(desk)
    await agent.client.patch(f"/api/tickets/{target.id}", {"status": status}, if_match="*")
    assert (await merge(agent, target, source)).json()["status"] == after


async def test_what_waits_for_the_customer_opens_nothing(desk: Desk) -> None:
    agent, target, source = await desk.person(), await a_ticket(desk), await a_ticket(desk)
    for each in (target, source):
        await agent.client.patch(f"/api/tickets/{each.id}", {"status": "pending"}, if_match="*")
    assert (await merge(agent, target, source)).json()["status"] == "pending"


async def test_what_cannot_be_merged_is_refused(desk: Desk) -> None:
    agent = await desk.person()
    a, b, c, closed = [await a_ticket(desk) for _ in range(4)]
    for status in ("solved", "closed"):
        await agent.client.patch(f"/api/tickets/{closed.id}", {"status": status}, if_match="*")
    assert problem(await merge(agent, a, a)) == (422, "merged-into-itself")
    assert problem(await merge(agent, closed, a)) == (409, "ticket-closed")
    missing = await agent.client.post(f"/api/tickets/{a.id}/merges", {"sources": [str(uuid7())]})
    assert problem(missing) == (422, "unknown-tickets")
    assert (await agent.client.post(f"/api/tickets/{uuid7()}/merges", {"sources": [str(a.id)]})).status == 404
    # What is closed already may still be put where the matter goes on.
    assert (await merge(agent, a, closed)).status == 200
    assert (await merge(agent, b, a)).status == 200
    assert problem(await merge(agent, c, a)) == (409, "already-merged")
    into_what_went = await merge(agent, a, c)
    assert problem(into_what_went) == (409, "already-merged")
    assert into_what_went.json()["tickets"] == [{"ticket_id": str(a.id), "number": a.number, "merged_into": str(b.id)}]
    assert problem(await merge(agent, a, b)) == (409, "already-merged")


async def test_tickets_of_other_customers_need_a_word(desk: Desk) -> None:
    agent, target, source = await desk.person(), await a_ticket(desk, ANA), await a_ticket(desk, BEN)
    refused = await merge(agent, target, source)
    assert problem(refused) == (409, "other-customer")
    assert refused.json()["tickets"] == [{"ticket_id": str(source.id), "number": source.number}]
    assert (await ticket(desk, source.id)).merged_into is None
    assert (await merge(agent, target, source, across=True)).status == 200


async def test_customers_read_nothing_of_each_other_after_a_merge(desk: Desk) -> None:
    agent = await desk.person()
    ana, ben = await desk.person(Role.CUSTOMER, ANA), await desk.person(Role.CUSTOMER, BEN)
    target = await a_ticket(desk, ANA, text="Ana asks.")
    source = await a_ticket(desk, BEN, text="Ben asks.")
    await merge(agent, target, source, across=True)
    later = again(source, BEN, text="Ben insists.")
    await desk.take(later)
    assert (await ticket_of(desk, later)).id == target.id, "his answer goes on in the target"
    assert "Ben insists." in await thread(agent, target)

    assert await thread(ana, target) == ["Ana asks."]
    page = (await ana.client.get(f"/api/tickets/{target.id}/messages")).json()
    assert (page["merged"], page["thread_version"]) == ([], 1)
    stale = await ana.client.post(f"/api/tickets/{target.id}/replies", {"text": "Hm.", "expected_version": 0})
    assert b"Ben" not in stale.body
    assert (await ana.client.get(f"/api/tickets/{source.id}")).status == 404

    assert await thread(ben, source) == ["Ben asks."]
    his = (await ben.client.get(f"/api/tickets/{source.id}")).json()
    assert (his["status"], his["merged_into"]) == ("closed", None)
    assert (await ben.client.get(f"/api/tickets/{target.id}")).status == 404
    for who in (ana, ben):
        assert (await who.client.get(f"/api/tickets/{target.id}/merges")).status == 403
        assert (await merge(who, target, source)).status == 403


async def test_a_stranger_stays_one_along_the_chain_but_opens_what_waits(desk: Desk) -> None:
    agent, ana = await desk.person(), await desk.person(Role.CUSTOMER, ANA)
    first, middle, last = await a_ticket(desk, BEN), await a_ticket(desk, ANA), await a_ticket(desk, ANA)
    await merge(agent, middle, first, across=True)
    await merge(agent, last, middle)
    await agent.client.patch(f"/api/tickets/{last.id}", {"status": "pending"}, if_match="*")
    later = again(first, BEN, text="Ben insists.")
    await desk.take(later)
    there = await ticket_of(desk, later)
    assert (there.id, there.status, there.kind) == (last.id, "open", "system")
    assert "Ben insists." not in await thread(ana, last)


@pytest.mark.parametrize("same_batch", [False, True])
async def test_who_answers_a_strangers_mail_from_another_address_stays_one(desk: Desk, *, same_batch: bool) -> None:
    """The token of a conversation lets in whoever holds it, and Ben's leads into Ana's ticket."""
    agent, ana = await desk.person(), await desk.person(Role.CUSTOMER, ANA)
    target, source = await a_ticket(desk, ANA, text="Ana asks."), await a_ticket(desk, BEN)
    await merge(agent, target, source, across=True)
    token = ThreadingEvidence(token_conversation_id=source.conversation_id)
    later = again(source, "ben@home.example", text="Ben insists.", evidence=token)
    named = ThreadingEvidence(ticket_number=target.number, authentication=Authentication.PASS)
    named_by = received("ben@home.example", text="Ben goes on.", evidence=named, received_at=START + timedelta(hours=2))
    own = again(source, ANA, text="Ana was told.", evidence=token, received_at=START + timedelta(hours=3))
    for batch in [[later, named_by, own]] if same_batch else [[later], [named_by], [own]]:
        await desk.take(*batch)
    at = [await ticket_of(desk, message) for message in (later, named_by, own)]
    assert [(each.id, each.kind) for each in at] == [
        (target.id, "system"),
        (target.id, "system"),
        (target.id, "customer"),
    ]
    assert await thread(ana, target) == ["Ana asks.", "Ana was told."]


async def test_who_takes_part_in_both_is_read_where_they_wrote_to(desk: Desk) -> None:
    agent, ana = await desk.person(), await desk.person(Role.CUSTOMER, ANA)
    target, source = await a_ticket(desk, ANA, text="Ana asks."), await a_ticket(desk, BEN)
    cat = "cat@example.com"
    for of in (target, source):
        token = ThreadingEvidence(token_conversation_id=of.conversation_id)
        await desk.take(again(of, cat, text="Cat joins.", evidence=token))
    await merge(agent, target, source, across=True)
    await desk.take(again(source, cat, text="For Ben."))
    await desk.take(again(target, cat, text="For Ana."))
    assert sorted(await thread(ana, target)) == ["Ana asks.", "Cat joins.", "For Ana."]
    assert "For Ben." in await thread(agent, target)


async def test_a_customer_is_not_told_what_lies_between_their_own(desk: Desk) -> None:
    agent, ana = await desk.person(), await desk.person(Role.CUSTOMER, ANA)
    first, between, last = await a_ticket(desk, ANA), await a_ticket(desk, BEN), await a_ticket(desk, ANA)
    await merge(agent, between, first, across=True)
    await merge(agent, last, between, across=True)

    async def merged(who: Person) -> list[tuple[str, str | None]]:
        page = (await who.client.get(f"/api/tickets/{last.id}/messages")).json()
        return [(each["id"], each["merged_into"]) for each in page["merged"]]

    assert await merged(ana) == [(str(first.id), None)]
    assert sorted(await merged(agent)) == sorted([(str(first.id), str(between.id)), (str(between.id), str(last.id))])


async def test_customers_see_their_own_merged_tickets_as_one(desk: Desk) -> None:
    agent, ana = await desk.person(), await desk.person(Role.CUSTOMER, ANA)
    target, source = await a_ticket(desk, text="One"), await a_ticket(desk, text="Two")
    await merge(agent, target, source)
    assert sorted(await thread(ana, target)) == ["One", "Two"]
    assert (await ana.client.get(f"/api/tickets/{source.id}")).json()["merged_into"] == str(target.id)


async def test_a_merge_is_taken_back_as_it_was(desk: Desk) -> None:
    agent, target, source = await desk.person(), await a_ticket(desk), await a_ticket(desk, BEN)
    await agent.client.patch(f"/api/tickets/{source.id}", {"status": "on_hold"}, if_match="*")
    await merge(agent, target, source, across=True)
    between = again(source, BEN)
    await desk.take(between)
    answer = await undo(agent, target, source)
    assert (answer.status, answer.json()["id"]) == (200, str(source.id))
    assert (answer.json()["status"], answer.json()["merged_into"]) == ("on_hold", None)
    later = again(source, BEN)
    await desk.take(later)
    assert (await ticket_of(desk, later)).id == source.id
    assert (await ticket_of(desk, between)).id == target.id, "what came meanwhile stays"
    assert (await undo(agent, target, source)).status == 404
    listed = (await agent.client.get(f"/api/tickets/{target.id}/merges")).json()["items"]
    assert [one["undone_at"] is not None for one in listed] == [True]
    # And it can be merged again.
    assert (await merge(agent, target, source, across=True)).status == 200


async def test_who_came_with_a_merge_leaves_with_it_unless_they_wrote(desk: Desk) -> None:
    agent, target = await desk.person(), await a_ticket(desk)
    silent, other, spoke = await a_ticket(desk, BEN), await a_ticket(desk, BEN), await a_ticket(desk, "eve@example.com")
    await merge(agent, target, silent, spoke, across=True)
    await merge(agent, target, other, across=True)
    await desk.take(again(spoke, "eve@example.com"))

    async def taking_part() -> set[str]:
        rows = await desk.rows(
            "SELECT i.address FROM participants p JOIN customer_identities i USING (customer_id) WHERE ticket_id = :id",
            id=target.id,
        )
        return {row.address for row in rows}

    await undo(agent, target, silent)
    assert await taking_part() == {ANA, BEN, "eve@example.com"}, "another of his tickets is merged in still"
    await undo(agent, target, spoke)
    assert await taking_part() == {ANA, BEN, "eve@example.com"}
    await undo(agent, target, other)
    assert await taking_part() == {ANA, "eve@example.com"}


async def test_who_came_with_two_at_once_leaves_with_the_last(desk: Desk) -> None:
    agent, target = await desk.person(), await a_ticket(desk)
    sources = [await a_ticket(desk, BEN) for _ in range(2)]
    await merge(agent, target, *sources, across=True)
    left = []
    for source in sources:
        await undo(agent, target, source)
        left.append((await desk.one("SELECT count(*) AS n FROM participants WHERE ticket_id = :id", id=target.id)).n)
    assert left == [2, 1]


async def test_who_was_there_before_stays(desk: Desk) -> None:
    agent, target, source = await desk.person(), await a_ticket(desk), await a_ticket(desk, BEN)
    token = ThreadingEvidence(token_conversation_id=target.conversation_id)
    await desk.take(again(target, BEN, evidence=token))
    await desk.execute("DELETE FROM messages WHERE ticket_id = :id AND position > 1", id=target.id)
    await merge(agent, target, source, across=True)
    await undo(agent, target, source)
    assert (await desk.one("SELECT count(*) AS n FROM participants WHERE ticket_id = :id", id=target.id)).n == 2


async def test_who_became_another_customer_does_not_come_with_a_merge(desk: Desk) -> None:
    agent, target, source = await desk.person(), await a_ticket(desk), await a_ticket(desk, BEN)
    eve = await a_ticket(desk, "eve@example.com")
    await desk.execute(
        "UPDATE customers SET merged_into = :into WHERE id = :id", id=eve.requester_id, into=source.requester_id
    )
    await merge(agent, target, source, across=True)
    rows = await desk.rows("SELECT customer_id FROM participants WHERE ticket_id = :id", id=target.id)
    assert {row.customer_id for row in rows} == {target.requester_id, source.requester_id}


async def test_who_comes_by_another_way_at_the_same_moment_stays_as_they_came(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Merges of customers let them take part in tickets without a lock of these."""
    agent, target, source = await desk.person(), await a_ticket(desk), await a_ticket(desk, BEN)
    brought = MergeRepository.brought

    async def overtaken(self: MergeRepository, target_id: UUID) -> set[UUID]:
        await desk.execute("INSERT INTO participants VALUES (:of, :who)", of=target.id, who=source.requester_id)
        return await brought(self, target_id)

    monkeypatch.setattr(MergeRepository, "brought", overtaken)
    assert (await merge(agent, target, source, across=True)).status == 200
    rows = await desk.rows("SELECT aside FROM participants WHERE ticket_id = :id", id=target.id)
    assert [row.aside for row in rows] == [False, False]


async def test_there_are_not_more_merged_tickets_than_a_thread_can_show(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(merges, "MAX_MERGED", 2)
    agent = await desk.person()
    a, b, c, d = [await a_ticket(desk) for _ in range(4)]
    assert (await merge(agent, b, a)).status == (await merge(agent, c, b)).status == 200
    for target, source in ((c, d), (d, c)):
        assert problem(await merge(agent, target, source)) == (409, "too-many-merged")
    assert (await ticket(desk, d.id)).merged_into is None
    await undo(agent, c, b)
    assert (await merge(agent, c, d)).status == 200


async def test_the_target_of_an_undone_merge_is_left_by_who_came_with_it(desk: Desk) -> None:
    agent, target, source = await desk.person(), await a_ticket(desk), await a_ticket(desk, BEN)
    await merge(agent, target, source, across=True)
    await undo(agent, target, source)
    named = ThreadingEvidence(ticket_number=target.number, authentication=Authentication.PASS)
    stray = received(BEN, evidence=named, received_at=START + timedelta(hours=1))
    await desk.take(stray)
    assert (await ticket_of(desk, stray)).id not in {target.id, source.id}


async def test_a_merge_is_not_taken_out_of_the_middle(desk: Desk) -> None:
    agent = await desk.person()
    a, b, c = [await a_ticket(desk) for _ in range(3)]
    await merge(agent, b, a)
    await merge(agent, c, b)
    assert problem(await undo(agent, b, a)) == (409, "merged-on")
    assert (await undo(agent, c, b)).status == (await undo(agent, b, a)).status == 200


async def test_asked_twice_with_one_key_it_is_merged_once(desk: Desk) -> None:
    agent, target, source = await desk.person(), await a_ticket(desk), await a_ticket(desk)
    path, body = f"/api/tickets/{target.id}/merges", {"sources": [str(source.id)]}
    first, second = [await agent.client.post(path, body, idempotency_key="k") for _ in range(2)]
    assert (first.status, first.body) == (second.status, second.body) == (200, first.body)
