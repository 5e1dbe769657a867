"""Mail as its sender formatted it, made safe."""

import asyncio
from uuid import uuid4

from services.ingestion.parsing import ParserLimits, ParserPool
from shared.events.accounts import Role
from tests.integration.ingestion.conftest import MakeDesk
from tests.integration.ingestion.harness import Desk, mail

RICH = (
    "--R\r\nContent-Type: text/html; charset=utf-8\r\n\r\n"
    "<script>alert(1)</script><p>Grüße <b>Ada</b></p><img src='cid:second'><img src='https://t.example/p.gif'>\r\n"
    "--R\r\nContent-Type: image/png; name=a.png\r\nContent-ID: <first>\r\n\r\nPNG1\r\n"
    "--R\r\nContent-Type: image/png; name=a.png\r\nContent-ID: <second>\r\n\r\nPNG2\r\n--R--\r\n"
)


async def test_a_mail_is_shown_as_a_page_in_which_nothing_runs(desk: Desk) -> None:
    accepted = await desk.take_mail(mail(RICH, Content_Type="multipart/related; boundary=R"))
    agent = desk.as_(Role.AGENT)
    path = f"/api/ingest/messages/{accepted['id']}/html"
    page = await agent.get(path)
    assert (page.status, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'; img-src 'self';" in policy
    assert "sandbox" in policy
    assert "allow-scripts" not in policy
    assert (page.headers["x-images-left-out"], page.headers["x-content-type-options"]) == ("1", "nosniff")
    body = page.body.decode()
    assert "<p>Grüße <b>Ada</b></p>" in body
    assert "alert" not in body
    assert "t.example" not in body
    [event] = await desk.events("message.received.v1")
    second = event["attachments"][1]["id"]
    assert f'src="/api/attachments/{second}/image"' in body
    assert (await agent.get(f"/api/attachments/{second}")).body == b"PNG2"

    asked = await agent.get(path, remote_images="true")
    assert asked.headers["x-images-left-out"] == "0"
    assert "img-src 'self' https:;" in asked.headers["content-security-policy"]
    assert "https://t.example/p.gif" in asked.body.decode()


async def test_what_has_no_html_is_not_there(shared_desk: Desk) -> None:
    agent = shared_desk.as_(Role.AGENT)
    plain = await shared_desk.take_mail(mail("plain"))
    posted = await agent.post(
        "/api/ingest/messages",
        {"sender": {"kind": "email", "address": "a@b.example"}, "text": "x", "channel": "api"},
    )
    bounce = await shared_desk.take_mail(mail("<p>x</p>", Content_Type="text/html", Return_Path="<>"))
    assert bounce["status"] == "quarantined"
    assert posted.status == 202, posted.body
    for id_ in (plain["id"], posted.json()["id"], bounce["id"], uuid4()):
        assert (await agent.get(f"/api/ingest/messages/{id_}/html")).status == 404


async def test_customers_see_no_mail_this_way(shared_desk: Desk) -> None:
    accepted = await shared_desk.take_mail(mail("<p>x</p>", Content_Type="text/html"))
    path = f"/api/ingest/messages/{accepted['id']}/html"
    assert (await shared_desk.as_(Role.CUSTOMER).get(path)).status == 403


async def test_a_mail_that_is_gone_or_too_much_says_so(make_desk: MakeDesk) -> None:
    desk = await make_desk()
    accepted = await desk.take_mail(mail("<p>x</p>", Content_Type="text/html"))
    key = await desk.scalar("SELECT raw_key FROM inbound_messages")
    await desk.objects.delete(key)
    assert (await desk.as_(Role.AGENT).get(f"/api/ingest/messages/{accepted['id']}/html")).status == 404
    deep = "".join(f"--B{n}\r\nContent-Type: multipart/mixed; boundary=B{n + 1}\r\n\r\n" for n in range(60))
    await desk.objects.put(mail(deep, Content_Type="multipart/mixed; boundary=B0"), key=key)
    refused = await desk.as_(Role.AGENT).get(f"/api/ingest/messages/{accepted['id']}/html")
    assert (refused.status, refused.json()["type"]) == (409, "/problems/cannot-be-shown")


async def test_a_mail_is_got_when_it_is_its_turn() -> None:
    """Of many that were looked at at once each took its 25 MiB while it waited for a parser."""
    pool, got = ParserPool(1, ParserLimits()), asyncio.Event()

    async def get(_: str) -> bytes:
        got.set()
        return b"Content-Type: text/html\r\n\r\n<p>Hello</p>"

    async with pool._slots:
        showing = asyncio.create_task(pool.html(get, "key", remote_images=False))
        await asyncio.sleep(0.05)
        assert not got.is_set()
    shown = await showing
    assert shown is not None
    assert "<p>Hello</p>" in shown.html
    await pool.close()
