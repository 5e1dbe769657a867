"""Templates of tickets: written by leads, and filled in where a ticket is opened from one."""

from typing import Any
from uuid import uuid4

from shared.events.accounts import Role
from tests.integration.tickets.harness import Desk, Person

PATH = "/api/tickets/templates"
RETURN: dict[str, Any] = {
    "name": "Return",
    "content": {
        "subject": "Return of an order",
        "text": "Order number:",
        "type": "billing",
        "priority": "high",
        "group": "returns",
        "tags": ["return"],
        "fields": {"why": "broken", "device": "phone"},
    },
}
FIELDS = [
    {"key": "why", "kind": "text", "labels": {"en": "Why"}},
    {
        "key": "device",
        "kind": "choice",
        "labels": {"en": "Device"},
        "options": [{"value": "phone", "labels": {"en": "P"}}],
    },
]


async def kept(desk: Desk, **fields: Any) -> dict[str, Any]:
    admin = await desk.person(Role.ADMIN)
    assert (await admin.client.put("/api/settings/fields", {"fields": FIELDS}, if_match="*")).status == 200
    answer = await admin.client.post(PATH, {**RETURN, **fields})
    assert answer.status == 201, answer.body
    found: dict[str, Any] = answer.json()
    return found


async def opened(person: Person, **body: Any) -> Any:
    return await person.client.post("/api/tickets", {"requester": {"email": "ana@example.com"}, **body})


async def test_a_ticket_gets_what_its_template_has_and_nobody_gave(desk: Desk) -> None:
    template, agent = await kept(desk), await desk.person()
    plain = await opened(agent, template_id=template["id"])
    assert plain.status == 201, plain.body
    ticket = plain.json()
    assert {name: ticket[name] for name in ("subject", "type", "priority", "group", "tags", "fields")} == {
        name: value for name, value in RETURN["content"].items() if name != "text"
    }
    thread = (await agent.client.get(f"/api/tickets/{ticket['id']}/messages")).json()["items"]
    assert [message["text"] for message in thread] == ["Order number:"]
    given = {"subject": "Mine", "text": "Said.", "type": "question", "tags": [], "priority": "low"}
    own = (await opened(agent, template_id=template["id"], fields={"why": "late"}, **given)).json()
    assert (own["subject"], own["type"], own["tags"], own["priority"]) == ("Mine", "question", [], "low")
    assert (own["group"], own["fields"]) == ("returns", {"why": "late", "device": "phone"})


async def test_a_ticket_needs_a_text_from_somewhere(desk: Desk) -> None:
    agent = await desk.person()
    silent = await kept(desk, content={"subject": "Nothing said"})
    for body, slug in (
        ({}, "validation"),
        ({"template_id": silent["id"]}, "text-missing"),
        ({"template_id": str(uuid4()), "text": "x"}, "unknown-template"),
        ({"template_id": (await kept(desk, active=False))["id"]}, "unknown-template"),
    ):
        answer = await opened(agent, **body)
        assert (answer.status, answer.json()["type"]) == (422, f"/problems/{slug}"), body
    assert (await opened(agent, template_id=silent["id"], text="x")).status == 201


async def test_customers_open_tickets_without_templates(desk: Desk) -> None:
    template = await kept(desk)
    customer = await desk.person(Role.CUSTOMER)
    answer = await customer.client.post("/api/tickets", {"text": "x", "template_id": template["id"]})
    assert answer.status == 403
    assert (await customer.client.get(PATH)).status == 403


async def test_templates_are_changed_at_their_version_by_leads(desk: Desk) -> None:
    template, agent, lead = await kept(desk), await desk.person(), await desk.person(Role.SUPERVISOR)
    path = f"{PATH}/{template['id']}"
    assert (await agent.client.get(path)).json() == template
    assert (await agent.client.put(path, RETURN, if_match="*")).status == 403
    assert (await lead.client.put(path, RETURN)).status == 428
    changed = await lead.client.put(path, {**RETURN, "name": "Back"}, if_match='"1"')
    assert (changed.status, changed.headers["etag"], changed.json()["name"]) == (200, '"2"', "Back")
    assert (await lead.client.put(path, RETURN, if_match='"1"')).status == 412
    assert (await lead.client.delete(path, if_match='"1"')).status == 412
    assert (await lead.client.delete(path, if_match='"2"')).status == 204
    for answer in (await agent.client.get(path), await lead.client.put(path, RETURN, if_match="*")):
        assert answer.status == 404


async def test_templates_are_listed_in_their_order(desk: Desk) -> None:
    for name, position in (("Zulu", 1), ("Ärger", 1), ("First", 0)):
        await kept(desk, name=name, position=position)
    await kept(desk, name="Old", active=False)
    agent = await desk.person()
    first = (await agent.client.get(PATH, active=True, limit=2)).json()
    rest = (await agent.client.get(PATH, active=True, cursor=first["next_cursor"])).json()
    assert [each["name"] for each in first["items"] + rest["items"]] == ["First", "Ärger", "Zulu"]
    assert [each["name"] for each in (await agent.client.get(PATH, q="arg")).json()["items"]] == ["Ärger"]


async def test_what_no_ticket_could_have_is_refused(desk: Desk) -> None:
    await kept(desk)
    lead = await desk.person(Role.SUPERVISOR)
    for content, slug in (
        ({"fields": {"nothing": 1}}, "fields-invalid"),
        ({"fields": {"device": "fax"}}, "fields-invalid"),
        ({"type": "nonsense"}, "validation"),
        ({"requester": {"email": "a@b.example"}}, "validation"),
    ):
        answer = await lead.client.post(PATH, {"name": "x", "content": content})
        assert (answer.status, answer.json()["type"]) == (422, f"/problems/{slug}")
