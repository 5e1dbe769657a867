"""Replies that leave later: taken back, moved, released, refused. And replies that are sent in spite of what came."""

from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import text

from services.tickets.service import facts, scheduled
from services.tickets.worker import create_worker
from shared.db import now_utc
from shared.events.accounts import AccountChanged, Role
from shared.settings import Settings
from tests.integration.events import event_of
from tests.integration.tickets.harness import Desk, Person, received

LATER = timedelta(hours=2)


async def a_ticket(desk: Desk) -> Any:
    await desk.take(received())
    return await desk.one("SELECT * FROM tickets ORDER BY number DESC LIMIT 1")


def paths(ticket: Any) -> tuple[str, str]:
    return f"/api/tickets/{ticket.id}/replies", f"/api/tickets/{ticket.id}/scheduled"


async def release(desk: Desk, after: timedelta = LATER) -> int:
    async with desk.database.transaction() as session:
        return await scheduled.release_due(session, now=now_utc() + after)


async def customer_writes(desk: Desk, ticket: Any) -> None:
    await desk.take(received(conversation_id=ticket.conversation_id, text="Never mind!"))


async def causes(agent: Person, ticket: Any) -> list[str]:
    history = (await agent.client.get(f"/api/tickets/{ticket.id}/history")).json()["items"]
    return [entry["cause"] for entry in history]


async def test_a_reply_leaves_when_its_time_has_come_and_not_before(desk: Desk) -> None:
    agent, ticket = await desk.person(name="Ada"), await a_ticket(desk)
    replies, waiting = paths(ticket)
    await agent.client.put(
        f"/api/tickets/{ticket.id}/draft", {"kind": "reply", "text": "Use", "thread_version": 1}, if_match='"0"'
    )
    answer = await agent.client.post(
        replies, {"text": "Use water.", "status": "solved", "undo_seconds": 10, "expected_version": 1}
    )
    body = answer.json()
    assert (answer.status, body["state"], body["author"]["name"]) == (202, "waiting", "Ada")
    assert answer.headers["location"] == f"{waiting}/{body['id']}"
    assert (await agent.client.get(answer.headers["location"])).json() == body
    assert (await agent.client.get(f"/api/tickets/{ticket.id}/draft")).json()["draft"] is None
    assert await release(desk, timedelta(0)) == 0
    assert await desk.event_types() == ["ticket.created.v1", "ticket.changed.v1"]

    assert await release(desk) == 1
    assert await release(desk) == 0
    assert (await desk.event_types())[2:] == ["ticket.message_added.v1", "ticket.changed.v1"]
    thread = (await agent.client.get(f"/api/tickets/{ticket.id}/messages")).json()["items"]
    assert [message["text"] for message in thread] == ["It burns.", "Use water."]
    assert (thread[1]["id"], thread[1]["author"]["name"], thread[1]["first_reply"]) == (body["id"], "Ada", True)
    assert (await agent.client.get(f"/api/tickets/{ticket.id}")).json()["status"] == "solved"
    settled = (await agent.client.get(answer.headers["location"])).json()
    assert (settled["state"], settled["text"], settled["reason"]) == ("released", "", None)
    assert (await causes(agent, ticket))[0] == "reply"


async def test_the_worker_has_a_timer_that_releases(desk: Desk) -> None:
    agent, ticket = await desk.person(), await a_ticket(desk)
    await agent.client.post(paths(ticket)[0], {"text": "Use water.", "undo_seconds": 60})
    worker = create_worker(Settings(database_url=desk.database.url), desk.database)
    timer = next(timer for timer in worker.timers if timer.name == "release_replies")
    async with desk.database.transaction() as session:
        assert await timer.run(session, now_utc() + LATER) == 1
    forget = next(timer for timer in worker.timers if timer.name == "forget_replies")
    async with desk.database.transaction() as session:
        assert await forget.run(session, now_utc() + LATER) == 0
        assert await forget.run(session, now_utc() + LATER + scheduled.KEPT) == 1


async def test_a_reply_is_taken_back_until_it_leaves_and_is_a_draft_again(desk: Desk) -> None:
    agent, ticket = await desk.person(), await a_ticket(desk)
    replies, waiting = paths(ticket)
    written = (await agent.client.post(replies, {"text": "Use oil.", "undo_seconds": 60})).json()
    back = await agent.client.delete(f"{waiting}/{written['id']}")
    assert (back.status, back.json()["state"], back.json()["text"]) == (200, "cancelled", "Use oil.")
    assert (await agent.client.delete(f"{waiting}/{written['id']}")).status == 200
    draft = (await agent.client.get(f"/api/tickets/{ticket.id}/draft")).json()["draft"]
    assert (draft["text"], draft["kind"], draft["thread_version"]) == ("Use oil.", "reply", 1)
    assert await release(desk) == 0
    assert await causes(agent, ticket) == ["reply.taken_back", "message.received"]

    written = (await agent.client.post(replies, {"text": "Use water.", "undo_seconds": 60})).json()
    await release(desk)
    late = await agent.client.delete(f"{waiting}/{written['id']}")
    assert (late.status, late.json()["type"]) == (409, "/problems/already-released")
    assert late.json()["message_id"] == written["id"]
    assert (await agent.client.delete(f"{waiting}/{uuid4()}")).status == 404
    other = await a_ticket(desk)
    assert (await agent.client.delete(f"{paths(other)[1]}/{written['id']}")).status == 404


async def test_what_somebody_has_begun_meanwhile_is_not_overwritten(desk: Desk) -> None:
    agent, ticket = await desk.person(), await a_ticket(desk)
    replies, waiting = paths(ticket)
    written = (await agent.client.post(replies, {"text": "Use oil.", "undo_seconds": 60})).json()
    draft = {"kind": "note", "text": "Who said oil?", "thread_version": 1}
    await agent.client.put(f"/api/tickets/{ticket.id}/draft", draft, if_match='"0"')
    assert (await agent.client.delete(f"{waiting}/{written['id']}")).json()["text"] == "Use oil."
    assert (await agent.client.get(f"/api/tickets/{ticket.id}/draft")).json()["draft"]["text"] == "Who said oil?"


async def test_who_watches_is_told_of_what_leaves_and_of_what_does_not(desk: Desk) -> None:
    agent, ticket = await desk.person(name="Ada"), await a_ticket(desk)
    answer = await agent.client.post(paths(ticket)[0], {"text": "Use oil.", "undo_seconds": 60})
    later = {"send_at": (now_utc() + timedelta(hours=1)).isoformat()}
    moved = (await agent.client.patch(answer.headers["location"], later, if_match="*")).json()
    await agent.client.delete(answer.headers["location"])
    told = await desk.rows(
        "SELECT CAST(data AS jsonb) AS data FROM outbox WHERE type = 'ticket.changed.v1' ORDER BY id"
    )
    assert "oil" not in str(told)
    assert [set(row.data["changes"]) for row in told] == [{"leaving"}] * 3
    changes = [row.data["changes"]["leaving"] for row in told]
    assert [(each["before"] is None, each["after"] is None) for each in changes] == [
        (True, False),
        (False, False),
        (False, True),
    ]
    assert changes[0]["after"]["author"]["name"] == "Ada"
    assert datetime.fromisoformat(changes[1]["after"]["release_at"]) == datetime.fromisoformat(moved["release_at"])
    # The ticket is what it was.
    assert {row.data["ticket"]["version"] for row in told} == {1}


async def test_an_empty_draft_gives_way_to_what_is_taken_back(desk: Desk) -> None:
    agent, ticket = await desk.person(), await a_ticket(desk)
    replies, waiting = paths(ticket)
    written = (await agent.client.post(replies, {"text": "Use oil.", "undo_seconds": 60})).json()
    empty = {"kind": "note", "text": "", "thread_version": 1}
    await agent.client.put(f"/api/tickets/{ticket.id}/draft", empty, if_match='"0"')
    await agent.client.delete(f"{waiting}/{written['id']}")
    draft = (await agent.client.get(f"/api/tickets/{ticket.id}/draft")).json()["draft"]
    assert (draft["kind"], draft["text"]) == ("reply", "Use oil.")


async def test_a_reply_is_moved_by_who_saw_where_it_stood(desk: Desk) -> None:
    agent, ticket = await desk.person(), await a_ticket(desk)
    replies, waiting = paths(ticket)
    first = await agent.client.post(replies, {"text": "X", "send_at": (now_utc() + timedelta(days=1)).isoformat()})
    path = first.headers["location"]
    sooner = {"send_at": (now_utc() + timedelta(hours=1)).isoformat()}
    assert (await agent.client.patch(path, sooner)).status == 428
    moved = await agent.client.patch(path, sooner, if_match=first.headers["etag"])
    assert (moved.status, moved.headers["etag"]) == (200, '"2"')
    assert (await agent.client.patch(path, sooner, if_match=first.headers["etag"])).status == 412
    same = await agent.client.patch(path, {"send_at": moved.json()["release_at"]}, if_match='"2"')
    assert same.headers["etag"] == '"2"'
    assert await causes(agent, ticket) == ["reply.moved", "message.received"]
    assert await release(desk) == 1
    gone = await agent.client.patch(path, sooner, if_match="*")
    assert (gone.status, gone.json()["type"], gone.json()["state"]) == (409, "/problems/not-waiting", "released")
    listed = (await agent.client.get(waiting)).json()["items"]
    assert [(one["id"], one["state"]) for one in listed] == [(first.json()["id"], "released")]


async def test_a_time_that_cannot_be_is_refused_with_the_reason(desk: Desk) -> None:
    agent, ticket = await desk.person(), await a_ticket(desk)
    replies, waiting = paths(ticket)
    tomorrow = (now_utc() + timedelta(days=1)).isoformat()
    for wrong, says in (
        ({"send_at": (now_utc() - timedelta(seconds=1)).isoformat()}, "is over already"),
        ({"send_at": (now_utc() + timedelta(days=91)).isoformat()}, "90 days"),
        ({"send_at": "2026-12-01T08:00:00"}, "timezone"),
        ({"undo_seconds": 61}, "less_than_equal"),
        ({"undo_seconds": -1}, "greater_than_equal"),
        ({"undo_seconds": 1, "send_at": tomorrow}, "either"),
        ({"only_if_unanswered": True}, "leaves later"),
        ({"force": True}, "force needs"),
    ):
        answer = await agent.client.post(replies, {"text": "X", **wrong})
        assert (answer.status, says in answer.body.decode()) == (422, True), (wrong, answer.body)
    kept = await agent.client.post(replies, {"text": "X", "send_at": tomorrow})
    past = {"send_at": (now_utc() - timedelta(days=1)).isoformat()}
    assert (await agent.client.patch(kept.headers["location"], past, if_match="*")).status == 422
    assert len((await agent.client.get(waiting)).json()["items"]) == 1


async def test_what_stands_against_a_reply_is_told_when_it_is_written(desk: Desk) -> None:
    agent, ticket = await desk.person(), await a_ticket(desk)
    replies, _ = paths(ticket)
    await customer_writes(desk, ticket)
    stale = await agent.client.post(replies, {"text": "X", "undo_seconds": 9, "expected_version": 1})
    assert (stale.status, stale.json()["type"]) == (409, "/problems/stale-thread")
    wrong = await agent.client.post(replies, {"text": "X", "undo_seconds": 9, "status": "closed"})
    assert (wrong.status, wrong.json()["type"]) == (409, "/problems/invalid-transition")
    for _ in range(20):
        assert (await agent.client.post(replies, {"text": "X", "undo_seconds": 9})).status == 202
    many = await agent.client.post(replies, {"text": "X", "undo_seconds": 9})
    assert (many.status, many.json()["type"]) == (409, "/problems/too-many-scheduled")


async def test_a_reply_for_who_has_not_answered_stays_if_they_have(desk: Desk) -> None:
    agent, ticket = await desk.person(), await a_ticket(desk)
    replies, _ = paths(ticket)
    await agent.client.post(replies, {"text": "Use water."})
    ask = {"text": "Does it still burn?", "only_if_unanswered": True, "send_at": (now_utc() + LATER / 2).isoformat()}
    kept = await agent.client.post(replies, ask)
    await agent.client.post(f"/api/tickets/{ticket.id}/notes", {"text": "A note is no answer."})
    other = await a_ticket(desk)
    unanswered = await agent.client.post(paths(other)[0], ask)
    await customer_writes(desk, ticket)
    assert await release(desk) == 2
    refused = (await agent.client.get(kept.headers["location"])).json()
    assert (refused["state"], refused["reason"]) == ("refused", "answered-meanwhile")
    assert (await agent.client.get(unanswered.headers["location"])).json()["state"] == "released"
    draft = (await agent.client.get(f"/api/tickets/{ticket.id}/draft")).json()["draft"]
    assert draft["text"] == "Does it still burn?"
    entry = (await agent.client.get(f"/api/tickets/{ticket.id}/history")).json()["items"][0]
    assert (entry["cause"], entry["changes"]["reason"]["after"]) == ("reply.refused", "answered-meanwhile")
    assert entry["changes"]["scheduled"]["before"]["id"] == refused["id"]
    assert (await desk.event_types(ticket.id))[-1] != "ticket.message_added.v1"


async def test_a_reply_that_may_answer_an_answer_leaves_all_the_same(desk: Desk) -> None:
    agent, ticket = await desk.person(), await a_ticket(desk)
    await agent.client.post(paths(ticket)[0], {"text": "Wait.", "undo_seconds": 60, "expected_version": 1})
    await customer_writes(desk, ticket)
    assert await release(desk) == 1
    assert (await desk.one("SELECT count(*) AS n FROM messages WHERE kind = 'reply'")).n == 1


async def test_what_can_no_longer_be_sent_is_refused_and_the_others_leave(desk: Desk) -> None:
    agent, leaver = await desk.person(), await desk.person()
    closed, left, good = [await a_ticket(desk) for _ in range(3)]
    answers = [
        await person.client.post(paths(ticket)[0], {"text": "X", "undo_seconds": 60})
        for person, ticket in ((agent, closed), (leaver, left), (agent, good))
    ]
    for status in ("solved", "closed"):
        await agent.client.patch(f"/api/tickets/{closed.id}", {"status": status}, if_match="*")
    off = AccountChanged(
        account_id=leaver.principal.account_id,
        email=leaver.email,
        name="Gone",
        role=Role.AGENT,
        version=2,
        active=False,
    )
    await desk.handle(facts.keep_accounts, event_of(off, leaver.principal.account_id))
    assert await release(desk) == 3
    settled = [(await agent.client.get(answer.headers["location"])).json() for answer in answers]
    assert [(one["state"], one["reason"]) for one in settled] == [
        ("refused", "ticket-closed"),
        ("refused", "author-inactive"),
        ("released", None),
    ]


async def test_of_two_refused_replies_the_first_is_the_draft(desk: Desk) -> None:
    agent, ticket = await desk.person(), await a_ticket(desk)
    for said, seconds in (("First", 50), ("Second", 60)):
        await agent.client.post(paths(ticket)[0], {"text": said, "undo_seconds": seconds})
    for status in ("solved", "closed"):
        await agent.client.patch(f"/api/tickets/{ticket.id}", {"status": status}, if_match="*")
    assert await release(desk) == 2
    assert (await agent.client.get(f"/api/tickets/{ticket.id}/draft")).json()["draft"]["text"] == "First"


async def test_a_reply_of_an_account_that_is_not_known_yet_leaves(desk: Desk) -> None:
    agent, ticket = await desk.person(), await a_ticket(desk)
    await agent.client.post(paths(ticket)[0], {"text": "X", "undo_seconds": 60})
    async with desk.database.transaction() as session:
        await session.execute(text("DELETE FROM accounts"))
    assert await release(desk) == 1
    assert (await desk.one("SELECT text FROM messages WHERE kind = 'reply'")).text == "X"


async def test_of_one_ticket_replies_leave_in_the_order_of_their_times(desk: Desk) -> None:
    agent, ticket = await desk.person(), await a_ticket(desk)
    for said, seconds in (("second", 50), ("third", 60), ("first", 40)):
        await agent.client.post(paths(ticket)[0], {"text": said, "undo_seconds": seconds})
    assert await release(desk) == 3
    rows = await desk.rows("SELECT text, first_reply FROM messages WHERE kind = 'reply' ORDER BY position")
    assert [tuple(row) for row in rows] == [("first", True), ("second", False), ("third", False)]


async def test_customers_do_not_send_later(desk: Desk) -> None:
    customer, ticket = await desk.person(Role.CUSTOMER, "ana@example.com"), await a_ticket(desk)
    answer = await customer.client.post(paths(ticket)[0], {"text": "X", "undo_seconds": 5})
    assert answer.status == 403


async def test_a_repeated_request_schedules_once(desk: Desk) -> None:
    agent, ticket = await desk.person(), await a_ticket(desk)
    replies, waiting = paths(ticket)
    answers = [
        await agent.client.post(replies, {"text": "X", "undo_seconds": 9}, idempotency_key="once") for _ in range(2)
    ]
    assert {answer.status for answer in answers} == {202}
    assert len((await agent.client.get(waiting)).json()["items"]) == 1


async def test_the_list_is_read_page_by_page_newest_first(desk: Desk) -> None:
    agent, ticket = await desk.person(), await a_ticket(desk)
    replies, waiting = paths(ticket)
    ids = [(await agent.client.post(replies, {"text": "X", "undo_seconds": 9})).json()["id"] for _ in range(5)]
    seen, cursor = [], {}
    while True:
        page = (await agent.client.get(waiting, limit=2, **cursor)).json()
        seen += [one["id"] for one in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert seen == ids[::-1]


async def test_who_knows_what_came_sends_anyway_and_the_history_says_so(desk: Desk) -> None:
    agent, ticket = await desk.person(), await a_ticket(desk)
    replies, _ = paths(ticket)
    await customer_writes(desk, ticket)
    assert (await agent.client.post(replies, {"text": "X", "expected_version": 1})).status == 409
    sent = await agent.client.post(replies, {"text": "X", "expected_version": 1, "force": True})
    assert sent.status == 201
    entry = (await agent.client.get(f"/api/tickets/{ticket.id}/history")).json()["items"][0]
    assert entry["changes"]["sent_anyway"] == {"before": 1, "after": 2}
    changed = await desk.rows("SELECT data::jsonb AS data FROM outbox WHERE type = 'ticket.changed.v1'")
    assert all("sent_anyway" not in row.data["changes"] for row in changed)
    fresh = await agent.client.post(replies, {"text": "Y", "expected_version": 3, "force": True})
    assert fresh.status == 201
    entry = (await agent.client.get(f"/api/tickets/{ticket.id}/history")).json()["items"][0]
    assert "sent_anyway" not in entry["changes"]
    noted = await agent.client.post(
        f"/api/tickets/{ticket.id}/notes", {"text": "N", "expected_version": 1, "force": True}
    )
    assert noted.status == 201
    kept = await agent.client.post(
        replies, {"text": "Z", "expected_version": 1, "force": True, "undo_seconds": 30, "only_if_unanswered": True}
    )
    assert kept.status == 202
    await release(desk)
    assert (await agent.client.get(kept.headers["location"])).json()["state"] == "released"
    entry = (await agent.client.get(f"/api/tickets/{ticket.id}/history")).json()["items"][0]
    assert entry["changes"]["sent_anyway"] == {"before": 1, "after": 5}


async def test_a_reply_that_is_about_to_leave_is_told_to_who_answers_too(desk: Desk) -> None:
    """Two agents answered the same message within ten seconds, and neither heard of the other."""
    ada, ben, ticket = await desk.person(name="Ada"), await desk.person(), await a_ticket(desk)
    replies, _ = paths(ticket)
    answer = {"text": "Use water.", "expected_version": 1, "undo_seconds": 10}
    assert (await ada.client.post(replies, answer)).status == 202
    stale = await ben.client.post(replies, {"text": "Use sand.", "expected_version": 1})
    assert (stale.status, stale.json()["type"], stale.json()["messages"]) == (409, "/problems/stale-thread", [])
    assert [(one["author"]["name"], one["text"]) for one in stale.json()["leaving"]] == [("Ada", "Use water.")]
    note = await ben.client.post(f"/api/tickets/{ticket.id}/notes", {"text": "N", "expected_version": 1})
    assert note.status == 201
    assert (await ben.client.post(replies, {**answer, "force": True})).status == 202
    customer = await desk.person(Role.CUSTOMER, "ana@example.com")
    own = await customer.client.post(replies, {"text": "Hurry.", "expected_version": 1})
    assert own.status == 201, "what has not left is nobody's but the desk's"


async def test_what_leaves_next_week_is_in_nobodys_way(desk: Desk) -> None:
    ada, ben, ticket = await desk.person(), await desk.person(), await a_ticket(desk)
    replies, _ = paths(ticket)
    next_week = (now_utc() + timedelta(days=7)).isoformat()
    assert (await ada.client.post(replies, {"text": "X", "expected_version": 1, "send_at": next_week})).status == 202
    assert (await ben.client.post(replies, {"text": "Y", "expected_version": 1})).status == 201
