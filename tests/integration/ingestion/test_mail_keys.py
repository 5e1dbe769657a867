"""Keys of mail as admins write them, and what becomes of mail that is signed and encrypted with them."""

import asyncio
from typing import Any

import psutil
import pytest

from services.ingestion.domain.mail import MailKeys, MailSecurity, ParsedMail
from services.ingestion.domain.mail.opening import read_key
from services.ingestion.domain.mail_html import ShownHtml
from services.ingestion.parsing import ParserFailed, ParserLimits, ParserPool
from services.ingestion.sealing import Seal
from services.ingestion.service.mailboxes import SealKeeping
from shared.db import now_utc
from shared.events.accounts import Role
from tests import mail_keys as made
from tests.integration.ingestion.conftest import MakeDesk
from tests.integration.ingestion.harness import Desk
from tests.mail_keys import ADA, DESK, ENTITY, mail, multipart

PATH = "/api/channels/keys"
SECRET = "The password is swordfish."
RICH = (
    b"Content-Type: text/html; charset=utf-8\r\n\r\n"
    b"<p>The password is <b>swordfish</b><img src='https://t.example/p.gif'></p>\r\n"
)


async def added(desk: Desk, kind: str, key: str, **more: str) -> dict[str, Any]:
    answer = await desk.as_(Role.ADMIN).post(PATH, {"kind": kind, "key": key, **more})
    assert answer.status == 201, answer.body
    body: dict[str, Any] = answer.json()
    return body


async def test_keys_are_added_shown_without_secrets_and_forgotten(desk: Desk) -> None:
    admin, whole = desk.as_(Role.ADMIN), made.desk().whole_pem
    smime = await added(desk, "smime", whole)
    assert (smime["addresses"], smime["decrypts"], smime["name"]) == ([DESK], True, "CN=Desk")
    assert smime["expires_at"].startswith("20")
    authority = await added(desk, "authority", made.authority().pem)
    own = await added(desk, "pgp", str(made.pgp_desk()))
    public = await added(desk, "pgp", str(made.pgp_ada().extract_certificate()))
    assert (public["addresses"], public["decrypts"], own["decrypts"]) == ([ADA], False, True)
    assert public["fingerprint"] == made.pgp_ada().extract_certificate().fingerprint
    listed = await admin.get(PATH)
    assert [each["id"] for each in listed.json()["items"]] == [each["id"] for each in (smime, authority, own, public)]
    assert (await admin.get(f"{PATH}/{own['id']}")).json() == own
    assert b"PRIVATE" not in listed.body
    for sealed in await desk.scalar("SELECT array_agg(secrets) FROM mail_keys WHERE secrets IS NOT NULL"):
        assert b"PRIVATE" not in sealed
        assert not any(part in sealed for part in (bytes(made.pgp_desk())[40:60],))
    again = await admin.post(PATH, {"kind": "smime", "key": whole})
    assert (again.status, again.json()["type"]) == (409, "/problems/key-known")
    wrong = await admin.post(PATH, {"kind": "pgp", "key": "hunter2hunter2"})
    assert (wrong.status, wrong.json()["type"], wrong.json()["reason"]) == (
        422,
        "/problems/key-rejected",
        "not_understood",
    )
    assert b"hunter2" not in wrong.body
    assert (await admin.delete(f"{PATH}/{public['id']}")).status == 204
    assert (await admin.delete(f"{PATH}/{public['id']}")).status == 404
    for role in (Role.AGENT, Role.CUSTOMER):
        assert (await desk.as_(role).get(PATH)).status == 403
        assert (await desk.as_(role).post(PATH, {"kind": "smime", "key": whole})).status == 403


async def test_a_signed_and_encrypted_mail_is_a_ticket_with_its_text_and_files(desk: Desk) -> None:
    for kind, key in (("pgp", str(made.pgp_desk())), ("pgp", str(made.pgp_ada().extract_certificate()))):
        await added(desk, kind, key)
    file = b"Content-Type: application/pdf; name=contract.pdf\r\n\r\n%PDF-1.7"
    message = made.pgp_message(multipart("mixed", ENTITY, file), by=made.pgp_ada())
    raw = mail(made.pgp_encrypted(message))
    status = await desk.take_mail(raw)
    [event] = await desk.events("message.received.v1")
    assert event["text"] == SECRET
    assert [each["name"] for each in event["attachments"]] == ["contract.pdf"]
    fingerprint = made.pgp_ada().extract_certificate().fingerprint
    security = {"scheme": "pgp", "encrypted": True, "decrypted": True, "problem": None}
    assert event["security"] == {**security, "signature": "valid", "signer": ADA, "fingerprint": fingerprint}
    assert status["security"] == event["security"]
    assert await desk.objects.get(event["raw_key"]) == raw


async def test_what_cannot_be_decrypted_is_a_ticket_with_the_file_and_why(desk: Desk) -> None:
    await desk.take_mail(mail(made.smime_encrypted()))
    [event] = await desk.events("message.received.v1")
    assert "a key that the desk does not have" in event["text"]
    assert [each["name"] for each in event["attachments"]] == ["smime.p7m"]
    assert (event["security"]["decrypted"], event["security"]["problem"]) == (False, "no_key")


async def test_what_is_signed_by_somebody_unknown_says_so(shared_desk: Desk) -> None:
    status = await shared_desk.take_mail(mail(made.smime_signed(opaque=True)))
    assert (status["security"]["signature"], status["security"]["signer"]) == ("unknown_key", ADA)
    assert SECRET in await shared_desk.scalar("SELECT text FROM inbound_messages WHERE id = :id", id=status["id"])


async def test_what_was_encrypted_is_shown_and_asks_nobody_for_an_image(desk: Desk) -> None:
    """EFAIL: who sent on a stolen mail would learn of it, and what it says, by an image that is fetched."""
    await added(desk, "smime", made.desk().whole_pem)
    accepted = await desk.take_mail(mail(made.smime_encrypted(RICH)))
    for asked in ("false", "true"):
        path = f"/api/ingest/messages/{accepted['id']}/html"
        page = await desk.as_(Role.AGENT).get(path, remote_images=asked)
        assert page.status == 200, page.body
        assert b"<b>swordfish</b>" in page.body
        assert (b"t.example" in page.body, page.headers["x-images-left-out"]) == (False, "1")


async def test_keys_of_mail_are_sealed_anew_with_those_of_mailboxes(make_desk: MakeDesk) -> None:
    old, new = "11" * 32, "22" * 32
    desk = await make_desk(DESK_INGESTION_SEALING_KEYS=old)
    await added(desk, "smime", made.desk().whole_pem)
    async with desk.database.transaction() as session:
        await SealKeeping(f"{new},{old}").run(session, now_utc())
    Seal([bytes.fromhex(new)]).open(await desk.scalar("SELECT secrets FROM mail_keys"))
    await desk.take_mail(mail(made.smime_encrypted()))
    [event] = await desk.events("message.received.v1")
    assert event["security"]["problem"] == "no_key", "this process does not know the new sealing key"


async def opened(content: bytes, pool: ParserPool) -> ParsedMail:
    async def get() -> MailKeys:
        return made.keys(read_key("pgp", str(made.pgp_rsa()), None), *made.all_keys())

    return await pool.parse(mail(content), get)


async def test_a_bomb_in_an_encryption_stays_closed(pool: ParserPool) -> None:
    """CVE-2014-4617 and its kin: a few hundred kilobytes that are hundreds of megabytes once they are decompressed."""
    found = await opened(made.pgp_encrypted(made.pgp_packets(made.pgp_zeros(200_000_000))), pool)
    assert found.security is not None
    assert (found.security.decrypted, found.security.problem) == (False, "out_of_bounds")
    assert "it holds more than a mail may" in found.text
    assert [file.name for file in found.attachments][-1] == "encrypted.asc"


async def test_what_keys_do_not_open_is_shown_without(monkeypatch: pytest.MonkeyPatch, pool: ParserPool) -> None:
    shown, signed = ShownHtml("<p>hello</p>", 0), MailSecurity("pgp", signed=True, encrypted=False)

    async def html(_self: object, _raw: bytes, *, remote_images: bool, keys: MailKeys | None = None) -> object:
        if keys is not None:
            raise ParserFailed("parser_timeout")
        return shown, signed

    async def get(_: str) -> bytes:
        return b""

    async def get_keys() -> MailKeys:
        return made.keys()

    monkeypatch.setattr("services.ingestion.parsing._Parser.html", html)
    assert await pool.html(get, "key", remote_images=False, get_keys=get_keys) == shown


async def test_an_encryption_that_could_have_been_altered_stays_closed(pool: ParserPool) -> None:
    """CVE-2017-17688: packets without protection of their integrity can be altered to send their text away."""
    literal = made.pgp_literal(ENTITY)
    whole = await opened(made.pgp_encrypted(made.pgp_packets(literal)), pool)
    bare = await opened(made.pgp_encrypted(made.pgp_packets(literal, protected=False)), pool)
    assert whole.text == SECRET
    assert bare.security is not None
    assert (bare.security.decrypted, bare.security.problem) == (False, "damaged")


async def test_what_knew_a_secret_reads_no_other_mail() -> None:
    """A mail that takes its process over finds there what was in it before."""
    pool = ParserPool(1, ParserLimits())
    try:
        before = _parsers()
        await opened(made.pgp_signed(), pool)
        [kept] = _parsers() - before
        command = psutil.Process(kept)
        assert "PRIVATE" not in " ".join(command.cmdline()) + str(command.environ())
        await opened(made.smime_encrypted(), pool)
        for _ in range(100):
            if kept not in _parsers():
                break
            await asyncio.sleep(0.05)
        assert kept not in _parsers()
        assert (await opened(ENTITY, pool)).text == SECRET
    finally:
        await pool.close()


def _parsers() -> set[int]:
    """Processes of this one that parse."""
    children = psutil.Process().children()
    return {each.pid for each in children if any("parser_process" in part for part in each.cmdline())}
