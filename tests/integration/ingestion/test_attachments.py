"""Files: streamed in, judged by their bytes, served so that no browser runs them."""

import pytest

from services.ingestion.service.attachments import MAX_ATTACHMENT_BYTES
from shared.events.accounts import Role
from shared.ids import uuid7
from tests.integration.ingestion.harness import Desk

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
        (b"alert(1)", "x.js"),
    ],
)
async def test_what_a_browser_would_run_is_served_as_text_in_a_sandbox(desk: Desk, data: bytes, name: str) -> None:
    agent = desk.as_(Role.AGENT)
    uploaded = (await agent.post("/api/attachments", data, query={"name": name}, content_type="text/html")).json()
    answer = await agent.get(uploaded["url"])

    assert answer.headers["content-type"].partition(";")[0] == "text/plain"
    assert answer.headers["content-disposition"].startswith("attachment")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in answer.headers["content-security-policy"]


async def test_a_customer_reads_only_what_they_uploaded(desk: Desk) -> None:
    owner, other = desk.as_(Role.CUSTOMER), desk.as_(Role.CUSTOMER)
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
