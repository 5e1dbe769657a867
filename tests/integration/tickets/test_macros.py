"""Macros: written by who may, seen by whom they are for, previewed, and applied whole or not at all."""

import asyncio
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from services.tickets.service.macros import MOST_PERSONAL
from shared.auth import ACTIONS
from shared.events.accounts import Role
from shared.ids import uuid7
from shared.web.paging import encode_cursor
from tests.integration.tickets.harness import Desk, Person
from tests.integration.tickets.test_lifecycle import waits_or_ends

PATH = "/api/macros"
LATE: dict[str, Any] = {
    "name": "Parcel is late",
    "shortcut": "late",
    "actions": {
        "status": "on_hold",
        "priority": "high",
        "assignee": "me",
        "add_tags": ["late", "parcel"],
        "remove_tags": ["new"],
        "snooze_minutes": 60,
        "follow": True,
    },
    "texts": {
        "en": {"text": "Hello {{ customer.first_name }}, #{{ ticket.number }} is {{ ticket.status | downcase }}."},
        "de": {"text": "Hallo {{ customer.first_name }}, #{{ ticket.number }} verspätet sich."},
    },
    "default_language": "en",
}


async def kept(person: Person, **fields: Any) -> dict[str, Any]:
    answer = await person.client.post(PATH, {**LATE, "shortcut": None, **fields})
    assert answer.status == 201, answer.body
    found: dict[str, Any] = answer.json()
    return found


def saying(text: str, **fields: Any) -> dict[str, Any]:
    return {"actions": {}, "texts": {"en": {"text": text}}, "default_language": "en", **fields}


async def opened(person: Person, **fields: Any) -> dict[str, Any]:
    requester = {"email": f"{uuid7()}@example.com", "name": "Ana María Ruiz", "language": fields.pop("language", "de")}
    body = {"subject": "Where is it?", "text": "Where?", "requester": requester, "tags": ["new"], **fields}
    answer = await person.client.post("/api/tickets", body)
    assert answer.status == 201, answer.body
    found: dict[str, Any] = answer.json()
    return found


async def applied(person: Person, ticket: dict[str, Any], macro: dict[str, Any], **fields: Any) -> Any:
    return await person.client.post(
        f"/api/tickets/{ticket['id']}/macro", {"macro_id": macro["id"], **fields}, if_match=f'"{ticket["version"]}"'
    )


async def everything_about(desk: Desk, ticket: dict[str, Any]) -> list[Any]:
    """All that applying a macro could leave behind."""
    tables = ("ticket_history", "messages", "drafts", "scheduled_messages", "ticket_followers")
    rows = [await desk.rows(f"SELECT * FROM {name} WHERE ticket_id = :id", id=ticket["id"]) for name in tables]
    return [
        await desk.rows("SELECT * FROM tickets WHERE id = :id", id=ticket["id"]),
        await desk.rows("SELECT id FROM outbox"),
        await desk.rows("SELECT * FROM macro_uses"),
        *rows,
    ]


async def in_groups(desk: Desk, *groups: str, role: Role = Role.AGENT) -> Person:
    person = await desk.person(role)
    principal = replace(person.principal, groups=groups)
    return replace(person, principal=principal, client=desk.callers.client(principal))


async def test_a_macro_drafts_its_text_in_the_customers_language_and_does_the_rest(desk: Desk) -> None:
    admin, agent = await desk.person(Role.ADMIN), await desk.person(name="Ada Lovelace")
    macro, ticket = await kept(admin), await opened(agent)
    answer = await applied(agent, ticket, macro, expected_version=1)
    assert answer.status == 200, answer.body
    after = answer.json()["ticket"]
    assert (after["status"], after["priority"], sorted(after["tags"])) == ("on_hold", "high", ["late", "parcel"])
    me = str(agent.principal.account_id)
    assert after["assignee"]["id"] == me
    assert [follower["id"] for follower in after["followers"]] == [me]
    assert after["snoozed_until"] is not None
    assert answer.headers["etag"] == f'"{after["version"]}"'
    text = answer.json()["text"]
    said = f"Hallo Ana, #{ticket['number']} verspätet sich."
    assert (text["language"], text["language_from"], text["text"]) == ("de", "customer", said)
    draft = (await agent.client.get(f"/api/tickets/{ticket['id']}/draft")).json()["draft"]
    assert (draft["kind"], draft["text"], draft["thread_version"]) == ("reply", said, 1)
    assert after["thread_version"] == 1, "nothing is sent that nobody sent"
    history = (await agent.client.get(f"/api/tickets/{ticket['id']}/history")).json()["items"]
    assert {entry["cause"] for entry in history} == {"macro", "assign", "edit", "snooze", "follow", "api"}
    told = next(entry["changes"]["macro"]["after"] for entry in history if entry["cause"] == "macro")
    assert told == {"id": macro["id"], "name": LATE["name"], "language": "de"}


async def test_what_a_preview_tells_happens_and_nothing_before(desk: Desk) -> None:
    agent = await desk.person()
    macro, ticket = await kept(await desk.person(Role.ADMIN)), await opened(agent, language="fr")
    before = await everything_about(desk, ticket)
    path = f"{PATH}/{macro['id']}/preview"
    answer = await agent.client.post(path, {"ticket_id": ticket["id"], "send": True})
    assert answer.status == 200, answer.body
    foreseen = answer.json()
    assert await everything_about(desk, ticket) == before
    assert (foreseen["problems"], foreseen["version"], foreseen["thread_version"]) == ([], ticket["version"], 1)
    sent = await applied(agent, ticket, macro, send=True)
    assert sent.status == 200, sent.body
    assert foreseen["text"] == sent.json()["text"]
    assert foreseen["text"]["language_from"] == "default"
    assert foreseen["text"]["text"] == f"Hello Ana, #{ticket['number']} is on hold."
    after = sent.json()["ticket"]
    for name in ("status", "priority", "tags"):
        assert foreseen["changes"][name] == {"before": ticket[name], "after": after[name]}
    assert after["status"] == "on_hold", "a status that the macro sets is not made pending by its reply"
    thread = (await agent.client.get(f"/api/tickets/{ticket['id']}/messages")).json()["items"]
    assert [(each["kind"], each["text"]) for each in thread[1:]] == [("reply", foreseen["text"]["text"])]
    assert thread[1]["id"] == sent.json()["message_id"]
    assert (await desk.one("SELECT uses FROM macro_uses")).uses == 1, "previews are not counted"


async def test_a_macro_that_cannot_do_all_does_nothing_and_its_preview_says_why(desk: Desk) -> None:
    admin, agent = await desk.person(Role.ADMIN), await desk.person()
    lifecycle = (await admin.client.get("/api/settings/tickets")).json()
    document = {name: lifecycle[name] for name in ("statuses", "reopening", "reopening_of", "priorities")}
    document |= {"requirements": [{"to": "on_hold", "fields": ["urgency"]}], "forbidden": {}}
    assert (await admin.client.put("/api/settings/tickets", document, if_match="*")).status == 200
    macro, ticket = await kept(admin), await opened(agent)
    before = await everything_about(desk, ticket)
    for send in (False, True):
        refused = await applied(agent, ticket, macro, send=send)
        assert (refused.status, refused.json()["type"]) == (422, "/problems/fields-missing")
        assert await everything_about(desk, ticket) == before
    foreseen = await agent.client.post(f"{PATH}/{macro['id']}/preview", {"ticket_id": ticket["id"]})
    (problem,) = foreseen.json()["problems"]
    assert (problem["step"], problem["type"], problem["fields"]) == ("edit", "/problems/fields-missing", ["urgency"])
    assert "assignee_id" in foreseen.json()["changes"], "what stands against one step says nothing of the others"
    assert await everything_about(desk, ticket) == before


async def test_what_was_not_seen_is_not_overwritten(desk: Desk) -> None:
    agent = await desk.person()
    macro, ticket = await kept(await desk.person(Role.ADMIN), **saying("Hello")), await opened(agent)
    path = f"/api/tickets/{ticket['id']}"
    assert (await agent.client.post(f"{path}/macro", {"macro_id": macro["id"]})).status == 428
    await agent.client.post(f"{path}/notes", {"text": "Wait!"})
    for send in (False, True):
        stale = await applied(agent, ticket, macro, send=send, expected_version=1)
        assert (stale.status, stale.json()["type"]) == (409, "/problems/stale-thread")
        assert [each["text"] for each in stale.json()["messages"]] == ["Wait!"]
    assert (await applied(agent, ticket, macro, send=True, expected_version=1, force=True)).status == 200
    moved = await applied(agent, ticket, macro)
    assert (moved.status, moved.json()["type"]) == (412, "/problems/precondition-failed")


async def test_a_repeated_application_is_one_and_counted_once(desk: Desk) -> None:
    agent = await desk.person(name="Ada")
    macro, ticket = await kept(await desk.person(Role.ADMIN)), await opened(agent)
    body, key = {"macro_id": macro["id"], "send": True}, str(uuid4())
    path, version = f"/api/tickets/{ticket['id']}/macro", f'"{ticket["version"]}"'
    first = await agent.client.post(path, body, if_match=version, idempotency_key=key)
    again = await agent.client.post(path, body, if_match=version, idempotency_key=key)
    assert (first.status, again.body) == (200, first.body)
    assert len(await desk.rows("SELECT 1 FROM messages WHERE kind = 'reply'")) == 1
    shown = (await agent.client.get(f"{PATH}/{macro['id']}")).json()
    assert shown["uses"] == 1
    (use,) = (await agent.client.get(f"{PATH}/{macro['id']}/uses")).json()["items"]
    assert (use["uses"], use["name"], use["last_used_at"]) == (1, "Ada", shown["last_used_at"])


async def test_many_use_one_macro_at_once(desk: Desk) -> None:
    admin = await desk.person(Role.ADMIN)
    macro = await kept(admin)
    agents = [await desk.person() for _ in range(3)]
    tickets = [[await opened(agent) for _ in range(3)] for agent in agents]
    answers = await asyncio.gather(
        *(applied(agent, ticket, macro) for agent, own in zip(agents, tickets, strict=True) for ticket in own)
    )
    assert [answer.status for answer in answers] == [200] * 9
    shown = (await admin.client.get(f"{PATH}/{macro['id']}")).json()
    uses = (await admin.client.get(f"{PATH}/{macro['id']}/uses", limit=2)).json()
    assert (shown["uses"], [use["uses"] for use in uses["items"]]) == (9, [3, 3])
    rest = (await admin.client.get(f"{PATH}/{macro['id']}/uses", cursor=uses["next_cursor"])).json()
    assert [use["uses"] for use in rest["items"]] == [3]


async def test_of_many_who_apply_to_what_they_saw_one_does(desk: Desk) -> None:
    agents = [await desk.person() for _ in range(6)]
    macro, ticket = await kept(await desk.person(Role.ADMIN)), await opened(agents[0])
    answers = await asyncio.gather(*(applied(agent, ticket, macro, send=True) for agent in agents))
    assert sorted(answer.status for answer in answers) == [200] + [412] * 5
    assert len(await desk.rows("SELECT 1 FROM messages WHERE kind = 'reply'")) == 1
    assert (await desk.one("SELECT sum(uses) AS uses FROM macro_uses")).uses == 1


async def test_a_text_goes_below_what_is_begun_and_a_draft_is_never_lost(desk: Desk) -> None:
    agent, admin = await desk.person(), await desk.person(Role.ADMIN)
    ticket = await opened(agent)
    thanks, bold = await kept(admin, **saying("Thank you")), await kept(admin, **saying("x"))
    body = {**LATE, "actions": {}, "shortcut": None, "texts": {"en": {"html": "<p><b>Bye</b></p>"}}}
    assert (await admin.client.put(f"{PATH}/{bold['id']}", body, if_match='"1"')).status == 200
    path = f"/api/tickets/{ticket['id']}/draft"
    begun = {"kind": "reply", "text": "Hello <Ana>", "thread_version": 1}
    await agent.client.put(path, begun, if_match="*")
    assert (await applied(agent, ticket, thanks)).status == 200
    assert (await agent.client.get(path)).json()["draft"]["text"] == "Hello <Ana>\n\nThank you"
    assert (await applied(agent, ticket, bold)).status == 200
    draft = (await agent.client.get(path)).json()["draft"]
    assert draft["html"] == "<p>Hello &lt;Ana&gt;</p><p>Thank you</p><p><b>Bye</b></p>"
    assert draft["text"] == "Hello <Ana>\n\nThank you\n\nBye"
    sent = await applied(agent, ticket, thanks, send=True)
    assert (sent.status, sent.json()["type"]) == (409, "/problems/draft-in-the-way")
    note = await kept(admin, **saying("Careful", writes="note"))
    drafted = await applied(agent, ticket, note)
    assert (drafted.status, drafted.json()["type"]) == (409, "/problems/draft-in-the-way")
    assert (await applied(agent, ticket, note, send=True)).status == 200
    assert (await agent.client.get(path)).json()["draft"] == draft


@pytest.mark.parametrize("send", [True, False])
async def test_a_draft_of_html_alone_is_never_lost(desk: Desk, send: bool) -> None:
    agent = await desk.person()
    ticket, macro = await opened(agent), await kept(await desk.person(Role.ADMIN), **saying("Bye"))
    path = f"/api/tickets/{ticket['id']}/draft"
    begun = {"kind": "reply", "text": "", "html": "<p>An hour's <b>work</b></p>", "thread_version": 1}
    assert (await agent.client.put(path, begun, if_match="*")).json()["draft"]["text"] == "An hour's work"
    assert (await applied(agent, ticket, macro, send=send)).status == (409 if send else 200)
    draft = (await agent.client.get(path)).json()["draft"]
    assert draft["html"] == begun["html"] + ("" if send else "<p>Bye</p>")
    other = await desk.person()
    assert len((await other.client.get(path)).json()["others"]) == 1, "others see that somebody writes"


async def test_a_sent_reply_can_be_taken_back(desk: Desk) -> None:
    agent = await desk.person()
    macro, ticket = await kept(await desk.person(Role.ADMIN)), await opened(agent)
    answer = await applied(agent, ticket, macro, send=True, undo_seconds=60)
    assert answer.status == 200, answer.body
    assert answer.json()["message_id"] is None
    scheduled = f"/api/tickets/{ticket['id']}/scheduled/{answer.json()['scheduled_id']}"
    waiting = (await agent.client.get(scheduled)).json()
    assert (waiting["state"], waiting["release_at"]) == ("waiting", answer.json()["leaves_at"])
    assert (await agent.client.delete(scheduled)).status == 200
    draft = (await agent.client.get(f"/api/tickets/{ticket['id']}/draft")).json()["draft"]
    assert draft["text"] == answer.json()["text"]["text"]


async def test_macros_are_for_whom_they_are_meant(desk: Desk) -> None:
    admin, ada = await desk.person(Role.ADMIN), await in_groups(desk, "shipping", "returns")
    ben, lead = await in_groups(desk, "sales"), await in_groups(desk, role=Role.SUPERVISOR)
    everyones = await kept(admin, name="B everyone's")
    groups = await kept(admin, name="A group's", visibility="groups", groups=["shipping"])
    own = await kept(ada, name="C own", visibility="personal")
    ticket = await opened(ada)

    async def names(person: Person, **query: Any) -> list[str]:
        return [macro["name"] for macro in (await person.client.get(PATH, **query)).json()["items"]]

    assert await names(ada) == ["A group's", "B everyone's", "C own"]
    assert await names(ben) == await names(lead) == await names(admin) == ["B everyone's"]
    assert await names(lead, every=True) == ["A group's", "B everyone's"]
    assert (await ben.client.get(PATH, every=True)).status == 403
    for person, macro, status in (
        (ben, everyones, 200),
        (ben, groups, 404),
        (ben, own, 404),
        (lead, groups, 200),
        (admin, own, 404),
    ):
        path = f"{PATH}/{macro['id']}"
        assert (await person.client.get(path)).status == status
        assert (await person.client.get(f"{path}/uses")).status == status
        assert (await person.client.post(f"{path}/preview", {"ticket_id": ticket["id"]})).status == status
        assert (await applied(person, ticket, macro, force=True, expected_version=1)).status in {status, 412}
    customer = await desk.person(Role.CUSTOMER)
    assert (await customer.client.get(PATH)).status == 403


async def test_agents_write_their_own_macros_and_no_others(desk: Desk) -> None:
    admin, ada, ben = await desk.person(Role.ADMIN), await desk.person(), await desk.person()
    assert (await ada.client.post(PATH, LATE)).status == 403
    shared, own = await kept(admin), await kept(ada, visibility="personal")
    everyones, personal = {**LATE, "shortcut": None}, {**LATE, "shortcut": None, "visibility": "personal"}
    for person, macro, body, status in (
        (ada, shared, everyones, 403),
        (ada, shared, personal, 403),
        (ada, own, everyones, 403),
        (ben, own, personal, 404),
        (admin, own, personal, 404),
        (ada, own, personal, 200),
        (admin, shared, everyones, 200),
    ):
        assert (await person.client.put(f"{PATH}/{macro['id']}", body, if_match='"1"')).status == status
    assert (await ada.client.delete(f"{PATH}/{shared['id']}", if_match="*")).status == 403
    assert (await ben.client.delete(f"{PATH}/{own['id']}", if_match="*")).status == 404
    assert (await ada.client.delete(f"{PATH}/{own['id']}", if_match='"1"')).status == 412
    assert (await ada.client.delete(f"{PATH}/{own['id']}", if_match='"2"')).status == 204


async def test_macros_are_found_by_name_and_by_shortcut(desk: Desk) -> None:
    admin, agent = await desk.person(Role.ADMIN), await desk.person()
    for position, name in enumerate(("Zürich", "50% off", "Ärger", "Zulu")):
        await kept(admin, name=name, position=10 - position // 2, shortcut=f"s-{position}")
    await kept(admin, name="Old", active=False)
    found: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = (await agent.client.get(PATH, limit=2, active=True, **cursor)).json()
        found += [macro["name"] for macro in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert found == ["Ärger", "Zulu", "50% off", "Zürich"]

    async def names(**query: Any) -> list[str]:
        return [macro["name"] for macro in (await agent.client.get(PATH, **query)).json()["items"]]

    assert await names(q="ARGER") == ["Ärger"]
    assert await names(q="zuri") == ["Zürich"]
    assert await names(q="0%") == ["50% off"]
    assert await names(shortcut="s-1") == ["50% off"]
    assert await names(active=False) == ["Old"]
    taken = await admin.client.post(PATH, {**LATE, "shortcut": "s-1"})
    assert (taken.status, taken.json()["type"]) == (409, "/problems/shortcut-taken")
    await kept(agent, name="Mine", shortcut="s-1", visibility="personal")
    assert await names(shortcut="s-1") == ["Mine", "50% off"]


async def test_of_many_who_take_a_shortcut_one_does(desk: Desk) -> None:
    admin = await desk.person(Role.ADMIN)
    answers = await asyncio.gather(*(admin.client.post(PATH, LATE) for _ in range(5)))
    assert sorted(answer.status for answer in answers) == [201] + [409] * 4


async def test_who_applies_a_macro_may_do_what_it_does(desk: Desk) -> None:
    admin = await desk.person(Role.ADMIN)
    ticket = await opened(admin)
    cases: list[tuple[dict[str, Any], bool, str]] = [
        ({"actions": {"status": "open"}, "texts": {}, "default_language": None}, False, "ticket.change"),
        ({"actions": {"add_tags": ["x"]}, "texts": {}, "default_language": None}, False, "ticket.change"),
        ({"actions": {"assignee": "me"}, "texts": {}, "default_language": None}, False, "ticket.assign"),
        ({"actions": {"follow": True}, "texts": {}, "default_language": None}, False, "ticket.follow"),
        ({"actions": {"snooze_minutes": 5}, "texts": {}, "default_language": None}, False, "ticket.snooze"),
        (saying("Hello"), False, "ticket.draft"),
        (saying("Hello"), True, "ticket.reply"),
        (saying("Hello", writes="note"), True, "ticket.note"),
    ]
    for fields, send, action in cases:
        macro = await kept(admin, **fields)
        principal = replace(admin.principal, session_id=None, key_id=uuid7(), scopes=frozenset(ACTIONS) - {action})
        key = replace(admin, client=desk.callers.client(principal))
        answer = await applied(key, ticket, macro, send=send)
        assert (answer.status, action in answer.json()["detail"]) == (403, True), (action, answer.body)


async def test_a_preview_tells_which_permissions_are_missing(desk: Desk) -> None:
    admin = await desk.person(Role.ADMIN)
    ticket, macro = await opened(admin), await kept(admin)
    needed = {
        "assign": "ticket.assign",
        "edit": "ticket.change",
        "snooze": "ticket.snooze",
        "follow": "ticket.follow",
        "write": "ticket.reply",
    }

    async def previewed(*scopes: str) -> Any:
        principal = replace(admin.principal, session_id=None, key_id=uuid7(), scopes=frozenset(scopes))
        body = {"ticket_id": ticket["id"], "send": True}
        return await desk.callers.client(principal).post(f"{PATH}/{macro['id']}/preview", body)

    blind = await previewed("macro.use", *needed.values())
    assert (blind.status, "ticket.read" in blind.json()["detail"]) == (403, True)
    assert (await previewed("macro.use", "ticket.read", *needed.values())).json()["problems"] == []
    for step, action in needed.items():
        answer = await previewed("macro.use", "ticket.read", *(set(needed.values()) - {action}))
        (problem,) = answer.json()["problems"]
        assert (problem["step"], problem["status"], action in problem["detail"]) == (step, 403, True)


async def test_a_macro_that_is_deleted_while_it_is_applied_does_nothing(desk: Desk) -> None:
    admin = await desk.person(Role.ADMIN)
    macro, ticket = await kept(admin), await opened(admin)
    before = await everything_about(desk, ticket)
    async with desk.database.transaction() as session:
        await session.execute(text("DELETE FROM macros"))
        applying = asyncio.create_task(applied(admin, ticket, macro))
        await waits_or_ends(desk, applying)
    answer = await applying
    assert (answer.status, answer.json()["type"]) == (404, "/problems/not-found"), answer.body
    assert await everything_about(desk, ticket) == before


async def test_of_their_own_nobody_keeps_too_many(desk: Desk) -> None:
    agent, other = await desk.person(), await desk.person()
    own = [await kept(agent, visibility="personal") for _ in range(MOST_PERSONAL)]
    refused = await agent.client.post(PATH, {**LATE, "visibility": "personal"})
    assert (refused.status, refused.json()["type"]) == (409, "/problems/too-many-macros")
    await kept(other, visibility="personal")
    path = f"{PATH}/{own[0]['id']}"
    changed = await agent.client.put(path, {**LATE, "visibility": "personal"}, if_match='"1"')
    assert changed.status == 200, "those that are there can be changed"
    assert (await agent.client.delete(path, if_match="*")).status == 204
    await kept(agent, visibility="personal")


async def test_a_cursor_that_was_never_given_out_is_refused(desk: Desk) -> None:
    admin = await desk.person(Role.ADMIN)
    macro = await kept(admin)
    for path, cursor in (
        (f"{PATH}/{macro['id']}/uses", encode_cursor("x", uuid7())),
        (PATH, encode_cursor("a", "a", uuid7())),
    ):
        answer = await admin.client.get(path, cursor=cursor)
        assert (answer.status, answer.json().get("type")) == (422, "/problems/bad-cursor"), (path, answer.body)
