"""Addresses that nobody writes to: by whom they are kept, and that they stay as long as they have to."""

from datetime import timedelta
from importlib import import_module

from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, text

from services.ingestion.service.suppression import suppressed
from shared.db import now_utc
from shared.events.accounts import Role
from shared.ids import uuid7
from tests.integration.ingestion.harness import Desk

PATH = "/api/channels/suppressions"


async def test_an_address_is_added_found_and_removed(desk: Desk) -> None:
    admin = desk.as_(Role.ADMIN)
    added = await admin.post(PATH, {"address": "Eve@Example.org", "note": "asked by\nphone"})
    assert added.status == 201, added.body
    assert added.json().items() >= {"address": "eve@example.org", "reason": "manual", "expires_at": None}.items()
    assert "\n" not in added.json()["detail"]

    again = await admin.post(PATH, {"address": "eve@example.org", "expires_at": str(now_utc() + timedelta(days=1))})
    assert again.json() == added.json(), "what holds for good is not shortened"

    await admin.post(PATH, {"address": "bob@example.org"})
    supervisor = desk.as_(Role.SUPERVISOR)
    first = (await supervisor.get(f"{PATH}?limit=1")).json()
    assert [each["address"] for each in first["items"]] == ["bob@example.org"]
    rest = (await supervisor.get(f"{PATH}?limit=1&cursor={first['next_cursor']}")).json()
    assert [each["address"] for each in rest["items"]] == ["eve@example.org"]
    found = (await supervisor.get(f"{PATH}?address=eve@example.org")).json()["items"]
    assert [each["id"] for each in found] == [added.json()["id"]]

    assert (await admin.delete(f"{PATH}/{added.json()['id']}")).status == 204
    assert (await admin.delete(f"{PATH}/{added.json()['id']}")).status == 404
    assert (await admin.delete(f"{PATH}/{uuid7()}")).status == 404


async def test_what_makes_no_sense_is_refused(desk: Desk) -> None:
    admin = desk.as_(Role.ADMIN)
    never = await admin.post(PATH, {"address": "eve@example.org", "expires_at": "9999-12-31T23:00:00-05:00"})
    assert (never.status, never.json()["type"]) == (422, "/problems/validation")
    past = await admin.post(PATH, {"address": "eve@example.org", "expires_at": str(now_utc() - timedelta(days=1))})
    assert (past.status, past.json()["type"]) == (422, "/problems/in-the-past")
    for body in ({"address": "nobody"}, {"address": "a@b.example", "reason": "bounce"}, {}):
        assert (await admin.post(PATH, body)).status == 422
    assert (await desk.as_(Role.AGENT).get(PATH)).status == 403
    assert (await desk.as_(Role.SUPERVISOR).post(PATH, {"address": "eve@example.org"})).status == 403


async def test_both_forms_of_a_domain_are_one_address(desk: Desk) -> None:
    """A bounce names the form that mail servers write, and the customer's address is in the other."""
    admin = desk.as_(Role.ADMIN)
    wire, written = "ana@xn--exmple-cua.org", "ana@exämple.org"
    added = (await admin.post(PATH, {"address": "Ana@Exämple.org"})).json()
    assert added["address"] == wire
    assert (await admin.post(PATH, {"address": wire})).json()["id"] == added["id"]
    for form in (wire, written):
        found = (await admin.get(PATH, address=form)).json()["items"]
        assert [each["id"] for each in found] == [added["id"]]
    async with desk.database.read() as session:
        reasons = await suppressed(session, {wire, written, "tom@exämple.org"})
    assert reasons == {wire: "manual", written: "manual"}


async def test_addresses_from_before_take_the_form_of_mail_servers(desk: Desk) -> None:
    """What holds longer stays, where both forms were there; what is no domain stays as it is."""
    later = now_utc() + timedelta(days=3)
    kept = {"a@exämple.org": None, "a@xn--exmple-cua.org": later, "b@exämple.org": later, "c@ä..org": None}
    async with desk.database.transaction() as session:
        for address, expires_at in kept.items():
            row = {"id": uuid7(), "address": address, "expires_at": expires_at}
            await session.execute(
                text("""INSERT INTO suppressions (id, address, reason, added_at, expires_at)
                        VALUES (:id, :address, 'manual', now(), :expires_at)"""),
                row,
            )
        migration = import_module("services.ingestion.migrations.versions.0020_suppressed_domains")
        connection = await session.connection()

        def migrate(sync: Connection) -> None:
            with Operations.context(MigrationContext.configure(sync)):
                migration.upgrade()

        await connection.run_sync(migrate)
    rows = "SELECT jsonb_object_agg(address, expires_at IS NULL) FROM suppressions"
    assert await desk.scalar(rows) == {"a@xn--exmple-cua.org": True, "b@xn--exmple-cua.org": False, "c@ä..org": True}
