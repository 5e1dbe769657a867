"""Accounts and API keys over HTTP, and the events they leave."""

import asyncio
import json
from datetime import timedelta
from uuid import UUID

import pytest

from services.gateway import repository, service
from services.gateway.domain.accounts import LastAdmin
from services.gateway.repository import Repository
from services.gateway.signing import new_signing_key
from shared.auth import Principal
from shared.auth.tables import forget_revocations
from shared.db import now_utc
from shared.events.accounts import Role
from shared.ids import uuid7
from shared.web import Forbidden
from tests.asgi import Client
from tests.integration.gateway.conftest import ADMIN, PASSWORD, Gateway

ANA = {"email": "Ana@Desk.example", "name": "Ana", "role": "agent", "groups": ["billing"], "languages": ["es", "pt-BR"]}


async def test_an_account_is_created_and_told(gateway: Gateway) -> None:
    admin = await gateway.signed_in()
    answer = await admin.post("/api/accounts", ANA)
    assert answer.status == 201
    account = answer.json()
    assert account["email"] == "ana@desk.example"
    assert answer.headers["location"] == f"/api/accounts/{account['id']}"
    assert answer.headers["etag"] == '"1"'
    read = await admin.get(f"/api/accounts/{account['id']}")
    assert read.json() == account
    (event,) = await gateway.rows(
        "SELECT data FROM outbox WHERE type = 'account.changed.v1' AND aggregate_id = :id", id=account["id"]
    )
    told = json.loads(event.data)
    assert told["languages"] == ["es", "pt-BR"]
    assert "password" not in event.data


async def test_one_address_is_one_account_however_it_is_written(gateway: Gateway) -> None:
    admin = await gateway.signed_in()
    assert (await admin.post("/api/accounts", ANA)).status == 201
    answer = await admin.post("/api/accounts", {**ANA, "email": "ANA@desk.EXAMPLE"})
    assert answer.status == 409
    assert answer.json()["type"] == "/problems/email-taken"


async def test_creating_twice_with_one_key_is_creating_once(gateway: Gateway) -> None:
    admin = await gateway.signed_in()
    first, second = [await admin.post("/api/accounts", ANA, idempotency_key="k1") for _ in range(2)]
    assert first.status == second.status == 201
    assert first.body == second.body
    assert second.headers["idempotency-replayed"] == "true"
    assert second.headers["etag"] == first.headers["etag"]
    assert second.headers["location"] == first.headers["location"]
    other = await admin.post("/api/accounts", {**ANA, "name": "Other"}, idempotency_key="k1")
    assert other.status == 422


async def test_changing_needs_the_version_that_was_read(gateway: Gateway) -> None:
    admin = await gateway.signed_in()
    account = (await admin.post("/api/accounts", ANA)).json()
    path = f"/api/accounts/{account['id']}"
    assert (await admin.patch(path, {"name": "Ana B."})).status == 428
    changed = await admin.patch(path, {"name": "Ana B."}, if_match='"1"')
    assert changed.status == 200
    assert changed.headers["etag"] == '"2"'
    assert (await admin.patch(path, {"name": "Ana C."}, if_match='"1"')).status == 412
    assert (await admin.patch(path, {"name": "Ana B."}, if_match='"2"')).headers["etag"] == '"2"'


async def test_fields_that_are_not_offered_cannot_be_set(gateway: Gateway) -> None:
    admin = await gateway.signed_in()
    for extra in ({"version": 9}, {"id": str(uuid7())}, {"password_hash": "x"}, {"active": False}):
        assert (await admin.post("/api/accounts", {**ANA, **extra})).status == 422


async def test_values_that_the_database_cannot_hold_are_the_callers_mistake(gateway: Gateway) -> None:
    admin = await gateway.signed_in()
    assert (await admin.post("/api/accounts", {**ANA, "groups": ["a\x00b"]})).status == 422
    assert (await admin.post("/api/accounts", {**ANA, "email": "a\x00b@desk.example"})).status == 422


async def test_the_last_admin_stays_one(gateway: Gateway) -> None:
    admin = await gateway.signed_in()
    me = (await admin.get("/api/auth/session")).json()["account_id"]
    for change in ({"role": "agent"}, {"active": False}):
        answer = await admin.patch(f"/api/accounts/{me}", change, if_match="*")
        assert answer.status == 409
        assert answer.json()["type"] == "/problems/last-admin"


async def test_two_admins_cannot_remove_each_other_at_once(gateway: Gateway) -> None:
    other = UUID(await gateway.person(Role.ADMIN, "other@desk.example"))
    (first,) = await gateway.rows("SELECT id FROM accounts WHERE email = :email", email=ADMIN)

    async def demote(account_id: UUID) -> bool:
        try:
            async with gateway.database.transaction() as session:
                await service.change_account(
                    session, account_id, {"role": Role.AGENT}, password_hash=None, expected_version=None, now=now_utc()
                )
        except LastAdmin:
            return False
        return True

    done = await asyncio.gather(demote(first.id), demote(other))
    assert sorted(done) == [False, True]
    assert len(await gateway.rows("SELECT 1 FROM accounts WHERE role = 'admin' AND active")) == 1


async def test_a_new_role_ends_old_tokens_but_not_the_session(gateway: Gateway) -> None:
    ana = await gateway.person(Role.AGENT, "ana@desk.example")
    client = await gateway.signed_in("ana@desk.example")
    admin = await gateway.signed_in()
    assert (await admin.patch(f"/api/accounts/{ana}", {"role": "supervisor"}, if_match="*")).status == 200
    await gateway.fresh_revocations()
    assert (await client.get("/api/auth/session")).status == 401
    refreshed = await client.post("/api/auth/refresh")
    assert refreshed.json()["role"] == "supervisor"
    assert (await client.get("/api/auth/session")).status == 200


async def test_closing_an_account_ends_everything_it_had(gateway: Gateway) -> None:
    ana = await gateway.person(Role.AGENT, "ana@desk.example")
    client = await gateway.signed_in("ana@desk.example")
    admin = await gateway.signed_in()
    assert (await admin.patch(f"/api/accounts/{ana}", {"active": False}, if_match="*")).status == 200
    await gateway.fresh_revocations()
    assert (await client.get("/api/auth/session")).status == 401
    assert (await client.post("/api/auth/refresh")).status == 401
    answer = await gateway.browser().post("/api/auth/sign-in", {"email": "ana@desk.example", "password": PASSWORD})
    assert answer.status == 401


async def test_a_new_password_ends_the_sessions_of_the_old_one(gateway: Gateway) -> None:
    ana = await gateway.person(Role.AGENT, "ana@desk.example")
    client = await gateway.signed_in("ana@desk.example")
    admin = await gateway.signed_in()
    changed = await admin.patch(f"/api/accounts/{ana}", {"password": "another password"}, if_match="*")
    assert changed.status == 200
    assert (await client.post("/api/auth/refresh")).status == 401
    await gateway.signed_in("ana@desk.example", "another password")


async def test_revoking_is_an_event_for_every_service(gateway: Gateway) -> None:
    ana = await gateway.person(Role.AGENT, "ana@desk.example")
    admin = await gateway.signed_in()
    assert (await admin.post(f"/api/accounts/{ana}/revoke")).status == 204
    assert (await admin.post(f"/api/accounts/{uuid7()}/revoke")).status == 404
    (event,) = await gateway.rows("SELECT * FROM outbox WHERE type = 'access.revoked.v1'")
    assert event.aggregate_id == ana
    assert json.loads(event.data)["kind"] == "account"


async def test_accounts_are_listed_page_by_page(gateway: Gateway) -> None:
    admin = await gateway.signed_in()
    for n in range(4):
        await admin.post("/api/accounts", {**ANA, "email": f"agent{n}@desk.example"})
    seen: list[str] = []
    path = "/api/accounts?limit=2"
    while path:
        page = (await admin.get(path)).json()
        seen += [account["email"] for account in page["items"]]
        path = f"/api/accounts?limit=2&cursor={page['next_cursor']}" if page["next_cursor"] else ""
    assert seen == [ADMIN, *(f"agent{n}@desk.example" for n in range(4))]
    agents = (await admin.get("/api/accounts?role=agent&limit=200")).json()
    assert len(agents["items"]) == 4
    assert (await admin.get("/api/accounts?limit=201")).status == 422
    assert (await admin.get("/api/accounts?cursor=bm9wZQ")).status == 422


async def test_an_api_key_may_do_what_it_was_given_and_no_more(gateway: Gateway) -> None:
    admin = await gateway.signed_in()
    made = await admin.post("/api/accounts/keys", {"name": "Importer", "scopes": ["account.read"]})
    assert made.status == 201
    key = Client(gateway.app, {"authorization": f"Bearer {made.json()['token']}"})
    assert (await key.get("/api/accounts")).status == 200
    # No cookie, so no CSRF: what stops it is the scope.
    assert (await key.post("/api/accounts", ANA)).status == 403
    assert (await key.post("/api/accounts", ANA)).json()["type"] == "/problems/forbidden"
    listed = (await admin.get("/api/accounts/keys")).json()["items"]
    assert [item["name"] for item in listed] == ["Importer"]
    assert "token" not in listed[0]
    for table in ("api_keys", "outbox", "idempotency_keys"):
        assert made.json()["token"] not in str(await gateway.rows(f"SELECT * FROM {table}"))


async def test_a_revoked_api_key_is_dead(gateway: Gateway) -> None:
    admin = await gateway.signed_in()
    made = (await admin.post("/api/accounts/keys", {"name": "Importer", "scopes": ["account.read"]})).json()
    assert (await admin.delete(f"/api/accounts/keys/{made['id']}")).status == 204
    assert (await admin.delete(f"/api/accounts/keys/{made['id']}")).status == 404
    await gateway.fresh_revocations()
    key = Client(gateway.app, {"authorization": f"Bearer {made['token']}"})
    assert (await key.get("/api/accounts")).status == 401
    # Years later as well: keys outlive the memory of revoked sessions.
    async with gateway.database.transaction() as session:
        connection = await session.connection()
        await connection.exec_driver_sql("UPDATE auth_revocations SET revoked_at = revoked_at + interval '1 second'")
        await forget_revocations(session, now=now_utc().replace(year=now_utc().year + 1))
    await gateway.fresh_revocations()
    assert (await key.get("/api/accounts")).status == 401


async def a_year_later(gateway: Gateway) -> None:
    """Let the service forget what it forgets in a year."""
    async with gateway.database.transaction() as session:
        await forget_revocations(session, now=now_utc() + timedelta(days=365))
    await gateway.fresh_revocations()


@pytest.mark.parametrize("ending", ["closed", "password", "demoted", "revoked"])
async def test_the_keys_of_an_account_end_with_it_for_good(gateway: Gateway, ending: str) -> None:
    """The revocation of an account is forgotten after a day; its keys would have come back then."""
    other = await gateway.person(Role.ADMIN, "other@desk.example")
    maker = await gateway.signed_in("other@desk.example")
    made = (await maker.post("/api/accounts/keys", {"name": "Importer", "scopes": ["account.read"]})).json()
    admin = await gateway.signed_in()
    if ending == "revoked":
        assert (await admin.post(f"/api/accounts/{other}/revoke")).status == 204
    else:
        change = {
            "closed": {"active": False},
            "password": {"password": "another password"},
            "demoted": {"role": "agent"},
        }
        assert (await admin.patch(f"/api/accounts/{other}", change[ending], if_match="*")).status == 200
    await a_year_later(gateway)
    key = Client(gateway.app, {"authorization": f"Bearer {made['token']}"})
    assert (await key.get("/api/accounts")).status == 401
    told = [
        json.loads(row.data) for row in await gateway.rows("SELECT data FROM outbox WHERE type = 'access.revoked.v1'")
    ]
    assert {(event["kind"], event["subject"]) for event in told} == {("account", other), ("api_key", made["id"])}


async def test_a_key_made_for_a_year_is_forgotten_only_when_it_has_expired(gateway: Gateway) -> None:
    admin = await gateway.signed_in()
    body = {"name": "Importer", "scopes": ["account.read"], "expires_in_days": 365}
    made = (await admin.post("/api/accounts/keys", body)).json()
    await admin.delete(f"/api/accounts/keys/{made['id']}")
    for days, left in ((365, 1), (368, 0)):
        async with gateway.database.transaction() as session:
            await forget_revocations(session, now=now_utc() + timedelta(days=days))
        assert len(await gateway.rows("SELECT 1 FROM auth_revocations")) == left
    for days, left in ((364, 1), (366, 0)):
        async with gateway.database.transaction() as session:
            await service.forget_sign_ins(session, now_utc() + timedelta(days=days))
        assert len(await gateway.rows("SELECT 1 FROM api_keys")) == left


async def test_a_service_that_starts_late_is_told_of_revoked_keys(gateway: Gateway) -> None:
    admin = await gateway.signed_in()
    made = (await admin.post("/api/accounts/keys", {"name": "Importer", "scopes": ["account.read"]})).json()
    await admin.post("/api/accounts/keys", {"name": "Still valid", "scopes": ["account.read"]})
    await admin.delete(f"/api/accounts/keys/{made['id']}")
    for now, told in ((now_utc(), 2), (now_utc() + timedelta(days=366), 2)):
        async with gateway.database.transaction() as session:
            await service.republish(session, now)
        revoked = await gateway.rows("SELECT data FROM outbox WHERE type = 'access.revoked.v1' ORDER BY id")
        # Once when it happened, once again; not any more when it would have expired.
        assert [json.loads(event.data)["subject"] for event in revoked] == [made["id"]] * told
        assert len({json.loads(event.data)["revoked_at"] for event in revoked}) == 1


async def test_no_key_is_made_for_an_account_that_is_being_closed(gateway: Gateway) -> None:
    other = UUID(await gateway.person(Role.ADMIN, "other@desk.example"))
    principal = Principal(other, Role.ADMIN, "Other", session_id=uuid7())

    async def make() -> None:
        async with gateway.database.transaction() as session:
            await service.create_api_key(session, principal, name="Late", role=Role.ADMIN, scopes=["account.read"])

    async with gateway.database.transaction() as session:
        await service.change_account(
            session, other, {"active": False}, password_hash=None, expected_version=None, now=now_utc()
        )
        making = asyncio.create_task(make())
        await waiting_for_a_lock(gateway)
    with pytest.raises(Forbidden):
        await making


@pytest.mark.parametrize("ending", [{"role": Role.AGENT}, {"active": False}])
async def test_a_token_issued_during_a_revocation_does_not_survive_it(
    gateway: Gateway, ending: dict[str, object]
) -> None:
    """A refresh that read the account before it was changed got a token with the old role, dated after the change."""
    other = UUID(await gateway.person(Role.ADMIN, "other@desk.example"))
    client = await gateway.signed_in("other@desk.example")
    async with gateway.database.transaction() as session:
        await service.change_account(session, other, ending, password_hash=None, expected_version=None, now=now_utc())
        refreshing = asyncio.create_task(client.post("/api/auth/refresh"))
        await waiting_for_a_lock(gateway)
    answer = await refreshing
    await gateway.fresh_revocations()
    assert (answer.status, answer.json().get("role")) == ((200, "agent") if "role" in ending else (401, None))
    assert (await client.get("/api/auth/session")).status == answer.status


async def test_a_revocation_that_waits_for_a_token_is_later_than_the_token(gateway: Gateway) -> None:
    """Its time used to be taken before the locks: a token issued while it waited was dated later, and stayed valid."""
    other = UUID(await gateway.person(Role.AGENT, "other@desk.example"))
    client = await gateway.signed_in("other@desk.example")

    async def demote() -> None:
        async with gateway.database.transaction() as session:
            await service.change_account(
                session, other, {"role": Role.CUSTOMER}, password_hash=None, expected_version=None, now=now_utc()
            )

    async with gateway.database.transaction() as session:
        refresh_token = client.cookies["desk_refresh"]
        account = await Repository(session).account(other, lock=True)
        demoting = asyncio.create_task(demote())
        await waiting_for_a_lock(gateway)
        opened = await service.refresh_session(session, refresh_token, now_utc())
    await demoting
    assert account is not None
    assert opened is not None
    token = await gateway.app.state.parts.signer.token(
        opened.principal, now=opened.issued_at, lifetime=timedelta(minutes=5)
    )
    await gateway.fresh_revocations()
    assert (await Client(gateway.app, {"authorization": f"Bearer {token}"}).get("/api/accounts")).status == 401


async def waiting_for_a_lock(gateway: Gateway) -> None:
    """Return when some transaction of this database waits for another."""
    async with asyncio.timeout(30):
        while not await gateway.rows(
            "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        ):
            await asyncio.sleep(0.01)


async def test_an_api_key_makes_nobody_who_may_more_than_it(gateway: Gateway) -> None:
    """A key scoped `account.change` could make an admin with a password, and sign in as that one."""
    admin = await gateway.signed_in()
    made = (await admin.post("/api/accounts/keys", {"name": "HR", "scopes": ["account.change"]})).json()
    key = Client(gateway.app, {"authorization": f"Bearer {made['token']}"})
    for forbidden in ({"role": "admin"}, {"role": "supervisor"}, {"password": "a long password"}):
        assert (await key.post("/api/accounts", {**ANA, **forbidden})).status == 403, forbidden
    ana = await key.post("/api/accounts", ANA)
    assert ana.status == 201
    path = f"/api/accounts/{ana.json()['id']}"
    for forbidden in ({"role": "admin"}, {"role": "agent"}, {"password": "a long password"}):
        assert (await key.patch(path, forbidden, if_match="*")).status == 403, forbidden
    assert (await key.patch(path, {"name": "Ana B.", "active": False}, if_match="*")).status == 200


async def test_api_keys_get_only_declared_actions_of_their_role(gateway: Gateway) -> None:
    admin = await gateway.signed_in()
    for body in (
        {"name": "x", "scopes": ["everything"]},
        {"name": "x", "scopes": ["account.change"], "role": "agent"},
        {"name": "x", "scopes": []},
    ):
        assert (await admin.post("/api/accounts/keys", body)).status == 422


async def test_an_api_key_makes_no_other(gateway: Gateway) -> None:
    admin = await gateway.signed_in()
    made = (await admin.post("/api/accounts/keys", {"name": "x", "scopes": ["api_key.manage"]})).json()
    key = Client(gateway.app, {"authorization": f"Bearer {made['token']}"})
    assert (await key.post("/api/accounts/keys", {"name": "y", "scopes": ["account.change"]})).status == 403


async def test_old_sessions_and_limits_are_forgotten(gateway: Gateway) -> None:
    await gateway.signed_in()
    later = now_utc().replace(year=now_utc().year + 1)
    async with gateway.database.transaction() as session:
        assert await service.forget_sign_ins(session, later) > 0
    async with gateway.database.transaction() as session:
        assert await service.forget_sign_ins(session, later) == 0
    assert await gateway.rows("SELECT 1 FROM refresh_tokens") == []


async def test_forgetting_takes_a_batch_at_a_time(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    """One statement for all that had piled up ran into its time limit, and then again every time."""
    monkeypatch.setattr(repository, "FORGET_SESSIONS", 2)
    for _ in range(3):
        await gateway.signed_in()
    later = now_utc() + timedelta(days=60)
    forgotten = []
    for _ in range(3):
        async with gateway.database.transaction() as session:
            forgotten.append(await Repository(session).forget_sessions(now=later))
    assert forgotten == [2, 1, 0]


async def test_the_first_signing_key_stays_when_several_processes_start(gateway: Gateway) -> None:
    async def start() -> None:
        async with gateway.database.transaction() as session:
            await service.ensure_signing_key(session, new_signing_key(None, now_utc()))

    await asyncio.gather(*(start() for _ in range(3)))
    assert len(await gateway.rows("SELECT 1 FROM signing_keys")) == 1
