"""An organisation's own lifecycle, through the API: what admins set is what everybody works by."""

import asyncio
import json
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from services.tickets.service import settings
from shared.db import now_utc
from shared.events.accounts import Role
from shared.events.common import TicketStatus
from shared.events.messages import Authentication, MessageReceived, Sender, ThreadingEvidence
from shared.ids import uuid7
from tests.integration.events import START
from tests.integration.tickets.harness import Desk, Person, received
from tests.integration.tickets.test_customer_merges import customer_of, merged
from tests.statements import sent

PATH = "/api/settings/tickets"
OWN = {"key": "waiting_for_parts", "category": "on_hold", "labels": {"en": "Waiting for parts", "de": "Wartet"}}


async def document(desk: Desk, **fields: Any) -> dict[str, Any]:
    """The lifecycle as it is, with other parts."""
    read = await (await desk.person(Role.ADMIN)).client.get(PATH)
    kept = {name: value for name, value in read.json().items() if name not in {"version", "changed_at", "changed_by"}}
    return {**kept, **fields}


async def work_by(desk: Desk, **fields: Any) -> None:
    """Change these parts of the lifecycle."""
    admin = await desk.person(Role.ADMIN)
    answer = await admin.client.put(PATH, await document(desk, **fields), if_match="*")
    assert answer.status == 200, answer.body


async def with_own_status(desk: Desk, **fields: Any) -> None:
    """Work by the default lifecycle with one status more."""
    statuses = (await document(desk))["statuses"]
    await work_by(desk, statuses=[*statuses, {**OWN, **fields}])


async def a_ticket(desk: Desk, **fields: Any) -> tuple[str, MessageReceived]:
    """The path of a new ticket, and the message it came with."""
    message = received(**fields)
    await desk.take(message)
    row = await desk.one("SELECT ticket_id FROM messages WHERE id = :id", id=message.message_id)
    return f"/api/tickets/{row.ticket_id}", message


async def patch(person: Person, path: str, **fields: Any) -> Any:
    return await person.client.patch(path, fields, if_match="*")


async def test_the_lifecycle_is_read_by_staff_and_changed_by_admins_with_its_version(desk: Desk) -> None:
    admin, agent, customer = [await desk.person(role) for role in (Role.ADMIN, Role.AGENT, Role.CUSTOMER)]
    first = await agent.client.get(PATH)
    assert (first.status, first.headers["etag"]) == (200, '"0"')
    assert [status["key"] for status in first.json()["statuses"]] == list(TicketStatus)
    assert (first.json()["changed_at"], first.json()["changed_by"]) == (None, None)
    assert (await customer.client.get(PATH)).status == 403
    changed = await document(desk, reopening={"policy": "within", "days": 7})
    assert (await agent.client.put(PATH, changed, if_match='"0"')).status == 403
    assert (await admin.client.put(PATH, changed)).status == 428
    answer = await admin.client.put(PATH, changed, if_match='"0"')
    assert (answer.status, answer.headers["etag"]) == (200, '"1"')
    assert answer.json()["changed_by"] == str(admin.principal.account_id)
    assert (await agent.client.get(PATH)).json() == answer.json()
    stale = await admin.client.put(PATH, changed, if_match='"0"')
    assert (stale.status, stale.json()["version"]) == (412, 1)


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"statuses": [OWN]}, "/statuses"),
        ({"forbidden": {"agent": [{"from": "closed", "to": "open"}]}}, "/forbidden/agent"),
        ({"requirements": [{"to": "solved", "fields": ["group", "colour"]}]}, "/requirements/0/fields/1"),
        ({"priorities": {"high": {"high": "urgent"}}}, None),
    ],
)
async def test_what_nobody_could_work_with_is_refused_with_its_place(
    desk: Desk, fields: dict[str, Any], pointer: str | None
) -> None:
    admin = await desk.person(Role.ADMIN)
    answer = await admin.client.put(PATH, await document(desk, **fields), if_match="*")
    assert (answer.status, answer.json()["type"]) == (422, "/problems/unworkable-lifecycle")
    assert pointer is None or answer.json()["pointer"] == pointer
    assert (await admin.client.get(PATH)).json()["version"] == 0


async def test_a_status_of_ones_own_is_set_shown_and_lost_with_its_category(desk: Desk) -> None:
    agent, (path, _) = await desk.person(), await a_ticket(desk)
    await with_own_status(desk)
    view = (await agent.client.get(path)).json()
    assert (view["status_key"], view["status_labels"]) == ("new", {"en": "New"})
    answer = await patch(agent, path, status_key="waiting_for_parts")
    assert answer.status == 200, answer.body
    view = answer.json()
    assert (view["status"], view["status_key"], view["status_labels"]) == (
        "on_hold",
        "waiting_for_parts",
        OWN["labels"],
    )
    [row] = (await agent.client.get("/api/tickets")).json()["items"]
    assert (row["status_key"], row["status_labels"]) == ("waiting_for_parts", OWN["labels"])
    [entry, _first] = (await agent.client.get(f"{path}/history")).json()["items"]
    assert entry["changes"]["status"] == {"before": "new", "after": "on_hold"}
    assert entry["changes"]["status_key"] == {"before": None, "after": "waiting_for_parts"}
    # Staying in the category keeps it, null takes the first one, and leaving loses it.
    assert (await patch(agent, path, status="on_hold")).json()["status_key"] == "waiting_for_parts"
    assert (await patch(agent, path, status_key=None)).json()["status_key"] == "on_hold"
    await patch(agent, path, status_key="waiting_for_parts")
    assert (await patch(agent, path, status="open")).json()["status_key"] == "open"
    stored = await desk.one("SELECT status_key FROM tickets")
    assert stored.status_key is None


async def test_a_status_that_is_not_there_cannot_be_set(desk: Desk) -> None:
    agent, (path, _) = await desk.person(), await a_ticket(desk)
    await with_own_status(desk, active=False)
    for key in ("waiting_for_parts", "nothing"):
        answer = await patch(agent, path, status_key=key)
        assert (answer.status, answer.json()["type"]) == (422, "/problems/unknown-status")
        assert answer.json()["known"] == list(TicketStatus)
    assert (await patch(agent, path, status="open", status_key="open")).status == 422


async def test_a_status_that_tickets_have_cannot_go_but_becomes_inactive(desk: Desk) -> None:
    admin, agent, (path, _) = await desk.person(Role.ADMIN), await desk.person(), await a_ticket(desk)
    default = await document(desk)
    await with_own_status(desk)
    await patch(agent, path, status_key="waiting_for_parts")
    moved = {**default, "statuses": [*default["statuses"], {**OWN, "category": "pending"}]}
    for gone in (default, moved):
        answer = await admin.client.put(PATH, gone, if_match="*")
        assert (answer.status, answer.json()["type"]) == (409, "/problems/status-in-use")
        assert answer.json()["keys"] == ["waiting_for_parts"]
    inactive = {**default, "statuses": [*default["statuses"], {**OWN, "active": False}]}
    assert (await admin.client.put(PATH, inactive, if_match="*")).status == 200
    view = (await patch(agent, path, subject="Still there")).json()
    assert view["status_labels"] == OWN["labels"]
    assert (await patch(agent, path, status_key="waiting_for_parts")).status == 200, "no change is none"
    await patch(agent, path, status="open")
    assert (await admin.client.put(PATH, default, if_match="*")).status == 200


async def test_a_status_does_not_vanish_while_it_is_being_set(desk: Desk) -> None:
    """Somebody sets it, and does not commit yet; the admin who takes it away waits, and then is refused."""
    admin, _ = await desk.person(Role.ADMIN), await a_ticket(desk)
    default = await document(desk)
    await with_own_status(desk)
    async with desk.database.transaction() as session:
        await settings.lifecycle_of(session, held=True)
        removing = asyncio.create_task(admin.client.put(PATH, default, if_match="*"))
        await waits_or_ends(desk, removing)
        await session.execute(text("UPDATE tickets SET status = 'on_hold', status_key = 'waiting_for_parts'"))
    assert (await removing).status == 409


async def waits_or_ends(desk: Desk, task: asyncio.Task[Any]) -> None:
    """Until the task waits for a lock, or is done without."""
    while not task.done() and not (await desk.one("SELECT count(*) AS n FROM pg_locks WHERE NOT granted")).n:
        await asyncio.sleep(0.01)


async def test_ways_are_closed_to_a_role(desk: Desk) -> None:
    agent, supervisor, (path, _) = await desk.person(), await desk.person(Role.SUPERVISOR), await a_ticket(desk)
    await work_by(desk, forbidden={"agent": [{"from": "solved", "to": "closed"}, {"from": "new", "to": "pending"}]})
    assert (await agent.client.get(path)).json()["allowed_statuses"] == ["open", "on_hold", "solved"]
    refused = await agent.client.post(f"{path}/replies", {"text": "Hello"})
    assert (refused.status, refused.json()["type"]) == (403, "/problems/way-closed")
    assert refused.json()["allowed"] == ["open", "on_hold", "solved"]
    assert (await agent.client.post(f"{path}/replies", {"text": "Hello", "status": "solved"})).status == 201
    refused = await patch(agent, path, status="closed")
    assert (refused.status, refused.json()["allowed"]) == (403, ["open", "pending", "on_hold"])
    impossible = await patch(agent, path, status="new")
    assert (impossible.status, impossible.json()["allowed"]) == (409, ["open", "pending", "on_hold"])
    assert (await patch(supervisor, path, status="closed")).status == 200


async def test_what_is_missing_is_named_before_a_ticket_moves(desk: Desk) -> None:
    agent, (path, _) = await desk.person(), await a_ticket(desk)
    await work_by(
        desk,
        requirements=[
            {"to": "solved", "fields": ["group", "tags"], "types": ["question"]},
            {"to": "solved", "fields": ["assignee"]},
            {"to": "pending", "fields": ["language"], "types": ["incident"]},
        ],
    )
    for answer in (
        await patch(agent, path, status="solved"),
        await agent.client.post(f"{path}/replies", {"text": "Done", "status": "solved"}),
    ):
        assert (answer.status, answer.json()["type"]) == (422, "/problems/fields-missing")
        assert (answer.json()["to"], answer.json()["fields"]) == ("solved", ["group", "tags", "assignee"])
    await agent.client.post(f"{path}/claim")
    assert (await patch(agent, path, status="solved", group="a", tags=["x"])).status == 200
    assert (await patch(agent, path, tags=[])).status == 200, "only who moves it fills it in"


async def test_urgency_and_impact_make_the_priority_until_somebody_sets_it(desk: Desk) -> None:
    agent, (path, _) = await desk.person(), await a_ticket(desk)
    view = (await patch(agent, path, urgency="high")).json()
    assert (view["priority"], view["urgency"], view["impact"]) == ("normal", "high", None)
    assert (await patch(agent, path, impact="high")).json()["priority"] == "urgent"
    view = (await patch(agent, path, priority="low", impact="medium")).json()
    assert (view["priority"], view["priority_by_hand"]) == ("low", True)
    assert (await patch(agent, path, impact="high")).json()["priority"] == "low"
    assert (await patch(agent, path, priority=None)).json()["priority"] == "urgent"
    assert (await patch(agent, path, impact=None)).json()["priority"] == "urgent"
    priorities = {level: dict.fromkeys(("low", "medium", "high"), "low") for level in ("low", "medium", "high")}
    await work_by(desk, priorities=priorities)
    new = {"text": "x", "requester": {"email": "a@example.com"}, "urgency": "high", "impact": "high"}
    opened = (await agent.client.post("/api/tickets", new)).json()
    assert (opened["priority"], opened["priority_by_hand"]) == ("low", False)
    opened = (await agent.client.post("/api/tickets", {**new, "priority": "high"})).json()
    assert (opened["priority"], opened["priority_by_hand"]) == ("high", True)


async def solved(desk: Desk, path: str) -> None:
    answer = await patch(await desk.person(), path, status="solved")
    assert answer.status == 200, answer.body


def again(message: MessageReceived, **fields: Any) -> MessageReceived:
    """The same customer in the same conversation, now."""
    return message.model_copy(update={"message_id": uuid7(), "received_at": now_utc(), **fields})


async def ticket_of(desk: Desk, message: MessageReceived) -> Any:
    return await desk.one(
        "SELECT t.* FROM tickets t JOIN messages m ON m.ticket_id = t.id WHERE m.id = :id", id=message.message_id
    )


async def test_a_group_whose_tickets_stay_solved_gets_follow_ups(desk: Desk) -> None:
    await work_by(desk, reopening_of={"billing": {"policy": "never"}})
    path, message = await a_ticket(desk)
    await patch(await desk.person(), path, group="billing")
    await solved(desk, path)
    late = again(message)
    await desk.take(late, again(message))
    follow_up = await ticket_of(desk, late)
    assert (str(follow_up.follow_up_of), follow_up.message_count) == (path.rpartition("/")[2], 2)
    assert (await ticket_of(desk, message)).status == "solved"
    later = again(message)
    await desk.take(later)
    assert (await ticket_of(desk, later)).id == follow_up.id
    # Who goes on naming the old one stays in its follow-up.
    number = (await ticket_of(desk, message)).number
    evidence = ThreadingEvidence(ticket_number=number, authentication=Authentication.PASS)
    named = again(message, conversation_id=uuid7(), evidence=evidence)
    await desk.take(named)
    assert (await ticket_of(desk, named)).id == follow_up.id


async def test_a_ticket_opens_again_for_so_many_days(desk: Desk) -> None:
    await work_by(desk, reopening={"policy": "within", "days": 7}, reopening_of={"vip": {"policy": "always"}})
    for group, days, reopens in (("a", 6, True), ("a", 7, False), ("vip", 400, True)):
        path, message = await a_ticket(desk)
        await patch(await desk.person(), path, group=group)
        await solved(desk, path)
        late = again(message, received_at=now_utc() + timedelta(days=days))
        await desk.take(late)
        assert ((await ticket_of(desk, late)).follow_up_of is None) is reopens, (group, days)


async def test_the_customers_own_reply_to_what_stays_solved_makes_a_follow_up(desk: Desk) -> None:
    ana = await desk.person(Role.CUSTOMER, "ana@example.com")
    path, message = await a_ticket(desk)
    await solved(desk, path)
    assert (await ana.client.post(f"{path}/replies", {"text": "Again"})).json()["ticket"]["status"] == "open"
    await work_by(desk, reopening={"policy": "never"})
    await solved(desk, path)
    answer = await ana.client.post(f"{path}/replies", {"text": "And again"})
    follow_up = answer.json()["ticket"]
    assert (answer.status, follow_up["status"], follow_up["thread_version"]) == (201, "new", 1)
    assert follow_up["id"] not in path
    # The next one goes there, too, and so does mail of that conversation.
    assert (await ana.client.post(f"{path}/replies", {"text": "Hello?"})).json()["ticket"]["id"] == follow_up["id"]
    mail = again(message)
    await desk.take(mail)
    assert str((await ticket_of(desk, mail)).id) == follow_up["id"]
    row = await desk.one("SELECT * FROM tickets WHERE id = :id", id=UUID(follow_up["id"]))
    assert (f"/api/tickets/{row.follow_up_of}", row.message_count) == (path, 3)
    bo = await desk.person(Role.CUSTOMER, "bo@example.com")
    assert (await bo.client.post(f"{path}/replies", {"text": "Me, too"})).status == 404


async def test_a_follow_up_is_found_while_tickets_move_to_another_profile(desk: Desk) -> None:
    agent, ana = await desk.person(), await desk.person(Role.CUSTOMER, "ana@example.com")
    await work_by(desk, reopening={"policy": "never"})
    path, _ = await a_ticket(desk)
    await solved(desk, path)
    follow_up = (await ana.client.post(f"{path}/replies", {"text": "Again"})).json()["ticket"]
    await a_ticket(desk, sender=Sender(kind="email", address="ana@work.example"))
    into = await customer_of(desk, "ana@work.example")
    await merged(agent, into, await customer_of(desk, "ana@example.com"))
    id_ = UUID(path.rpartition("/")[2])
    await desk.execute("UPDATE tickets SET requester_id = CAST(:into AS uuid) WHERE id = :id", into=into, id=id_)
    answer = await ana.client.post(f"{path}/replies", {"text": "Hello?"})
    assert (answer.status, answer.json()["ticket"]["id"]) == (201, follow_up["id"])
    assert answer.json()["message"]["author"]["id"] == into


async def test_a_customer_who_missed_something_is_told_before_a_follow_up(desk: Desk) -> None:
    agent, ana = await desk.person(), await desk.person(Role.CUSTOMER, "ana@example.com")
    await work_by(desk, reopening={"policy": "never"})
    path, _ = await a_ticket(desk)
    await agent.client.post(f"{path}/replies", {"text": "Done", "status": "solved"})
    late = await ana.client.post(f"{path}/replies", {"text": "Well?", "expected_version": 1})
    assert (late.status, late.json()["type"], late.json()["thread_version"]) == (409, "/problems/stale-thread", 2)
    for body in ({"expected_version": 2}, {"expected_version": 1, "force": True}):
        assert (await ana.client.post(f"{path}/replies", {"text": "Well?", **body})).status == 201
    assert len(await desk.rows("SELECT 1 FROM tickets")) == 2


async def test_of_replies_at_once_to_what_is_over_one_makes_the_follow_up(desk: Desk) -> None:
    ana = await desk.person(Role.CUSTOMER, "ana@example.com")
    await work_by(desk, reopening={"policy": "never"})
    path, message = await a_ticket(desk)
    await solved(desk, path)
    replies = (ana.client.post(f"{path}/replies", {"text": f"{n}"}) for n in range(6))
    await asyncio.gather(*replies, *(desk.take(again(message)) for _ in range(4)))
    assert [row.message_count for row in await desk.rows("SELECT * FROM tickets ORDER BY number")] == [1, 10]


async def test_a_change_of_another_process_counts_a_second_later_and_costs_no_statement_per_message(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "_KEPT_SECONDS", 3600)
    path, message = await a_ticket(desk)
    await solved(desk, path)
    async with sent(desk.database) as statements:
        await desk.take(*(again(message, received_at=START) for _ in range(20)))
    assert not [each for each in statements if "settings" in each.sql]
    await solved(desk, path)
    async with desk.database.transaction() as session:
        never = json.dumps(await document(desk, reopening={"policy": "never"}))
        await session.execute(
            text(
                "UPDATE settings SET document = CAST(:document AS jsonb), version = version + 1 WHERE name = 'tickets'"
            ),
            {"document": never},
        )
    monkeypatch.setattr(settings, "_KEPT_SECONDS", 0)
    late = again(message)
    await desk.take(late)
    assert (await ticket_of(desk, late)).follow_up_of is not None
