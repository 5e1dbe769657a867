"""Files that are handed on, and how: in parts, as pictures, by links, and after a virus scanner has looked."""

from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from email import message_from_bytes, policy
from io import BytesIO
from typing import Any
from uuid import UUID

import pytest
from PIL import Image
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from services.ingestion.clamav import Clamd, ScanFailed, ScannerAway
from services.ingestion.parsing import ParserFailed, ParserPool
from services.ingestion.scanning import MAX_ATTEMPTS, Scanning
from services.ingestion.sweep import ObjectSweep
from shared.db import now_utc
from shared.events.accounts import Role
from shared.events.common import AttachmentRef
from shared.ids import uuid7
from shared.objects.links import account_audience, link_query
from tests.clamav import EICAR, FOUND, MAX_BYTES, ClamDaemon, a_daemon
from tests.images import photo, png
from tests.integration.ingestion.conftest import MakeDesk
from tests.integration.ingestion.harness import Desk, mail
from tests.integration.ingestion.test_outbound import reply
from tests.s3 import S3Server

DATA = bytes(range(256)) * 4


@pytest.fixture(params=["directory", "s3"])
async def desk(request: pytest.FixtureRequest, make_desk: MakeDesk) -> Desk:
    if request.param == "directory":
        return await make_desk()
    server: S3Server = request.getfixturevalue("s3")
    bucket = server.make_bucket(f"desk-{uuid7()}")
    return await make_desk(object_store=f"s3://{bucket}/files", s3=server.settings())


@pytest.fixture(scope="module")
def clamd() -> Iterator[ClamDaemon]:
    with a_daemon() as daemon:
        yield daemon


async def upload(desk: Desk, data: bytes, name: str = "file.bin", role: Role = Role.AGENT) -> dict[str, Any]:
    answer = await desk.as_(role).post("/api/attachments", data, query={"name": name})
    assert answer.status == 201, answer.body
    uploaded: dict[str, Any] = answer.json()
    return uploaded


async def test_a_part_of_a_file(desk: Desk) -> None:
    uploaded = await upload(desk, DATA)
    for asked, start, stop in (
        ("bytes=0-9", 0, 10),
        ("bytes=1000-", 1000, 1024),
        ("bytes=-5", 1019, 1024),
        ("bytes=1000-99999", 1000, 1024),
    ):
        answer = await desk.as_(Role.AGENT).request("GET", uploaded["url"], headers={"range": asked})
        assert (answer.status, answer.body) == (206, DATA[start:stop])
        assert answer.headers["content-range"] == f"bytes {start}-{stop - 1}/1024"
        assert answer.headers["content-length"] == str(stop - start)
    for asked in ("bytes=9999-", "bytes=1024-1030", "bytes=-0"):
        answer = await desk.as_(Role.AGENT).request("GET", uploaded["url"], headers={"range": asked})
        assert (answer.status, answer.headers["content-range"]) == (416, "bytes */1024")
    many = f"bytes={','.join(f'{n}-{n}' for n in range(0, 99, 2))}"
    for asked in (many, "bytes=5-2", "bytes=-", "lines=1-2"):
        answer = await desk.as_(Role.AGENT).request("GET", uploaded["url"], headers={"range": asked})
        assert (answer.status, answer.body, "content-range" in answer.headers) == (200, DATA, False)


async def test_pictures_are_drawn_anew_once_and_hold_nothing_but_pixels(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent, uploaded = desk.as_(Role.AGENT), await upload(desk, photo(), "a.jpg")
    for form, size in (("thumbnail", (32, 64)), ("image", (32, 64))):
        picture = await agent.get(f"{uploaded['url']}/{form}")
        assert (picture.status, picture.headers["content-type"]) == (200, "image/jpeg")
        assert "sandbox" in picture.headers["content-security-policy"]
        with Image.open(BytesIO(picture.body)) as image:
            assert (image.size, dict(image.getexif()), "comment" in image.info) == (size, {}, False)
        assert b"Ada-was-here" not in picture.body
        key = await desk.scalar("SELECT key FROM renditions WHERE kind = :form", form=form)
        assert (await agent.get(f"{uploaded['url']}/{form}")).body == picture.body
        assert await desk.scalar("SELECT key FROM renditions WHERE kind = :form", form=form) == key
    large = await upload(desk, png(900, 300), "a.png")
    with Image.open(BytesIO((await agent.get(large["thumbnail_url"])).body)) as image:
        assert image.size == (320, 107)
    monkeypatch.setattr("services.ingestion.sweep.AGE", timedelta(days=-2))
    assert not await ObjectSweep(desk.database, desk.objects).turn()


@pytest.mark.parametrize(
    "data",
    [png(6000, 6000, "L"), b"\x89PNG\r\n\x1a\n" + b"\0" * 100, b"<svg onload='x()'/>"],
    ids=["bomb", "broken", "svg"],
)
async def test_what_cannot_be_drawn_is_no_picture_and_is_tried_once(shared_desk: Desk, data: bytes) -> None:
    uploaded = await upload(shared_desk, data, "a.png")
    for _ in range(2):
        assert (await shared_desk.as_(Role.AGENT).get(f"{uploaded['url']}/thumbnail")).status == 404
    noted = "SELECT count(*) FROM renditions WHERE key IS NULL AND attachment_id = :id"
    assert await shared_desk.scalar(noted, id=UUID(uploaded["id"])) == 1


async def test_what_may_be_drawn_another_time_is(shared_desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A parser process under load is no fault of the picture, which was none from then on."""
    uploaded, agent = await upload(shared_desk, png(), "a.png"), shared_desk.as_(Role.AGENT)

    async def away(*_: object, **__: object) -> None:
        raise ParserFailed("parser_timeout")

    with monkeypatch.context() as patching:
        patching.setattr(ParserPool, "image", away)
        assert (await agent.get(uploaded["thumbnail_url"])).status == 404
    assert (await agent.get(uploaded["thumbnail_url"])).status == 200


async def test_what_no_process_can_draw_is_tried_a_few_times(
    shared_desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each look at such a picture took a process, and a second of a processor's time."""
    uploaded, agent = await upload(shared_desk, png(), "a.png"), shared_desk.as_(Role.AGENT)
    tries = 0

    async def exhausted(*_: object, **__: object) -> None:
        nonlocal tries
        tries += 1
        raise ParserFailed("parser_crashed")

    monkeypatch.setattr(ParserPool, "image", exhausted)

    async def looked_at_again(**after: int) -> int:
        await shared_desk.execute(
            "UPDATE renditions SET made_at = made_at - CAST(:after AS interval) WHERE attachment_id = :id",
            after=timedelta(**after),
            id=UUID(uploaded["id"]),
        )
        for _ in range(3):
            assert (await agent.get(uploaded["thumbnail_url"])).status == 404
        return tries

    assert await looked_at_again() == 2
    assert await looked_at_again(minutes=11) == 3
    assert await looked_at_again(minutes=11) == 3
    assert await looked_at_again(hours=25) == 4
    assert await looked_at_again(days=30) == 4
    monkeypatch.undo()
    assert (await agent.get(uploaded["thumbnail_url"])).status == 404


async def test_a_picture_that_is_drawn_in_the_end_stays(shared_desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes the place of a try that failed, also of one at the same time."""
    uploaded, agent = await upload(shared_desk, png(), "a.png"), shared_desk.as_(Role.AGENT)
    draw = ParserPool.image

    async def overtaken(self: ParserPool, *arguments: Any, **options: Any) -> Any:
        await shared_desk.execute(
            """INSERT INTO renditions (attachment_id, kind, reason, made_at)
               VALUES (:id, 'thumbnail', 'parser_timeout', now()) ON CONFLICT DO NOTHING""",
            id=UUID(uploaded["id"]),
        )
        return await draw(self, *arguments, **options)

    monkeypatch.setattr(ParserPool, "image", overtaken)
    for _ in range(2):
        assert (await agent.get(uploaded["thumbnail_url"])).status == 200
    kept = "SELECT count(*) FROM renditions WHERE key IS NOT NULL AND reason IS NULL AND attachment_id = :id"
    assert await shared_desk.scalar(kept, id=UUID(uploaded["id"])) == 1


async def test_a_link_gives_a_file_to_anybody_until_it_ends(shared_desk: Desk) -> None:
    agent, uploaded = shared_desk.as_(Role.AGENT), await upload(shared_desk, DATA)
    made = await agent.post(f"{uploaded['url']}/links", {"lasts_seconds": 3600})
    assert made.status == 201, made.body
    path, _, query = made.json()["url"].removeprefix(shared_desk.settings.public_url.rstrip("/")).partition("?")
    signed = dict(part.split("=", 1) for part in query.split("&"))
    nobody = shared_desk.callers.nobody()
    answer = await nobody.get(path, **signed)
    assert (answer.status, answer.body) == (200, DATA)
    other = f"/api/attachments/public/{(await upload(shared_desk, b'other'))['id']}"
    later = {**signed, "expires": str(int(signed["expires"]) + 3600)}
    for where, with_ in ((path, {}), (path, later), (path, {**signed, "signature": "x"}), (other, signed)):
        assert (await nobody.get(where, **with_)).status == 404
    file = UUID(uploaded["id"])
    key = await shared_desk.scalar("SELECT key FROM attachments WHERE id = :id", id=file)
    over = link_query(file, key, audience="anybody", now=now_utc() - timedelta(days=1))
    assert (await nobody.get(path, **dict(part.split("=", 1) for part in over.split("&")))).status == 404


async def test_a_customer_follows_a_link_of_their_own_alone(shared_desk: Desk) -> None:
    uploaded, account = await upload(shared_desk, photo(), "a.jpg"), uuid7()
    file = UUID(uploaded["id"])
    key = await shared_desk.scalar("SELECT key FROM attachments WHERE id = :id", id=file)
    query = link_query(file, key, audience=account_audience(account), now=now_utc())
    signed = dict(part.split("=", 1) for part in query.split("&"))
    ana, stranger = shared_desk.as_(Role.CUSTOMER, account), shared_desk.as_(Role.CUSTOMER)
    for path in (uploaded["url"], f"{uploaded['url']}/thumbnail", f"{uploaded['url']}/details"):
        assert (await ana.get(path, **signed)).status == 200
        assert (await ana.get(path)).status == 404
        assert (await stranger.get(path, **signed)).status == 404
    assert (await shared_desk.callers.nobody().get(f"/api/attachments/public/{file}", **signed)).status == 404


async def test_files_wait_for_the_scanner_and_those_it_finds_something_in_stay(
    make_desk: MakeDesk, clamd: ClamDaemon
) -> None:
    desk = await make_desk(DESK_INGESTION_CLAMD=clamd.address)
    agent, customer = desk.as_(Role.AGENT), desk.as_(Role.CUSTOMER)
    bad = (await customer.post("/api/attachments", EICAR, query={"name": "bad.txt"})).json()
    good, large = await upload(desk, png(), "a.png"), await upload(desk, b"x" * (MAX_BYTES + 1))
    assert (good["scan"], good["withheld"]) == ("pending", "pending")
    for path in (good["url"], good["thumbnail_url"]):
        waiting = await agent.get(path)
        assert (waiting.status, waiting.json()["type"]) == (409, "/problems/file-not-scanned")
        assert int(waiting.headers["retry-after"]) > 0

    scanning = _scanning(desk)
    clamd.down()
    failed = _scans("failed")
    with pytest.raises(ScannerAway), capture_logs() as logs:
        await scanning.turn()
    assert (logs[-1]["event"], logs[-1]["reasons"], _scans("failed")) == ("scanner.failed", ["away"], failed + 3)
    clamd.up()
    assert not await scanning.turn(), "they are tried again later"
    for _ in range(MAX_ATTEMPTS):  # a scanner that has had enough may close before it is heard
        await _all_due(desk)
        await scanning.turn()

    assert (await agent.get(good["url"])).status == 200
    assert (await agent.get(good["thumbnail_url"])).status == 200
    found = await agent.get(bad["url"])
    assert (found.status, found.json()["type"]) == (403, "/problems/file-infected")
    assert FOUND in found.json()["detail"]
    assert FOUND not in (await customer.get(bad["url"])).json()["detail"]
    told = (await agent.get(f"{bad['url']}/details")).json()
    assert (told["name"], told["scan"], told["found"]) == ("bad.txt", "infected", FOUND)
    told = (await customer.get(f"{bad['url']}/details")).json()
    assert (told["scan"], told["found"]) == ("infected", None)
    assert (await agent.post(f"{bad['url']}/links", {})).status == 403
    assert (await agent.get(f"{large['url']}/details")).json()["scan"] == "unscannable"
    assert (await agent.get(large["url"])).status == 409


@pytest.mark.parametrize("reason", ["timeout", "connection_lost", "scanner_error"])
async def test_a_scanner_in_trouble_makes_no_file_unusable(
    reason: str, make_desk: MakeDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Five failures in a row were counted as the files' fault, for good."""
    desk = await make_desk(DESK_INGESTION_CLAMD="tcp://127.0.0.1:1")
    slow = await upload(desk, b"slow")
    silent = {b"slow", b"quick"}

    async def scan(_: Clamd, data: AsyncIterator[bytes]) -> None:
        if b"".join([chunk async for chunk in data]) in silent:
            raise ScanFailed(reason)

    monkeypatch.setattr(Clamd, "scan", scan)
    scanning = _scanning(desk)
    state = "SELECT scan || scan_attempts FROM attachments WHERE id = :id"
    for _ in range(MAX_ATTEMPTS + 2):
        await _all_due(desk)
        await scanning.turn()
    # The first might have been of that file alone.
    assert await desk.scalar(state, id=UUID(slow["id"])) == "unscanned1"

    # Where others get an answer it is that file, which is tried again later and later.
    silent = {b"slow"}
    for _ in range(2, MAX_ATTEMPTS):
        quick = await upload(desk, b"quick")
        await _all_due(desk)
        await scanning.turn()
    assert await desk.scalar(state, id=UUID(quick["id"])) == "clean1"
    assert await desk.scalar(state, id=UUID(slow["id"])) == f"unscanned{MAX_ATTEMPTS - 1}"
    waits = "SELECT scan_due_at > now() + interval '10 minutes' FROM attachments WHERE id = :id"
    assert await desk.scalar(waits, id=UUID(slow["id"]))
    await _all_due(desk)
    await scanning.turn()
    assert await desk.scalar(state, id=UUID(slow["id"])) == f"unscannable{MAX_ATTEMPTS}"


async def test_a_scanner_that_fails_at_every_file_is_told_of_and_not_asked_without_a_pause(
    make_desk: MakeDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With signatures that are broken every file waited for ever, and neither a log nor a metric told why."""
    desk = await make_desk(DESK_INGESTION_CLAMD="tcp://127.0.0.1:1")
    files = [await upload(desk, data) for data in (b"one", b"two")]
    broken = True

    async def scan(_: Clamd, data: AsyncIterator[bytes]) -> None:
        if b"".join([chunk async for chunk in data]) and broken:
            raise ScanFailed("scanner_error")

    monkeypatch.setattr(Clamd, "scan", scan)
    scanning = _scanning(desk)
    failed = _scans("failed")
    # Once it might have been the files.
    for turn, again in enumerate((True, False, False), start=1):
        await _all_due(desk)
        with capture_logs() as logs:
            assert await scanning.turn() is again
        [told] = [each for each in logs if each["event"] == "scanner.failed"]
        assert (told["log_level"], told["reasons"], told["files"]) == ("warning", ["scanner_error"], len(files))
        assert _scans("failed") == failed + turn * len(files)
    broken = False
    await _all_due(desk)
    with capture_logs() as logs:
        assert await scanning.turn()
    assert "scanner.failed" not in {each["event"] for each in logs}
    assert _scans("failed") == failed + 3 * len(files)
    assert await desk.scalar("SELECT count(*) FROM attachments WHERE scan = 'clean'") == len(files)


async def test_a_desk_that_fails_open_keeps_back_only_what_something_was_found_in(
    make_desk: MakeDesk, clamd: ClamDaemon
) -> None:
    desk = await make_desk(DESK_INGESTION_CLAMD=clamd.address, DESK_INGESTION_CLAMD_FAIL_OPEN=True)
    bad, agent = await upload(desk, EICAR), desk.as_(Role.AGENT)
    assert (await agent.get(bad["url"])).status == 200
    assert await _scanning(desk).turn()
    assert (await agent.get(bad["url"])).status == 403


async def test_a_reply_has_its_files_or_links_to_them_and_none_that_is_kept_back(make_desk: MakeDesk) -> None:
    desk = await make_desk(DESK_INGESTION_MAX_OUTGOING_MIB=0.001)
    small, large = await upload(desk, b"small", "small.txt"), await upload(desk, b"x" * 2000, "large <b>.txt")
    await _reply(desk, small, large, html="<p>See.</p>")
    [sent] = [
        message_from_bytes(path.read_bytes(), policy=policy.default)
        for path in desk.settings.outgoing_dir.glob("*.eml")
    ]
    assert [part.get_filename() for part in sent.iter_attachments()] == ["small.txt"]
    text, html = [part.get_content() for part in sent.walk() if part.get_content_maintype() == "text"][:2]
    [url] = [line for line in text.splitlines() if f"/api/attachments/public/{large['id']}?" in line]
    assert "<b>.txt" not in html
    path, _, query = url.removeprefix(desk.settings.public_url.rstrip("/")).partition("?")
    answer = await desk.callers.nobody().get(path, **dict(part.split("=", 1) for part in query.split("&")))
    assert (answer.status, answer.body) == (200, b"x" * 2000)
    assert await desk.scalar("SELECT count(*) FROM attachments WHERE message_id IS NULL") == 0

    infected = await upload(desk, b"bad", "bad.txt")
    await desk.execute("UPDATE attachments SET scan = 'infected' WHERE id = :id", id=UUID(infected["id"]))
    await _reply(desk, infected)
    [failed] = await desk.events("message.failed.v1")
    assert failed["reason"] == "FileWithheld"


async def test_a_mail_hands_on_so_many_of_its_files(make_desk: MakeDesk) -> None:
    desk = await make_desk(DESK_INGESTION_MAX_MAIL_FILES=2)
    part = "--R\r\nContent-Type: text/plain; name=a{n}.txt\r\nContent-Disposition: attachment\r\n\r\n{n}\r\n"
    parts = "".join(part.format(n=n) for n in range(3))
    await desk.take_mail(mail(f"{parts}--R--\r\n", Content_Type="multipart/mixed; boundary=R"))
    [event] = await desk.events("message.received.v1")
    answers = [
        (await desk.as_(Role.AGENT).get(f"/api/attachments/{file['id']}")).status for file in event["attachments"]
    ]
    assert answers == [200, 200, 403]


async def _reply(desk: Desk, *uploaded: dict[str, Any], html: str | None = None) -> None:
    files = []
    for each in uploaded:
        key = await desk.scalar("SELECT key FROM attachments WHERE id = :id", id=UUID(each["id"]))
        named = {name: each[name] for name in ("id", "name", "content_type", "size_bytes")}
        files.append(AttachmentRef(key=key, **named))
    told = reply(uuid7(), attachments=tuple(files))
    await desk.consume(told.model_copy(update={"html": html}))
    await desk.delivery().turn()


def _scanning(desk: Desk) -> Scanning:
    assert desk.settings.clamd is not None
    return Scanning(desk.database, desk.objects, Clamd(desk.settings.clamd, timeout_seconds=60))


def _scans(scan: str) -> float:
    return REGISTRY.get_sample_value("desk_files_scanned_total", {"scan": scan}) or 0.0


async def _all_due(desk: Desk) -> None:
    await desk.execute("UPDATE attachments SET scan_due_at = now()")
