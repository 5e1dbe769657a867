"""What happened to a ticket and what was written in it: who, through what, why, before and after, in one order."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from services.tickets.service import bulk, facts, scheduled, snooze
from shared.auth import Principal
from shared.db import now_utc
from shared.events.accounts import Role
from shared.events.common import Channel
from shared.events.routing import TicketRouted
from shared.ids import uuid7
from tests.integration.events import START, event_of
from tests.integration.tickets.harness import Desk, Person, received
from tests.statements import sent


async def a_ticket(desk: Desk, address: str = "ana@example.com", **fields: Any) -> Any:
    await desk.take(received(address, **fields))
    return await desk.one("SELECT * FROM tickets ORDER BY number DESC LIMIT 1")


async def timeline(person: Person, ticket_id: object, **query: Any) -> dict[str, Any]:
    answer = await person.client.get(f"/api/tickets/{ticket_id}/timeline", **query)
    assert answer.status == 200, answer.body
    return dict(answer.json())


async def told(person: Person, ticket_id: object, **query: Any) -> list[tuple[str, str]]:
    """Through what and why, the oldest first."""
    return [(entry["via"], entry["cause"]) for entry in (await timeline(person, ticket_id, **query))["items"]][::-1]


async def sent_by(person: Person, path: str, body: Any, method: str = "POST") -> Any:
    answer = await person.client.request(method, path, body=body, headers={"if-match": "*"})
    assert answer.status < 300, answer.body
    return answer.json()


async def test_an_entry_tells_who_through_what_why_and_what_with_its_message(desk: Desk) -> None:
    ada, ticket = await desk.person(name="Ada"), await a_ticket(desk)
    path = f"/api/tickets/{ticket.id}"
    await sent_by(ada, f"{path}/assignee", {"assignee_id": str(ada.principal.account_id)}, "PUT")
    await sent_by(ada, f"{path}/replies", {"text": "Use water.", "status": "solved"})
    page = await timeline(ada, ticket.id)
    reply, assigned, first = page["items"]
    assert (page["merged"], page["next_cursor"], page["previous_cursor"]) == ([], None, None)
    assert (reply["actor"]["name"], reply["via"], reply["cause"]) == ("Ada", "web", "reply")
    assert reply["changes"]["status"] == {"before": "open", "after": "solved"}
    assert (reply["message"]["text"], reply["message"]["id"]) == ("Use water.", reply["message_id"])
    me = str(ada.principal.account_id)
    assert assigned["changes"]["assignee_id"] == {"before": None, "after": me}
    assert (assigned["names"], assigned["message"], assigned["ticket_id"]) == ({me: "Ada"}, None, str(ticket.id))
    assert (first["actor"]["kind"], first["message"]["text"], first["names"]) == ("customer", "It burns.", {})
    history = (await ada.client.get(f"{path}/history")).json()["items"]
    shown = ({name: entry[name] for name in history[0]} for entry in page["items"])
    assert list(shown) == history


async def test_what_came_through_what(desk: Desk) -> None:
    ada = await desk.person(name="Ada")
    key = Principal(
        uuid7(), Role.AGENT, "Robot", key_id=uuid7(), scopes=frozenset({"ticket.note", "ticket.create", "ticket.read"})
    )
    robot = Person(key, "", desk.callers.client(key))
    ana = await desk.person(Role.CUSTOMER, "ana@example.com", name="Ana")
    ticket = await a_ticket(desk, channel=Channel.CHAT)
    path = f"/api/tickets/{ticket.id}"
    routed = TicketRouted(
        decision_id=uuid7(),
        ticket_id=ticket.id,
        ticket_version=1,
        assignee_id=ada.principal.account_id,
        group=None,
        queue="default",
        reasons=(),
        routed_at=START,
    )
    await desk.handle(facts.follow, event_of(routed, ticket.id))
    await sent_by(robot, f"{path}/notes", {"text": "Known customer."})
    await sent_by(ana, f"{path}/replies", {"text": "Hurry!"})
    await sent_by(ada, f"{path}/replies", {"text": "Soon.", "undo_seconds": 10})
    async with desk.database.transaction() as session:
        assert await scheduled.release_due(session, now=now_utc() + timedelta(minutes=1)) == 1
    await sent_by(ada, f"{path}/snooze", {"until": (now_utc() + timedelta(hours=1)).isoformat()}, "PUT")
    async with desk.database.transaction() as session:
        assert await snooze.wake_due(session, now=now_utc() + timedelta(hours=2)) == 1
    selected = {"ids": [str(ticket.id)]}
    await sent_by(ada, "/api/bulk", {"selection": selected, "actions": {"set": {"priority": "high"}}, "dry_run": False})
    async with desk.database.transaction() as session:
        assert await bulk.Runner().run(session, now_utc()) == 1
    assert await told(ada, ticket.id) == [
        ("chat", "message.received"),
        ("system", "routing"),
        ("api", "note"),
        ("portal", "reply"),
        ("timer", "reply"),
        ("web", "snooze"),
        ("timer", "snooze.over"),
        ("bulk", "bulk"),
    ]
    opened = await sent_by(robot, "/api/tickets", {"text": "Hm.", "requester": {"email": "ben@example.com"}})
    assert await told(ada, opened["id"]) == [("api", "api")]


async def test_what_another_desk_wrote_says_so(desk: Desk) -> None:
    admin = await desk.person(Role.ADMIN)
    old = {
        "external_id": "4711",
        "subject": "Printer on fire",
        "status": "closed",
        "requester": {"address": "ana@example.com", "name": "Ana"},
        "solved_at": "2019-05-03T09:00:00Z",
        "messages": [{"kind": "customer", "at": "2019-05-02T08:00:00Z", "text": "It burns."}],
    }
    (one,) = (await sent_by(admin, "/api/tickets/import", {"source": "olddesk", "tickets": [old]}))["items"]
    assert await told(admin, one["ticket_id"]) == [("import", "import"), ("import", "import")]


async def test_what_happened_before_it_was_kept_came_through_nobody_knows_what(desk: Desk) -> None:
    ada, ticket = await desk.person(), await a_ticket(desk)
    await desk.execute("UPDATE ticket_history SET via = NULL")
    (entry,) = (await timeline(ada, ticket.id))["items"]
    assert entry["via"] is None


async def test_pages_lead_both_ways_and_meet_what_came_meanwhile(desk: Desk) -> None:
    ada, ticket = await desk.person(), await a_ticket(desk)
    for n in range(6):
        await sent_by(ada, f"/api/tickets/{ticket.id}/notes", {"text": str(n)})

    def texts(page: Any) -> list[str]:
        return [entry["message"]["text"] for entry in page["items"]]

    first = await timeline(ada, ticket.id, limit=3)
    second = await timeline(ada, ticket.id, limit=3, cursor=first["next_cursor"])
    last = await timeline(ada, ticket.id, limit=3, cursor=second["next_cursor"])
    assert [texts(page) for page in (first, second, last)] == [["5", "4", "3"], ["2", "1", "0"], ["It burns."]]
    assert (first["previous_cursor"], last["next_cursor"]) == (None, None)
    back = await timeline(ada, ticket.id, limit=2, cursor=last["previous_cursor"])
    assert texts(back) == ["1", "0"]
    await sent_by(ada, f"/api/tickets/{ticket.id}/notes", {"text": "6"})
    newest = await timeline(ada, ticket.id, limit=10, cursor=back["previous_cursor"])
    assert (texts(newest), newest["previous_cursor"]) == (["6", "5", "4", "3", "2"], None)
    bad = await ada.client.get(f"/api/tickets/{ticket.id}/timeline", cursor="bm90IG91cnM")
    assert (bad.status, bad.json()["type"]) == (422, "/problems/bad-cursor")


async def test_one_asks_for_some_kinds(desk: Desk) -> None:
    ada, ticket = await desk.person(), await a_ticket(desk)
    path = f"/api/tickets/{ticket.id}"
    await sent_by(ada, path, {"priority": "high"}, "PATCH")
    await sent_by(ada, f"{path}/notes", {"text": "Known."})
    await sent_by(ada, f"{path}/replies", {"text": "Use water.", "status": "solved"})
    await sent_by(ada, f"{path}/replies", {"text": "Or sand.", "status": "solved"})

    async def causes(*kinds: str) -> list[str]:
        return [cause for _, cause in await told(ada, ticket.id, kind=kinds)]

    assert await causes("note") == ["note"]
    assert await causes("customer", "note") == ["message.received", "note"]
    # Of the replies the first one solved the ticket.
    assert await causes("change") == ["edit", "reply"]
    assert await causes("change", "reply") == ["edit", "reply", "reply"]
    assert await causes("customer", "reply", "note", "system", "change") == await causes()
    assert (await ada.client.get(f"{path}/timeline", kind="everything")).status == 422


async def test_what_is_merged_in_is_among_it_in_order_of_time(desk: Desk) -> None:
    ada, target = await desk.person(name="Ada"), await a_ticket(desk, text="0")
    source = await a_ticket(desk, text="1", received_at=START + timedelta(minutes=1))
    deeper = await a_ticket(desk, text="2", received_at=START + timedelta(minutes=2))
    await desk.take(
        received(conversation_id=target.conversation_id, text="4", received_at=START + timedelta(minutes=4))
    )
    await desk.take(
        received(conversation_id=deeper.conversation_id, text="3", received_at=START + timedelta(minutes=3))
    )
    await sent_by(ada, f"/api/tickets/{source.id}/merges", {"sources": [str(deeper.id)]})
    await sent_by(ada, f"/api/tickets/{target.id}/merges", {"sources": [str(source.id)]})
    read: list[Any] = []
    query: dict[str, Any] = {}
    while True:
        page = await timeline(ada, target.id, limit=2, **query)
        read += page["items"]
        if page["next_cursor"] is None:
            break
        query = {"cursor": page["next_cursor"]}
    said = [(entry["message"]["text"], UUID(entry["ticket_id"])) for entry in read[::-1] if entry["message"]]
    assert said[:5] == [("0", target.id), ("1", source.id), ("2", deeper.id), ("3", deeper.id), ("4", target.id)]
    assert len(said) == 9
    merged = [(one["number"], UUID(one["merged_into"])) for one in page["merged"]]
    assert merged == [(source.number, target.id), (deeper.number, source.id)]
    # Of the merged one's own, what was merged into it alone.
    own = await timeline(ada, source.id)
    assert {UUID(entry["ticket_id"]) for entry in own["items"]} == {source.id, deeper.id}
    assert [UUID(one["id"]) for one in own["merged"]] == [deeper.id]


async def test_customers_have_the_thread_and_no_timeline(desk: Desk) -> None:
    ticket = await a_ticket(desk)
    ana = await desk.person(Role.CUSTOMER, "ana@example.com", name="Ana")
    assert (await ana.client.get(f"/api/tickets/{ticket.id}/messages")).status == 200
    assert (await ana.client.get(f"/api/tickets/{ticket.id}/timeline")).status == 403


async def test_no_ticket_has_no_timeline(desk: Desk) -> None:
    agent = await desk.person()
    assert (await agent.client.get(f"/api/tickets/{uuid7()}/timeline")).status == 404


async def test_a_page_takes_two_statements(desk: Desk) -> None:
    agent, target, source = await desk.person(), await a_ticket(desk), await a_ticket(desk)
    await sent_by(agent, f"/api/tickets/{target.id}/merges", {"sources": [str(source.id)]})
    async with sent(desk.database) as statements:
        await timeline(agent, target.id)
    assert len([one for one in statements if "auth_" not in one.sql]) == 2, statements
