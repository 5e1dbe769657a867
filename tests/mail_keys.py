"""Keys and mails that are signed and encrypted with them, as tests want them; everything is made anew."""

import base64
import hashlib
import os
import zlib
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import pairwise

from cryptography import x509
from cryptography.hazmat.decrepit.ciphers.modes import CFB
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, pkcs7
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from pysequoia import ArmorKind, CipherSuite, SignatureMode, Tsk, armor, encrypt, sign
from pysequoia.packet import Packet, PacketPile, Tag

from services.ingestion.domain.mail import MailKey, MailKeys
from services.ingestion.domain.mail.opening import read_key

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
ADA, DESK = "ada@example.org", "support@desk.example"
ENTITY = b"Content-Type: text/plain; charset=utf-8\r\n\r\nThe password is swordfish.\r\n"


class Identity:
    """A certificate and its private key, vouched for by `issuer` or by itself."""

    def __init__(
        self,
        name: str,
        issuer: "Identity | None" = None,
        *,
        address: str | None = None,
        ends: datetime = NOW + 300 * DAY,
        purpose: x509.ObjectIdentifier = ExtendedKeyUsageOID.EMAIL_PROTECTION,
        bits: int | None = None,
    ) -> None:
        self.key = rsa.generate_private_key(65537, bits) if bits else ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        builder = x509.CertificateBuilder().subject_name(subject).public_key(self.key.public_key())
        builder = builder.issuer_name(issuer.certificate.subject if issuer else subject)
        builder = builder.serial_number(x509.random_serial_number())
        builder = builder.not_valid_before(NOW - 300 * DAY).not_valid_after(ends)
        builder = builder.add_extension(x509.BasicConstraints(ca=address is None, path_length=None), critical=True)
        if address is not None:
            builder = builder.add_extension(x509.SubjectAlternativeName([x509.RFC822Name(address)]), critical=False)
            builder = builder.add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
        self.certificate = builder.sign(issuer.key if issuer else self.key, hashes.SHA256())

    @property
    def pem(self) -> str:
        """The certificate."""
        return self.certificate.public_bytes(Encoding.PEM).decode()

    @property
    def whole_pem(self) -> str:
        """The certificate and its private key."""
        private = self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return self.pem + private.decode()


@cache
def authority() -> Identity:
    """Whom the desk trusts."""
    return Identity("Authority")


@cache
def ada() -> Identity:
    """A customer with a certificate of the authority."""
    return Identity("Ada", authority(), address=ADA)


@cache
def desk() -> Identity:
    """The desk's own, for decryption."""
    return Identity("Desk", authority(), address=DESK, bits=2048)


@cache
def pgp_ada() -> Tsk:
    """A customer's PGP key."""
    return Tsk.generate(f"Ada <{ADA}>")


@cache
def pgp_desk() -> Tsk:
    """The desk's own PGP key."""
    return Tsk.generate(f"Support <{DESK}>")


@cache
def all_keys() -> tuple[MailKey, ...]:
    """All that the desk needs for mail of Ada's."""
    return (
        read_key("authority", authority().pem, None),
        read_key("smime", desk().whole_pem, None),
        read_key("pgp", str(pgp_desk()), None),
        read_key("pgp", str(pgp_ada().extract_certificate()), None),
    )


def keys(*only: MailKey, at: datetime = NOW) -> MailKeys:
    """What a parser process is given: these, or all."""
    return MailKeys(at, only or all_keys())


def mail(content: bytes, sender: str = ADA, subject: str = "Help") -> bytes:
    """A mail with this part (header and body)."""
    return f"From: Ada <{sender}>\r\nTo: {DESK}\r\nSubject: {subject}\r\nMIME-Version: 1.0\r\n".encode() + content


def smime_signed(
    content: bytes = ENTITY, by: Identity | None = None, *, opaque: bool = False, issuer: Identity | None = None
) -> bytes:
    """The part signed by S/MIME, beside its signature or within it, with the certificate of the issuer."""
    who = by or ada()
    options = [pkcs7.PKCS7Options.Binary] if opaque else [pkcs7.PKCS7Options.DetachedSignature]
    builder = pkcs7.PKCS7SignatureBuilder().set_data(content).add_signer(who.certificate, who.key, hashes.SHA256())
    if issuer is not None:
        builder = builder.add_certificate(issuer.certificate)
    made = builder.sign(Encoding.DER, [*options, pkcs7.PKCS7Options.Binary] if not opaque else options)
    if opaque:
        return encoded(made, "application/pkcs7-mime; smime-type=signed-data; name=smime.p7m")
    return multipart(
        "signed; protocol=application/pkcs7-signature", content, encoded(made, "application/pkcs7-signature")
    )


def smime_encrypted(content: bytes = ENTITY, to: Identity | None = None) -> bytes:
    """The part enveloped by S/MIME."""
    builder = pkcs7.PKCS7EnvelopeBuilder().set_data(content).add_recipient((to or desk()).certificate)
    made = builder.encrypt(Encoding.DER, [pkcs7.PKCS7Options.Binary])
    return encoded(made, "application/pkcs7-mime; smime-type=enveloped-data; name=smime.p7m")


def pgp_signed(content: bytes = ENTITY, by: Tsk | None = None) -> bytes:
    """The part signed by PGP/MIME."""
    made = sign((by or pgp_ada()).signer(), content, mode=SignatureMode.DETACHED)
    signature = b"Content-Type: application/pgp-signature; name=signature.asc\r\n\r\n" + made
    return multipart("signed; protocol=application/pgp-signature", content, signature)


def pgp_message(content: bytes = ENTITY, by: Tsk | None = None, to: Tsk | None = None) -> bytes:
    """What was encrypted, and signed by somebody, in its armour."""
    recipient = (to or pgp_desk()).extract_certificate()
    signer = None if by is None else by.signer()
    return bytes(encrypt(recipients=[recipient], bytes=content, signer=signer))


@cache
def pgp_rsa() -> Tsk:
    """A PGP key of the desk whose arithmetic is simple enough for `pgp_packets`."""
    return Tsk.generate(f"Support <{DESK}>", cipher_suite=CipherSuite.RSA2k)


def pgp_packets(inner: bytes, *, protected: bool = True) -> bytes:
    """Packets encrypted for `pgp_rsa`, as no library lets one make them: whatever they are, or unprotected (RFC 4880
    sections 5.1, 5.7 and 5.13).
    """
    certificate = pgp_rsa().extract_certificate()
    packets = list(PacketPile.from_bytes(bytes(certificate)))
    recipient = next(key for key, by in pairwise(packets) if key.tag == Tag.PublicSubkey and _encrypts(by))
    modulus, rest = _mpi(recipient.body[6:])
    exponent, _ = _mpi(rest)
    session_key = os.urandom(32)
    told = b"\x09" + session_key + (sum(session_key) % 65536).to_bytes(2, "big")
    public = rsa.RSAPublicNumbers(exponent, modulus).public_key()
    wrapped = public.encrypt(told, padding.PKCS1v15())
    bits = int.from_bytes(wrapped, "big").bit_length()
    assert recipient.fingerprint is not None
    key_id = bytes.fromhex(recipient.fingerprint)[-8:]
    key = b"\x03" + key_id + b"\x01" + bits.to_bytes(2, "big") + wrapped[-((bits + 7) // 8) :]
    random = os.urandom(16)
    plain = random + random[-2:] + inner
    if protected:
        plain += b"\xd3\x14"
        plain += hashlib.sha1(plain).digest()
        data = pgp_packet(18, b"\x01" + _cfb(session_key, plain, bytes(16)))
    else:
        head = _cfb(session_key, plain[:18], bytes(16))
        data = pgp_packet(9, head + _cfb(session_key, plain[18:], head[2:18]))
    return bytes(armor(pgp_packet(1, key) + data, ArmorKind.Message).encode())


def pgp_literal(content: bytes) -> bytes:
    """A packet that holds this."""
    return pgp_packet(11, b"b\x00\x00\x00\x00\x00" + content)


def pgp_zeros(size: int) -> bytes:
    """A small packet that holds so many zeros once it is decompressed."""
    packer, chunk = zlib.compressobj(1, wbits=-15), bytes(1_000_000)
    packed = [packer.compress(b"\xcb\xff" + (size + 6).to_bytes(4, "big") + b"b\x00\x00\x00\x00\x00")]
    packed += [packer.compress(chunk[: size - at]) for at in range(0, size, len(chunk))]
    return pgp_packet(8, b"\x01" + b"".join(packed) + packer.flush())


def pgp_packet(tag: int, body: bytes) -> bytes:
    """A packet (RFC 4880 section 4.2)."""
    return bytes([0xC0 | tag, 0xFF]) + len(body).to_bytes(4, "big") + body


def _encrypts(binding: Packet) -> bool:
    return binding.key_flags is not None and binding.key_flags.transport_encryption


def _mpi(data: bytes) -> tuple[int, bytes]:
    size = (int.from_bytes(data[:2], "big") + 7) // 8
    return int.from_bytes(data[2 : 2 + size], "big"), data[2 + size :]


def _cfb(key: bytes, plain: bytes, start: bytes) -> bytes:
    encryptor = Cipher(algorithms.AES(key), CFB(start)).encryptor()
    return encryptor.update(plain) + encryptor.finalize()


def pgp_encrypted(message: bytes) -> bytes:
    """A message as PGP/MIME."""
    version = b"Content-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n"
    data = b"Content-Type: application/octet-stream; name=encrypted.asc\r\n\r\n" + message
    return multipart("encrypted; protocol=application/pgp-encrypted", version, data)


def multipart(kind: str, *parts: bytes) -> bytes:
    """Parts in a multipart."""
    boundary = hashlib.sha256(b"".join(parts)).hexdigest()[:40].encode()
    inner = b"".join(b"--%b\r\n%b\r\n" % (boundary, part) for part in parts)
    return b"Content-Type: multipart/%b; boundary=%b\r\n\r\n%b--%b--\r\n" % (kind.encode(), boundary, inner, boundary)


def encoded(data: bytes, content_type: str) -> bytes:
    """A part of these bytes."""
    encoded = base64.encodebytes(data).replace(b"\n", b"\r\n")
    return b"Content-Type: %b\r\nContent-Transfer-Encoding: base64\r\n\r\n%b" % (content_type.encode(), encoded)
