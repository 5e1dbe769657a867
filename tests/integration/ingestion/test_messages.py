"""Messages handed in as data: stored before they are acknowledged, once each."""

import asyncio
import json
from typing import Any
from uuid import UUID

import pytest

from shared.events.accounts import Role
from shared.events.tickets import MessageKind, TicketCreated
from shared.ids import uuid7
from shared.messaging.envelope import Record
from tests.asgi import Answer
from tests.integration.ingestion.conftest import MakeDesk
from tests.integration.ingestion.harness import Desk
from tests.integration.ingestion.test_outbound import reply
from tests.statements import sent

MESSAGE = {
    "sender": {"kind": "email", "address": "Ada@Example.org", "name": "Ada"},
    "subject": "Printer",
    "text": "It is on fire.",
}


async def test_a_message_is_accepted_and_announced_with_its_conversation(desk: Desk) -> None:
    answer = await desk.as_(Role.AGENT).post("/api/ingest/messages", {**MESSAGE, "priority": "high", "tags": ["fire"]})

    assert answer.status == 202
    accepted = answer.json()
    assert accepted["status"] == "stored"
    assert accepted["status_url"] == f"/api/ingest/messages/{accepted['id']}"
    [event] = await desk.events("message.received.v1")
    assert event["message_id"] == accepted["id"]
    assert event["aggregate_id"] == event["conversation_id"]
    assert event["sender"]["address"] == "ada@example.org"
    assert (event["priority"], event["tags"], event["evidence"]["authentication"]) == ("high", ["fire"], "pass")
    status = await desk.status(accepted["id"])
    assert (status["status"], status["ticket"]) == ("accepted", None)


async def test_the_same_external_id_of_one_caller_is_one_message_with_one_answer(desk: Desk) -> None:
    caller, other = desk.as_(Role.AGENT), desk.as_(Role.AGENT)
    first = await caller.post("/api/ingest/messages", {**MESSAGE, "external_id": "a-1"})
    again = await caller.post("/api/ingest/messages", {**MESSAGE, "external_id": "a-1", "text": "changed"})
    foreign = await other.post("/api/ingest/messages", {**MESSAGE, "external_id": "a-1"})

    assert again.body == first.body
    assert foreign.json()["id"] != first.json()["id"]
    assert len(await desk.events("message.received.v1")) == 2


async def test_racing_duplicates_become_one_message(desk: Desk) -> None:
    caller = desk.as_(Role.AGENT)
    batch = {"messages": [{**MESSAGE, "external_id": f"r-{number}"} for number in range(20)]}
    backwards = {"messages": batch["messages"][::-1]}
    answers = await asyncio.gather(
        *(caller.post("/api/ingest/messages", batch if number % 2 else backwards) for number in range(6))
    )

    assert {answer.status for answer in answers} == {202}
    ids = [[item["id"] for item in answer.json()["messages"]] for answer in answers]
    assert all(each == ids[1] for each in ids[1::2])
    assert all(each == ids[1][::-1] for each in ids[0::2])
    assert len(await desk.events("message.received.v1")) == 20


async def test_an_idempotency_key_replays_the_answer(desk: Desk) -> None:
    caller = desk.as_(Role.AGENT)
    first = await caller.post("/api/ingest/messages", MESSAGE, idempotency_key="k-1")
    again = await caller.post("/api/ingest/messages", MESSAGE, idempotency_key="k-1")
    other = await caller.post("/api/ingest/messages", {**MESSAGE, "text": "other"}, idempotency_key="k-1")

    assert (again.status, again.body) == (202, first.body)
    assert other.status == 422
    assert len(await desk.events("message.received.v1")) == 1


async def test_a_batch_keeps_order_within_a_thread_and_answers_each(desk: Desk) -> None:
    messages = [{**MESSAGE, "channel": "chat", "text": f"line {number}", "thread_key": "t"} for number in range(50)]
    messages.append(messages[3] | {"external_id": "x"})
    messages.append(messages[3] | {"external_id": "x"})

    answer = await desk.as_(Role.AGENT).post("/api/ingest/messages", {"messages": messages})

    ids = [item["id"] for item in answer.json()["messages"]]
    assert len(set(ids)) == 51
    assert ids[-1] == ids[-2]
    events = await desk.events("message.received.v1")
    assert [event["message_id"] for event in events] == ids[:-1]
    assert len({event["conversation_id"] for event in events}) == 1
    # The caller vouches for its own thread, whoever writes in it.
    assert events[0]["evidence"]["token_conversation_id"] == events[0]["conversation_id"]


async def test_a_batch_of_fifty_is_a_handful_of_statements(desk: Desk) -> None:
    caller = desk.as_(Role.AGENT)
    await caller.post("/api/ingest/messages", MESSAGE)  # the token's keys and the admission check are cached now
    async with sent(desk.database) as statements:
        answer = await caller.post(
            "/api/ingest/messages", {"messages": [{**MESSAGE, "external_id": str(n)} for n in range(50)]}
        )

    assert answer.status == 202
    assert len(statements) <= 5, statements


async def test_one_wrong_message_fails_the_batch_and_is_named(desk: Desk) -> None:
    bad = {**MESSAGE, "sender": {"kind": "phone", "address": "030-1234"}}
    answer = await desk.as_(Role.AGENT).post("/api/ingest/messages", {"messages": [MESSAGE, MESSAGE, bad]})

    assert answer.status == 422
    assert answer.headers["content-type"] == "application/problem+json"
    [error] = answer.json()["errors"]
    assert 2 in error["loc"]
    assert "address" in error["loc"]
    assert await desk.events() == []


async def test_what_is_not_of_the_contract_is_refused(desk: Desk) -> None:
    caller = desk.as_(Role.AGENT)
    wrong = [
        {**MESSAGE, "role": "admin"},
        {**MESSAGE, "text": "", "subject": ""},
        {**MESSAGE, "sender": {"address": "alice@co)<bob@evil>"}},
        {**MESSAGE, "sender": {**MESSAGE["sender"], "time_zone": "../etc/passwd"}},
        {**MESSAGE, "attachment_ids": [str(uuid7())]},
        {"messages": []},
        {"messages": [MESSAGE] * 501},
        [],
    ]
    answers = [await caller.post("/api/ingest/messages", body) for body in wrong]

    assert [answer.status for answer in answers] == [422] * len(wrong)
    assert await desk.events() == []


async def test_who_may_not_ingest_is_turned_away(desk: Desk) -> None:
    assert (await desk.as_(Role.CUSTOMER).post("/api/ingest/messages", MESSAGE)).status == 403
    assert (await desk.callers.nobody().post("/api/ingest/messages", MESSAGE)).status == 401


async def test_text_beyond_the_event_is_kept_whole_in_the_object_store(desk: Desk) -> None:
    text = "ж" * 60_000
    await desk.as_(Role.AGENT).post("/api/ingest/messages", {**MESSAGE, "text": text})

    [event] = await desk.events("message.received.v1")
    assert event["text_truncated"]
    assert text.startswith(event["text"])
    assert len(event["text"].encode()) <= 65_536
    assert (await desk.objects.get(event["raw_key"])).decode() == text


async def test_only_texts_of_new_messages_are_written_and_side_by_side(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A transaction that waits for one disk write after the other is ended by the server after 2.5 s."""
    caller = desk.as_(Role.AGENT)
    long = {**MESSAGE, "text": "x" * 70_000}
    batch = [{**long, "external_id": str(number)} for number in range(20)]
    await caller.post("/api/ingest/messages", batch[0])
    put, under_way, most = desk.objects.put, 0, 0

    async def counted(*arguments: Any, **named: Any) -> str:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0.01)
        key = await put(*arguments, **named)
        under_way -= 1
        return key

    monkeypatch.setattr(desk.objects, "put", counted)
    assert (await caller.post("/api/ingest/messages", {"messages": batch})).status == 202
    assert 2 <= most <= 8
    stored = [path for path in desk.objects.root.rglob("*") if path.is_file()]
    assert len(stored) == 20
    for event in await desk.events("message.received.v1"):
        assert await desk.objects.get(event["raw_key"]) == b"x" * 70_000


async def test_control_characters_do_not_reach_the_database(desk: Desk) -> None:
    body = b'{"sender": {"address": "a@example.org"}, "subject": "a\\u0000b\\r\\nBcc: x@y", "text": "x\\u0000y"}'
    answer = await desk.as_(Role.AGENT).post("/api/ingest/messages", body)

    assert answer.status == 202
    [event] = await desk.events("message.received.v1")
    assert (event["subject"], event["text"]) == ("a b Bcc: x@y", "xy")


@pytest.mark.parametrize("opens", [True, False])
async def test_the_ticket_of_a_message_is_learned(desk: Desk, opens: bool) -> None:
    accepted = (await desk.as_(Role.AGENT).post("/api/ingest/messages", MESSAGE)).json()
    added = reply(uuid7(), id=UUID(accepted["id"]), kind=MessageKind.CUSTOMER)
    opened = TicketCreated(ticket=added.ticket, message=added.message, actor=added.message.author)
    await desk.consume(opened if opens else added)

    ticket = {"id": str(added.ticket.id), "number": 42}
    assert (await desk.status(accepted["id"]))["ticket"] == ticket


EVENT = {
    "specversion": "1.0",
    "id": "e-1",
    "source": "/billing",
    "type": "invoice.overdue",
    "subject": "INV-7",
    "time": "2026-03-01T10:00:00Z",
    "data": {"invoice": "INV-7", "amount": {"value": 12.5, "currency": "EUR"}, "lines": ["a", "b"]},
}


async def post_events(desk: Desk, body: object, kind: str = "application/cloudevents+json") -> Answer:
    return await desk.as_(Role.AGENT).post("/api/ingest/events", body, content_type=kind)


async def test_an_event_becomes_a_readable_message(desk: Desk) -> None:
    answer = await post_events(desk, EVENT)

    assert answer.status == 202
    [event] = await desk.events("message.received.v1")
    assert event["channel"] == "event"
    assert event["subject"] == "invoice.overdue: INV-7"
    assert event["text"] == "invoice: INV-7\namount:\n  value: 12.5\n  currency: EUR\nlines:\n  - a\n  - b"
    assert event["sender"] == event["sender"] | {"kind": "handle", "address": "/billing"}


async def test_a_second_event_about_the_same_thing_is_as_good_as_the_first(desk: Desk) -> None:
    """Marked as automatic replies, they were held: a second alarm after the first was solved woke nobody."""
    await post_events(desk, EVENT)
    await post_events(desk, {**EVENT, "id": "e-2", "type": "invoice.lost"})

    first, second = await desk.events("message.received.v1")
    assert second["conversation_id"] == first["conversation_id"]
    assert not first["auto_submitted"]
    assert not second["auto_submitted"]


@pytest.mark.parametrize("value", ["\\ud800", "\\u200e", "\\u2066\\u2069"])
async def test_an_event_that_cannot_be_stored_or_seen_is_refused(desk: Desk, value: str) -> None:
    for name in ("id", "source", "type", "subject"):
        body = json.dumps({**EVENT, name: "@"}).replace('"@"', f'"{value}"').encode()
        assert (await post_events(desk, body)).status == 422, name
    body = json.dumps({**EVENT, "data": {"@": "@"}}).replace('"@"', f'"{value}"').encode()
    assert (await post_events(desk, body)).status == 202


async def test_source_and_id_make_an_event_known_through_every_door(desk: Desk) -> None:
    first = (await post_events(desk, EVENT)).json()
    batch = await post_events(desk, [EVENT, {**EVENT, "id": "e-2"}], "application/cloudevents-batch+json")
    record = Record(
        "desk.inbound", 0, 0, None, (("content-type", b"application/cloudevents+json"),), json.dumps(EVENT).encode()
    )
    binary = Record(
        "desk.inbound",
        0,
        1,
        None,
        (("ce_specversion", b"1.0"), ("ce_id", b"e-2"), ("ce_source", b"/billing"), ("ce_type", b"x")),
        b'{"a": 1}',
    )
    async with desk.database.transaction() as session:
        await desk.handlers.by_topic["desk.inbound"](session, [record, binary])

    assert batch.json()["messages"][0] == first
    assert len(await desk.events("message.received.v1")) == 2


async def test_a_message_may_come_as_an_event(desk: Desk) -> None:
    good = {**EVENT, "type": "desk.message.v1", "data": {**MESSAGE, "channel": "form"}}
    assert (await post_events(desk, good)).status == 202
    [event] = await desk.events("message.received.v1")
    assert (event["channel"], event["subject"]) == ("form", "Printer")

    answer = await post_events(desk, [EVENT, {**good, "data": {"text": 1}}], "application/cloudevents-batch+json")
    assert answer.status == 422
    assert answer.json()["errors"][0]["loc"][:2] == [1, "data"]
    assert len(await desk.events("message.received.v1")) == 1


async def test_what_is_no_event_is_refused(desk: Desk) -> None:
    for wrong in ({**EVENT, "specversion": "0.3"}, {**EVENT, "id": ""}, {**EVENT, "time": "now"}, [EVENT], b"{"):
        assert (await post_events(desk, wrong)).status == 422
    assert (await post_events(desk, EVENT, "application/json")).status == 415
    assert (await post_events(desk, [], "application/cloudevents-batch+json")).status == 422


async def test_a_full_outbox_turns_intake_away_and_says_when_to_come_back(make_desk: MakeDesk) -> None:
    desk = await make_desk(DESK_INGESTION_MAX_UNSENT_EVENTS=1)
    caller = desk.as_(Role.AGENT)
    assert (await caller.post("/api/ingest/messages", {"messages": [MESSAGE, MESSAGE]})).status == 202
    desk.app.state.admission._checked_at = float("-inf")

    answer = await caller.post("/api/ingest/messages", MESSAGE)

    assert answer.status == 503
    assert int(answer.headers["retry-after"]) > 0
    assert len(await desk.events()) == 2


async def test_a_full_disk_turns_intake_away(make_desk: MakeDesk) -> None:
    desk = await make_desk(DESK_INGESTION_MIN_FREE_DISK_MIB=10**9)
    assert (await desk.as_(Role.AGENT).post("/api/ingest/messages", MESSAGE)).status == 503
    assert (await desk.post_mail(b"From: a@b.example\r\n\r\nx")).status == 503
