"""Tickets of another desk: taken over once, with their times and authors, and told to nobody."""

import asyncio
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.tickets.schemas.imports import OldTicket
from services.tickets.service import upkeep
from services.tickets.service.documents import Indexer
from shared.db import now_utc
from shared.events.accounts import Role
from shared.events.common import Channel
from tests.asgi import Client
from tests.integration.tickets.harness import Desk, received
from tests.integration.tickets.test_lifecycle import work_by
from tests.statements import sent

PATH = "/api/tickets/import"


def old(external_id: str = "4711", **fields: Any) -> dict[str, Any]:
    """A ticket of some years ago, solved by Ada."""
    return {
        "external_id": external_id,
        "subject": "Printer on fire",
        "status": "closed",
        "requester": {"address": "Ana@Example.com", "name": "Ana"},
        "solved_at": "2019-05-03T09:00:00Z",
        "messages": [
            {"kind": "customer", "at": "2019-05-02T08:00:00Z", "text": "It burns.", "external_id": "<1@example.com>"},
            {
                "kind": "reply",
                "at": "2019-05-02T08:05:00Z",
                "text": "Use the extinguisher.",
                "agent": {"email": "ada@desk.example", "name": "Ada L."},
            },
        ],
        **fields,
    }


async def imports(client: Client, *tickets: dict[str, Any], dry_run: bool = False) -> list[Any]:
    answer = await client.post(PATH, {"source": "olddesk", "tickets": list(tickets), "dry_run": dry_run})
    assert answer.status == 200, answer.json()
    found: list[Any] = answer.json()["items"]
    return found


async def one(client: Client, ticket: dict[str, Any]) -> Any:
    """A ticket that was imported, as the API shows it."""
    (result,) = await imports(client, ticket)
    assert result["result"] == "imported", result
    answer = await client.get(f"/api/tickets/{result['ticket_id']}")
    assert answer.json()["number"] == result["number"]
    return answer.json()


async def test_a_ticket_comes_as_it_was(desk: Desk) -> None:
    admin, ada = await desk.person(Role.ADMIN, name="Root"), await desk.person(email="ada@desk.example", name="Ada")
    ticket = await one(
        admin.client,
        old(priority="high", type="incident", group="Hardware", tags=["fire"], assignee="Ada@desk.example", brand="b"),
    )
    assert (ticket["status"], ticket["priority"], ticket["group"], ticket["tags"]) == (
        "closed",
        "high",
        "Hardware",
        ["fire"],
    )
    assert ticket["assignee"] == {"id": str(ada.principal.account_id), "name": "Ada"}
    assert ticket["requester"]["name"] == "Ana"
    assert (ticket["created_at"], ticket["solved_at"]) == ("2019-05-02T08:00:00Z", "2019-05-03T09:00:00Z")
    assert (ticket["first_reply_at"], ticket["last_message_at"]) == ("2019-05-02T08:05:00Z",) * 2
    thread = (await admin.client.get(f"/api/tickets/{ticket['id']}/messages")).json()["items"]
    assert [(each["kind"], each["author"]["name"], each["added_at"], each["text"]) for each in thread] == [
        ("customer", "Ana", "2019-05-02T08:00:00Z", "It burns."),
        ("reply", "Ada", "2019-05-02T08:05:00Z", "Use the extinguisher."),
    ]
    history = (await admin.client.get(f"/api/tickets/{ticket['id']}/history")).json()["items"]
    assert [(entry["cause"], entry["actor"]["name"]) for entry in history] == [
        ("import", "Root"),
        ("import", "Ada"),
        ("import", "Ana"),
    ]
    assert history[0]["changes"]["import"]["after"] == {"source": "olddesk", "external_id": "4711"}
    assert history[2]["at"] == "2019-05-02T08:00:00Z"


async def test_nobody_is_told(desk: Desk) -> None:
    """Neither events, which let replies be sent and clocks start, nor anything that waits to leave."""
    admin = await desk.person(Role.ADMIN)
    await imports(admin.client, old(), old("2", status="open", solved_at=None))
    assert await desk.event_types() == []
    assert {row.delivery_state for row in await desk.rows("SELECT delivery_state FROM messages")} == {None}


async def test_what_was_solved_long_ago_comes_closed_and_nobody_is_told_later(desk: Desk) -> None:
    admin = await desk.person(Role.ADMIN)
    await work_by(desk, close_after_days=28)
    recent = (now_utc() - timedelta(days=27)).isoformat()
    await imports(admin.client, old(status="solved"), old("2", status="solved", solved_at=recent))
    assert [row.status for row in await desk.rows("SELECT status FROM tickets ORDER BY number")] == ["closed", "solved"]
    async with desk.database.transaction() as session:
        assert await upkeep.Closer().run(session, now_utc()) == 0
    assert await desk.event_types() == []


async def test_contents_are_compared_off_the_loop_before_anything_is_locked(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    admin, digest, seen = await desk.person(Role.ADMIN), OldTicket.digest, []
    async with sent(desk.database) as statements:

        def digested(self: OldTicket) -> bytes:
            turns = sum("'tickets.import'" in statement.sql for statement in statements)
            seen.append((threading.current_thread() is threading.main_thread(), turns))
            return digest(self)

        monkeypatch.setattr(OldTicket, "digest", digested)
        await imports(admin.client, old(), old("2"))
        await imports(admin.client, old())
    assert seen == [(False, 0), (False, 0), (False, 1)]


async def test_a_batch_is_no_larger_than_others_can_wait_for(desk: Desk) -> None:
    admin = await desk.person(Role.ADMIN)
    messages = [{"kind": "customer", "at": "2019-05-02T08:00:00Z", "text": "x" * 900_000} for _ in range(5)]
    answer = await admin.client.post(PATH, {"source": "olddesk", "tickets": [old(messages=messages)]})
    assert answer.status == 413


async def test_an_open_one_goes_on_here(desk: Desk) -> None:
    admin, agent = await desk.person(Role.ADMIN), await desk.person()
    ticket = await one(admin.client, old(status="pending", solved_at=None))
    path = f"/api/tickets/{ticket['id']}"
    assert (await agent.client.post(f"{path}/replies", {"text": "Still burning?"})).status == 201
    conversation = (await desk.one("SELECT conversation_id FROM tickets")).conversation_id
    await desk.take(received("ana@example.com", conversation_id=conversation, text="No."))
    ticket = (await agent.client.get(path)).json()
    assert (ticket["status"], ticket["thread_version"]) == ("open", 4)
    told = await desk.rows("SELECT aggregate_version, type, CAST(data AS json) AS data FROM outbox ORDER BY id")
    assert [(row.aggregate_version, row.type) for row in told] == [
        (1, "ticket.message_added.v1"),
        (2, "ticket.message_added.v1"),
        (3, "ticket.changed.v1"),
    ]
    # A mail that answers the customer's last one, as their mail program knows it; and not the first reply.
    assert told[0].data["message"]["reply_to_external_id"] == "<1@example.com>"
    assert told[0].data["message"]["first_reply"] is False


async def test_the_same_again_is_answered_the_same(desk: Desk) -> None:
    admin = await desk.person(Role.ADMIN)
    first = await imports(admin.client, old(), old("2"))
    assert await imports(admin.client, old(), old("2")) == first
    assert await imports(admin.client, old("2"), dry_run=True) == first[1:]
    (other,) = await imports(admin.client, old(subject="Something else"))
    assert (other["result"], other["problem"]["type"]) == ("refused", "/problems/imported-differently")
    found = await admin.client.get(PATH, source="olddesk", external_id="2")
    assert found.json()["items"] == first[1:]
    assert (await admin.client.get(PATH, source="elsewhere", external_id="2")).json()["items"] == []
    assert len(await desk.rows("SELECT id FROM tickets")) == 2


async def test_of_many_who_import_the_same_one_does(desk: Desk) -> None:
    admin = await desk.person(Role.ADMIN)
    batches = [[old(str(n)) for n in order] for order in (range(20), range(19, -1, -1), range(10, 30), range(20))]
    results = await asyncio.gather(*(imports(admin.client, *batch) for batch in batches))
    known: dict[str, str] = {}
    for result in (each for batch in results for each in batch):
        assert known.setdefault(result["external_id"], result["ticket_id"]) == result["ticket_id"]
    assert len(await desk.rows("SELECT id FROM tickets")) == len(known) == 30


async def test_what_cannot_be_keeps_nothing_else_out(desk: Desk) -> None:
    admin, gone = await desk.person(Role.ADMIN), await desk.person(email="gone@desk.example", active=False)
    tomorrow = (now_utc() + timedelta(days=1)).isoformat()
    cases = {
        "unlikely-times": {"updated_at": tomorrow},
        "unlikely-times ": {"created_at": "0001-01-01T00:00:00+14:00"},
        "unlikely-times  ": {"solved_at": "2019-05-01T00:00:00Z"},
        "unknown-assignee": {"assignee": "nobody@desk.example"},
        "unknown-status": {"status": "closed", "status_key": "open"},
        "unknown-type": {"type": "billing", "type_key": "question"},
        "fields-invalid": {"fields": {"nothing": 1}},
    }
    tickets = [old(slug, **fields) for slug, fields in cases.items()]
    for dry_run in (True, False):
        *refused, good = await imports(admin.client, *tickets, old(assignee=gone.email), dry_run=dry_run)
        assert [each["problem"]["type"] for each in refused] == [f"/problems/{slug.strip()}" for slug in cases]
        assert {each["result"] for each in refused} == {"refused"}
        assert (good["result"], good["number"] is None) == ("valid" if dry_run else "imported", dry_run)
        assert len(await desk.rows("SELECT id FROM tickets")) == (0 if dry_run else 1)
    (row,) = await desk.rows("SELECT assignee_id FROM tickets")
    assert row.assignee_id == gone.principal.account_id, "who solved it, solved it"
    (unsolved,) = await imports(admin.client, old("9", status="open", solved_at=None, assignee=gone.email))
    assert unsolved["problem"]["type"] == "/problems/unknown-assignee"


@pytest.mark.parametrize(
    "fields",
    [
        {"status": "open"},
        {"messages": []},
        {"messages": [{"kind": "reply", "at": "2019-05-02T08:00:00Z", "text": "x", "customer": {"address": "a@b.c"}}]},
        {"external_id": ""},
        {"requester": {"address": " "}},
        {"number": 5},
    ],
)
async def test_what_means_nothing_is_refused_as_a_whole(desk: Desk, fields: dict[str, Any]) -> None:
    admin = await desk.person(Role.ADMIN)
    body = {"source": "olddesk", "tickets": [old("1"), old("2") | fields]}
    assert (await admin.client.post(PATH, body)).status == 422
    assert (await admin.client.post(PATH, {"source": "olddesk", "tickets": [old(), old()]})).status == 422
    long = [{"kind": "customer", "at": "2019-05-02T08:00:00Z", "text": "x"}] * 1_001
    tickets = [old(number, messages=long) for number in "12"]
    assert (await admin.client.post(PATH, {"source": "olddesk", "tickets": tickets})).status == 422
    assert await desk.rows("SELECT id FROM tickets") == []


async def test_customers_are_who_they_are_here(desk: Desk) -> None:
    admin = await desk.person(Role.ADMIN)
    await desk.take(received("ana@example.com"))
    messages = [
        {"kind": "note", "at": "2019-05-02T09:00:00Z", "text": "Careful.", "agent": {"name": "Somebody who left"}},
        {"kind": "system", "at": "2019-05-02T07:00:00Z", "text": "Out of office."},
        {
            "kind": "customer",
            "at": "2019-05-02T08:00:00Z",
            "text": "Me too.",
            "customer": {"address": "ben@example.com"},
        },
    ]
    ticket = await one(admin.client, old(messages=messages))
    assert len(await desk.rows("SELECT id FROM customers")) == 2
    thread = (await admin.client.get(f"/api/tickets/{ticket['id']}/messages")).json()["items"]
    assert [(each["kind"], each["author"]["kind"], each["author"]["name"]) for each in thread] == [
        ("system", "system", "olddesk"),
        ("customer", "customer", ""),
        ("note", "system", "Somebody who left"),
    ]
    assert ticket["created_at"] == "2019-05-02T07:00:00Z"
    assert ticket["thread_version"] == 3
    # Ana sees her old ticket, and not what was said about her.
    ana = await desk.person(Role.CUSTOMER, "ana@example.com")
    seen = (await ana.client.get(f"/api/tickets/{ticket['id']}/messages")).json()["items"]
    assert [each["text"] for each in seen] == ["Me too."]
    other = await desk.person(Role.CUSTOMER, "eve@example.com")
    assert (await other.client.get(f"/api/tickets/{ticket['id']}")).status == 404


async def test_imported_tickets_are_found(desk: Desk) -> None:
    admin = await desk.person(Role.ADMIN)
    ticket = await one(admin.client, old())
    indexer = Indexer()
    for _ in range(3):
        async with desk.database.transaction() as session:
            await indexer.run(session, datetime.now(UTC))
    for line in ("extinguisher", "fire created<2020-01-01", "requester:ana@example.com"):
        found = (await admin.client.get("/api/tickets/search", q=line)).json()["items"]
        assert [each["ticket"]["id"] for each in found] == [ticket["id"]], line


async def test_fields_of_the_organisations_own_come_along(desk: Desk) -> None:
    admin = await desk.person(Role.ADMIN)
    labels = {"labels": {"en": "X"}}
    fields = [
        {"key": "device", "kind": "text", "filterable": True, **labels},
        {"key": "needed", "kind": "text", "required_if": {"all": []}, **labels},
    ]
    assert (await admin.client.put("/api/settings/fields", {"fields": fields}, if_match="*")).status == 200
    ticket = await one(admin.client, old(fields={"device": "Printer"}))
    assert ticket["fields"] == {"device": "Printer"}
    assert (await desk.one("SELECT word FROM field_values")).word == "printer"


async def test_long_and_odd_texts_are_kept_as_far_as_they_can_be(desk: Desk) -> None:
    admin = await desk.person(Role.ADMIN)
    message = {"kind": "customer", "at": "2019-05-02T08:00:00Z", "text": "a\x00" + "ü" * 40_000}
    ticket = await one(admin.client, old(subject="", messages=[message], channel=Channel.PHONE))
    row = await desk.one("SELECT text, text_truncated FROM messages")
    assert (row.text[:2], row.text_truncated) == ("a\ufffd", True)
    assert ticket["subject"].startswith("a\ufffd")


async def test_a_batch_takes_as_many_statements_for_one_ticket_as_for_a_hundred(desk: Desk) -> None:
    admin = await desk.person(Role.ADMIN)
    took = []
    for batch in ([old()], [old(f"n{n}", requester={"address": f"c{n}@example.com"}) for n in range(100)]):
        async with sent(desk.database) as statements:
            await imports(admin.client, *batch)
        took.append(len(statements))
    assert took[1] <= took[0], took


async def test_only_admins_and_their_keys_import(desk: Desk) -> None:
    for role in (Role.SUPERVISOR, Role.AGENT, Role.CUSTOMER):
        person = await desk.person(role)
        assert (await person.client.post(PATH, {"source": "olddesk", "tickets": [old()]})).status == 403
        assert (await person.client.get(PATH, source="olddesk", external_id="1")).status == 403
