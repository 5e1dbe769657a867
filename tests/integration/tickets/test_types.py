"""Types of the organisation's own: a document's part, given to tickets, asked for, and never lost from under one."""

import asyncio
from typing import Any

import pytest

from services.tickets.service import commands
from shared.db import now_utc
from shared.events.accounts import Role
from shared.events.common import Actor, ActorKind, TicketType
from tests.integration.tickets.harness import Desk, Person
from tests.integration.tickets.test_lifecycle import PATH, a_ticket, document, patch, waits_or_ends, work_by

REFUND = {"key": "refund", "category": "billing", "labels": {"en": "Refund", "de": "Erstattung"}}
NEW: dict[str, Any] = {"subject": "Money back", "text": "I want it back.", "requester": {"email": "ana@example.com"}}


async def with_own_type(desk: Desk, **fields: Any) -> None:
    """Work by the default lifecycle with one type more."""
    types = [each for each in (await document(desk))["types"] if each["key"] != "refund"]
    await work_by(desk, types=[*types, {**REFUND, **fields}])


async def opened(person: Person, **body: Any) -> Any:
    answer = await person.client.post("/api/tickets", {**NEW, **body})
    assert answer.status == 201, answer.body
    return answer.json()


async def subjects(person: Person, path: str, **query: Any) -> list[str]:
    answer = await person.client.get(path, **query)
    assert answer.status == 200, answer.body
    return sorted(each["subject"] for each in answer.json()["items"])


async def test_a_type_of_ones_own_is_set_shown_and_lost_with_its_category(desk: Desk) -> None:
    agent, (path, _) = await desk.person(), await a_ticket(desk)
    assert [each["key"] for each in (await document(desk))["types"]] == list(TicketType)
    await with_own_type(desk)
    view = (await agent.client.get(path)).json()
    assert (view["type"], view["type_key"], view["type_labels"]) == ("question", "question", {"en": "Question"})
    view = (await patch(agent, path, type_key="refund")).json()
    assert (view["type"], view["type_key"], view["type_labels"]) == ("billing", "refund", REFUND["labels"])
    [row] = (await agent.client.get("/api/tickets")).json()["items"]
    assert (row["type_key"], row["type_labels"]) == ("refund", REFUND["labels"])
    [entry, _first] = (await agent.client.get(f"{path}/history")).json()["items"]
    assert entry["changes"] == {
        "type": {"before": "question", "after": "billing"},
        "type_key": {"before": None, "after": "refund"},
    }
    # Staying in the category keeps it, null takes the first one, and leaving loses it.
    assert (await patch(agent, path, type="billing")).json()["type_key"] == "refund"
    assert (await patch(agent, path, type_key=None)).json()["type_key"] == "billing"
    await patch(agent, path, type_key="refund")
    assert (await patch(agent, path, type="incident")).json()["type_key"] == "incident"
    assert (await desk.one("SELECT type_key FROM tickets")).type_key is None


async def test_a_type_that_is_not_there_cannot_be_given(desk: Desk) -> None:
    agent, (path, _) = await desk.person(), await a_ticket(desk)
    await with_own_type(desk, active=False)
    for key in ("refund", "nothing"):
        for answer in (
            await patch(agent, path, type_key=key),
            await agent.client.post("/api/tickets", {**NEW, "type_key": key}),
        ):
            assert (answer.status, answer.json()["type"]) == (422, "/problems/unknown-type")
            assert answer.json()["known"] == list(TicketType)
    assert (await patch(agent, path, type="billing", type_key="billing")).status == 422
    both = {**NEW, "type": "question", "type_key": "question"}
    assert (await agent.client.post("/api/tickets", both)).status == 422


async def test_a_type_that_tickets_have_cannot_go_but_becomes_inactive(desk: Desk) -> None:
    admin, agent, (path, _) = await desk.person(Role.ADMIN), await desk.person(), await a_ticket(desk)
    default = await document(desk)
    await with_own_type(desk)
    await patch(agent, path, type_key="refund")
    moved = {**default, "types": [*default["types"], {**REFUND, "category": "question"}]}
    for gone in (default, moved):
        answer = await admin.client.put(PATH, gone, if_match="*")
        assert (answer.status, answer.json()["type"]) == (409, "/problems/type-in-use")
        assert answer.json()["keys"] == ["refund"]
    await with_own_type(desk, active=False)
    view = (await patch(agent, path, subject="Still there")).json()
    assert view["type_labels"] == REFUND["labels"]
    assert (await patch(agent, path, type_key="refund")).status == 200, "no change is none"
    await patch(agent, path, type="question")
    assert (await admin.client.put(PATH, default, if_match="*")).status == 200


async def test_a_type_does_not_go_while_it_is_being_given(desk: Desk) -> None:
    """Somebody gives it, and does not commit yet; the admin who takes it away waits, and then is refused."""
    admin, _ = await desk.person(Role.ADMIN), await a_ticket(desk)
    default = await document(desk)
    await with_own_type(desk)
    ticket_id = (await desk.one("SELECT id FROM tickets")).id
    actor = Actor(kind=ActorKind.AGENT, id=str(admin.principal.account_id))
    async with desk.database.transaction() as session:
        await commands.edit(
            session,
            ticket_id,
            {"type_key": "refund"},
            actor=actor,
            role=Role.AGENT,
            expected_version=None,
            now=now_utc(),
        )
        removing = asyncio.create_task(admin.client.put(PATH, default, if_match="*"))
        await waits_or_ends(desk, removing)
    assert (await removing).status == 409


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"types": [REFUND]}, "/types"),
        ({"requirements": [{"to": "solved", "fields": ["group"], "types": ["refund"]}]}, "/requirements/0/types/0"),
    ],
)
async def test_what_nobody_could_work_with_is_refused_with_its_place(
    desk: Desk, fields: dict[str, Any], pointer: str
) -> None:
    admin = await desk.person(Role.ADMIN)
    answer = await admin.client.put(PATH, await document(desk, **fields), if_match="*")
    assert (answer.status, answer.json()["type"]) == (422, "/problems/unworkable-lifecycle")
    assert answer.json()["pointer"] == pointer


async def test_forms_and_requirements_are_for_categories_and_for_types_of_ones_own(desk: Desk) -> None:
    admin, agent = await desk.person(Role.ADMIN), await desk.person()
    default = await document(desk)
    fields = [{"key": each, "kind": "text", "labels": {"en": each}} for each in ("iban", "invoice")]
    forms = [
        {"key": "money", "labels": {"en": "Money"}, "fields": ["invoice"], "types": ["billing"]},
        {"key": "back", "labels": {"en": "Back"}, "fields": ["iban"], "types": ["refund"]},
    ]
    settings = {"fields": fields, "forms": forms}
    refused = await admin.client.put("/api/settings/fields", settings, if_match="*")
    assert (refused.status, refused.json()["pointer"]) == (422, "/forms/1/types/0")
    await with_own_type(desk)
    assert (await admin.client.put("/api/settings/fields", settings, if_match="*")).status == 200
    assert (await opened(agent, type_key="refund", fields={"iban": "DE1", "invoice": "7"}))["fields"]["iban"] == "DE1"
    plain = await agent.client.post("/api/tickets", {**NEW, "type": "billing", "fields": {"iban": "DE1"}})
    assert (plain.status, plain.json()["type"]) == (422, "/problems/fields-invalid")
    # What a form is for cannot go.
    answer = await admin.client.put(PATH, default, if_match="*")
    assert (answer.status, answer.json()["pointer"]) == (422, "/types")
    await work_by(desk, requirements=[{"to": "solved", "fields": ["group"], "types": ["refund"]}])
    refund, other = await opened(agent, type_key="refund"), await opened(agent, type="billing")
    assert (await patch(agent, f"/api/tickets/{other['id']}", status="solved")).status == 200
    answer = await patch(agent, f"/api/tickets/{refund['id']}", status="solved")
    assert (answer.status, answer.json()["fields"]) == (422, ["group"])


async def test_types_of_ones_own_are_asked_for_like_categories(desk: Desk) -> None:
    agent = await desk.person()
    await with_own_type(desk)
    await opened(agent, subject="Own", type_key="refund")
    await opened(agent, subject="First", type="billing")
    await opened(agent, subject="Other")
    for query, found in (
        ({"type": "billing"}, ["First", "Own"]),
        ({"type_key": "refund"}, ["Own"]),
        ({"type_key": ["refund", "question"]}, ["Other", "Own"]),
        ({"where": "type:refund"}, ["Own"]),
        ({"where": "-type:refund"}, ["First", "Other"]),
        ({"where": "type:refund,billing"}, ["First", "Own"]),
    ):
        assert await subjects(agent, "/api/tickets", **query) == found, query
    answer = await agent.client.get("/api/tickets", type_key="parts")
    assert (answer.status, answer.json()["type"]) == (422, "/problems/unknown-type")
    # The first of a category is what tickets have that name none.
    types = (await document(desk))["types"]
    first = {"key": "invoice", "category": "billing", "labels": {"en": "Invoice"}}
    await work_by(desk, types=[first, *types])
    assert await subjects(agent, "/api/tickets", type_key="invoice") == ["First"]


async def test_templates_and_macros_give_types_of_ones_own(desk: Desk) -> None:
    admin, agent = await desk.person(Role.ADMIN), await desk.person()
    template = {"name": "Refund", "content": {"text": "IBAN:", "type_key": "refund"}}
    macro = {"name": "Refund", "actions": {"type_key": "refund"}}
    for path, body in (("/api/tickets/templates", template), ("/api/macros", macro)):
        answer = await admin.client.post(path, body)
        assert (answer.status, answer.json()["type"]) == (422, "/problems/unknown-type"), path
    await with_own_type(desk)
    made = (await admin.client.post("/api/tickets/templates", template)).json()
    from_template = {name: value for name, value in NEW.items() if name != "text"} | {"template_id": made["id"]}
    whole = (await agent.client.post("/api/tickets", from_template)).json()
    assert (whole["type"], whole["type_key"]) == ("billing", "refund")
    mine = (await agent.client.post("/api/tickets", {**from_template, "type": "incident"})).json()
    assert (mine["type"], mine["type_key"]) == ("incident", "incident")
    macro_id = (await admin.client.post("/api/macros", macro)).json()["id"]
    use = {"macro_id": macro_id}
    applied = await agent.client.post(f"/api/tickets/{mine['id']}/macro", use, if_match="*")
    assert applied.status == 200, applied.body
    assert applied.json()["ticket"]["type_key"] == "refund"


async def test_customers_open_tickets_of_a_type_of_ones_own(desk: Desk) -> None:
    customer = await desk.person(Role.CUSTOMER)
    await with_own_type(desk)
    answer = await customer.client.post("/api/tickets", {"text": "Money back.", "type_key": "refund"})
    assert (answer.status, answer.json()["type_key"]) == (201, "refund")
