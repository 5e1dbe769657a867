"""Fields of the organisation's own: defined by admins, set on tickets, told in the history, looked up by value."""

import asyncio
from typing import Any

import pytest

from shared.events.accounts import Role
from tests.integration.tickets.harness import Desk, Person, received

PATH = "/api/settings/fields"
DEVICE = {
    "key": "device",
    "kind": "choice",
    "labels": {"en": "Device"},
    "filterable": True,
    "options": [
        {"value": "printer", "labels": {"en": "Printer"}, "options": [{"value": "laser", "labels": {"en": "Laser"}}]},
        {"value": "phone", "labels": {"en": "Phone"}},
    ],
}
SERIAL = {
    "key": "serial",
    "kind": "text",
    "labels": {"en": "Serial number"},
    "visible_if": {"field": "fields.device", "is": ["printer", "printer/laser"]},
    "required_if": {"field": "type", "is": ["incident"]},
}
COST = {"key": "cost", "kind": "money", "labels": {"en": "Cost"}, "filterable": True, "minimum": 0}


async def define(desk: Desk, *fields: dict[str, Any], forms: Any = ()) -> None:
    admin = await desk.person(Role.ADMIN)
    answer = await admin.client.put(PATH, {"fields": list(fields), "forms": list(forms)}, if_match="*")
    assert answer.status == 200, answer.body


async def a_ticket(desk: Desk) -> str:
    await desk.take(received())
    return f"/api/tickets/{(await desk.one('SELECT id FROM tickets ORDER BY number DESC LIMIT 1')).id}"


async def patch(person: Person, path: str, **fields: Any) -> Any:
    return await person.client.patch(path, fields, if_match="*")


async def test_fields_are_read_by_staff_and_changed_by_admins_with_their_version(desk: Desk) -> None:
    admin, agent = await desk.person(Role.ADMIN), await desk.person()
    first = await agent.client.get(PATH)
    assert (first.status, first.headers["etag"], first.json()["fields"]) == (200, '"0"', [])
    body = {"fields": [DEVICE, SERIAL], "forms": []}
    assert (await agent.client.put(PATH, body, if_match="*")).status == 403
    assert (await admin.client.put(PATH, body)).status == 428
    answer = await admin.client.put(PATH, body, if_match='"0"')
    assert (answer.status, answer.headers["etag"]) == (200, '"1"')
    assert (await agent.client.get(PATH)).json() == answer.json()
    assert (await admin.client.put(PATH, body, if_match='"0"')).status == 412


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"fields": [SERIAL]}, "/fields/0/visible_if/field"),
        ({"fields": [{**DEVICE, "options": []}]}, "/fields/0/options"),
        ({"fields": [DEVICE], "forms": [{"key": "f", "labels": {"en": "F"}, "fields": ["x"]}]}, "/forms/0/fields/0"),
        ({"fields": [{**DEVICE, "required_if": {"field": "priority", "gt": 3}}]}, "/fields/0/required_if"),
    ],
)
async def test_what_nobody_could_fill_in_is_refused_with_its_place(
    desk: Desk, body: dict[str, Any], pointer: str
) -> None:
    answer = await (await desk.person(Role.ADMIN)).client.put(PATH, body, if_match="*")
    assert (answer.status, answer.json()["type"]) == (422, "/problems/unworkable-fields")
    assert answer.json()["pointer"] == pointer


async def test_a_field_stays_once_it_is_there(desk: Desk) -> None:
    await define(desk, DEVICE, COST)
    admin = await desk.person(Role.ADMIN)
    for changed in ([DEVICE], [DEVICE, {**COST, "kind": "number"}], [DEVICE, {**COST, "filterable": False}]):
        answer = await admin.client.put(PATH, {"fields": changed}, if_match="*")
        assert (answer.status, answer.json()["type"], answer.json()["keys"]) == (
            409,
            "/problems/fields-fixed",
            ["cost"],
        )
    await define(desk, {**COST, "active": False, "labels": {"en": "Costs"}}, DEVICE)


async def test_values_are_kept_told_and_looked_up(desk: Desk) -> None:
    await define(desk, DEVICE, SERIAL, COST)
    agent, path = await desk.person(), await a_ticket(desk)
    assert (await agent.client.get(path)).json()["fields"] == {}
    fields = {"device": "printer/laser", "serial": "LX-9", "cost": {"amount": "12.50", "currency": "EUR"}}
    answer = await patch(agent, path, fields=fields)
    assert (answer.status, answer.headers["etag"], answer.json()["fields"]) == (200, '"2"', fields)
    [entry, _] = (await agent.client.get(f"{path}/history")).json()["items"]
    assert entry["changes"]["fields.serial"] == {"before": None, "after": "LX-9"}
    assert (await desk.event_types())[-1] == "ticket.changed.v1"
    rows = await desk.rows("SELECT field, word, number FROM field_values ORDER BY field")
    assert [tuple(row) for row in rows] == [("cost", None, 12.5), ("device", "printer/laser", None)]
    # What is not named stays, null clears, and the lookup follows.
    answer = await patch(agent, path, fields={"cost": None, "device": "printer"})
    assert answer.json()["fields"] == {"device": "printer", "serial": "LX-9"}
    rows = await desk.rows("SELECT field, word FROM field_values")
    assert [tuple(row) for row in rows] == [("device", "printer")]
    assert (await patch(agent, path, fields={"device": "printer"})).headers["etag"] == '"3"'
    # A message leaves them alone.
    await agent.client.post(f"{path}/replies", {"text": "So."})
    assert (await agent.client.get(path)).json()["fields"] == {"device": "printer", "serial": "LX-9"}


async def test_each_field_is_told_what_is_wrong_with_it(desk: Desk) -> None:
    await define(
        desk, DEVICE, SERIAL, COST, forms=[{"key": "f", "labels": {"en": "F"}, "fields": ["device", "serial"]}]
    )
    agent, path = await desk.person(), await a_ticket(desk)
    asked = {"device": "car", "nothing": 1, "serial": "x", "cost": {"amount": "1", "currency": "EUR"}}
    answer = await patch(agent, path, fields=asked, subject="Other")
    assert (answer.status, answer.json()["type"]) == (422, "/problems/fields-invalid")
    assert {error["field"]: error["code"] for error in answer.json()["errors"]} == {
        "device": "unknown-choice",
        "nothing": "unknown",
        "serial": "not-shown",
        "cost": "not-on-form",
    }
    view = (await agent.client.get(path)).json()
    assert (view["subject"], view["fields"], view["version"]) == ("Printer on fire", {}, 1)


async def test_a_change_of_what_is_built_in_asks_for_what_it_makes_required(desk: Desk) -> None:
    await define(desk, DEVICE, SERIAL)
    agent, path = await desk.person(), await a_ticket(desk)
    await patch(agent, path, fields={"device": "printer"})
    refused = await patch(agent, path, type="incident")
    assert [(error["field"], error["code"]) for error in refused.json()["errors"]] == [("serial", "required")]
    assert (await patch(agent, path, type="incident", fields={"serial": "LX"})).status == 200
    refused = await patch(agent, path, fields={"serial": None})
    assert [(error["field"], error["code"]) for error in refused.json()["errors"]] == [("serial", "required")]


async def test_a_ticket_is_opened_with_fields_and_customers_have_none(desk: Desk) -> None:
    await define(desk, {**DEVICE, "required_if": {"field": "type", "is": ["technical"]}}, COST)
    agent, ana = await desk.person(), await desk.person(Role.CUSTOMER, "ana@example.com")
    new = {"text": "x", "type": "technical", "requester": {"email": "ana@example.com"}}
    refused = await agent.client.post("/api/tickets", new)
    assert [(error["field"], error["code"]) for error in refused.json()["errors"]] == [("device", "required")]
    opened = await agent.client.post("/api/tickets", {**new, "fields": {"device": "phone"}})
    assert (opened.status, opened.json()["fields"]) == (201, {"device": "phone"})
    assert (await desk.one("SELECT word FROM field_values")).word == "phone"
    assert (await ana.client.get(f"/api/tickets/{opened.json()['id']}")).json()["fields"] == {}
    assert (await ana.client.post("/api/tickets", {"text": "x", "fields": {"device": "phone"}})).status == 422
    assert (await ana.client.post("/api/tickets", {"text": "x", "type": "technical"})).status == 201


async def test_the_lifecycle_asks_for_fields_that_the_form_shows(desk: Desk) -> None:
    await define(desk, DEVICE, SERIAL)
    admin, agent, path = await desk.person(Role.ADMIN), await desk.person(), await a_ticket(desk)
    read = (await admin.client.get("/api/settings/tickets")).json()
    document = {name: read[name] for name in ("statuses", "forbidden", "reopening", "reopening_of", "priorities")}
    document["requirements"] = [{"to": "solved", "fields": ["fields.device", "fields.serial"]}]
    assert (await admin.client.put("/api/settings/tickets", document, if_match="*")).status == 200
    refused = await patch(agent, path, status="solved")
    assert (refused.json()["type"], refused.json()["fields"]) == ("/problems/fields-missing", ["fields.device"])
    refused = await patch(agent, path, status="solved", fields={"device": "printer"})
    assert refused.json()["fields"] == ["fields.serial"]
    assert (await patch(agent, path, status="solved", fields={"device": "phone"})).status == 200
    document["requirements"] = [{"to": "solved", "fields": ["fields.nothing"]}]
    unworkable = await admin.client.put("/api/settings/tickets", document, if_match="*")
    assert (unworkable.status, unworkable.json()["pointer"]) == (422, "/requirements/0/fields/0")


async def test_edits_of_fields_at_the_same_time_leave_what_the_last_one_says(desk: Desk) -> None:
    await define(desk, DEVICE, COST)
    agent, path = await desk.person(), await a_ticket(desk)
    asked = [{"device": "phone"}, {"device": "printer"}, {"cost": {"amount": "1", "currency": "EUR"}}] * 4
    answers = await asyncio.gather(*(patch(agent, path, fields=fields) for fields in asked))
    assert {answer.status for answer in answers} == {200}
    kept = (await agent.client.get(path)).json()["fields"]
    rows = await desk.rows("SELECT field, coalesce(word, number::text) AS value FROM field_values ORDER BY field")
    assert [tuple(row) for row in rows] == [("cost", "1"), ("device", kept["device"])]


async def test_customers_see_and_fill_in_what_is_theirs(desk: Desk) -> None:
    device = {**DEVICE, "customers": "write"}
    serial = {**SERIAL, "customers": "write", "visible_if": {"field": "fields.device", "is": ["printer"]}}
    warranty = {"key": "warranty", "kind": "flag", "labels": {"en": "Warranty"}, "customers": "read"}
    await define(
        desk,
        {**COST, "required_if": {"all": []}},
        device,
        serial,
        {**warranty, "required_if": {"all": []}},
        forms=[{"key": "all", "labels": {"en": "All"}, "fields": ["cost", "device", "serial", "warranty"]}],
    )
    agent, ana = await desk.person(), await desk.person(Role.CUSTOMER, "ana@example.com")
    portal = (await ana.client.get(f"{PATH}/portal")).json()
    assert [(each["key"], each["required_if"]) for each in portal["fields"]] == [
        ("device", None),
        ("serial", SERIAL["required_if"]),
        ("warranty", None),
    ]
    assert portal["forms"][0]["fields"] == ["device", "serial", "warranty"]
    assert (await ana.client.get(PATH)).status == 403

    async def opened(**fields: Any) -> Any:
        return await ana.client.post("/api/tickets", {"text": "Broken", "type": "incident", "fields": fields})

    for wrong, told in (
        ({"device": "printer"}, ("serial", "required")),
        ({"device": "phone", "serial": "1"}, ("serial", "not-shown")),
        ({"cost": {"amount": "1", "currency": "EUR"}}, ("cost", "unknown")),
        ({"warranty": True}, ("warranty", "unknown")),
    ):
        refused = await opened(**wrong)
        assert (refused.status, refused.json()["type"]) == (422, "/problems/fields-invalid")
        assert [(each["field"], each["code"]) for each in refused.json()["errors"]] == [told]
    ticket = (await opened(device="printer", serial="A1")).json()
    assert ticket["fields"] == {"device": "printer", "serial": "A1"}
    path = f"/api/tickets/{ticket['id']}"
    cost = {"amount": "5", "currency": "EUR"}
    assert (await patch(agent, path, fields={"cost": cost, "warranty": True})).status == 200
    assert (await ana.client.get(path)).json()["fields"] == {"device": "printer", "serial": "A1", "warranty": True}
    assert (await agent.client.get(path)).json()["fields"]["cost"] == cost


async def test_forms_without_anything_for_customers_are_none_of_their_business(desk: Desk) -> None:
    fraud = {"key": "fraud", "labels": {"en": "Fraud"}, "fields": ["cost"], "brands": ["secret"]}
    repair = {"key": "repair", "labels": {"en": "Repair"}, "fields": ["cost", "device"]}
    ana = await desk.person(Role.CUSTOMER, "ana@example.com")
    for forms, shown in (([fraud, repair], (["device"], ["repair"])), ([fraud], ([], [])), ([], (["device"], []))):
        await define(desk, COST, {**DEVICE, "customers": "read"}, forms=forms)
        portal = (await ana.client.get(f"{PATH}/portal")).json()
        assert tuple([each["key"] for each in portal[part]] for part in ("fields", "forms")) == shown


@pytest.mark.parametrize("unseen", ["group", "fields.cost"])
async def test_what_customers_see_tells_nothing_of_what_they_do_not(desk: Desk, unseen: str) -> None:
    admin = await desk.person(Role.ADMIN)
    test = {"field": "group", "is": ["vip"]} if unseen == "group" else {"field": unseen, "gte": 100}
    fields = [COST, {**DEVICE, "customers": "read", "visible_if": test}]
    refused = await admin.client.put(PATH, {"fields": fields, "forms": []}, if_match="*")
    assert (refused.status, refused.json()["pointer"]) == (422, "/fields/1/visible_if")
