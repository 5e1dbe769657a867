"""Addresses that nobody writes to: by whom they are kept, and that they stay as long as they have to."""

from datetime import timedelta

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
