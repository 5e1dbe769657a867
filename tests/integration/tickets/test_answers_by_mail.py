"""Agents who answer from their own mail program, people who got a copy, and what was forwarded."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio

from services.tickets.service.scheduled import release_due
from shared.db import Database, now_utc
from shared.events.accounts import Role
from shared.events.messages import AgentToken, Authentication, MessageReceived, Sender, ThreadingEvidence
from shared.ids import uuid7
from tests.conftest import Databases
from tests.integration.tickets.harness import Desk, Person, received, running_desk
from tests.integration.tickets.test_intake import again, close, ticket_of


@pytest_asyncio.fixture(scope="module")
async def desk(databases: Databases) -> AsyncIterator[Desk]:
    """The service for all of these tests: each has tickets and agents of its own."""
    database = Database((await databases.url("tickets"))["tickets"], service="tickets")
    async with running_desk(database) as desk:
        yield desk
    await database.close()
    await databases.drop(database.url)


ANA = Sender(kind="email", address="ana@example.com", name="Ana")


async def opened(desk: Desk) -> tuple[MessageReceived, Any]:
    """Ana's ticket."""
    anas = received("ana@example.com")
    await desk.take(anas)
    return anas, await ticket_of(desk, anas)


def answer_of(
    agent: Person, ticket_id: Any, *, as_note: bool = False, authentication: Authentication = Authentication.NONE
) -> MessageReceived:
    """What an agent writes to the address that they were written to from."""
    token = AgentToken(ticket_id=ticket_id, as_note=as_note)
    return received(
        agent.email, text="Use water.", evidence=ThreadingEvidence(agent=token, authentication=authentication)
    )


async def test_an_agents_answer_is_their_reply_and_goes_out(desk: Desk) -> None:
    _, ticket = await opened(desk)
    agent = await desk.person(name="Ada")
    answer = answer_of(agent, ticket.id)
    await desk.take(answer)
    after = await ticket_of(desk, answer)
    assert (after.id, after.kind, after.status) == (ticket.id, "reply", "pending")
    told = (await desk.rows("SELECT data::jsonb AS data FROM outbox WHERE type = 'ticket.message_added.v1'"))[-1].data
    assert (told["message"]["kind"], told["message"]["channel"], told["message"]["text"]) == (
        "reply",
        "email",
        "Use water.",
    )
    assert (told["message"]["author"]["kind"], told["message"]["author"]["id"]) == (
        "agent",
        str(agent.principal.account_id),
    )
    assert told["message"]["first_reply"]
    [entry] = [
        each
        for each in (await agent.client.get(f"/api/tickets/{ticket.id}/timeline")).json()["items"]
        if each["cause"] == "reply"
    ]
    assert (entry["via"], entry["actor"]["name"]) == ("email", "Ada")
    of_agent = "SELECT 1 FROM customer_identities WHERE address = :address"
    assert await desk.rows(of_agent, address=agent.email) == [], "an agent is no customer"


async def test_an_answer_to_a_note_stays_inside(desk: Desk) -> None:
    _, ticket = await opened(desk)
    agent = await desk.person()
    answer = answer_of(agent, ticket.id, as_note=True).model_copy(update={"cc": ("ana@example.com",)})
    await desk.take(answer)
    after = await ticket_of(desk, answer)
    assert (after.id, after.kind, after.status, after.public_message_count) == (ticket.id, "note", "new", 1)
    customer = await desk.person(Role.CUSTOMER, ANA.address)
    seen = (await customer.client.get(f"/api/tickets/{ticket.id}/messages")).json()["items"]
    assert "Use water." not in {message["text"] for message in seen}


async def test_what_an_agent_cannot_send_is_kept_as_a_note(desk: Desk) -> None:
    _, ticket = await opened(desk)
    await close(desk, ticket.id)
    answer = answer_of(await desk.person(), ticket.id)
    await desk.take(answer)
    assert (await ticket_of(desk, answer)).kind == "note"
    notes = "SELECT text FROM messages WHERE kind = 'note' AND ticket_id = :id ORDER BY position"
    texts = [row.text for row in await desk.rows(notes, id=ticket.id)]
    assert texts[0] == "Use water."
    assert texts[1].startswith("This answer came by mail and was not sent: Ticket #")


async def test_who_may_not_answer_is_held(desk: Desk) -> None:
    _, ticket = await opened(desk)
    agent, inactive = await desk.person(), await desk.person(active=False)
    customer = await desk.person(Role.CUSTOMER)
    answer = answer_of(agent, ticket.id)
    answers = {
        "nobody": answer.model_copy(update={"sender": Sender(kind="email", address="eve@example.net")}),
        "customer": answer_of(customer, ticket.id),
        "inactive": answer_of(inactive, ticket.id),
        "forged": answer_of(agent, ticket.id, authentication=Authentication.FAIL),
        "automatic": answer.model_copy(update={"auto_submitted": True}),
    }
    for case, each in answers.items():
        await desk.take(each.model_copy(update={"message_id": uuid7(), "conversation_id": uuid7()}))
        held = await desk.one(
            "SELECT t.*, m.kind FROM tickets t JOIN messages m ON m.ticket_id = t.id WHERE m.position = 1 "
            "ORDER BY t.number DESC LIMIT 1"
        )
        assert (held.id != ticket.id, held.kind, held.review_of) == (True, "customer", ticket.id), case
        reason = "sender_failed_authentication" if case == "forged" else "sender_may_not_answer"
        assert held.review_reason == reason, case
    assert (await desk.one("SELECT message_count AS n FROM tickets WHERE id = :id", id=ticket.id)).n == 1


async def test_an_agents_from_without_a_token_is_a_strangers(desk: Desk) -> None:
    anas, ticket = await opened(desk)
    agent = await desk.person()
    reference = ThreadingEvidence(
        reference_conversation_id=anas.conversation_id, authentication=Authentication.PASS, ticket_number=ticket.number
    )
    forged = again(anas, 5, sender=Sender(kind="email", address=agent.email), evidence=reference)
    await desk.take(forged)
    held = await ticket_of(desk, forged)
    assert (held.id != ticket.id, held.kind, held.review_of) == (True, "customer", ticket.id)


async def test_an_answer_goes_where_its_ticket_was_merged(desk: Desk) -> None:
    _, first = await opened(desk)
    _, last = await opened(desk)
    agent = await desk.person()
    await agent.client.post(f"/api/tickets/{last.id}/merges", {"sources": [str(first.id)]})
    answer = answer_of(agent, first.id)
    await desk.take(answer)
    assert ((await ticket_of(desk, answer)).id, (await ticket_of(desk, answer)).kind) == (last.id, "reply")


async def test_copies_of_a_certain_sender_take_part(desk: Desk) -> None:
    passed = ThreadingEvidence(authentication=Authentication.PASS)
    agent = await desk.person()
    anas = received("ana@example.com", evidence=passed, cc=("Bo@example.com", "ana@example.com", agent.email))
    await desk.take(anas)
    ticket = await ticket_of(desk, anas)
    [message] = (await agent.client.get(f"/api/tickets/{ticket.id}/messages")).json()["items"]
    assert message["cc"] == ["bo@example.com"]
    bos = again(anas, 5, sender=Sender(kind="email", address="bo@example.com"), evidence=ThreadingEvidence())
    await desk.take(bos)
    assert (await ticket_of(desk, bos)).id == ticket.id
    # Bo holds no proof: whom he copies stays outside.
    more = again(bos, 5, cc=("eve@example.net",))
    await desk.take(more)
    evas = again(anas, 20, sender=Sender(kind="email", address="eve@example.net"), evidence=passed, cc=())
    await desk.take(evas)
    assert (await ticket_of(desk, evas)).id != ticket.id


async def test_a_held_claim_brings_nobody(desk: Desk) -> None:
    anas, _ = await opened(desk)
    evidence = ThreadingEvidence(reference_conversation_id=anas.conversation_id, authentication=Authentication.PASS)
    evas = again(
        anas, 5, sender=Sender(kind="email", address="eve@example.net"), evidence=evidence, cc=("mallory@example.net",)
    )
    await desk.take(evas)
    held = await ticket_of(desk, evas)
    assert (await desk.one("SELECT count(*) AS n FROM participants WHERE ticket_id = :id", id=held.id)).n == 1


async def test_another_matter_follows_a_solved_ticket_up(desk: Desk) -> None:
    anas, ticket = await opened(desk)
    agent = await desk.person()
    await agent.client.patch(f"/api/tickets/{ticket.id}", {"status": "solved"}, if_match="*")
    token = ThreadingEvidence(token_conversation_id=anas.conversation_id)
    other = again(anas, 5, subject="Invoice for March", evidence=token)
    await desk.take(other)
    follow_up = await ticket_of(desk, other)
    assert (follow_up.follow_up_of, follow_up.subject) == (ticket.id, "Invoice for March")
    assert (await desk.one("SELECT status FROM tickets WHERE id = :id", id=ticket.id)).status == "solved"


async def test_who_leaves_the_number_there_means_the_ticket(desk: Desk) -> None:
    anas, ticket = await opened(desk)
    agent = await desk.person()
    await agent.client.patch(f"/api/tickets/{ticket.id}", {"status": "solved"}, if_match="*")
    same = again(anas, 5, subject="Thanks", evidence=ThreadingEvidence(ticket_number=ticket.number))
    await desk.take(same)
    assert ((await ticket_of(desk, same)).id, (await ticket_of(desk, same)).status) == (ticket.id, "open")


async def test_an_open_ticket_goes_on_whatever_the_subject(desk: Desk) -> None:
    anas, ticket = await opened(desk)
    other = again(anas, 5, subject="Invoice for March")
    await desk.take(other)
    assert (await ticket_of(desk, other)).id == ticket.id


async def test_another_address_of_the_same_requester_is_told_and_moves_the_version(desk: Desk) -> None:
    """Replies went elsewhere, and neither the history nor whoever edited at the same time heard of it."""
    agent, private = await desk.person(), f"{uuid7()}@example.com"
    ours = received(f"{uuid7()}@example.com")
    await desk.take(ours)
    ticket = await ticket_of(desk, ours)
    added = await agent.client.post(
        f"/api/customers/{ticket.requester_id}/identities", {"kind": "email", "address": private}, if_match="*"
    )
    assert added.status < 300, added.body
    path = f"/api/tickets/{ticket.id}"
    given = await agent.client.post(f"{path}/requester", {"email": private}, if_match='"1"')
    assert (given.status, given.json()["version"]) == (200, 2), given.body
    entry = (await agent.client.get(f"{path}/history")).json()["items"][0]
    assert (entry["cause"], entry["changes"]["requester_email"]) == (
        "requester",
        {"before": ours.sender.address, "after": private},
    )
    assert (await agent.client.post(f"{path}/requester", {"email": private}, if_match='"1"')).status == 412


@pytest.mark.parametrize("later", [False, True])
async def test_a_colleague_who_gets_a_copy_of_a_reply_is_no_customer(desk: Desk, later: bool) -> None:
    """They took part: whoever wrote under their name, with the Message-ID of the reply alone, wrote into the ticket."""
    anas, ticket = await opened(desk)
    agent, colleague, other = await desk.person(), await desk.person(), f"{uuid7()}@example.com"
    body = {"text": "Use water.", "cc": [colleague.email, other]} | ({"undo_seconds": 30} if later else {})
    answer = await agent.client.post(f"/api/tickets/{ticket.id}/replies", body)
    assert answer.status == (202 if later else 201), answer.body
    if later:
        async with desk.database.transaction() as session:
            assert await release_due(session, now=now_utc() + timedelta(minutes=1)) == 1
    sent = await desk.one("SELECT cc FROM messages WHERE kind = 'reply' AND ticket_id = :id", id=ticket.id)
    assert set(sent.cc) == {colleague.email, other}, "the copies go"
    known = "SELECT count(*) AS n FROM customer_identities WHERE address = :address"
    assert [(await desk.one(known, address=each)).n for each in (colleague.email, other)] == [0, 1]
    participants = "SELECT count(*) AS n FROM participants WHERE ticket_id = :id"
    assert (await desk.one(participants, id=ticket.id)).n == 2
    named = {"reference_conversation_id": anas.conversation_id}
    # As ingestion states it of the Message-ID of a mail that the sender got, as whom it was sent to or as a copy.
    sent_to = named | {"token_conversation_id": anas.conversation_id}
    for minutes, evidence in enumerate((named, sent_to, sent_to | {"authentication": Authentication.PASS}), 5):
        from_colleague = again(
            anas,
            minutes,
            sender=Sender(kind="email", address=colleague.email),
            evidence=ThreadingEvidence.model_validate(evidence),
        )
        await desk.take(from_colleague)
        held = await ticket_of(desk, from_colleague)
        assert (held.id != ticket.id, held.review_of, held.review_reason) == (True, ticket.id, "sender_takes_no_part")
    assert (await desk.one(participants, id=ticket.id)).n == 2
    assert (await ticket_of(desk, anas)).status == "pending"
    others = again(
        anas,
        9,
        sender=Sender(kind="email", address=other),
        evidence=ThreadingEvidence(token_conversation_id=anas.conversation_id),
    )
    await desk.take(others)
    assert (await ticket_of(desk, others)).id == ticket.id, "who is no colleague joins by it"


async def test_an_agent_who_is_the_requester_goes_on_in_their_ticket(desk: Desk) -> None:
    agent = await desk.person()
    theirs = received(agent.email)
    await desk.take(theirs)
    token = ThreadingEvidence(token_conversation_id=theirs.conversation_id)
    more = again(theirs, 5, conversation_id=uuid7(), evidence=token)
    await desk.take(more)
    assert (await ticket_of(desk, more)).id == (await ticket_of(desk, theirs)).id


async def test_the_absence_of_a_colleague_who_got_a_copy_stays_beside_the_thread(desk: Desk) -> None:
    anas, ticket = await opened(desk)
    colleague = await desk.person()
    away = again(
        anas,
        5,
        sender=Sender(kind="email", address=colleague.email),
        evidence=ThreadingEvidence(token_conversation_id=anas.conversation_id),
        auto_submitted=True,
    )
    await desk.take(away)
    held = await ticket_of(desk, away)
    assert (held.id, held.kind, held.public_message_count) == (ticket.id, "system", 1)


async def test_a_forwarded_mail_offers_who_wrote_it(desk: Desk) -> None:
    bos = received("bo@example.com", forwarded_from=ANA, group="billing", quoted=True)
    await desk.take(bos)
    ticket = await ticket_of(desk, bos)
    assert ticket.group == "billing"
    agent = await desk.person()
    path = f"/api/tickets/{ticket.id}"
    shown = (await agent.client.get(path)).json()
    assert shown["forwarded_from"] == {"kind": "email", "address": "ana@example.com", "name": "Ana"}
    assert shown["requester"]["name"] == "Bo"
    [message] = (await agent.client.get(f"{path}/messages")).json()["items"]
    assert message["quoted"]
    body = {"email": shown["forwarded_from"]["address"], "name": "Ana"}
    assert (await agent.client.post(f"{path}/requester", body, if_match='"9"')).status == 412
    given = await agent.client.post(f"{path}/requester", body, if_match='"1"')
    assert (given.status, given.json()["requester"]["name"], given.json()["forwarded_from"]) == (200, "Ana", None)
    unknown = {"customer_id": str(ticket.id)}
    assert (await agent.client.post(f"{path}/requester", unknown, if_match="*")).status == 422
    again_ = await agent.client.post(f"{path}/requester", body, if_match="*")
    assert (again_.status, again_.json()["version"]) == (200, given.json()["version"])
    anas = again(bos, 5, sender=ANA, forwarded_from=None)
    await desk.take(anas)
    assert (await ticket_of(desk, anas)).id == ticket.id


async def test_an_agent_who_forwards_is_not_the_requester(desk: Desk) -> None:
    agent = await desk.person(name="Ada", email="ada@desk.example")
    for authentication in Authentication:
        evidence = ThreadingEvidence(authentication=authentication)
        passed_on = received(agent.email, forwarded_from=ANA, evidence=evidence)
        await desk.take(passed_on)
        newest = (await agent.client.get(f"/api/tickets/{(await ticket_of(desk, passed_on)).id}")).json()
        is_certain = authentication is Authentication.PASS
        assert newest["requester"]["name"] == ("Ana" if is_certain else "Ada")
        assert (newest["forwarded_from"] is None) == is_certain


@pytest.mark.parametrize("authentication", Authentication)
async def test_what_an_agent_writes_above_a_forward_is_not_for_the_customer(
    desk: Desk, authentication: Authentication
) -> None:
    """It was shown to the customer: under their own name, or under the agent's once a colleague took the offer."""
    agent = await desk.person(name="Ada", email="ada@desk.example")
    customer = await desk.person(Role.CUSTOMER, ANA.address, name="Ana")
    evidence, is_certain = ThreadingEvidence(authentication=authentication), authentication is Authentication.PASS
    text = "Difficult one, do not refund.\n\n---------- Forwarded message ---------\nFrom: Ana\n\nIt burns."
    passed_on = received(agent.email, subject="", text=text, forwarded_from=ANA, evidence=evidence)
    await desk.take(passed_on)
    ticket = await ticket_of(desk, passed_on)
    path = f"/api/tickets/{ticket.id}"
    if not is_certain:
        given = await agent.client.post(f"{path}/requester", {"email": ANA.address}, if_match="*")
        assert (given.status, given.json()["requester"]["name"]) == (200, "Ana"), given.body
    [shown] = (await agent.client.get(f"{path}/messages")).json()["items"]
    assert (shown["kind"], shown["text"]) == ("note", text)
    assert (shown["author"]["kind"], shown["author"]["name"]) == ("agent" if is_certain else "customer", "Ada")
    seen = [await customer.client.get(each) for each in (path, f"{path}/messages", "/api/tickets")]
    assert [answer.status for answer in seen] == [200, 200, 200]
    assert not [answer.body for answer in seen if b"Difficult" in answer.body]
    # What Ana writes herself is hers, and comes here.
    anas = received(ANA.address, conversation_id=passed_on.conversation_id, text="It still burns.")
    await desk.take(anas)
    assert (await ticket_of(desk, anas)).id == ticket.id
    assert [each["text"] for each in (await customer.client.get(f"{path}/messages")).json()["items"]] == [anas.text]


async def test_what_an_agent_writes_above_a_second_forward_is_not_for_the_customer_either(desk: Desk) -> None:
    """It joined the first one's ticket in public, and was hers to read once a colleague took the offer."""
    agent, customer = await desk.person(), await desk.person(Role.CUSTOMER, "cleo@example.com")
    cleo = Sender(kind="email", address=customer.email, name="Cleo")
    first = received(agent.email, text="Difficult one.", forwarded_from=cleo)
    second = again(first, 5, text="Difficult again.")
    for passed_on in (first, second):
        await desk.take(passed_on)
    ticket = await ticket_of(desk, second)
    assert (ticket.id, ticket.kind) == ((await ticket_of(desk, first)).id, "note")
    path = f"/api/tickets/{ticket.id}"
    given = await agent.client.post(f"{path}/requester", {"email": customer.email}, if_match="*")
    assert given.status == 200, given.body
    assert (await customer.client.get(f"{path}/messages")).json()["items"] == []
    # Nor what they write in that thread from then on: it was theirs only to pass on.
    remark = again(first, 9, text="As I said.", forwarded_from=None)
    await desk.take(remark)
    apart = await ticket_of(desk, remark)
    assert (apart.id == ticket.id, apart.review_of) == (False, ticket.id)
    assert (await customer.client.get(f"{path}/messages")).json()["items"] == []
