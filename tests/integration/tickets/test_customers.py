"""Customers: one of them, however an address is written; edited by version, with a history; known by other systems."""

import asyncio
from typing import Any

import pytest

from services.tickets.domain.identity import IdentityKind
from shared.db import now_utc
from shared.events.accounts import Role
from shared.events.messages import Sender
from tests.asgi import Answer
from tests.integration.tickets.harness import Desk, Person, received


async def create(agent: Person, name: str = "Ana Lima", *addresses: tuple[IdentityKind, str], **fields: Any) -> Answer:
    identities = [{"kind": kind, "address": address} for kind, address in addresses]
    return await agent.client.post("/api/customers", {"name": name, "identities": identities, **fields})


async def made(agent: Person, name: str = "Ana Lima", *addresses: tuple[IdentityKind, str], **fields: Any) -> str:
    answer = await create(agent, name, *addresses, **fields)
    assert answer.status == 201, answer.body
    return str(answer.json()["id"])


async def found(agent: Person, **query: Any) -> list[str]:
    """Names, over pages of two."""
    names: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        answer = await agent.client.get("/api/customers", limit=2, **query, **cursor)
        assert answer.status == 200, answer.body
        names += [item["name"] for item in answer.json()["items"]]
        if answer.json()["next_cursor"] is None:
            return names
        cursor = {"cursor": answer.json()["next_cursor"]}


@pytest.mark.parametrize(
    ("kind", "stored", "asked"),
    [
        ("email", "Ana@Example.COM", "ana@example.com"),
        ("email", "ana@bücher.example", "ANA@xn--bcher-kva.example"),
        ("phone", "+49 (0)30 123456", "+4930123456"),
        ("handle", "telegram:@Ana", "Telegram:ana"),
        ("external", "CRM:4711", "crm:4711"),
    ],
)
async def test_an_address_is_found_however_it_is_written(
    desk: Desk, kind: IdentityKind, stored: str, asked: str
) -> None:
    agent = await desk.person()
    await made(agent, "Ana Lima", (kind, stored))
    await made(agent, "Ben")
    assert await found(agent, identity=asked) == ["Ana Lima"]
    assert (await create(agent, "Eve", (kind, asked))).status == 409


async def test_what_was_stored_in_an_earlier_form_is_found_for_ever(desk: Desk) -> None:
    agent = await desk.person()
    for kind, address in (("phone", "+490301234567"), ("handle", "telegram:@Ana"), ("email", "a@bücher.example")):
        name = f"Old {kind}"
        await desk.execute(
            "WITH c AS (INSERT INTO customers (id, name, created_at) VALUES (uuidv7(), :name, now()) RETURNING id) "
            "INSERT INTO customer_identities (kind, address, customer_id) SELECT :kind, :address, id FROM c",
            name=name,
            kind=kind,
            address=address,
        )
        assert await found(agent, identity=address) == [name]
        sender = Sender.model_validate({"kind": kind, "address": address})
        await desk.take(received(sender=sender))
        newest = await desk.one(
            "SELECT c.name FROM tickets t JOIN customers c ON c.id = t.requester_id ORDER BY t.id DESC LIMIT 1"
        )
        assert newest.name == name
        assert (await create(agent, "Eve", (kind, address))).status == 409  # type: ignore[arg-type]


async def test_customers_are_listed_by_the_beginning_of_a_name_or_an_address(desk: Desk) -> None:
    agent = await desk.person()
    for name in ("Ana Lima", "ana maria", "Anders", "Ben", "ÁNA"):
        await made(agent, name, ("email", f"{name.replace(' ', '.').lower()}@example.com"))
    await made(agent, "Nameless", ("phone", "+4930123456"))
    assert await found(agent) == ["Nameless", "ÁNA", "Ben", "Anders", "ana maria", "Ana Lima"]
    assert await found(agent, name="AN") == ["Ana Lima", "ana maria", "Anders"]
    assert await found(agent, name="án") == ["ÁNA"]
    assert await found(agent, email="ANA.") == ["Ana Lima", "ana maria"]
    assert await found(agent, name="%") == []
    cursor = (await agent.client.get("/api/customers", name="an", limit=1)).json()["next_cursor"]
    assert (await agent.client.get("/api/customers", cursor=cursor)).status == 422
    assert (await agent.client.get("/api/customers", name="a", email="a")).status == 422


async def test_a_customer_is_edited_by_version_and_the_history_tells(desk: Desk) -> None:
    agent = await desk.person(name="Ada")
    customer = await made(agent, "Ana", ("email", "ana@example.com"))
    path = f"/api/customers/{customer}"
    edit = {"name": "Ana Lima", "tier": "gold", "locale": "pt-BR", "time_zone": "America/Sao_Paulo", "notes": "Kind."}
    assert (await agent.client.patch(path, edit)).status == 428
    answer = await agent.client.patch(path, edit, if_match='"1"')
    assert (answer.status, answer.headers["etag"]) == (200, '"2"'), answer.body
    assert {name: answer.json()[name] for name in edit} == edit
    assert (await agent.client.patch(path, {"tier": "basic"}, if_match='"1"')).status == 412
    nothing = await agent.client.patch(path, {"tier": "gold"}, if_match='"2"')
    assert (nothing.status, nothing.json()["version"]) == (200, 2)
    for bad in ({"time_zone": "Mars/Olympus"}, {"name": None}, {"region": "Germany"}, {"friend": "x"}, {"notes": "\0"}):
        assert (await agent.client.patch(path, bad, if_match="*")).status == 422, bad
    unknown = await agent.client.patch(path, {"organisation_id": customer}, if_match="*")
    assert unknown.json()["type"] == "/problems/unknown-organisation"

    history = (await agent.client.get(f"{path}/history")).json()["items"]
    assert [(entry["cause"], entry["version"], entry["actor"]["name"]) for entry in history] == [
        ("edit", 2, "Ada"),
        ("created", 1, "Ada"),
    ]
    assert history[0]["changes"]["name"] == {"before": "Ana", "after": "Ana Lima"}
    assert history[0]["changes"].keys() == edit.keys()
    assert history[1]["changes"]["identities"]["after"] == [{"kind": "email", "address": "ana@example.com"}]


async def test_addresses_come_and_go_and_belong_to_one(desk: Desk) -> None:
    agent = await desk.person()
    ana = await made(agent, "Ana", ("email", "ana@example.com"))
    ben = await made(agent, "Ben")
    add, phone = f"/api/customers/{ben}/identities", {"kind": "phone", "address": "+49 30 123456"}
    assert (await agent.client.post(add, phone)).status == 428
    answer = await agent.client.post(add, phone, if_match='"1"')
    assert (answer.status, answer.json()["identities"]) == (200, [{"kind": "phone", "address": "+4930123456"}])
    again = await agent.client.post(add, phone, if_match='"2"')
    assert (again.status, again.json()["version"]) == (200, 2)
    taken = await agent.client.post(add, {"kind": "email", "address": "ANA@example.com"}, if_match="*")
    assert (taken.status, taken.json()["type"]) == (409, "/problems/identity-taken")
    assert taken.json()["customer"] == {"id": ana, "name": "Ana"}
    bad = await agent.client.post(add, {"kind": "phone", "address": "12"}, if_match="*")
    assert (bad.status, bad.json()["type"]) == (422, "/problems/bad-identity")

    target = f"{add}?kind=phone&address=%2B4930%20123456"
    gone = await agent.client.delete(target, if_match='"2"')
    assert (gone.status, gone.json()["identities"], gone.json()["version"]) == (200, [], 3)
    assert (await agent.client.delete(target, if_match="*")).json()["version"] == 3
    causes = [e["cause"] for e in (await agent.client.get(f"/api/customers/{ben}/history")).json()["items"]]
    assert causes == ["identity.removed", "identity.added", "created"]


async def test_of_many_who_give_the_same_address_at_once_one_wins(desk: Desk) -> None:
    agent = await desk.person()
    customers = [await made(agent, f"Customer {number}") for number in range(8)]
    body = {"kind": "email", "address": "wanted@example.com"}

    async def give(customer: str) -> int:
        return (await agent.client.post(f"/api/customers/{customer}/identities", body, if_match="*")).status

    statuses = await asyncio.gather(
        *(give(customer) for customer in customers), desk.take(received("wanted@example.com"))
    )
    assert sorted(status for status in statuses if status is not None) in ([200] + [409] * 7, [409] * 8)
    assert len(await desk.rows("SELECT 1 FROM customer_identities WHERE address = 'wanted@example.com'")) == 1


async def test_other_systems_tell_what_they_know_and_the_newest_counts(desk: Desk) -> None:
    agent = await desk.person()
    customer = await made(agent, "Ana", ("external", "crm:4711"))
    path = f"/api/customers/{customer}/facts/billing"
    new = {"data": {"plan": "pro", "balance": -12.5}, "as_of": "2026-11-02T10:00:00Z"}
    old = {"data": {"plan": "free"}, "as_of": "2026-11-01T10:00:00Z"}
    for body in (new, old, new):
        answer = await agent.client.put(path, body)
        assert (answer.status, answer.json()["data"]) == (200, new["data"]), answer.body
    before = now_utc()
    assert (
        await agent.client.put(f"/api/customers/{customer}/facts/shop", {"data": {"last_order": "A-99"}})
    ).status == 200
    overview = (await agent.client.get(f"/api/customers/{customer}/overview")).json()
    assert [fact["source"] for fact in overview["facts"]] == ["billing", "shop"]
    assert overview["facts"][0]["as_of"] == "2026-11-02T10:00:00Z"
    assert overview["facts"][1]["received_at"] > before.isoformat()[:19]
    for bad in (
        {"data": {"x": "y" * 20_000}},
        {"data": {"a b": 1}},
        {"data": {"a": "\0"}},
        {"data": {str(n): n for n in range(60)}},
        {"data": {}, "as_of": "2999-01-01T00:00:00Z"},
        {"data": []},
    ):
        assert (await agent.client.put(path, bad)).status == 422, bad
    for raw in (
        b'{"data":{"a":NaN}}',
        b'{"data":{"a":[1e999]}}',
        b'{"data":{"a":{"b":"\\ud800"}}}',
    ):
        assert (await agent.client.put(path, raw)).status == 422, raw
    for depth in (150, 300, 600, 900, 5000):
        deep = b'{"data":{"a":' + b"[" * depth + b"]" * depth + b"}}"
        assert (await agent.client.put(path, deep)).status < 500, depth
    for number in range(18):
        await agent.client.put(f"/api/customers/{customer}/facts/s{number}", {"data": {}})
    full = await agent.client.put(f"/api/customers/{customer}/facts/one-more", {"data": {}})
    assert (full.status, full.json()["type"]) == (409, "/problems/too-many-sources")
    assert (await agent.client.delete(path)).status == 204
    assert (await agent.client.delete(path)).status == 404


async def test_an_overview_counts_tickets_by_status(desk: Desk) -> None:
    agent = await desk.person()
    await desk.take(received("ana@example.com"), received("ana@example.com"), received("ben@example.com"))
    ticket = (await desk.rows("SELECT * FROM tickets WHERE requester_email = 'ana@example.com' ORDER BY id"))[0]
    await agent.client.post(f"/api/tickets/{ticket.id}/replies", {"text": "Done.", "status": "solved"})
    overview = (await agent.client.get(f"/api/customers/{ticket.requester_id}/overview")).json()
    assert overview["tickets"]["by_status"] == {
        "new": 1, "open": 0, "pending": 0, "on_hold": 0, "solved": 1, "closed": 0
    }  # fmt: skip
    assert overview["tickets"]["newest"][0]["id"] == str(ticket.id)
    assert len(overview["tickets"]["newest"]) == 2
    assert overview["organisation_tickets"] == overview["facts"] == []


async def test_customers_may_do_nothing_of_this(desk: Desk) -> None:
    ana = await desk.person(Role.CUSTOMER, "ana@example.com")
    agent = await desk.person()
    customer = await made(agent, "Ana", ("email", "ana@example.com"))
    path = f"/api/customers/{customer}"
    for answer in (
        await ana.client.get("/api/customers", identity="ana@example.com"),
        await ana.client.get(path),
        await ana.client.get(f"{path}/overview"),
        await ana.client.get(f"{path}/history"),
        await ana.client.patch(path, {"tier": "gold"}, if_match="*"),
        await ana.client.put(f"{path}/facts/billing", {"data": {}}),
    ):
        assert answer.status == 403, answer.body


async def test_an_account_is_the_customer_who_writes_from_an_international_domain(desk: Desk) -> None:
    ana = await desk.person(Role.CUSTOMER, "Ana@Bücher.example")
    await desk.take(received("ana@xn--bcher-kva.example"))
    assert len((await ana.client.get("/api/tickets")).json()["items"]) == 1
    opened = await ana.client.post("/api/tickets", {"text": "Hello?"})
    assert opened.status == 201, opened.body
    assert len((await ana.client.get("/api/tickets")).json()["items"]) == 2
    assert len(await desk.rows("SELECT 1 FROM customers")) == 1


async def test_a_phone_number_without_a_country_code_is_of_the_region_that_is_set(desk: Desk) -> None:
    agent = await desk.person()
    number: tuple[IdentityKind, str] = ("phone", "030 123456")
    assert (await create(agent, "Ana", number)).status == 422
    desk.app.state.settings = desk.app.state.settings.model_copy(update={"phone_region": "DE"})
    await made(agent, "Ana", number)
    assert await found(agent, identity="+49 30 123456") == await found(agent, identity="030/123456") == ["Ana"]


async def test_a_repeated_creation_makes_one_customer(desk: Desk) -> None:
    agent = await desk.person()
    answers = await asyncio.gather(
        *(agent.client.post("/api/customers", {"name": "Ana"}, idempotency_key="once") for _ in range(3))
    )
    assert len({answer.json()["id"] for answer in answers if answer.status == 201}) == 1
    assert len(await desk.rows("SELECT 1 FROM customers")) == 1
