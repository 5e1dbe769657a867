"""Who follows a ticket, and whom a note mentions."""

import json
from typing import Any
from uuid import uuid4

from shared.events.accounts import Role
from tests.integration.tickets.harness import Desk, Person, received


async def a_ticket_path(desk: Desk) -> str:
    await desk.take(received())
    ticket = await desk.one("SELECT id FROM tickets ORDER BY number DESC LIMIT 1")
    return f"/api/tickets/{ticket.id}"


def by_name(*people: Person) -> list[dict[str, Any]]:
    return [{"id": str(person.principal.account_id), "name": person.principal.name} for person in people]


async def told(desk: Desk) -> list[list[str]]:
    """The followers that events told of."""
    rows = await desk.rows("SELECT data FROM outbox WHERE type = 'ticket.followers_changed.v1' ORDER BY id")
    return [json.loads(row.data)["followers"] for row in rows]


async def test_agents_follow_a_ticket_and_let_others_follow(desk: Desk) -> None:
    ada, ben, path = await desk.person(name="Ada"), await desk.person(name="Ben"), await a_ticket_path(desk)
    assert (await ada.client.get(path)).json()["followers"] == []
    first = await ada.client.put(f"{path}/followers/me")
    assert (first.status, first.json()["items"]) == (200, by_name(ada))
    await ada.client.put(f"{path}/followers/{ben.principal.account_id}")
    await ada.client.put(f"{path}/followers/{ben.principal.account_id}")
    ticket = await ada.client.get(path)
    assert (ticket.json()["followers"], ticket.headers["etag"]) == (by_name(ada, ben), '"1"')
    gone = await ada.client.delete(f"{path}/followers/me")
    assert (gone.status, gone.json()["items"]) == (200, by_name(ben))
    assert (await ada.client.delete(f"{path}/followers/me")).json()["items"] == by_name(ben)
    history = (await ada.client.get(f"{path}/history")).json()["items"]
    assert [entry["cause"] for entry in history] == ["unfollow", "follow", "follow", "message.received"]
    assert history[1]["changes"] == {"follower": {"before": None, "after": str(ben.principal.account_id)}}
    assert await desk.event_types() == ["ticket.created.v1"] + ["ticket.followers_changed.v1"] * 3
    # What changed nothing is no news, and each tells of all.
    assert await told(desk) == [[person["id"] for person in by_name(*who)] for who in ([ada], [ada, ben], [ben])]


async def test_only_active_agents_follow_and_are_mentioned(desk: Desk) -> None:
    agent, path = await desk.person(), await a_ticket_path(desk)
    gone, customer = await desk.person(active=False), await desk.person(Role.CUSTOMER)
    for nobody in (gone.principal.account_id, customer.principal.account_id, uuid4()):
        answer = await agent.client.put(f"{path}/followers/{nobody}")
        assert (answer.status, answer.json()["type"]) == (422, "/problems/not-an-agent")
        mention = {"text": "@you", "mentions": [str(agent.principal.account_id), str(nobody)]}
        answer = await agent.client.post(f"{path}/notes", mention)
        assert (answer.status, answer.json()["account_ids"]) == (422, [str(nobody)])
    assert (await agent.client.get(path)).json()["followers"] == []
    assert (await agent.client.put(f"/api/tickets/{uuid4()}/followers/me")).status == 404


async def test_whom_a_note_mentions_is_kept_told_and_follows(desk: Desk) -> None:
    ada, ben, path = await desk.person(name="Ada"), await desk.person(name="Ben"), await a_ticket_path(desk)
    ids = [str(ben.principal.account_id)] * 2
    note = await ada.client.post(f"{path}/notes", {"text": "@Ben look", "mentions": ids})
    assert note.status == 201
    assert note.json()["message"]["mentions"] == by_name(ben)
    assert note.json()["ticket"]["followers"] == by_name(ben)
    page = (await ada.client.get(f"{path}/messages")).json()["items"]
    assert [message["mentions"] for message in page] == [[], by_name(ben)]
    added = await desk.one("SELECT data FROM outbox WHERE type = 'ticket.message_added.v1'")
    assert json.loads(added.data)["mentions"] == [str(ben.principal.account_id)]
    # Of who follows already nothing is told.
    assert (await ada.client.post(f"{path}/notes", {"text": "@Ben again", "mentions": ids})).status == 201
    assert await told(desk) == [[str(ben.principal.account_id)]]
    many = {"text": "all", "mentions": [str(uuid4()) for _ in range(51)]}
    assert (await ada.client.post(f"{path}/notes", many)).status == 422
    assert (await ada.client.post(f"{path}/replies", {"text": "all", "mentions": ids})).status == 422


async def test_who_follows_a_merged_ticket_follows_the_one_it_goes_on_in(desk: Desk) -> None:
    """The bell told them that theirs was closed, and nothing of it any more."""
    ada, ben, cara = [await desk.person(name=name) for name in ("Ada", "Ben", "Cara")]
    target, *sources = [await a_ticket_path(desk) for _ in range(3)]
    for person, followed in ((ada, (target, sources[0])), (ben, sources), (cara, sources[1:])):
        for path in followed:
            assert (await person.client.put(f"{path}/followers/me")).status == 200
    before = len(await told(desk))
    body = {"sources": [path[-36:] for path in sources], "across_customers": True}
    merged = await ada.client.post(f"{target}/merges", body)
    assert merged.status == 200, merged.body
    everybody = by_name(ada) + sorted(by_name(ben, cara), key=lambda person: str(person["id"]))
    assert merged.json()["followers"] == everybody
    assert (await told(desk))[before:] == [[person["id"] for person in everybody]]
    # Taken back, they follow both.
    undone = await ada.client.delete(f"{target}/merges/{sources[0][-36:]}")
    assert undone.status == 200, undone.body
    assert (await ada.client.get(target)).json()["followers"] == everybody
    assert (await ada.client.get(sources[0])).json()["followers"] == by_name(ada, ben)
    # Merged again it brings nobody who is not there, and nothing is told.
    merged = await ada.client.post(f"{target}/merges", {"sources": [sources[0][-36:]], "across_customers": True})
    assert (merged.status, len(await told(desk))) == (200, before + 1)


async def test_a_customer_does_not_see_who_follows(desk: Desk) -> None:
    agent, path = await desk.person(), await a_ticket_path(desk)
    await agent.client.put(f"{path}/followers/me")
    customer = await desk.person(Role.CUSTOMER, "ana@example.com")
    assert (await customer.client.get(path)).json()["followers"] == []
    for method, below in (("PUT", "followers/me"), ("GET", "draft"), ("GET", "scheduled")):
        assert (await customer.client.request(method, f"{path}/{below}")).status == 403
