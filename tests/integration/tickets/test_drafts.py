"""What agents have begun to write is kept on the server."""

import asyncio
from typing import Any
from uuid import uuid4

from tests.integration.tickets.harness import Desk, Person, received


async def a_draft_path(desk: Desk) -> str:
    await desk.take(received())
    ticket = await desk.one("SELECT id FROM tickets ORDER BY number DESC LIMIT 1")
    return f"/api/tickets/{ticket.id}/draft"


def body(text: str = "Hello", kind: str = "reply", thread_version: int = 1) -> dict[str, Any]:
    return {"kind": kind, "text": text, "thread_version": thread_version}


async def test_a_draft_is_kept_under_the_version_it_rests_on(desk: Desk) -> None:
    agent, path = await desk.person(), await a_draft_path(desk)
    none = await agent.client.get(path)
    assert (none.status, none.headers["etag"], none.json()) == (200, '"0"', {"draft": None, "others": []})
    assert (await agent.client.put(path, body())).status == 428
    first = await agent.client.put(path, body(), if_match=none.headers["etag"])
    assert first.status == 200
    second = await agent.client.put(path, body("Hello Ana"), if_match=first.headers["etag"])
    assert second.status == 200
    for old in (none, first):
        stale = await agent.client.put(path, body("from another tab"), if_match=old.headers["etag"])
        assert (stale.status, stale.json()["version"]) == (412, int(second.headers["etag"].strip('"')))
    read = await agent.client.get(path)
    assert (read.json()["draft"]["text"], read.headers["etag"]) == ("Hello Ana", second.headers["etag"])
    assert (await agent.client.put(path, body("Whatever it was"), if_match="*")).json()["draft"]["kind"] == "reply"


async def test_a_draft_is_thrown_away_by_who_saw_it(desk: Desk) -> None:
    agent, path = await desk.person(), await a_draft_path(desk)
    first = await agent.client.put(path, body(), if_match='"0"')
    second = await agent.client.put(path, body("More"), if_match=first.headers["etag"])
    assert (await agent.client.delete(path, if_match=first.headers["etag"])).status == 412
    assert (await agent.client.delete(path, if_match=second.headers["etag"])).status == 204
    assert (await agent.client.get(path)).json()["draft"] is None
    assert (await agent.client.delete(path, if_match="*")).status == 204
    assert (await agent.client.delete(path, if_match=second.headers["etag"])).status == 412


async def test_sending_ends_a_draft_for_good(desk: Desk) -> None:
    """A tab that still had the draft open would bring back what was sent, as if it were not."""
    agent, path = await desk.person(), await a_draft_path(desk)
    thread = path.removesuffix("/draft")
    kept = await agent.client.put(path, body("Use water."), if_match='"0"')
    await agent.client.post(f"{thread}/notes", {"text": "A note leaves the draft of a reply alone."})
    assert (await agent.client.get(path)).json()["draft"]["text"] == "Use water."
    assert (await agent.client.post(f"{thread}/replies", {"text": "Use water."})).status == 201
    assert (await agent.client.get(path)).json()["draft"] is None
    assert (await agent.client.put(path, body("Use water!"), if_match=kept.headers["etag"])).status == 412
    again = await agent.client.put(path, body("One more thing"), if_match='"0"')
    assert again.headers["etag"] != kept.headers["etag"]
    noted = await agent.client.put(path, body("Grumpy", "note"), if_match=again.headers["etag"])
    assert (noted.status, noted.json()["draft"]["kind"]) == (200, "note")
    await agent.client.post(f"{thread}/notes", {"text": "Grumpy"})
    assert (await agent.client.get(path)).json()["draft"] is None


async def test_who_else_writes_is_seen_by_name_and_nothing_more(desk: Desk) -> None:
    ada, ben, path = await desk.person(name="Ada"), await desk.person(name="Ben"), await a_draft_path(desk)
    await ada.client.put(path, body("my secret"), if_match='"0"')
    seen = await ben.client.get(path)
    assert seen.json() == {"draft": None, "others": [{"id": str(ada.principal.account_id), "name": "Ada"}]}
    kept = await ben.client.put(path, body(""), if_match='"0"')
    assert kept.json()["others"][0]["name"] == "Ada"
    assert (await ada.client.get(path)).json()["others"] == [], "an empty draft is no reason to warn"
    await ben.client.put(path, {**body(""), "attachment_ids": [str(uuid4())]}, if_match="*")
    assert [each["name"] for each in (await ada.client.get(path)).json()["others"]] == ["Ben"], "files alone are one"


async def test_a_draft_belongs_to_a_ticket_and_to_what_was_read_of_it(desk: Desk) -> None:
    agent, path = await desk.person(), await a_draft_path(desk)
    assert (await agent.client.put(path, body(thread_version=2), if_match='"0"')).status == 422
    nowhere = f"/api/tickets/{uuid4()}/draft"
    for answer in (
        await agent.client.get(nowhere),
        await agent.client.put(nowhere, body(), if_match='"0"'),
        await agent.client.delete(nowhere, if_match="*"),
    ):
        assert answer.status == 404
    for wrong in (body("a\x00b"), body("é" * 40_000), body(kind="system"), {**body(), "account_id": str(uuid4())}):
        assert (await agent.client.put(path, wrong, if_match='"0"')).status == 422


async def test_of_many_who_write_on_one_draft_one_wins(desk: Desk) -> None:
    agent, path = await desk.person(), await a_draft_path(desk)

    async def keep(tab: int, version: str, agent: Person = agent) -> int:
        return (await agent.client.put(path, body(f"by {tab}"), if_match=version)).status

    for _ in range(5):
        version = (await agent.client.get(path)).headers["etag"]
        assert sorted(await asyncio.gather(*(keep(tab, version) for tab in range(6)))) == [200] + [412] * 5
