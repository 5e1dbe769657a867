"""Signed and encrypted mail is known by its structure (RFC 8551, RFC 3156), and PGP within a text by its armour."""

import re

from services.ingestion.domain.mail.mime import Part
from services.ingestion.domain.mail.values import MailSecurity

PKCS7 = frozenset({"application/pkcs7-mime", "application/x-pkcs7-mime"})
_ARMOUR = (
    "-----BEGIN PGP SIGNED MESSAGE-----",
    "\n\n",
    "\n-----BEGIN PGP SIGNATURE-----",
    "-----END PGP SIGNATURE-----",
)
_DASHES = re.compile(r"^- ", re.MULTILINE)
_ENCRYPTED = "-----BEGIN PGP MESSAGE-----"
# What the armour of a whole text may be, and how it ends.
PGP_MESSAGE, _PGP_SIGNED = b"PGP MESSAGE", b"PGP SIGNED MESSAGE"
_ENDS = {PGP_MESSAGE: b"-----END PGP MESSAGE-----", _PGP_SIGNED: b"-----END PGP SIGNATURE-----"}
_WHY = {
    "no_key": "it is for a key that the desk does not have",
    "damaged": "it was damaged or altered on its way",
    "unsupported": "it was made by means that the desk does not know",
    "not_whole": "only a part of it is encrypted, and what stands beside that could lead it astray",
    "nested": "it holds another one that is encrypted",
    "out_of_bounds": "it holds more than a mail may",
}


def security_of(part: Part) -> MailSecurity | None:
    """What a part says of itself; None where it is neither signed nor encrypted."""
    if part.content_type == "multipart/signed":
        return MailSecurity("pgp" if "pgp" in part.protocol else "smime", signed=True, encrypted=False)
    if part.content_type == "multipart/encrypted":
        return MailSecurity("pgp", signed=False, encrypted=True)
    if part.content_type in PKCS7:
        is_signed = part.smime_type == "signed-data"
        return MailSecurity("smime", signed=is_signed, encrypted=not is_signed)
    return None


def without_armour(text: str) -> tuple[str, MailSecurity | None]:
    """The text that PGP signed, as it was before it was; and what PGP did to the text."""
    if _ENCRYPTED in text:
        return text, MailSecurity("pgp", signed=False, encrypted=True)
    unix, places = text.replace("\r\n", "\n"), [0]
    for line in _ARMOUR:
        places.append(unix.find(line, places[-1]))
        if places[-1] < 0:
            return text, None
    _, begin, blank, signature, end = places
    signed = _DASHES.sub("", unix[blank + 2 : signature])
    return unix[:begin] + signed + unix[end + len(_ARMOUR[-1]) :], MailSecurity("pgp", signed=True, encrypted=False)


def armour_of(text: bytes) -> bytes | None:
    """The kind of PGP armour that a text is, from its first line to its last; None where it is more than that."""
    bare = text.strip()
    for kind, end in _ENDS.items():
        begin = b"-----BEGIN %b-----" % kind
        if bare.startswith(begin) and bare.endswith(end) and bare.count(begin) == 1 and bare.count(end) == 1:
            return kind
    return None


def unread(security: MailSecurity) -> str:
    """What a ticket says of a mail whose content could not be read."""
    name = "S/MIME" if security.scheme == "smime" else "PGP"
    how = "encrypted" if security.encrypted else "signed in a way that hides its text"
    why = f": {_WHY[security.problem]}" if security.problem else ""
    return f"This mail is {how} ({name}) and could not be read{why}. What came is attached."
