"""Signing in by a link: it comes by mail, works once, and says nothing of who has an account."""

import asyncio
import json
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from services.gateway import sign_in_links
from shared.db import now_utc
from shared.events.accounts import Role
from tests.asgi import Answer
from tests.integration.gateway.conftest import ADMIN, Gateway


async def ask(gateway: Gateway, email: str = ADMIN) -> Answer:
    return await gateway.browser().post("/api/auth/sign-in-links", {"email": email})


async def send(gateway: Gateway) -> list[dict[str, Any]]:
    """Have the timer run; returns what was asked to be sent since the beginning."""
    async with gateway.database.transaction() as session:
        await sign_in_links.send(session, now_utc(), public_url="https://desk.example/")
    rows = await gateway.rows("SELECT data FROM outbox WHERE type = 'notification.requested.v1' ORDER BY id")
    return [json.loads(row.data) for row in rows]


def token_of(told: dict[str, Any]) -> str:
    url = urlsplit(told["values"]["url"])
    assert url._replace(query="").geturl() == "https://desk.example/sign-in"
    return parse_qs(url.query)["token"][0]


async def redeem(gateway: Gateway, token: str) -> Answer:
    return await gateway.browser().post("/api/auth/sign-in-links/redeem", {"token": token})


async def test_a_link_opens_a_session_once(gateway: Gateway) -> None:
    assert (await ask(gateway, " ADMIN@desk.example ")).status == 202
    [told] = await send(gateway)
    assert (told["kind"], told["to"]["address"]) == ("sign_in", ADMIN)
    client = gateway.browser()
    opened = await client.post("/api/auth/sign-in-links/redeem", {"token": token_of(told)})
    assert opened.status == 200, opened.body
    assert (await client.get("/api/auth/session")).json()["email"] == ADMIN
    assert (await redeem(gateway, token_of(told))).status == 401
    # Nothing that the tables hold opens anything.
    assert await gateway.rows("SELECT id FROM sign_in_links") == []


async def test_asking_says_nothing_of_who_has_an_account(gateway: Gateway) -> None:
    """What is done at once is the same for every address: it is written down, and looked at later."""
    answers = [await ask(gateway, email) for email in (ADMIN, "nobody@desk.example", "not an address")]
    assert {(answer.status, answer.body) for answer in answers} == {(202, answers[0].body)}
    rows = await gateway.rows("SELECT account_id, token_hash FROM sign_in_links")
    assert [tuple(row) for row in rows] == [(None, None)] * 3
    assert await gateway.rows("SELECT id FROM outbox WHERE type = 'notification.requested.v1'") == []
    assert [told["to"]["address"] for told in await send(gateway)] == [ADMIN]


async def test_a_newer_link_takes_the_place_of_the_older(gateway: Gateway) -> None:
    await ask(gateway)
    await send(gateway)
    await ask(gateway)
    first, second = await send(gateway)
    assert (await redeem(gateway, token_of(first))).status == 401
    assert (await redeem(gateway, token_of(second))).status == 200


async def test_two_senders_leave_one_link_that_works(gateway: Gateway) -> None:
    await ask(gateway)
    async with gateway.database.transaction() as session:
        await sign_in_links.send(session, now_utc(), public_url="https://desk.example/")
        await ask(gateway)
        other = asyncio.create_task(send(gateway))
        # It waits, or it is done with what it could not see.
        await asyncio.wait({other}, timeout=0.3)
    told = await other
    assert sorted([(await redeem(gateway, token_of(each))).status for each in told]) == [200, 401]


async def test_of_two_who_use_a_link_at_once_one_is_let_in(gateway: Gateway) -> None:
    await ask(gateway)
    [told] = await send(gateway)
    answers = await asyncio.gather(*(redeem(gateway, token_of(told)) for _ in range(4)))
    assert sorted(answer.status for answer in answers) == [200, 401, 401, 401]


async def test_blank_old_and_made_up_tokens_are_one_answer(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    await ask(gateway)
    [told] = await send(gateway)
    monkeypatch.setattr(sign_in_links, "LIFETIME", timedelta())
    answers = [await redeem(gateway, token) for token in ("", "made up", token_of(told))]
    assert {(answer.status, answer.body) for answer in answers} == {(401, answers[0].body)}


async def test_who_was_closed_or_changed_since_is_not_let_in(gateway: Gateway) -> None:
    closed = await gateway.person(Role.AGENT, "closed@desk.example")
    renewed = await gateway.person(Role.AGENT, "renewed@desk.example")
    for email in ("closed@desk.example", "renewed@desk.example"):
        await ask(gateway, email)
    links = {told["to"]["address"]: token_of(told) for told in await send(gateway)}
    admin = await gateway.signed_in()
    assert (await admin.patch(f"/api/accounts/{closed}", {"active": False}, if_match="*")).status == 200
    changed = await admin.patch(f"/api/accounts/{renewed}", {"password": "another long password"}, if_match="*")
    assert changed.status == 200, changed.body
    assert [(await redeem(gateway, token)).status for token in links.values()] == [401, 401]


async def test_nobodys_mailbox_is_filled(gateway: Gateway) -> None:
    """From wherever they ask: each address of the network may try anew."""
    for number in range(8):
        client = gateway.browser(address=f"203.0.113.{number}")
        assert (await client.post("/api/auth/sign-in-links", {"email": ADMIN})).status == 202
    assert len(await send(gateway)) == 3


async def test_who_asks_too_often_waits(gateway: Gateway) -> None:
    statuses = [(await ask(gateway, "nobody@desk.example")).status for _ in range(7)]
    assert statuses == [202] * 5 + [429] * 2
