"""Replies that agents format: kept clean beside the text that is made from them, and told to who sends them."""

from datetime import timedelta
from typing import Any

from services.tickets.service import scheduled
from shared.db import now_utc
from shared.events.accounts import Role
from tests.integration.tickets.harness import Desk, received

HTML = "<p onclick='x()'>Use <b>water</b>.</p><script>alert(1)</script>"
CLEAN = "<p>Use <b>water</b>.</p>"


async def a_path(desk: Desk) -> str:
    await desk.take(received())
    ticket = await desk.one("SELECT id FROM tickets ORDER BY number DESC LIMIT 1")
    return f"/api/tickets/{ticket.id}"


async def added(desk: Desk) -> Any:
    row = await desk.one("SELECT data::jsonb AS data FROM outbox WHERE type = 'ticket.message_added.v1'")
    return row.data


async def test_a_formatted_reply_is_kept_clean_and_told(desk: Desk) -> None:
    agent, path = await desk.person(), await a_path(desk)
    answer = await agent.client.post(f"{path}/replies", {"html": HTML})
    message = answer.json()["message"]
    assert (answer.status, message["html"], message["text"]) == (201, CLEAN, "Use water.")
    event = await added(desk)
    assert (event["html"], event["message"]["text"]) == (CLEAN, "Use water.")
    customer = await desk.person(Role.CUSTOMER, "ana@example.com")
    thread = (await customer.client.get(f"{path}/messages")).json()["items"]
    assert [message["html"] for message in thread] == [None, CLEAN]
    assert (await customer.client.post(f"{path}/replies", {"html": HTML})).status == 403


async def test_it_is_formatted_still_when_it_leaves_later_or_is_taken_back(desk: Desk) -> None:
    agent, path = await desk.person(), await a_path(desk)
    kept = await agent.client.post(f"{path}/replies", {"html": HTML, "undo_seconds": 60})
    assert (kept.json()["html"], kept.json()["text"]) == (CLEAN, "Use water.")
    await agent.client.delete(kept.headers["location"])
    draft = await agent.client.get(f"{path}/draft")
    assert draft.json()["draft"]["html"] == CLEAN
    again = {"kind": "reply", "text": "Use oil.", "html": "<p>Use <i>oil</i>.<img src=x></p>", "thread_version": 1}
    written = await agent.client.put(f"{path}/draft", again, if_match=draft.headers["etag"])
    assert written.json()["draft"]["html"] == "<p>Use <i>oil</i>.</p>"
    kept = await agent.client.post(f"{path}/replies", {"html": HTML, "undo_seconds": 60})
    async with desk.database.transaction() as session:
        assert await scheduled.release_due(session, now=now_utc() + timedelta(hours=1)) == 1
    assert (await added(desk))["html"] == CLEAN
    settled = (await agent.client.get(kept.headers["location"])).json()
    assert (settled["state"], settled["html"]) == ("released", None)
