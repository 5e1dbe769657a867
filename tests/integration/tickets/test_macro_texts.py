"""What macros say, and what they cannot say."""

from typing import Any
from uuid import uuid4

import pytest

from shared.events.accounts import Role
from tests.integration.tickets.harness import Desk
from tests.integration.tickets.test_macros import LATE, PATH, applied, everything_about, kept, opened, saying


@pytest.mark.parametrize(
    ("fields", "slug"),
    [
        (saying("Hello {{ customer.password }}"), "bad-template"),
        (saying("{{ ticket.fields.nothing }}"), "bad-template"),
        ({"actions": {"status_key": "nowhere"}}, "unknown-status"),
        ({"actions": {"fields": {"nothing": 1}}}, "fields-invalid"),
        ({"actions": {"assignee": str(uuid4())}}, "not-an-agent"),
        ({"actions": {"status": "open", "status_key": "open"}}, "validation"),
        ({"actions": {"add_tags": ["a"], "remove_tags": ["a"]}}, "validation"),
        ({"actions": {}, "texts": {}, "default_language": None}, "validation"),
        ({"visibility": "groups"}, "validation"),
        ({"default_language": None}, "validation"),
        ({"default_language": "fr"}, "validation"),
        ({"texts": {"en": {"text": "x", "html": "y"}}}, "validation"),
        ({"name": " "}, "validation"),
        ({"texts": {tag: {"text": "x" * 20_000} for tag in ("en", "de", "fr", "es", "pt", "it")}}, "validation"),
        ({"actions": {"script": "x"}}, "validation"),
    ],
)
async def test_what_could_not_be_applied_is_not_kept(desk: Desk, fields: dict[str, Any], slug: str) -> None:
    answer = await (await desk.person(Role.ADMIN)).client.post(PATH, {**LATE, **fields})
    assert answer.status == 422, answer.body
    assert answer.json()["type"] == f"/problems/{slug}", answer.body
    assert await desk.rows("SELECT 1 FROM macros") == []


async def test_a_mistake_is_told_with_its_place(desk: Desk) -> None:
    answer = await (await desk.person(Role.ADMIN)).client.post(PATH, {**LATE, **saying("Hello {{ custmer.name }}")})
    problem = answer.json()
    assert (problem["pointer"], problem["position"]) == ("/texts/en/text", 9)
    assert "custmer.name" in problem["detail"]


async def test_html_that_becomes_too_much_is_refused(desk: Desk) -> None:
    """In it are tags of the template itself, as often as it says them."""
    admin = await desk.person(Role.ADMIN)
    html = f"{{% assign a = '{'<ul><li>' * 45}' %}}" + "{{ a }}" * 150
    macro, ticket = await kept(admin, **saying("", texts={"en": {"html": html}})), await opened(admin)
    before = await everything_about(desk, ticket)
    for send in (True, False):
        answer = await applied(admin, ticket, macro, send=send)
        assert (answer.status, answer.json()["type"]) == (422, "/problems/macro-text"), answer.body
        assert "2000 tags" in answer.json()["detail"]
    assert await everything_about(desk, ticket) == before


async def test_numbers_are_tested_in_texts_and_where_they_are_empty(desk: Desk) -> None:
    admin = await desk.person(Role.ADMIN)
    fields = [{"key": "amount", "kind": "number", "labels": {"en": "Amount"}}]
    assert (await admin.client.put("/api/settings/fields", {"fields": fields}, if_match="*")).status == 200
    told = "{% if ticket.fields.amount > 10 %}much{% elsif ticket.fields.amount %}some{% else %}none{% endif %}"
    macro = await kept(admin, **saying(told))
    for amount, said in ((11, "much"), (10, "some"), (None, "none")):
        ticket = await opened(admin, fields={} if amount is None else {"amount": amount})
        answer = await applied(admin, ticket, macro)
        assert answer.status == 200, answer.body
        assert answer.json()["text"]["text"] == said
        if amount:
            cleared = await admin.client.patch(
                f"/api/tickets/{ticket['id']}", {"fields": {"amount": None}}, if_match="*"
            )
            assert (await applied(admin, cleared.json(), macro)).json()["text"]["text"] == "none"


async def test_what_is_in_use_no_more_is_not_applied(desk: Desk) -> None:
    admin = await desk.person(Role.ADMIN)
    macro, ticket = await kept(admin, active=False), await opened(admin)
    answer = await applied(admin, ticket, macro)
    assert (answer.status, answer.json()["type"]) == (409, "/problems/macro-inactive")


async def test_a_text_that_is_empty_for_this_ticket_is_refused(desk: Desk) -> None:
    admin = await desk.person(Role.ADMIN)
    macro = await kept(admin, **saying("{% if ticket.group == 'vip' %}Hello{% endif %}"))
    ticket = await opened(admin)
    for send in (True, False):
        answer = await applied(admin, ticket, macro, send=send)
        assert (answer.status, answer.json()["type"]) == (422, "/problems/macro-text")
    assert (await applied(admin, await opened(admin, group="vip"), macro, send=True)).status == 200


async def test_fields_are_set_and_shown_in_the_text(desk: Desk) -> None:
    admin = await desk.person(Role.ADMIN)
    fields = [
        {"key": "cost", "kind": "money", "labels": {"en": "Cost"}, "filterable": True},
        {"key": "sent_on", "kind": "date", "labels": {"en": "Sent"}},
        {
            "key": "device",
            "kind": "choice",
            "labels": {"en": "Device"},
            "options": [
                {
                    "value": "printer",
                    "labels": {"en": "Printer", "de": "Drucker"},
                    "options": [{"value": "laser", "labels": {"en": "Laser printer", "de": "Laserdrucker"}}],
                }
            ],
        },
    ]
    assert (await admin.client.put("/api/settings/fields", {"fields": fields}, if_match="*")).status == 200
    macro = await kept(
        admin,
        actions={
            "fields": {
                "cost": {"amount": "1234.50", "currency": "EUR"},
                "sent_on": "2026-01-31",
                "device": "printer/laser",
            }
        },
        texts={
            "de": {
                "text": "{{ ticket.fields.cost }} am {{ ticket.fields.sent_on | date: 'long' }}: "
                "{{ ticket.labels.device }}"
                "{% if ticket.fields.device == 'printer/laser' %}!{% endif %}"
            }
        },
        default_language=None,
    )
    ticket = await opened(admin)
    answer = await applied(admin, ticket, macro)
    assert answer.status == 200, answer.body
    assert answer.json()["text"]["text"] == "1.234,50\u00a0€ am 31. Januar 2026: Laserdrucker!"
    assert (await desk.one("SELECT number FROM field_values")).number == 1234.5, "lists find it"


async def test_everybody_on_a_ticket_can_be_named(desk: Desk) -> None:
    admin = await desk.person(Role.ADMIN, name="Grace Hopper")
    acme = {"name": "ACME", "domains": ["example.com"]}
    assert (await admin.client.post("/api/organisations", acme)).status == 201
    ben = await desk.person(name="Ben")
    text = "{{ customer.name }} of {{ organisation.name }}: {{ agent.first_name }} gave it to {{ ticket.assignee }}."
    macro = await kept(admin, **saying(text, actions={"assignee": str(ben.principal.account_id)}))
    answer = await applied(admin, await opened(admin), macro)
    assert answer.json()["text"]["text"] == "Ana María Ruiz of ACME: Grace gave it to Ben."


async def test_what_can_be_named_is_told_and_can_be(desk: Desk) -> None:
    admin = await desk.person(Role.ADMIN)
    fields = [{"key": "why", "kind": "text", "labels": {"en": "Why"}}]
    assert (await admin.client.put("/api/settings/fields", {"fields": fields}, if_match="*")).status == 200
    told = (await (await desk.person()).client.get(f"{PATH}/placeholders")).json()
    assert "ticket.fields.why" in told["placeholders"]
    await kept(admin, **saying("".join(f"{{{{ {name} }}}}" for name in told["placeholders"])))
    given = {"append": ": 'x'", "prepend": ": 'x'", "replace": ": 'x', 'y'", "remove": ": 'x'", "default": ": 'x'"}
    await kept(
        admin, **saying("".join(f"{{{{ ticket.subject | {name}{given.get(name, '')} }}}}" for name in told["filters"]))
    )
