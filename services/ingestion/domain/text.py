"""Making text from outside safe to store, to show on one line, and to carry in an event."""

import re
import unicodedata

# Characters that change how the text around them reads: directional overrides and isolates, and invisible separators.
# Zero-width joiners stay: Indic scripts and emoji need them.
_DECEPTIVE = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\u2028\u2029\ufeff\ufff9-\ufffb"
_LINE_UNSAFE = re.compile(f"[\x00-\x1f\x7f-\x9f{_DECEPTIVE}]+")
_TEXT_UNSAFE = re.compile(f"[\x00-\x08\x0b-\x1f\x7f-\x84\x86-\x9f{_DECEPTIVE}]")
_SPACES = re.compile(r"[ \xa0]{2,}")


def _valid_unicode(text: str) -> str:
    """The text without lone surrogates, which neither UTF-8 nor PostgreSQL can hold."""
    return text.encode("utf-8", "replace").decode("utf-8")


def clean_line(text: str, limit: int) -> str:
    """`text` on one line: NFC, without control and direction characters, at most `limit` characters.

    A line break becomes a space, so that a value can never open a header of its own (CVE-2024-6923).
    """
    line = _LINE_UNSAFE.sub(" ", _valid_unicode(text[: limit * 4]))
    return unicodedata.normalize("NFC", _SPACES.sub(" ", line)).strip()[:limit].rstrip()


def clean_text(text: str) -> str:
    """`text` with Unix line ends and without control characters (NUL above all, which PostgreSQL refuses)."""
    unix = text.replace("\r\n", "\n").replace("\r", "\n").replace("\x85", "\n").replace("\u2028", "\n")
    return _TEXT_UNSAFE.sub("", _valid_unicode(unix)).strip("\n")


def truncate_utf8(text: str, limit_bytes: int) -> str:
    """The longest start of `text` that is at most `limit_bytes` of UTF-8."""
    encoded = text.encode()
    if len(encoded) <= limit_bytes:
        return text
    return encoded[:limit_bytes].decode("utf-8", "ignore")
