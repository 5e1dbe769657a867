"""The verifier when its database is slow, stalls, or is gone."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import text

from shared.auth import Principal, TokenVerifier, Unauthenticated, verifier
from shared.auth.tables import keep_keys, keep_revocations
from shared.auth.tokens import encode_public_key, sign
from shared.db import Database, now_utc
from shared.events.accounts import AccessRevoked, Role, SigningKeyPublished
from shared.ids import uuid7

MakeDatabase = Callable[..., Awaitable[Database]]

KEY = Ed25519PrivateKey.generate()
PRINCIPAL = Principal(uuid7(), Role.AGENT, "Ada", session_id=uuid7())


def token(principal: Principal = PRINCIPAL, lifetime: timedelta = timedelta(minutes=5)) -> str:
    return sign(principal, key=KEY, kid="k1", now=now_utc(), lifetime=lifetime)


async def publish(database: Database) -> None:
    published = SigningKeyPublished(kid="k1", public_key=encode_public_key(KEY.public_key()), not_before=now_utc())
    async with database.transaction() as session:
        await keep_keys(session, [published])


async def test_requests_share_one_reading_and_its_failure(
    make_database: MakeDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each request used to wait in turn for a reading of its own: 20 requests waited 20 times as long as one."""
    monkeypatch.setattr(verifier, "READING_LIMIT", timedelta(seconds=0.5))
    monkeypatch.setattr(verifier, "FAILURE_HOLDS", timedelta(hours=1))
    database = await make_database("knowledge")
    await publish(database)
    subject = TokenVerifier(database)
    readings = 0
    real = subject._read

    async def counted() -> None:
        nonlocal readings
        readings += 1
        await real()

    monkeypatch.setattr(subject, "_read", counted)
    async with database.transaction() as blocker:
        await blocker.execute(text("LOCK TABLE auth_keys"))
        waiting = [subject.verify(token(), now_utc()) for _ in range(20)]
        failures = await asyncio.gather(*waiting, return_exceptions=True)
        assert {type(failure) for failure in failures} == {TimeoutError}
        await subject.close()
        # Who comes right after the failure does not wait for another one.
        with pytest.raises(TimeoutError):
            await subject.verify(token(), now_utc())
    assert readings == 1
    # After a moment it is tried again.
    monkeypatch.setattr(verifier, "FAILURE_HOLDS", timedelta(0))
    assert (await subject.verify(token(), now_utc())).principal == PRINCIPAL
    assert readings == 2


async def test_a_request_that_goes_away_leaves_the_reading_to_the_others(make_database: MakeDatabase) -> None:
    database = await make_database("knowledge")
    await publish(database)
    subject = TokenVerifier(database)
    async with database.transaction() as blocker:
        await blocker.execute(text("LOCK TABLE auth_keys"))
        first, second = (asyncio.create_task(subject.verify(token(), now_utc())) for _ in range(2))
        await asyncio.sleep(0.05)
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
    assert first.cancelled()
    assert (await second).principal == PRINCIPAL


@pytest.mark.parametrize("kind", ["session", "api_key"])
async def test_what_was_ended_is_ended_whatever_its_tokens_say_of_their_time(
    make_database: MakeDatabase, kind: str
) -> None:
    database = await make_database("knowledge")
    await publish(database)
    principal = PRINCIPAL
    if kind == "api_key":
        principal = Principal(uuid7(), Role.AGENT, "Importer", key_id=uuid7(), scopes=frozenset({"ticket.read"}))
    subject = TokenVerifier(database)
    seen = token(principal)
    assert (await subject.verify(seen, now_utc())).principal == principal
    ended = principal.session_id or principal.key_id
    revoked = AccessRevoked(kind=kind, subject=ended, revoked_at=now_utc() - timedelta(hours=1), reason="a test")
    async with database.transaction() as session:
        await keep_revocations(session, [revoked])
    await subject.refresh()
    for refused in (seen, token(principal)):
        with pytest.raises(Unauthenticated):
            await subject.verify(refused, now_utc())


def test_no_token_outlives_the_memory_of_its_revocation() -> None:
    with pytest.raises(ValueError, match="at most"):
        token(lifetime=timedelta(days=366))


async def test_a_token_that_was_seen_before_is_refused_once_it_expires(make_database: MakeDatabase) -> None:
    database = await make_database("knowledge")
    await publish(database)
    subject = TokenVerifier(database)
    seen = token(lifetime=timedelta(minutes=5))
    await subject.verify(seen, now_utc())
    with pytest.raises(Unauthenticated):
        await subject.verify(seen, now_utc() + timedelta(minutes=6))


async def test_a_token_that_was_seen_before_is_refused_once_its_key_is_retired(make_database: MakeDatabase) -> None:
    database = await make_database("knowledge")
    await publish(database)
    subject = TokenVerifier(database)
    seen = token()
    await subject.verify(seen, now_utc())
    retired = SigningKeyPublished(
        kid="k1", public_key=encode_public_key(KEY.public_key()), not_before=now_utc(), retired_at=now_utc()
    )
    async with database.transaction() as session:
        await keep_keys(session, [retired])
    await subject.refresh()
    with pytest.raises(Unauthenticated):
        await subject.verify(seen, now_utc())


async def test_only_so_many_tokens_are_remembered(make_database: MakeDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verifier, "REMEMBERED_TOKENS", 2)
    database = await make_database("knowledge")
    await publish(database)
    subject = TokenVerifier(database)
    for _ in range(5):
        await subject.verify(token(), now_utc())
    assert len(subject._verified) <= 2
