"""Views: who sees and changes them, the tickets in them, and how many there are."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from services.tickets.service import views
from shared.auth import Principal
from shared.events.accounts import Role
from shared.ids import uuid7
from tests.integration.events import START
from tests.integration.tickets.harness import Desk, Person, received
from tests.integration.tickets.test_fields import COST, DEVICE, a_ticket, define, patch
from tests.integration.tickets.test_search import ANA, index

PATH = "/api/views"
OPEN = {"field": "status", "is": ["open"]}
ALL: dict[str, Any] = {"all": []}
FROM_THE_START = ["mine", "unassigned", "next_due", "unsolved", "snoozed", "recently_solved"]


def body(name: str = "Mine", conditions: Any = OPEN, **fields: Any) -> dict[str, Any]:
    return {"name": name, "conditions": conditions, **fields}


async def create(person: Person, **fields: Any) -> dict[str, Any]:
    answer = await person.client.post(PATH, body(**fields))
    assert answer.status == 201, answer.body
    assert answer.headers["location"] == f"{PATH}/{answer.json()['id']}"
    return dict(answer.json())


async def names(person: Person) -> list[str]:
    answer = await person.client.get(PATH)
    assert answer.status == 200, answer.body
    return [view["key"] or view["name"] for view in answer.json()["items"]]


async def subjects(person: Person, path: str, **query: Any) -> list[str]:
    answer = await person.client.get(path, **query)
    assert answer.status == 200, answer.body
    return [ticket["subject"] for ticket in answer.json()["items"]]


async def in_group(desk: Desk, group: str) -> Person:
    """An agent whose token says that they are in this group."""
    principal = Principal(uuid7(), Role.AGENT, "Gil", session_id=uuid7(), groups=(group,))
    return Person(principal, "gil@desk.example", desk.callers.client(principal))


async def test_some_are_there_from_the_start_and_show_what_they_say(desk: Desk) -> None:
    agent = await desk.person()
    assert await names(agent) == FROM_THE_START
    await desk.take(
        *(received(f"{name}@example.com", subject=name) for name in ("free", "mine", "asleep", "solved", "old"))
    )
    ids = {row.subject: row.id for row in await desk.rows("SELECT id, subject FROM tickets")}
    assert (await agent.client.post(f"/api/tickets/{ids['mine']}/claim")).status == 200
    async with desk.database.transaction() as session:
        for update in (
            "SET snoozed_until = now() + interval '1 day' WHERE subject = 'asleep'",
            "SET sla_next_due_at = now() + interval '1 hour' WHERE subject IN ('mine', 'asleep')",
            "SET status = 'solved', solved_at = now() - interval '1 day' WHERE subject = 'solved'",
            "SET status = 'closed', solved_at = now() - interval '9 days' WHERE subject = 'old'",
        ):
            await session.execute(text(f"UPDATE tickets {update}"))
    shown = {
        view["key"]: sorted(await subjects(agent, f"{PATH}/{view['id']}/tickets"))
        for view in (await agent.client.get(PATH)).json()["items"]
    }
    assert shown == {
        "mine": ["mine"],
        "unassigned": ["free"],
        "next_due": ["asleep", "mine"],
        "unsolved": ["asleep", "free", "mine"],
        "snoozed": ["asleep"],
        "recently_solved": ["solved"],
    }
    counts = (await agent.client.get(f"{PATH}/counts")).json()["items"]
    assert [(each["count"], each["exactness"]) for each in counts] == [(len(each), "exact") for each in shown.values()]


async def test_views_are_for_those_whom_they_are_shared_with(desk: Desk) -> None:
    lead, agent = await desk.person(Role.SUPERVISOR), await desk.person()
    biller, customer = await in_group(desk, "billing"), await desk.person(Role.CUSTOMER)
    own = await create(agent, name="Own")
    everybodys = await create(lead, name="Everybody's", visibility="everyone")
    of_group = await create(lead, name="Billing's", visibility="groups", groups=["billing"])
    new = {"Own": own, "Everybody's": everybodys, "Billing's": of_group}
    for person, sees in (
        (agent, {"Own", "Everybody's"}),
        (biller, {"Everybody's", "Billing's"}),
        (lead, {"Everybody's", "Billing's"}),
    ):
        assert set(await names(person)) - set(FROM_THE_START) == sees
        for name, view in new.items():
            for path in ("", "/tickets", "/window?offset=0"):
                answer = await person.client.get(f"{PATH}/{view['id']}{path}")
                assert answer.status == (200 if name in sees else 404), (name, path)
            if name not in sees:
                assert (await person.client.put(f"{PATH}/{view['id']}", body(), if_match="*")).status == 404
                assert (await person.client.delete(f"{PATH}/{view['id']}", if_match="*")).status == 404
    for path in ("", f"/{everybodys['id']}/tickets", "/counts"):
        assert (await customer.client.get(PATH + path)).status == 403
    assert (await customer.client.post(f"{PATH}/preview", {"conditions": ALL})).status == 403


async def test_agents_keep_views_of_their_own_alone(desk: Desk) -> None:
    lead, agent = await desk.person(Role.SUPERVISOR), await desk.person()
    shared, own = await create(lead, name="Shared", visibility="everyone"), await create(agent, name="Own")
    assert (await agent.client.post(PATH, body(visibility="everyone"))).status == 403
    path = f"{PATH}/{shared['id']}"
    assert (await agent.client.put(path, body(), if_match="*")).status == 403
    assert (await agent.client.put(path, body(visibility="everyone"), if_match="*")).status == 403
    assert (await agent.client.delete(path, if_match="*")).status == 403
    assert (await agent.client.put(f"{PATH}/{own['id']}", body(visibility="everyone"), if_match="*")).status == 403
    assert (await agent.client.delete(f"{PATH}/{own['id']}", if_match="*")).status == 204
    assert (await lead.client.delete(path, if_match="*")).status == 204
    assert await names(agent) == FROM_THE_START


async def test_a_view_is_changed_at_the_version_that_was_read(desk: Desk) -> None:
    lead = await desk.person(Role.ADMIN)
    (first, *_) = (await lead.client.get(PATH)).json()["items"]
    path = f"{PATH}/{first['id']}"
    read = await lead.client.get(path)
    assert (read.json(), read.headers["etag"]) == (first, '"1"')
    assert (await lead.client.put(path, body())).status == 428
    same_name = body(first["name"], ALL, visibility="everyone", sort="created_at")
    answer = await lead.client.put(path, same_name, if_match='"1"')
    assert (answer.status, answer.headers["etag"], answer.json()["key"]) == (200, '"2"', "mine")
    assert answer.json()["position"] == first["position"]
    assert (await lead.client.put(path, body(), if_match='"1"')).status == 412
    assert (await lead.client.delete(path, if_match='"1"')).status == 412
    # What is named otherwise is no longer what screens have a name for.
    answer = await lead.client.put(path, body("Ours", visibility="everyone", position=45), if_match='"2"')
    assert answer.json()["key"] is None
    assert await names(lead) == ["unassigned", "next_due", "unsolved", "Ours", "snoozed", "recently_solved"]


async def test_of_two_who_change_a_view_at_once_one_is_told(desk: Desk) -> None:
    lead = await desk.person(Role.ADMIN)
    path = f"{PATH}/{(await create(lead, visibility='everyone'))['id']}"
    answers = await asyncio.gather(
        *(lead.client.put(path, body(name, visibility="everyone"), if_match='"1"') for name in "abcdef")
    )
    assert sorted(answer.status for answer in answers) == [200] + [412] * 5


async def test_a_repeated_request_keeps_one_view(desk: Desk) -> None:
    agent = await desk.person()
    first = await agent.client.post(PATH, body("Once"), idempotency_key="once")
    again = await agent.client.post(PATH, body("Once"), idempotency_key="once")
    assert (first.status, again.status, first.json()) == (201, 201, again.json())
    assert await names(agent) == [*FROM_THE_START, "Once"]


async def test_there_are_not_more_views_than_can_be_counted(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(views, "MOST_VIEWS", 2)
    agent, other = await desk.person(), await desk.person()
    for name in ("one", "two"):
        await create(agent, name=name)
    answer = await agent.client.post(PATH, body("three"))
    assert (answer.status, answer.json()["type"]) == (409, "/problems/too-many-views")
    await create(other)


async def test_nor_when_many_are_made_at_once(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(views, "MOST_VIEWS", 3)
    agent = await desk.person()
    answers = await asyncio.gather(*(agent.client.post(PATH, body(str(n))) for n in range(9)))
    assert sorted(answer.status for answer in answers) == [201] * 3 + [409] * 6


@pytest.mark.parametrize(
    ("conditions", "pointer"),
    [
        ({"field": "colour", "is": ["red"]}, "/conditions/field"),
        ({"all": [{"field": "status", "is": ["open"]}, {"field": "due", "gte": "soon"}]}, "/conditions/all/1/gte"),
        ({"field": "status", "is": ["weird"]}, "/conditions"),
        ({"field": "fields.serial", "is": ["x"]}, "/conditions/field"),
        ({"field": "fields.device", "is": ["toaster"]}, "/conditions"),
        ({"field": "text", "matches": "parcel"}, "/conditions/field"),
        ({"status": "open"}, "/conditions"),
    ],
)
async def test_a_condition_that_means_nothing_is_refused_with_its_place(
    desk: Desk, conditions: dict[str, Any], pointer: str
) -> None:
    await define(desk, DEVICE, {"key": "serial", "kind": "text", "labels": {"en": "Serial number"}})
    agent = await desk.person()
    for path, given in ((PATH, body(conditions=conditions)), (f"{PATH}/preview", {"conditions": conditions})):
        answer = await agent.client.post(path, given)
        assert (answer.status, answer.json()["type"]) == (422, "/problems/bad-condition")
        assert answer.json()["pointer"] == pointer


async def test_a_body_that_means_nothing_is_refused(desk: Desk) -> None:
    agent = await desk.person()
    for wrong in (
        {"name": " "},
        {"groups": ["billing"]},
        {"visibility": "groups"},
        {"sort": "subject"},
        {"position": -1},
        {"conditions": []},
        {"colour": "red"},
    ):
        assert (await agent.client.post(PATH, {**body(), **wrong})).status == 422, wrong


@pytest.mark.parametrize("sort", ["updated_at", "-updated_at", "created_at", "-created_at", "sla_due"])
async def test_pages_of_a_view_lead_there_and_back(desk: Desk, sort: str) -> None:
    agent = await desk.person()
    await desk.take(*(received(f"c{n}@example.com", received_at=START + timedelta(minutes=n // 4)) for n in range(23)))
    async with desk.database.transaction() as session:
        await session.execute(
            text("UPDATE tickets SET sla_next_due_at = created_at + interval '1 hour' WHERE number % 3 = 0")
        )
    # A condition that lists have no filter for, so that the pages are found the long way.
    view = await create(agent, conditions={"not": {"field": "tags", "is": ["spam"]}}, sort=sort)
    path, everything = f"{PATH}/{view['id']}/tickets", {"limit": 200}
    whole = (await agent.client.get(path, **everything)).json()
    assert (len(whole["items"]), whole["next_cursor"], whole["previous_cursor"]) == (23, None, None)
    plain = (await agent.client.get("/api/tickets", sort=sort, **everything)).json()
    assert whole["items"] == plain["items"]
    for listed, query in ((path, {}), ("/api/tickets", {"sort": sort})):

        async def page(path: str = listed, **more: Any) -> Any:
            return (await agent.client.get(path, limit=5, **more)).json()

        pages = [await page(**query)]
        while pages[-1]["next_cursor"]:
            pages.append(await page(**query, cursor=pages[-1]["next_cursor"]))
        assert [ticket for page in pages for ticket in page["items"]] == whole["items"]
        back = [pages[-1]]
        while back[-1]["previous_cursor"]:
            back.append(await page(**query, cursor=back[-1]["previous_cursor"]))
        assert [page["items"] for page in back[::-1]] == [page["items"] for page in pages]
        assert all(page["next_cursor"] for page in back[1:])


async def test_a_cursor_of_another_order_is_refused(desk: Desk) -> None:
    agent = await desk.person()
    await desk.take(received(), received("bo@example.com"))
    cursor = (await agent.client.get("/api/tickets", limit=1)).json()["next_cursor"]
    view = await create(agent, conditions=ALL, sort="created_at")
    answer = await agent.client.get(f"{PATH}/{view['id']}/tickets", cursor=cursor)
    assert (answer.status, answer.json()["type"]) == (422, "/problems/bad-cursor")


async def test_windows_are_parts_of_the_same_list(desk: Desk) -> None:
    agent, ana = await desk.person(), await desk.person(Role.CUSTOMER, "c1@example.com")
    await desk.take(*(received(f"c{n}@example.com", subject=f"{n}", received_at=START) for n in range(12)))
    for conditions, query in (
        ({"field": "status", "is": ["new"]}, {"status": "new", "sort": "created_at"}),
        ({"not": {"field": "tags", "is": ["spam"]}}, {"where": "-tags:spam", "sort": "created_at"}),
    ):
        view = await create(agent, conditions=conditions, sort="created_at")
        whole = await subjects(agent, "/api/tickets", **query)
        for window, given in (("/api/tickets/window", query), (f"{PATH}/{view['id']}/window", {})):
            answer = (await agent.client.get(window, offset=5, limit=3, **given)).json()
            assert [ticket["subject"] for ticket in answer["items"]] == whole[5:8]
            assert (answer["offset"], answer["total"]) == (5, {"count": 12, "exactness": "exact"})
            assert (await agent.client.get(window, offset=12, **given)).json()["items"] == []
            assert (await agent.client.get(window, offset=100_000, **given)).status == 422
    mine = (await ana.client.get("/api/tickets/window", offset=0)).json()
    assert [ticket["subject"] for ticket in mine["items"]] == ["1"]
    assert mine["total"]["count"] == 1


async def test_a_preview_shows_and_counts_what_a_view_would_have(desk: Desk) -> None:
    agent = await desk.person()
    await desk.take(*(received(f"c{n}@example.com", subject=f"{n}", received_at=START) for n in range(5)))
    given = {"conditions": {"any": [{"field": "status", "is": ["new"]}, {"field": "tags", "is": ["vip"]}]}}
    answer = (await agent.client.post(f"{PATH}/preview?limit=2", given)).json()
    assert (len(answer["items"]), answer["total"]) == (2, {"count": 5, "exactness": "exact"})
    path = f"{PATH}/preview?limit=9&cursor={answer['next_cursor']}"
    rest = (await agent.client.post(path, given)).json()
    assert len(rest["items"]) == 3
    assert rest["previous_cursor"]
    assert await names(agent) == FROM_THE_START


async def test_what_is_kept_of_the_organisations_own_is_listed_viewed_and_searched_by(desk: Desk) -> None:
    flag = {"key": "insured", "kind": "flag", "labels": {"en": "Insured"}, "filterable": True}
    day = {"key": "delivery", "kind": "date", "labels": {"en": "Delivery"}, "filterable": True}
    serial = {"key": "serial", "kind": "text", "labels": {"en": "Serial"}, "filterable": True}
    hidden = {"key": "hidden", "kind": "text", "labels": {"en": "Hidden"}}
    await define(desk, DEVICE, COST, flag, day, serial, hidden)
    agent, ana = await desk.person(), await desk.person(Role.CUSTOMER, "ana@example.com")
    values = {
        "device": "printer/laser",
        "cost": {"amount": "12.50", "currency": "EUR"},
        "insured": True,
        "delivery": "2026-03-04",
        "serial": "Ab 1",
        "hidden": "x",
    }
    first = await a_ticket(desk)
    assert (await patch(agent, first, subject="first", fields=values)).status == 200
    second = await a_ticket(desk)
    assert (await patch(agent, second, subject="second", fields={"device": "phone"})).status == 200
    for line, found in {
        "fields.device:printer/laser": ["first"],
        "fields.device:phone,printer": ["second"],
        "fields.cost>10": ["first"],
        "fields.cost>12.5": [],
        "fields.cost:12.50": ["first"],
        "fields.cost:none": ["second"],
        "-fields.cost>10": ["second"],
        "fields.insured:true": ["first"],
        "fields.delivery:2026-03-04": ["first"],
        "fields.delivery<2026-03-04": [],
        "fields.delivery<=2026-03-04": ["first"],
        "fields.serial:ab": ["first"],
        "fields.device:phone OR fields.cost>10": ["first", "second"],
    }.items():
        assert sorted(await subjects(agent, "/api/tickets", where=line)) == found, line
    tree = {"field": "fields.serial", "is": ["Ab 1"]}
    view = await create(agent, conditions=tree)
    assert await subjects(agent, f"{PATH}/{view['id']}/tickets") == ["first"]
    view = await create(agent, conditions={**tree, "is": ["ab 1"]})
    assert await subjects(agent, f"{PATH}/{view['id']}/tickets") == []
    for person, line in (
        (agent, "fields.device:toaster"),
        (agent, "fields.hidden:x"),
        (agent, "fields.cost:much"),
        (agent, "parcel"),
        (ana, "fields.cost>10"),
    ):
        answer = await person.client.get("/api/tickets", where=line)
        assert (answer.status, answer.json()["type"]) == (422, "/problems/bad-search"), line
    assert (await agent.client.get("/api/tickets/search", q="fields.device:toaster")).status == 422
    assert (await agent.client.get("/api/tickets/search", q="fields.device:phone")).status == 200


async def test_lists_are_narrowed_by_tag_brand_type_and_own_status(desk: Desk) -> None:
    agent, ana = await desk.person(), await desk.person(Role.CUSTOMER, "ana@example.com")
    await desk.take(*(received(f"c{n}@example.com", subject=f"{n}") for n in range(3)))
    for name, fields in {"0": {"tags": ["vip"], "type": "incident"}, "1": {"tags": ["late", "vip"]}}.items():
        ticket_id = (await desk.one("SELECT id FROM tickets WHERE subject = :name", name=name)).id
        assert (await patch(agent, f"/api/tickets/{ticket_id}", **fields)).status == 200
    for query, found in (
        ({"tag": "vip"}, ["0", "1"]),
        ({"tag": ["late", "other"]}, ["1"]),
        ({"type": "incident"}, ["0"]),
        ({"type": "question", "tag": "vip"}, ["1"]),
        ({"brand": "default"}, ["0", "1", "2"]),
        ({"brand": "other"}, []),
        ({"tag": "none"}, []),
        ({"group": "none"}, []),
        ({"status_key": "new"}, ["0", "1", "2"]),
        ({"status_key": "open"}, []),
    ):
        assert sorted(await subjects(agent, "/api/tickets", **query)) == found, query
    answer = await agent.client.get("/api/tickets", status_key="parts")
    assert (answer.status, answer.json()["type"]) == (422, "/problems/unknown-status")
    assert (await ana.client.get("/api/tickets", tag="vip")).status == 403


async def test_parts_of_subjects_are_found_at_once_and_long_after(desk: Desk) -> None:
    """By an index that the worker writes; what is newer than that is looked at itself."""
    agent = await desk.person()
    path = f"{PATH}/{(await create(agent, conditions={'field': 'subject', 'contains': 'EN lÄM'}))['id']}/tickets"
    await desk.take(received(ANA, subject="Broken Lämp"), received("bob@example.com", subject="Golden lamp"))

    async def found(changed: str) -> list[str]:
        async with desk.database.transaction() as session:
            await session.execute(text(f"UPDATE tickets SET updated_at = now() - interval '{changed}'"))
        return await subjects(agent, path)

    assert await found("1 minute") == ["Broken Lämp"]
    await index(desk)
    assert await found("1 day") == ["Broken Lämp"]
    ids = {row.subject: row.id for row in await desk.rows("SELECT id, subject FROM tickets")}
    for old, new in (("Broken Lämp", "It works"), ("Golden lamp", "Golden lämp")):
        assert (await agent.client.patch(f"/api/tickets/{ids[old]}", {"subject": new}, if_match="*")).status == 200
    assert await found("1 minute") == ["Golden lämp"]
    await index(desk)
    assert await found("1 day") == ["Golden lämp"]
