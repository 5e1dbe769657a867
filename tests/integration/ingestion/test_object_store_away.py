"""Ingestion with its files behind the S3 API: mail in, file out; and what happens while that is away."""

from typing import Any

import pytest

from services.ingestion.sweep import ObjectSweep
from shared.events.accounts import Role
from shared.ids import uuid7
from shared.objects import ObjectStoreUnavailable
from tests.integration.ingestion.conftest import MakeDesk
from tests.integration.ingestion.harness import Desk, mail
from tests.s3 import S3Server

MAIL = mail(
    '--b\r\n\r\nSee the picture.\r\n--b\r\nContent-Disposition: attachment; filename="a.txt"\r\n\r\nthe file\r\n--b--',
    Content_Type="multipart/mixed; boundary=b",
)
MESSAGE = {"sender": {"address": "a@example.org"}, "text": "My printer is on fire."}


@pytest.fixture
async def desk(make_desk: MakeDesk, s3: S3Server) -> Desk:
    bucket = s3.make_bucket(f"desk-{uuid7()}")
    return await make_desk(object_store=f"s3://{bucket}/files", s3=s3.settings())


async def test_a_file_comes_by_mail_and_is_read(desk: Desk) -> None:
    status = await desk.take_mail(MAIL)
    assert status["status"] == "accepted"
    [event] = await desk.events("message.received.v1")
    [file] = event["attachments"]
    answer = await desk.as_(Role.AGENT).get(f"/api/attachments/{file['id']}")
    assert (answer.status, answer.body) == (200, b"the file")
    assert await desk.objects.get(event["raw_key"]) == MAIL


async def test_nothing_is_acknowledged_while_the_store_is_away(desk: Desk, s3: S3Server) -> None:
    """It is said to try again, and the same again is taken once the store is back."""
    agent = desk.as_(Role.AGENT)
    uploaded = (await agent.post("/api/attachments", b"x", query={"name": "a"})).json()
    long: dict[str, Any] = {**MESSAGE, "text": "x" * 70_000, "external_id": "long"}

    async def hand_in() -> list[int]:
        answers = [
            await desk.post_mail(MAIL),
            await agent.post("/api/attachments", b"y", query={"name": "b"}),
            await agent.post("/api/ingest/messages", long),
            await agent.get(uploaded["url"]),
        ]
        assert all("retry-after" in answer.headers for answer in answers if answer.status == 503)
        return [answer.status for answer in answers]

    with s3.away():
        assert await hand_in() == [503] * 4
        # What needs no store goes on.
        assert (await agent.post("/api/ingest/messages", MESSAGE)).status == 202
        assert await desk.scalar("SELECT count(*) FROM inbound_messages") == 1
    assert await hand_in() == [202, 201, 202, 200]


async def test_mail_waits_for_the_store(desk: Desk, s3: S3Server) -> None:
    accepted = (await desk.post_mail(MAIL)).json()
    with s3.away():
        with pytest.raises(ObjectStoreUnavailable):
            await desk.reading.turn()
        with pytest.raises(ObjectStoreUnavailable):
            await ObjectSweep(desk.database, desk.objects).turn()
    assert await desk.scalar("SELECT attempts FROM inbound_messages") == 0
    await desk.execute("UPDATE inbound_messages SET leased_until = now() - interval '1 second'")
    await desk.parse_all()
    assert (await desk.status(accepted["id"]))["status"] == "accepted"
