"""One permanent test for each class of attack by files that others had to publish. Each names its source.

Two classes do not apply yet, as there is no such feature: zip slip (nothing is unpacked), PDF or HTML export that
fetches `file://` (nothing is rendered). CSV is written by the web app (`features/reports/csv.test.ts`). Zip and gzip
bombs meet nobody who unpacks them; what is decoded are images, in a process with bounds.
"""

import gzip
import os
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from uuid import UUID
from zipfile import ZIP_DEFLATED, ZipFile

import pytest
import pytest_asyncio

from services.ingestion.domain.files import FilePolicy, KeptFile, safe_file_name, sniff_content_type
from services.ingestion.parsing import ParserFailed, ParserLimits, ParserPool
from shared.db import Database
from shared.events.accounts import Role
from shared.ids import uuid7
from tests.conftest import Databases
from tests.images import photo, png
from tests.integration.ingestion.harness import Desk


@pytest_asyncio.fixture(scope="module")
async def pool() -> AsyncIterator[ParserPool]:
    pool = ParserPool(1, ParserLimits())
    yield pool
    await pool.close()


@pytest_asyncio.fixture(scope="module")
async def desk(databases: Databases, tmp_path_factory: pytest.TempPathFactory, pool: ParserPool) -> AsyncIterator[Desk]:
    """One for all of these tests: none of them minds the others' files."""
    async with databases.database("ingestion") as database:
        desk = Desk(database, tmp_path_factory.mktemp("desk"), pool)
        await desk.start()
        yield desk


async def upload(desk: Desk, data: bytes, name: str, role: Role = Role.AGENT) -> dict[str, Any]:
    answer = await desk.as_(role).post("/api/attachments", data, query={"name": name})
    assert answer.status == 201, answer.body
    uploaded: dict[str, Any] = answer.json()
    return uploaded


@pytest.mark.parametrize(
    "name",
    [
        ".htaccess",
        ".\u200bhtaccess",
        "\u200b.htaccess",
        "../../etc/passwd",
        "..\\..\\boot.ini",
        "/etc/passwd",
        "C:\\boot.ini",
        "a.txt\x00.exe",
        "photo\u202egnp.exe",
        "a\r\nSet-Cookie: x=1.txt",
        'a";x=".txt',
        "\u2066\u2069",
        "....",
        "",
    ],
)
def test_a_name_is_one_visible_component_of_a_path(name: str) -> None:
    """`.htaccess` as an attachment of a help desk, and behind a zero-width space once that was mended (CWE-434)."""
    safe = safe_file_name(name)
    assert safe
    assert safe == safe.strip(". ")
    assert not set(safe) & set('/\\:"\r\n\x00;\u200b\u200c\u200d\u2060\u202a\u202b\u202c\u202d\u202e\u2066\u2069\ufeff')


async def test_no_name_breaks_out_of_the_header_it_is_served_in(desk: Desk) -> None:
    """Header injection and reflected downloads by file names (CWE-113)."""
    uploaded = await upload(desk, b"x", 'a"; filename=evil.html\r\nX: y\u202egnp.txt')
    header = (await desk.as_(Role.AGENT).get(uploaded["url"])).headers["content-disposition"]
    kind, _, name = header.partition("; filename*=UTF-8''")
    assert (kind, unquote(name), '"' in header, ";" in name) == ("attachment", uploaded["name"], False, False)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("invoice.pdf.exe", b"x"),
        ("a.EXE", b"x"),
        ("a.exe. .", b"x"),
        ("a.js", b"alert(1)"),
        ("a.scr", b"x"),
        ("a.lnk", b"x"),
        ("holiday.png", b"MZ\x90\x00" + b"\0" * 60),
        ("report.txt", b"\x7fELF\x02\x01\x01\x00"),
    ],
)
def test_what_runs_when_it_is_opened_is_handed_on_to_nobody(name: str, data: bytes) -> None:
    """Malware by ticket: agents open what customers send (CWE-434)."""
    name = safe_file_name(name)
    kept = KeptFile(uuid7(), "k", name, sniff_content_type(data, name), 1, "mail")
    assert FilePolicy().withheld(kept) == "blocked"


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"<!doctype html><script>alert(1)</script>", "page.html"),
        (b"\xef\xbb\xbf<html onload=alert(1)>", "page.txt"),
        (b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", "avatar.svg"),
        (b"<?xml version='1.0'?><svg onload='alert(1)'/>", "avatar.png"),
        (b"%PDF-1.7<script>", "x.html"),
        (b"GIF89a/*<svg/onload=alert(1)>*/=1", "x.svg"),
    ],
)
async def test_nothing_runs_in_a_browser_and_no_svg_is_a_picture(desk: Desk, data: bytes, name: str) -> None:
    """HTML that is served as text and sniffed, SVG as an avatar: stored XSS in many desks (CWE-79, CWE-434)."""
    uploaded = await upload(desk, data, name)
    answer = await desk.as_(Role.AGENT).get(uploaded["url"])
    kind = answer.headers["content-type"].partition(";")[0]
    assert kind in {"text/plain", "application/octet-stream", "application/pdf", "image/gif"}
    assert answer.headers["content-disposition"].startswith("attachment")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"] == "sandbox; default-src 'none'"
    for form in ("thumbnail", "image"):
        assert (await desk.as_(Role.AGENT).get(f"{uploaded['url']}/{form}")).status == 404


async def test_bombs_end_at_their_bounds_and_the_next_image_is_drawn(pool: ParserPool) -> None:
    """Decompression bombs (CVE-2014-9601 of Pillow): kilobytes that decode to gigabytes."""
    flat = png(200, 200)
    at = flat.index(b"IHDR") + 4
    header = (60_000).to_bytes(4, "big") * 2 + flat[at + 8 : at + 13]
    lying = flat[:at] + header + zlib.crc32(b"IHDR" + header).to_bytes(4, "big") + flat[at + 17 :]
    text = b"zTXt" + b"x\0\0" + zlib.compress(b"\0" * 80_000_000)
    packed = flat[: at + 17] + (len(text) - 4).to_bytes(4, "big") + text + zlib.crc32(text).to_bytes(4, "big")
    images = {"flat": flat}

    async def get(key: str) -> bytes:
        return images[key]

    for bomb, reasons in (
        (lying, {"too_many_pixels"}),
        (packed + flat[at + 17 :], {"unreadable", "not_an_image", "parser_out_of_memory"}),
        (png(5001, 5000, "1"), {"too_many_pixels"}),
    ):
        images["bomb"] = bomb
        with pytest.raises(ParserFailed) as failed:
            await pool.image(get, "bomb", thumbnail=True)
        assert failed.value.reason in reasons
    content_type, _ = await pool.image(get, "flat", thumbnail=True)
    assert content_type == "image/jpeg"


async def test_archives_are_served_as_they_came(desk: Desk) -> None:
    """Zip and gzip bombs (CWE-409): nothing looks into an archive, be it said to be an image."""
    out = BytesIO()
    with ZipFile(out, "w", ZIP_DEFLATED) as archive:
        archive.writestr("../../a", b"\0" * 10_000_000)
    for data in (out.getvalue(), gzip.compress(b"\0" * 10_000_000)):
        uploaded = await upload(desk, data, "a.png")
        assert (await desk.as_(Role.AGENT).get(uploaded["url"])).body == data
        assert uploaded["thumbnail_url"] is None
        assert (await desk.as_(Role.AGENT).get(f"{uploaded['url']}/thumbnail")).status == 404


async def test_a_picture_tells_nothing_but_what_it_shows(desk: Desk) -> None:
    """Photos that tell where somebody lives (GPS in EXIF of avatars and attachments)."""
    uploaded = await upload(desk, photo(), "a.jpg")
    for form in ("thumbnail", "image"):
        body = (await desk.as_(Role.AGENT).get(f"{uploaded['url']}/{form}")).body
        assert b"Exif" not in body
        assert b"Ada-was-here" not in body


async def test_files_are_nobodys_but_this_processes(
    make_database: Callable[..., Awaitable[Database]], tmp_path: Path, pool: ParserPool
) -> None:
    """World-writable uploads (CWE-732), whatever the umask says."""
    before = os.umask(0)
    try:
        desk = Desk(await make_database("ingestion"), tmp_path, pool)
        await desk.start()
        await upload(desk, photo(), "a.jpg")
        for form in ("thumbnail", "image"):
            uploaded = await upload(desk, photo(), "b.jpg")
            await desk.as_(Role.AGENT).get(f"{uploaded['url']}/{form}")
    finally:
        os.umask(before)
    paths = list(desk.objects.root.rglob("*"))
    assert {path.stat().st_mode & 0o777 for path in paths if path.is_file()} == {0o600}
    assert all(path.stat().st_mode & 0o077 == 0 for path in paths if path.is_dir())


async def test_nothing_is_read_without_signing_in_or_a_signature(desk: Desk) -> None:
    """Attachments behind a static route, or links that can be guessed or made longer (CWE-425, CWE-340)."""
    uploaded, nobody = await upload(desk, png(), "a.png"), desk.callers.nobody()
    for form in ("", "/thumbnail", "/image", "/details"):
        assert (await nobody.get(uploaded["url"] + form)).status == 401
    made = (await desk.as_(Role.AGENT).post(f"{uploaded['url']}/links", {"lasts_seconds": 60})).json()["url"]
    path, _, query = made.partition(desk.settings.public_url.rstrip("/"))[2].partition("?")
    signed = dict(part.split("=", 1) for part in query.split("&"))
    assert (await nobody.get(path, **signed)).status == 200
    guesses = [{}, {"expires": signed["expires"]}, {**signed, "expires": "99999999999"}, {**signed, "signature": ""}]
    for guess in [*guesses, {**signed, "signature": signed["signature"][:-1]}, {**signed, "signature": "é"}]:
        assert (await nobody.get(path, **guess)).status == 404
    assert (await nobody.get(path.replace(uploaded["id"], str(uuid7())), **signed)).status == 404
    key = await desk.scalar("SELECT key FROM attachments WHERE id = :id", id=UUID(uploaded["id"]))
    for each in (made, str(uploaded)):
        assert key not in each, "keys are told to nobody"
    assert (await nobody.get(f"/{key}")).status == 404


async def test_another_ones_file_is_not_there(desk: Desk) -> None:
    """Another's attachment by its id (CWE-639): in a message, as a file, as a picture, as a link."""
    mine, other = await upload(desk, png(), "a.png", Role.CUSTOMER), desk.as_(Role.CUSTOMER)
    for form in ("", "/thumbnail", "/image", "/details"):
        assert (await other.get(mine["url"] + form)).status == 404
        assert (await other.get(f"/api/attachments/{uuid7()}{form}")).status == 404
    assert (await other.post(f"{mine['url']}/links", {})).status == 403
    body = {"sender": {"address": "a@example.org"}, "text": "x", "attachment_ids": [mine["id"]]}
    assert (await desk.as_(Role.AGENT).post("/api/ingest/messages", body)).status == 422
