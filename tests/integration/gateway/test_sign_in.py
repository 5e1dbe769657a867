"""Signing in, staying signed in, and being thrown out."""

import asyncio
from datetime import timedelta

import pytest

from services.gateway import service
from shared.db import now_utc
from shared.events.accounts import Role
from tests.asgi import Client
from tests.integration.gateway.conftest import ADMIN, PASSWORD, Gateway


async def test_a_session_opens_and_tells_who_is_signed_in(gateway: Gateway) -> None:
    client = gateway.browser()
    answer = await client.post("/api/auth/sign-in", {"email": " ADMIN@desk.example ", "password": PASSWORD})
    assert answer.status == 200
    session = await client.get("/api/auth/session")
    assert session.status == 200
    assert session.json() == answer.json()
    assert session.json()["email"] == ADMIN
    assert session.json()["role"] == "admin"


async def test_cookies_are_out_of_reach_of_scripts_and_other_sites(gateway: Gateway) -> None:
    client = gateway.browser()
    answer = await client.post("/api/auth/sign-in", {"email": ADMIN, "password": PASSWORD})
    access, refresh = answer.cookies["desk_access"], answer.cookies["desk_refresh"]
    assert access["httponly"]
    assert refresh["httponly"]
    assert access["path"] == "/api"
    assert refresh["path"] == "/api/auth"
    assert access["samesite"] == "lax"
    assert refresh["samesite"] == "strict"
    assert answer.headers["cache-control"] == "no-store"
    assert PASSWORD.encode() not in answer.body


async def test_unknown_address_closed_account_and_wrong_password_are_one_answer(gateway: Gateway) -> None:
    closed = await gateway.person(Role.AGENT, "closed@desk.example")
    admin = await gateway.signed_in()
    assert (await admin.patch(f"/api/accounts/{closed}", {"active": False}, if_match="*")).status == 200
    bodies = set()
    for email, password in (
        ("nobody@desk.example", PASSWORD),
        ("closed@desk.example", PASSWORD),
        (ADMIN, "wrong password"),
        ("not an address", PASSWORD),
    ):
        answer = await gateway.browser().post("/api/auth/sign-in", {"email": email, "password": password})
        assert answer.status == 401
        assert "set-cookie" not in answer.headers
        bodies.add(answer.body)
    assert len(bodies) == 1


async def test_an_unknown_address_costs_a_hash_like_a_known_one(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise the time of the answer tells which addresses exist."""
    verified: list[str | None] = []
    passwords = gateway.app.state.parts.passwords
    real = type(passwords).verify

    async def spy(self: object, password_hash: str | None, password: str) -> bool:
        verified.append(password_hash)
        return bool(await real(passwords, password_hash, password))

    monkeypatch.setattr(type(passwords), "verify", spy)
    await gateway.browser().post("/api/auth/sign-in", {"email": "nobody@desk.example", "password": PASSWORD})
    await gateway.browser().post("/api/auth/sign-in", {"email": ADMIN, "password": "wrong password"})
    assert len(verified) == 2
    assert verified[0] is None
    assert verified[1] is not None


async def test_guessing_is_slowed_down_for_the_stranger_only(gateway: Gateway) -> None:
    stranger = gateway.browser(address="127.0.0.1")
    statuses = [
        (
            await stranger.post(
                "/api/auth/sign-in", {"email": ADMIN, "password": f"wrong {n}"}, x_real_ip="203.0.113.7"
            )
        ).status
        for n in range(6)
    ]
    assert statuses == [401] * 5 + [429]
    right = await stranger.post("/api/auth/sign-in", {"email": ADMIN, "password": PASSWORD}, x_real_ip="203.0.113.7")
    assert right.status == 429
    assert int(right.headers["retry-after"]) > 0
    owner = await gateway.browser().post(
        "/api/auth/sign-in", {"email": ADMIN, "password": PASSWORD}, x_real_ip="198.51.100.4"
    )
    assert owner.status == 200


async def test_headers_of_strangers_do_not_buy_more_tries(gateway: Gateway) -> None:
    """Rotating X-Forwarded-For was enough to guess without limit in many desks; X-Real-IP counts from the edge only."""
    stranger = gateway.browser(address="203.0.113.9")
    statuses = [
        (
            await stranger.post(
                "/api/auth/sign-in",
                {"email": ADMIN, "password": "wrong"},
                x_forwarded_for=f"10.0.0.{n}",
                x_real_ip=f"10.0.1.{n}",
                forwarded=f"for=10.0.2.{n}",
            )
        ).status
        for n in range(6)
    ]
    assert statuses[-1] == 429


async def test_signing_in_gives_the_tries_back(gateway: Gateway) -> None:
    for _ in range(3):
        for _ in range(3):
            await gateway.browser().post("/api/auth/sign-in", {"email": ADMIN, "password": "wrong"})
        await gateway.signed_in()


async def test_refreshing_rotates_both_cookies(gateway: Gateway) -> None:
    client = await gateway.signed_in()
    before = dict(client.cookies)
    assert (await client.post("/api/auth/refresh")).status == 200
    assert client.cookies["desk_access"] != before["desk_access"]
    assert client.cookies["desk_refresh"] != before["desk_refresh"]
    assert (await client.get("/api/auth/session")).status == 200


async def test_two_tabs_may_refresh_at_once(gateway: Gateway) -> None:
    client = await gateway.signed_in()
    tabs = [gateway.browser(cookies=dict(client.cookies)) for _ in range(2)]
    answers = await asyncio.gather(*(tab.post("/api/auth/refresh") for tab in tabs))
    assert [answer.status for answer in answers] == [200, 200]
    assert [(await tab.post("/api/auth/refresh")).status for tab in tabs] == [200, 200]


async def test_a_refresh_token_that_comes_back_late_ends_its_session(gateway: Gateway) -> None:
    client = await gateway.signed_in()
    thief = gateway.browser(cookies=dict(client.cookies))
    assert (await client.post("/api/auth/refresh")).status == 200
    async with gateway.database.transaction() as session:
        connection = await session.connection()
        await connection.exec_driver_sql("UPDATE refresh_tokens SET used_at = used_at - interval '1 minute'")
    assert (await thief.post("/api/auth/refresh")).status == 401
    # The owner's newer token is dead too, and so is the access token that is out.
    assert (await client.post("/api/auth/refresh")).status == 401
    await gateway.fresh_revocations()
    assert (await client.get("/api/auth/session")).status == 401


async def test_signing_out_ends_the_session_everywhere(gateway: Gateway) -> None:
    client = await gateway.signed_in()
    kept = dict(client.cookies)
    assert (await client.post("/api/auth/sign-out")).status == 204
    assert client.cookies == {}
    thief = gateway.browser(cookies=kept)
    await gateway.fresh_revocations()
    assert (await thief.get("/api/auth/session")).status == 401
    assert (await thief.post("/api/auth/refresh")).status == 401
    types = [row.type for row in await gateway.rows("SELECT type FROM outbox ORDER BY id")]
    assert types[-1] == "access.revoked.v1"


async def test_signing_out_without_a_session_is_fine(gateway: Gateway) -> None:
    assert (await gateway.browser().post("/api/auth/sign-out")).status == 204


async def test_another_page_signs_nobody_out(gateway: Gateway) -> None:
    """`SameSite` keeps the refresh cookie back, so the check was skipped, and the answer took both cookies."""
    answer = await Client(gateway.app).post("/api/auth/sign-out", origin="https://evil.example")
    assert answer.status == 403
    assert answer.cookies == {}


async def test_a_session_does_not_outlive_its_time(gateway: Gateway) -> None:
    client = await gateway.signed_in()
    async with gateway.database.transaction() as session:
        connection = await session.connection()
        await connection.exec_driver_sql("UPDATE sessions SET expires_at = now()")
    assert (await client.post("/api/auth/refresh")).status == 401


async def test_a_password_changed_while_it_was_verified_opens_nothing(gateway: Gateway) -> None:
    account = (await gateway.rows("SELECT id FROM accounts"))[0].id
    async with gateway.database.transaction() as session:
        opened = await service.open_session(session, account, "another hash", address="x", now=now_utc())
    assert opened is None


async def test_passwords_and_tokens_are_stored_as_hashes_only(gateway: Gateway) -> None:
    client = await gateway.signed_in()
    (account,) = await gateway.rows("SELECT password_hash FROM accounts")
    assert account.password_hash.startswith("$argon2id$")
    tokens = await gateway.rows("SELECT token_hash FROM refresh_tokens")
    assert all(len(row.token_hash) == 32 for row in tokens)
    assert client.cookies["desk_refresh"].encode() not in {row.token_hash for row in tokens}


async def test_the_signing_key_is_sealed_and_published(gateway: Gateway) -> None:
    (key,) = await gateway.rows("SELECT * FROM signing_keys")
    assert key.encrypted
    assert len(key.private_key) == 12 + 32 + 16
    (event,) = await gateway.rows("SELECT * FROM outbox WHERE type = 'signing_key.published.v1'")
    assert event.aggregate_id == key.kid
    assert "private" not in event.data


async def test_cookies_alone_change_nothing(gateway: Gateway) -> None:
    signed_in = await gateway.signed_in()
    body = {"email": "eve@desk.example", "name": "Eve", "role": "admin"}
    ours = "http://127.0.0.1:8080"
    for headers in (
        {},
        {"x_desk_csrf": "1"},
        {"x_desk_csrf": "1", "origin": "https://evil.example"},
        {"x_desk_csrf": "1", "origin": "null"},
        {"x_desk_csrf": "1", "sec_fetch_site": "cross-site"},
        {"x_desk_csrf": "1", "sec_fetch_site": "same-site"},
        {"x_desk_csrf": "0", "origin": ours},
        {"origin": ours, "sec_fetch_site": "same-origin"},
        {"x_desk_csrf": "1", "origin": f"{ours}.evil.example"},
        {"x_desk_csrf": "1", "origin": ours, "sec_fetch_site": "cross-site"},
    ):
        for path in ("/api/auth/refresh", "/api/auth/sign-out", "/api/accounts"):
            page = Client(gateway.app, cookies=dict(signed_in.cookies))
            answer = await page.post(path, body, **headers)
            assert answer.status == 403, (path, headers)
            assert answer.json()["type"] == "/problems/cross-site-request"
    assert (await signed_in.post("/api/auth/refresh")).status == 200


async def test_json_sent_as_text_is_refused(gateway: Gateway) -> None:
    """A form of another site can send text/plain without asking first."""
    answer = await gateway.browser().request(
        "POST",
        "/api/auth/sign-in",
        body=b'{"email": "admin@desk.example", "password": "correct horse battery"}',
        headers={"content_type": "text/plain"},
    )
    assert answer.status == 422
    assert b"correct horse" not in answer.body


async def test_an_expired_token_is_refused(gateway: Gateway) -> None:
    client = await gateway.bearer(Role.AGENT, lifetime=timedelta(seconds=-1))
    assert (await client.get("/api/accounts")).status == 401
