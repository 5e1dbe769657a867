"""What a signed or encrypted mail holds, by the keys of the desk: one encryption, and in it one signature.

Only a mail that is nothing but encrypted is decrypted, and only one that is nothing but signed counts as signed: what
stands beside it could lead the rest astray (EFAIL, CVE-2017-17688 and CVE-2017-17689) or pass for signed.

This loads libraries of cryptography, which processes that only ever read other mail do without.
"""

import re
from collections.abc import Iterable
from dataclasses import replace
from itertools import islice

from services.ingestion.domain.mail import pgp, smime
from services.ingestion.domain.mail.fields import raw_fields, split
from services.ingestion.domain.mail.keys import KeyKind, MailKey, MailKeys
from services.ingestion.domain.mail.mime import Part
from services.ingestion.domain.mail.security import PGP_MESSAGE, PKCS7, armour_of, security_of
from services.ingestion.domain.mail.values import MAX_OPENED_BYTES, ClosedError, MailSecurity, SignatureOf

_LINE_END = re.compile(rb"\r?\n")
# That the header of what is signed or encrypted has fields of the mail (RFC 9788, and how it was done before).
_PROTECTED = re.compile(rb";\s*(?:protected-headers|hp)\s*=", re.IGNORECASE)
_AS_TEXT = b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
_SIGNATURES = {
    "pgp": frozenset({"application/pgp-signature"}),
    "smime": frozenset({"application/pkcs7-signature", "application/x-pkcs7-signature"}),
}


def read_key(kind: KeyKind, data: str, passphrase: str | None) -> MailKey:
    """A key as an admin hands it in. Raises KeyRejectedError."""
    if kind == "pgp":
        return pgp.read_key(data, passphrase)
    return smime.read_authority(data) if kind == "authority" else smime.read_key(data, passphrase)


def opened(raw: bytes, keys: MailKeys, sender: str) -> tuple[bytes, MailSecurity | None]:
    """The mail with what it holds in the place of what came, and what is to be said of that.

    As it came where it cannot be decrypted; None where it is, as a whole, neither signed nor encrypted. What was
    decrypted and is encrypted again stays so.
    """
    raw, encryption = _decrypted(raw, keys, sender)
    if encryption is not None and (not encryption.decrypted or encryption.signature is not None):
        return raw, encryption
    raw, signing = _verified(raw, keys, sender)
    if encryption is None or signing is None:
        return raw, encryption or signing
    return raw, replace(encryption, signed=True, signature=signing.signature)


def _decrypted(raw: bytes, keys: MailKeys, sender: str) -> tuple[bytes, MailSecurity | None]:
    part = Part(raw, 0, len(raw))
    scheme = "smime" if part.content_type in PKCS7 else "pgp"
    signature: SignatureOf | None = None
    try:
        if part.content_type == "multipart/encrypted":
            plain, signature = pgp.decrypted(_only_encrypted(part), keys, sender)
        elif part.content_type == "text/plain" and armour_of(part.data()) == PGP_MESSAGE:
            plain, signature = pgp.decrypted(part.data(), keys, sender)
            plain = _AS_TEXT + plain
        elif part.content_type in PKCS7 and smime.kind_of(part.data()) != "signed_data":
            plain = smime.decrypted(part.data(), keys.of_kind("smime"))
        else:
            return raw, None
        if len(plain) > MAX_OPENED_BYTES:
            raise ClosedError("out_of_bounds")
    except ClosedError as error:
        told = security_of(part) or MailSecurity(scheme, signed=False, encrypted=True)
        return raw, replace(told, problem=error.reason)
    told = MailSecurity(scheme, signed=signature is not None, encrypted=True, decrypted=True, signature=signature)
    return _with_content(raw, plain, signature), told


def _only_encrypted(part: Part) -> bytes:
    """The encrypted part of an encrypted multipart (RFC 3156 section 4). Raises ClosedError where there is another."""
    parts = list(islice(part.parts(), 3))
    if [each.content_type for each in parts] != ["application/pgp-encrypted", "application/octet-stream"]:
        raise ClosedError("not_whole")
    return parts[1].data()


def _verified(raw: bytes, keys: MailKeys, sender: str) -> tuple[bytes, MailSecurity | None]:
    part = Part(raw, 0, len(raw))
    security = security_of(part)
    signed: bytes | None
    if part.content_type == "multipart/signed" and security is not None:
        signed, signature = _signed_multipart(part, security.scheme, keys, sender)
    elif part.content_type in PKCS7 and security is not None:
        data = part.data()
        try:
            signed = smime.signed_content(data)
        except ClosedError:
            return raw, None
        signature = smime.verified(data, signed, keys, sender)
        told = replace(security, signed=True, encrypted=False, signature=signature)
        return _with_content(raw, signed, signature), told
    elif part.content_type == "text/plain" and armour_of(data := part.data()) not in {None, PGP_MESSAGE}:
        security = MailSecurity("pgp", signed=True, encrypted=False)
        text, signature = pgp.clear_signed(data, keys, sender)
        charset = (part.charset or "utf-8").encode("ascii", "replace")
        signed = None if text is None else _AS_TEXT.replace(b"utf-8", charset) + text
    else:
        return raw, None
    # What holds is shown without what stands around it, which nobody signed.
    if signature.state == "valid" and signed is not None:
        raw = _with_content(raw, signed, signature)
    return raw, replace(security, signature=signature)


def _signed_multipart(part: Part, scheme: str, keys: MailKeys, sender: str) -> tuple[bytes, SignatureOf]:
    """What is signed, and what its signature is worth (RFC 1847)."""
    parts = list(islice(part.parts(), 3))
    if len(parts) != 2 or parts[1].content_type not in _SIGNATURES[scheme]:  # noqa: PLR2004 - what is signed, by what
        return b"", SignatureOf("partial")
    signed = parts[0].whole
    # Servers on the way may store lines with line feeds alone.
    content, signature = _LINE_END.sub(b"\r\n", signed), parts[1].data()
    if scheme == "pgp":
        return signed, pgp.verified(content, signature, keys, sender)
    return signed, smime.verified(signature, content, keys, sender)


def _with_content(raw: bytes, content: bytes, signature: SignatureOf | None) -> bytes:
    """The mail with this part (header and body) as its content.

    Of the header of the part counts what tells what it is and, where it protects the header of the mail and is signed,
    the subject: who sent it and what it answers is for the mail alone to say. A subject that was only encrypted is the
    mail's of who encrypted it, who need not be who sent it; answers would tell it.
    """
    inner = Part(content, 0, len(content))
    own = list(raw_fields(content[: inner.start]))
    taken = [(name, value) for name, value in own if name.startswith(b"content-")]
    is_proven = signature is not None and signature.state == "valid"
    if is_proven and any(name == b"content-type" and _PROTECTED.search(value) for name, value in taken):
        taken += [(name, value) for name, value in own if name == b"subject"][:1]
    replaced = {name for name, _ in taken} | {b"mime-version"}
    kept = [
        (name, value)
        for name, value in raw_fields(split(raw)[0])
        if name not in replaced and not name.startswith(b"content-")
    ]
    return _written([*kept, *taken]) + b"\r\n" + content[inner.start :]


def _written(fields: Iterable[tuple[bytes, bytes]]) -> bytes:
    return b"".join(b"%b: %b\r\n" % field for field in fields)
