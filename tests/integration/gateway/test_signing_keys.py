"""How a signing key takes over from another, and when the old one is no longer believed."""

import base64
import json
from datetime import datetime, timedelta

import pytest
from typer.testing import CliRunner

from services.gateway import cli, service
from services.gateway.domain.accounts import SIGNING_KEY_NOTICE
from services.gateway.signing import Signer, new_signing_key
from shared.auth import Principal
from shared.db import now_utc
from shared.events.accounts import Role
from shared.ids import uuid7
from tests.asgi import Client
from tests.integration.gateway.conftest import Gateway

PRINCIPAL = Principal(uuid7(), Role.AGENT, "Ada", session_id=uuid7())


async def signed_with(signer: Signer, now: datetime) -> str:
    """Id of the key that a token of that time is signed with."""
    token = await signer.token(PRINCIPAL, now=now, lifetime=timedelta(minutes=10))
    header = token.partition(".")[0]
    return str(json.loads(base64.urlsafe_b64decode(header + "=="))["kid"])


async def rotate(gateway: Gateway, not_before: datetime) -> str:
    successor = new_signing_key(gateway.settings.key_secret, not_before)
    async with gateway.database.transaction() as session:
        await service.rotate_signing_key(session, successor)
    return successor.kid


async def republish(gateway: Gateway, now: datetime) -> None:
    async with gateway.database.transaction() as session:
        await service.republish(session, now)
    await gateway.fresh_revocations()


async def believed(gateway: Gateway) -> set[str]:
    now = now_utc() + timedelta(days=1000)
    return {
        row.kid
        for row in await gateway.rows("SELECT kid FROM auth_keys WHERE retired_at IS NULL OR :n < retired_at", n=now)
    }


async def test_a_new_key_is_used_when_it_is_due(gateway: Gateway) -> None:
    """A process used to sign with the key of its start until it ended."""
    signer, now = Signer(gateway.database, gateway.settings.key_secret), now_utc()
    old = await signed_with(signer, now)
    new = await rotate(gateway, now + timedelta(minutes=1))
    (event,) = await gateway.rows("SELECT data FROM outbox WHERE aggregate_id = :kid", kid=new)
    assert json.loads(event.data)["retired_at"] is None
    for seconds, kid in ((1, old), (59, old), (130, new)):
        assert await signed_with(signer, now + timedelta(seconds=seconds)) == kid
    assert await signed_with(Signer(gateway.database, gateway.settings.key_secret), now) == old


async def test_an_old_key_is_believed_until_its_last_token_has_expired(gateway: Gateway) -> None:
    client = await gateway.bearer(Role.AGENT)
    (old,) = await believed(gateway)
    due = now_utc()
    new = await rotate(gateway, due)
    await republish(gateway, due + timedelta(minutes=11))
    assert await believed(gateway) == {old, new}
    assert (await client.get("/api/accounts")).status == 200
    await republish(gateway, due + timedelta(minutes=13))
    assert await believed(gateway) == {new}
    told = await gateway.rows("SELECT data FROM outbox WHERE aggregate_id = :kid ORDER BY id DESC LIMIT 1", kid=old)
    assert json.loads(told[0].data)["retired_at"] is not None


async def test_an_old_key_is_believed_while_an_api_key_needs_it(gateway: Gateway) -> None:
    admin = await gateway.signed_in()
    body = {"name": "Importer", "scopes": ["account.read"], "expires_in_days": 90}
    made = (await admin.post("/api/accounts/keys", body)).json()
    (old,) = await believed(gateway)
    due = now_utc()
    new = await rotate(gateway, due)
    await republish(gateway, due + timedelta(days=89))
    assert await believed(gateway) == {old, new}
    key = Client(gateway.app, {"authorization": f"Bearer {made['token']}"})
    assert (await key.get("/api/accounts")).status == 200
    await republish(gateway, due + timedelta(days=91))
    assert await believed(gateway) == {new}


async def test_a_revoked_api_key_needs_nothing(gateway: Gateway) -> None:
    admin = await gateway.signed_in()
    made = (await admin.post("/api/accounts/keys", {"name": "Importer", "scopes": ["account.read"]})).json()
    await admin.delete(f"/api/accounts/keys/{made['id']}")
    new = await rotate(gateway, now_utc())
    await republish(gateway, now_utc() + timedelta(minutes=13))
    assert await believed(gateway) == {new}


async def test_the_command_publishes_a_key_that_is_due_soon(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = now_utc()
    kid, not_before = await cli._rotate_signing_key(gateway.settings)
    assert not_before >= asked + SIGNING_KEY_NOTICE
    (stored,) = await gateway.rows("SELECT * FROM signing_keys WHERE kid = :kid", kid=kid)
    assert stored.encrypted
    assert kid in await believed(gateway)
    assert "rotate-signing-key" in CliRunner().invoke(cli.app, ["--help"]).output
