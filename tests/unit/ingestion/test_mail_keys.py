"""Signed and encrypted mail, looked at with keys: what a signature is worth, and what is opened."""

import shutil
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, pkcs12
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pysequoia import SignatureMode, Tsk, sign

from services.ingestion.domain.mail import (
    MAX_OPENED_BYTES,
    KeyRejectedError,
    MailKeys,
    MailSecurity,
    ParsedMail,
    SignatureOf,
    parse_mail,
)
from services.ingestion.domain.mail.opening import read_key
from tests import mail_keys as made
from tests.mail_keys import ADA, DAY, DESK, ENTITY, NOW, Identity, keys, mail, multipart

SECRET = "The password is swordfish."


def read(content: bytes, with_: MailKeys | None = None, sender: str = ADA) -> ParsedMail:
    return parse_mail(mail(content, sender), keys=with_ or keys())


def signature(content: bytes, with_: MailKeys | None = None, sender: str = ADA) -> str | None:
    security = read(content, with_, sender).security
    return None if security is None or security.signature is None else security.signature.state


SIGNED = {
    "smime": made.smime_signed,
    "smime, opaque": lambda: made.smime_signed(opaque=True),
    "pgp": made.pgp_signed,
    "pgp, clear": lambda: text(sign(made.pgp_ada().signer(), SECRET.encode(), mode=SignatureMode.CLEAR)),
}
ENCRYPTED = {
    "smime": made.smime_encrypted,
    "pgp": lambda: made.pgp_encrypted(made.pgp_message()),
    "pgp, in the text": lambda: text(made.pgp_message(SECRET.encode())),
}


def text(content: bytes) -> bytes:
    return b"Content-Type: text/plain; charset=utf-8\r\n\r\n" + content


@pytest.mark.parametrize("how", SIGNED)
def test_a_signature_that_holds_is_of_its_signer(how: str) -> None:
    found = read(SIGNED[how]())
    assert (found.text, found.attachments) == (SECRET, ())
    assert found.security is not None
    assert (found.security.signed, found.security.encrypted) == (True, False)
    assert found.security.signature is not None
    assert (found.security.signature.state, found.security.signature.signer) == ("valid", ADA)
    assert len(found.security.signature.fingerprint) in {40, 64}


@pytest.mark.parametrize("how", ["smime", "pgp", "pgp, clear"])
def test_what_was_altered_is_not_signed(how: str) -> None:
    assert signature(SIGNED[how]().replace(b"swordfish", b"catfish!!")) == "altered"


@pytest.mark.parametrize("how", SIGNED)
def test_a_signature_is_of_the_address_a_mail_is_from(how: str) -> None:
    found = read(SIGNED[how](), sender="ceo@example.org").security
    assert found is not None
    assert found.signature is not None
    assert (found.signature.state, found.signature.signer) == ("wrong_address", ADA)


@pytest.mark.parametrize("how", SIGNED)
def test_a_signature_by_nobody_who_is_known_proves_nothing(how: str) -> None:
    strangers = MailKeys(NOW, [read_key("authority", Identity("Another").pem, None)])
    assert signature(SIGNED[how](), strangers) == "unknown_key"
    assert signature(SIGNED[how](), MailKeys(NOW)) == "unknown_key"


def test_a_stranger_signs_in_the_name_of_another() -> None:
    assert signature(made.smime_signed(by=Identity("Ada", address=ADA))) == "unknown_key", "vouched for by himself"
    issued = Identity("Ada", made.ada(), address=ADA)
    assert signature(made.smime_signed(by=issued, issuer=made.ada())) == "unknown_key", "a customer is no authority"
    assert signature(made.pgp_signed(by=Tsk.generate(f"Ada <{ADA}>"))) == "unknown_key"


def test_a_certificate_for_something_else_signs_no_mail() -> None:
    server = Identity("Ada", made.authority(), address=ADA, purpose=ExtendedKeyUsageOID.SERVER_AUTH)
    assert signature(made.smime_signed(by=server)) == "unknown_key"


def test_a_certificate_counts_while_it_lasts() -> None:
    assert signature(made.smime_signed(), keys(at=NOW + 299 * DAY)) == "valid"
    assert signature(made.smime_signed(), keys(at=NOW + 301 * DAY)) == "expired"
    assert signature(made.smime_signed(by=Identity("Ada", address=ADA)), keys(at=NOW + 301 * DAY)) == "unknown_key"


def test_a_pgp_key_counts_while_it_lasts() -> None:
    short = Tsk.generate(f"Ada <{ADA}>", validity_seconds=3600)
    signed, key = made.pgp_signed(by=short), read_key("pgp", str(short.extract_certificate()), None)
    assert key.expires_at is not None
    assert signature(signed, keys(key, at=key.expires_at - DAY)) == "valid"
    assert signature(signed, keys(key, at=key.expires_at)) == "expired"


def test_a_revoked_key_counts_no_more() -> None:
    certificate = made.pgp_ada().extract_certificate()
    revocation = certificate.revoke(certifier=made.pgp_ada().certifier())
    revoked = (
        Tsk.from_bytes(bytes(made.pgp_ada())).extract_certificate().from_bytes(bytes(certificate) + bytes(revocation))
    )
    assert signature(made.pgp_signed(), keys(read_key("pgp", str(revoked), None))) == "expired"


@pytest.mark.parametrize("how", ENCRYPTED)
def test_what_is_encrypted_for_the_desk_is_read(how: str) -> None:
    found = read(ENCRYPTED[how]())
    assert (found.text, found.attachments) == (SECRET, ())
    scheme = "smime" if how == "smime" else "pgp"
    assert found.security == MailSecurity(scheme, signed=False, encrypted=True, decrypted=True)


@pytest.mark.parametrize(
    ("how", "content"),
    [
        ("smime", lambda: made.smime_encrypted(made.smime_signed())),
        ("smime, opaque", lambda: made.smime_encrypted(made.smime_signed(opaque=True))),
        ("pgp", lambda: made.pgp_encrypted(made.pgp_message(by=made.pgp_ada()))),
        ("pgp, in two steps", lambda: made.pgp_encrypted(made.pgp_message(made.pgp_signed()))),
    ],
)
def test_what_is_signed_within_is_signed(how: str, content: object) -> None:
    found = read(content())  # type: ignore[operator]
    assert found.text == SECRET, how
    assert found.security is not None
    assert (found.security.signed, found.security.decrypted) == (True, True)
    assert found.security.signature is not None
    assert (found.security.signature.state, found.security.signature.signer) == ("valid", ADA)


def test_what_is_encrypted_for_others_is_attached_and_says_so() -> None:
    stranger = Identity("Other", address="other@example.org", bits=2048)
    for content in (
        made.smime_encrypted(to=stranger),
        made.pgp_encrypted(made.pgp_message(to=made.pgp_ada())),
    ):
        found = read(content)
        assert found.security is not None
        assert (found.security.encrypted, found.security.decrypted, found.security.problem) == (True, False, "no_key")
        assert "a key that the desk does not have" in found.text
        assert found.attachments


@pytest.mark.parametrize("how", ["smime", "pgp"])
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=st.floats(0.05, 0.95), by=st.sampled_from([b"A", b"z", b"/"]))
def test_what_was_altered_on_its_way_is_no_error(how: str, at: float, by: bytes) -> None:
    content = ENCRYPTED[how]()
    place = int(len(content) * at)
    found = read(content[:place] + by + content[place + 1 :])
    assert found.security is None or found.security.decrypted is (found.text == SECRET) or how == "smime"


@settings(max_examples=60, deadline=None)
@given(data=st.binary(max_size=300), kind=st.sampled_from(["enveloped-data", "signed-data", ""]))
def test_what_is_no_smime_is_no_error(data: bytes, kind: str) -> None:
    head = f"Content-Type: application/pkcs7-mime; smime-type={kind}; name=smime.p7m\r\n\r\n".encode()
    found = read(head + data)
    assert found.security is not None
    assert (found.security.decrypted, found.security.problem) == (False, "damaged")
    assert "could not be read" in found.text


def test_nothing_is_opened_beside_something_else() -> None:
    """EFAIL: an attacker wraps a stolen mail in parts of his own, which would send its text to him."""
    for how in ("smime", "pgp"):
        around = multipart(
            "mixed", b'Content-Type: text/html\r\n\r\n<img src="https://x.example/', ENCRYPTED[how](), b"\r\n\r\n>"
        )
        found = read(around)
        assert found.security is not None
        assert (found.security.decrypted, found.security.problem) == (False, "not_whole")
        assert SECRET not in found.text
        assert not any(SECRET in shown for _, shown in found.parts)
    three = made.pgp_encrypted(made.pgp_message()).replace(
        b"Content-Type: application/octet-stream", b"Content-Type: text/html\r\n\r\n<img src='", 1
    )
    assert SECRET not in read(three).text
    beside = read(text(b"Look:\r\n" + made.pgp_message(SECRET.encode())))
    assert beside.security is not None
    assert beside.security.problem == "not_whole"
    assert SECRET not in beside.text


def test_a_signature_of_a_part_is_not_one_of_the_whole() -> None:
    for how in ("smime", "pgp"):
        around = multipart("mixed", SIGNED[how](), b"\r\nPay to another account.")
        assert signature(around) == "partial", how
        assert "another account" in read(around).text
        third = SIGNED[how]()
        boundary = third[third.index(b"boundary=") + 9 : third.index(b"\r\n\r\n")]
        third = third.replace(
            b"--%b--" % boundary, b"--%b\r\n\r\nPay to another account.\r\n--%b--" % (boundary, boundary)
        )
        assert signature(third) == "partial", how


def test_what_was_signed_around_an_encryption_is_not_opened() -> None:
    """Whoever signs what another one encrypted would pass for its author."""
    found = read(made.pgp_signed(made.pgp_encrypted(made.pgp_message())))
    assert SECRET not in found.text
    assert "could not be read" in found.text


def test_encryption_in_encryption_is_opened_once() -> None:
    found = read(made.pgp_encrypted(made.pgp_message(made.smime_encrypted())))
    assert SECRET not in found.text
    assert "holds another one that is encrypted" in found.text
    assert [file.name for file in found.attachments] == ["smime.p7m"]


def test_what_is_encrypted_is_no_larger_than_a_mail() -> None:
    ours = keys(read_key("pgp", str(made.pgp_rsa()), None))
    assert read(made.pgp_encrypted(made.pgp_packets(made.pgp_literal(ENTITY))), ours).text == SECRET
    large = read(made.pgp_encrypted(made.pgp_packets(made.pgp_zeros(MAX_OPENED_BYTES + 1))), ours)
    assert large.security is not None
    assert (large.security.decrypted, large.security.problem) == (False, "out_of_bounds")


def test_the_mail_itself_says_who_sent_it() -> None:
    inner = b'Content-Type: text/plain; protected-headers="v1"\r\nSubject: Secret subject\r\nFrom: ceo@example.org\r\n'
    entity = inner + b"In-Reply-To: <a@b.example>\r\n\r\nhello"
    found = read(made.pgp_encrypted(made.pgp_message(entity, by=made.pgp_ada())))
    assert (found.subject, found.text, found.references) == ("Secret subject", "hello", ())
    assert found.sender is not None
    assert found.sender.address == ADA
    plain = inner.replace(b'; protected-headers="v1"', b"")
    assert read(made.pgp_encrypted(made.pgp_message(plain + b"\r\nhello", by=made.pgp_ada()))).subject == "Help"


def test_a_subject_that_only_was_encrypted_is_nobodys() -> None:
    """Whoever copies what another one encrypted would read the subject in the answer."""
    inner = b'Content-Type: text/plain; protected-headers="v1"\r\nSubject: Secret subject\r\n\r\nhello'
    assert read(made.pgp_encrypted(made.pgp_message(inner))).subject == "Help"
    stolen = made.pgp_encrypted(made.pgp_message(inner, by=made.pgp_ada()))
    assert read(stolen, sender="mallory@example.org").subject == "Help"


def test_without_attributes_a_signature_says_nothing() -> None:
    """Otherwise the signed attributes of one mail would be the signed content of another."""
    from cryptography.hazmat.primitives import hashes  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import Encoding, pkcs7  # noqa: PLC0415

    builder = pkcs7.PKCS7SignatureBuilder().set_data(ENTITY)
    builder = builder.add_signer(made.ada().certificate, made.ada().key, hashes.SHA256())
    options = [pkcs7.PKCS7Options.Binary, pkcs7.PKCS7Options.NoAttributes]
    content = made.encoded(builder.sign(Encoding.DER, options), "application/pkcs7-mime; smime-type=signed-data")
    assert signature(content) == "unchecked"


def test_keys_are_described_and_what_is_none_is_refused() -> None:
    own = read_key("smime", made.desk().whole_pem, None)
    assert (own.kind, own.addresses, own.expires_at, own.secret is None) == ("smime", (DESK,), NOW + 300 * DAY, False)
    store = pkcs12.serialize_key_and_certificates(
        b"desk", made.desk().key, made.desk().certificate, None, BestAvailableEncryption(b"hunter2")
    )
    import base64  # noqa: PLC0415

    handed_in = base64.b64encode(store).decode()
    assert read_key("smime", handed_in, "hunter2") == own
    pgp = read_key("pgp", str(made.pgp_desk()), None)
    assert (pgp.name, pgp.addresses, pgp.secret is None) == (f"Support <{DESK}>", (DESK,), False)
    assert read_key("pgp", str(made.pgp_desk().extract_certificate()), None).secret is None
    refused = [
        ("smime", handed_in, "hunter3", "does_not_open"),
        ("smime", made.desk().pem, None, "does_not_open"),
        ("smime", made.desk().pem + made.ada().whole_pem.split("CATE-----\n")[-1], None, "unsupported_key"),
        ("smime", Identity("Small", address=DESK, bits=1024).whole_pem, None, "unsupported_key"),
        ("authority", made.ada().pem, None, "no_authority"),
        ("authority", made.authority().pem * 2, None, "several_keys"),
        ("authority", "hello", None, "not_understood"),
        ("pgp", "hello", None, "not_understood"),
        ("pgp", str(Tsk.generate("nobody").extract_certificate()), None, "no_address"),
    ]
    for kind, data, passphrase, reason in refused:
        with pytest.raises(KeyRejectedError) as error:
            read_key(kind, data, passphrase)  # type: ignore[arg-type]
        assert error.value.reason == reason


def test_keys_go_through_a_pipe_as_they_are() -> None:
    assert MailKeys.from_bytes(keys().to_bytes()) == MailKeys(NOW, list(keys().keys))
    signed = MailSecurity("pgp", signed=True, encrypted=False, signature=SignatureOf("valid"))
    assert not keys().needed_for(signed).has_secrets
    smime = MailSecurity("smime", signed=True, encrypted=False)
    assert {key.kind for key in keys().needed_for(signed).keys} == {"pgp"}
    assert {key.kind for key in keys().needed_for(smime).keys} == {"smime", "authority"}
    assert keys().needed_for(MailSecurity("pgp", signed=False, encrypted=True)).has_secrets
    assert "secret" not in repr(keys()).replace("has_secrets", "")


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
@pytest.mark.parametrize("how", [["-aes256"], ["-aes128", "-keyopt", "rsa_padding_mode:oaep"], ["-aes256", "-stream"]])
def test_what_openssl_encrypts_and_signs_is_read(how: list[str], tmp_path: Path) -> None:
    (tmp_path / "ada.pem").write_text(made.ada().whole_pem)
    (tmp_path / "desk.pem").write_text(made.desk().pem)
    signed = _run(tmp_path, ["openssl", "cms", "-sign", "-signer", "ada.pem"], ENTITY)
    assert signature(_part(signed)) == "valid"
    recipient = ["-recip", "desk.pem", *how] if "-keyopt" in how else [*how, "desk.pem"]
    encrypted = _run(tmp_path, ["openssl", "cms", "-encrypt", *recipient], signed)
    found = read(_part(encrypted))
    assert found.text == SECRET
    assert found.security is not None
    assert found.security.signature is not None
    assert found.security.signature.state == "valid"


@pytest.mark.skipif(shutil.which("gpg") is None, reason="gpg is not installed")
def test_what_gnupg_encrypts_and_signs_is_read(tmp_path: Path) -> None:
    (tmp_path / "ada.sec").write_text(str(made.pgp_ada()))
    (tmp_path / "desk.pub").write_text(str(made.pgp_desk().extract_certificate()))
    gpg = [
        "gpg",
        "--homedir",
        str(tmp_path),
        "--batch",
        "--no-autostart" if False else "--quiet",
        "--trust-model",
        "always",
    ]
    _run(tmp_path, [*gpg, "--import", "ada.sec", "desk.pub"], b"")
    try:
        for extra, state in ((["-z", "0"], "valid"), ([], "unchecked")):
            command = [*gpg, "--armor", "--sign", "--encrypt", "-r", DESK, *extra]
            found = read(made.pgp_encrypted(_run(tmp_path, command, ENTITY)))
            assert found.text == SECRET
            assert found.security is not None
            assert found.security.signature is not None
            assert found.security.signature.state == state
        detached = _run(tmp_path, [*gpg, "--armor", "--detach-sign"], ENTITY)
        signed = b"Content-Type: application/pgp-signature\r\n\r\n" + detached
        assert signature(multipart("signed; protocol=application/pgp-signature", ENTITY, signed)) == "valid"
    finally:
        subprocess.run(["gpgconf", "--homedir", str(tmp_path), "--kill", "all"], check=False)


def _run(directory: Path, command: list[str], given_: bytes) -> bytes:
    done = subprocess.run(command, input=given_, capture_output=True, cwd=directory, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def _part(smime: bytes) -> bytes:
    """What openssl wrote, without its MIME-Version."""
    return smime.replace(b"MIME-Version: 1.0\r\n", b"").replace(b"MIME-Version: 1.0\n", b"")
