"""Files: streamed in, judged by their bytes, served so that no browser runs them."""

import asyncio
import os
from datetime import timedelta
from typing import Never
from uuid import UUID

import pytest
from sqlalchemy import text

from services.ingestion.service import attachments as files
from services.ingestion.service.attachments import MAX_ATTACHMENT_BYTES
from services.ingestion.sweep import ObjectSweep
from shared.db import now_utc
from shared.events.accounts import Role
from shared.ids import uuid7
from shared.objects import ObjectStoreUnavailable
from tests.integration.ingestion.conftest import MakeDesk
from tests.integration.ingestion.harness import Desk, mail

PNG = b"\x89PNG\r\n\x1a\n" + b"\x00" * 100


async def test_an_upload_can_be_downloaded_and_sent_with_a_message(desk: Desk) -> None:
    agent = desk.as_(Role.AGENT)
    uploaded = (await agent.post("/api/attachments", PNG, query={"name": "plän.png"})).json()
    assert (uploaded["name"], uploaded["content_type"], uploaded["size_bytes"]) == ("plän.png", "image/png", len(PNG))

    answer = await agent.get(uploaded["url"])
    assert (answer.status, answer.body) == (200, PNG)

    body = {"sender": {"address": "a@example.org"}, "text": "see file", "attachment_ids": [uploaded["id"]]}
    assert (await agent.post("/api/ingest/messages", body)).status == 202
    [event] = await desk.events("message.received.v1")
    assert [file["id"] for file in event["attachments"]] == [uploaded["id"]]
    assert (await desk.as_(Role.AGENT).post("/api/ingest/messages", body)).status == 422  # somebody else's upload


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"<html><script>alert(1)</script>", "page.html"),
        (b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", "avatar.svg"),
        (b"<?xml version='1.0'?><x/>", "x.png"),
        (b"alert(1)", "x.mjs"),
    ],
)
async def test_what_a_browser_would_run_is_served_as_text_in_a_sandbox(
    shared_desk: Desk, data: bytes, name: str
) -> None:
    agent = shared_desk.as_(Role.AGENT)
    uploaded = (await agent.post("/api/attachments", data, query={"name": name}, content_type="text/html")).json()
    answer = await agent.get(uploaded["url"])

    assert answer.headers["content-type"].partition(";")[0] == "text/plain"
    assert answer.headers["content-disposition"].startswith("attachment")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in answer.headers["content-security-policy"]


async def test_a_customer_reads_only_what_they_uploaded(shared_desk: Desk) -> None:
    owner, other = shared_desk.as_(Role.CUSTOMER), shared_desk.as_(Role.CUSTOMER)
    uploaded = (await owner.post("/api/attachments", PNG, query={"name": "a.png"})).json()

    assert (await owner.get(uploaded["url"])).status == 200
    assert (await other.get(uploaded["url"])).status == 404
    assert (await other.get(f"/api/attachments/{uuid7()}")).status == 404


async def test_too_much_and_nothing_are_refused_and_leave_no_file(desk: Desk) -> None:
    agent = desk.as_(Role.AGENT)
    assert (
        await agent.post("/api/attachments", b"x" * (MAX_ATTACHMENT_BYTES + 1), query={"name": "big"})
    ).status == 413
    assert (await agent.post("/api/attachments", b"", query={"name": "empty"})).status == 422
    assert [path for path in desk.objects.root.rglob("*") if path.is_file()] == []


async def test_nobody_fills_the_disk_with_files_of_no_message(make_desk: MakeDesk) -> None:
    desk = await make_desk(DESK_INGESTION_MAX_UNATTACHED_MIB=1)
    agent, customer, file = desk.as_(Role.AGENT), desk.as_(Role.CUSTOMER), b"x" * 600 * 1024
    first = await agent.post("/api/attachments", file, query={"name": "a"})
    refused = await agent.post("/api/attachments", file, query={"name": "b"})
    assert (first.status, refused.status) == (201, 429)
    assert int(refused.headers["retry-after"]) > 0
    assert (await customer.post("/api/attachments", file, query={"name": "c"})).status == 201
    assert len([path for path in desk.objects.root.rglob("*") if path.is_file()]) == 2

    body = {"sender": {"address": "a@example.org"}, "text": "see file", "attachment_ids": [first.json()["id"]]}
    assert (await agent.post("/api/ingest/messages", body)).status == 202
    answers = await asyncio.gather(*(agent.post("/api/attachments", file, query={"name": str(n)}) for n in range(4)))
    assert sorted(answer.status for answer in answers) == [201, 429, 429, 429]


async def test_files_of_no_message_are_forgotten_when_none_is_on_its_way_any_more(desk: Desk) -> None:
    agent = desk.as_(Role.AGENT)
    old, used, late, new = [
        (await agent.post("/api/attachments", PNG, query={"name": name})).json()["id"] for name in "abcd"
    ]
    body = {"sender": {"address": "a@example.org"}, "text": "see file", "attachment_ids": [used]}
    assert (await agent.post("/api/ingest/messages", body)).status == 202
    aged = "UPDATE attachments SET created_at = now() - CAST(:age AS interval) WHERE id = ANY(:ids)"
    await desk.execute(aged, age=timedelta(days=11), ids=[UUID(old), UUID(used)])
    # A reply used it in its last hour, and the broker has been away since.
    await desk.execute(aged, age=timedelta(days=9), ids=[UUID(late)])
    async with desk.database.transaction() as session:
        assert await files.forget_unattached(session, now_utc()) == 1
    answers = [(await agent.get(f"/api/attachments/{each}")).status for each in (old, used, late, new)]
    assert answers == [404, 200, 200, 200]


async def test_objects_that_nothing_names_are_swept(desk: Desk) -> None:
    agent = desk.as_(Role.AGENT)
    await desk.take_mail(mail())
    await agent.post("/api/attachments", PNG, query={"name": "a"})
    named = {path for path in desk.objects.root.rglob("*") if path.is_file()}
    orphan, young = await desk.objects.put(b"orphan"), await desk.objects.put(b"young")
    left, writing = desk.objects.root / "staging" / "a", desk.objects.root / "staging" / "b"
    left.write_bytes(b"half")
    writing.write_bytes(b"half")
    long_ago = (now_utc() - timedelta(days=2)).timestamp()
    for path in (*named, left, desk.objects.root / orphan[:2] / orphan[2:4] / orphan[4:]):
        os.utime(path, (long_ago, long_ago))

    sweep = ObjectSweep(desk.database, desk.objects, limit=1)
    removed = [await sweep.turn() for _ in range(12)]  # one key each, around the whole store

    assert removed.count(True) == 1
    assert not await desk.objects.exists(orphan)
    assert await desk.objects.exists(young)
    assert all(path.exists() for path in named)
    assert (left.exists(), writing.exists()) == (False, True)


async def test_no_transaction_waits_for_the_store_that_is_swept(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server ends one that waits for 2.5 s, and then the keys that were at hand were left out of that round."""
    monkeypatch.setattr("services.ingestion.sweep.AGE", timedelta(seconds=-1))
    orphan, delete = await desk.objects.put(b"orphan"), desk.objects.delete
    idle = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in tr%'"

    async def fails(_: str) -> Never:
        assert await desk.database.glance(text(idle)) == 0
        raise ObjectStoreUnavailable

    sweep = ObjectSweep(desk.database, desk.objects, limit=1)
    monkeypatch.setattr(desk.objects, "delete", fails)
    with pytest.raises(ObjectStoreUnavailable):
        await sweep.turn()
    monkeypatch.setattr(desk.objects, "delete", delete)
    assert await sweep.turn()
    assert not await desk.objects.exists(orphan)
