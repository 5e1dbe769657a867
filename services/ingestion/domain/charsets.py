"""Bytes from outside as text, whatever charset they claim to be in."""

import codecs
import re

# Names in the wild, and the superset that decodes what is really sent under them (WHATWG Encoding Standard).
_ALIASES = {
    "iso-8859-1": "cp1252",
    "iso8859-1": "cp1252",
    "latin1": "cp1252",
    "latin-1": "cp1252",
    "ansi": "cp1252",
    "iso-8859-9": "cp1254",
    "iso-8859-11": "cp874",
    "tis-620": "cp874",
    "tis620": "cp874",
    "windows-874": "cp874",
    "iso-8859-6-e": "iso8859-6",
    "iso-8859-6-i": "iso8859-6",
    "iso-8859-8": "cp1255",
    "iso-8859-8-e": "cp1255",
    "iso-8859-8-i": "cp1255",
    "gb2312": "gb18030",
    "gb_2312-80": "gb18030",
    "gbk": "gb18030",
    "cp936": "gb18030",
    "cn-gb": "gb18030",
    "big5": "cp950",
    "big5-eten": "cp950",
    "cn-big5": "cp950",
    "ks_c_5601-1987": "cp949",
    "ks_c_5601-1989": "cp949",
    "ks_c_5601": "cp949",
    "ksc5601": "cp949",
    "euc-kr": "cp949",
    "euckr": "cp949",
    "iso-2022-kr": "iso2022_kr",
    "shift_jis": "cp932",
    "shift-jis": "cp932",
    "sjis": "cp932",
    "ms_kanji": "cp932",
    "koi8": "koi8-r",
    "utf8mb4": "utf-8",
    "unicode-1-1-utf-8": "utf-8",
    "unicode-1-1-utf-7": "utf-7",
}
_WINDOWS = re.compile(r"(?:windows|win|cp)[-_ ]?(125\d|874|93[26]|949|950)")
# What is written where nothing is known.
_NOTHING_SAID = frozenset({"", "ascii", "us-ascii", "ansi_x3.4-1968", "7bit", "8bit", "binary", "unknown", "default"})
# Text codecs of Python that are not charsets; punycode is quadratic besides.
_NOT_CHARSETS = frozenset({"idna", "punycode", "undefined", "unicode_escape", "raw_unicode_escape", "mbcs", "oem"})
# Charsets whose bytes may by chance be valid UTF-8, so that the declaration has to be believed first.
_MULTI_BYTE = (
    "gb",
    "big5",
    "cp932",
    "cp949",
    "cp950",
    "euc",
    "hz",
    "iso2022",
    "johab",
    "shift_jis",
    "utf-16",
    "utf-32",
    "utf-7",
)
_ESCAPE = b"\x1b"
_JIS_RUN = re.compile(rb"\x1b\$[@B]([^\x1b\r\n]*)")
_JIS_OTHER = re.compile(rb"\x1b(?:\([A-Z]|\$[A-Z@])")
_HIGH = re.compile(rb"[\x80-\xff]+")
_BLANK = re.compile(rb"[\s\d!-/:-@]+")
_MOJIBAKE = re.compile("[\u00c2-\u00f4][\u0080-\u00bf\u0152-\u0192\u02c6\u02dc\u2013-\u203a\u20ac\u2122]{1,3}")

# Guessing looks at so much, and needs so many eight-bit bytes that are so large a part of what is written.
_SAMPLE_BYTES = 2 * 1024
_LEAST_HIGH_BYTES = 8
_LEAST_HIGH_PART = 0.3
_LEAST_MOJIBAKE = 3
_GUESSED = ["cp1251", "koi8_r", "cp932", "euc_jp", "gb18030", "cp950", "cp949", "cp1253", "cp1255", "cp1256", "cp874"]


def _codec(charset: str | None) -> str | None:
    """Python's name of a declared charset, or None where there is none to trust."""
    name = (charset or "").strip(" \t'\"").lower()[:40].removeprefix("x-")
    if name in _NOTHING_SAID:
        return None
    if windows := _WINDOWS.fullmatch(name):
        name = f"cp{windows[1]}"
    try:
        found = codecs.lookup(_ALIASES.get(name, name))
    except (LookupError, ValueError, UnicodeError):
        return None
    if found.name in _NOT_CHARSETS or not getattr(found, "_is_text_encoding", True):
        return None
    return found.name


def _strict(data: bytes, codec: str) -> str | None:
    try:
        return data.decode(codec)
    except (UnicodeError, ValueError):
        return None


def decode_text(data: bytes, charset: str | None) -> str:
    """`data` as text, believing the declared `charset` only as far as the bytes bear it out.

    Eight-bit bytes that are valid UTF-8 are UTF-8 whatever single-byte charset was declared. Where no charset is
    declared, or one that is not known, and the text is mostly eight-bit, it is guessed; else it is Windows-1252. What
    still cannot be decoded becomes U+FFFD.
    """
    codec = _codec(charset)
    is_multi_byte = codec is not None and codec.startswith(_MULTI_BYTE)
    if data.isascii() and _ESCAPE not in data and not is_multi_byte:
        return data.decode("ascii")
    text = _strict(data, codec) if codec and is_multi_byte else None
    if text is None and _ESCAPE in data:
        text = _japanese(data)
    if text is None and (once := _strict(data, "utf-8-sig")) is not None:
        text = _encoded_once(once)
    if text is not None:
        return text
    if _is_damaged_utf8(data):
        return data.decode("utf-8", "replace")
    return data.decode((codec if codec != "utf-8" else None) or _guess(data) or "cp1252", "replace")


def _is_damaged_utf8(data: bytes) -> bool:
    """Whether most eight-bit characters are UTF-8, though not all (a cut character, one line in another charset)."""
    text = data.decode("utf-8", "replace")
    damaged = text.count("\ufffd")
    return sum(not char.isascii() for char in text) > 2 * damaged


def _japanese(data: bytes) -> str | None:
    """ISO-2022-JP with the characters that only Microsoft's tables have, which most programs write all the same."""
    if not _JIS_RUN.search(data):
        return None

    def shifted(match: re.Match[bytes]) -> bytes:
        run = match[1][: len(match[1]) // 2 * 2]
        return b"".join(_shift_jis(run[at], run[at + 1]) for at in range(0, len(run), 2))

    return _JIS_OTHER.sub(b"", _JIS_RUN.sub(shifted, data)).decode("cp932", "replace")


def _shift_jis(row: int, cell: int) -> bytes:
    """A character of JIS X 0208 by its two seven-bit bytes, as Shift_JIS has it."""
    lead = (row + 1) // 2 + (0x70 if row < 0x5F else 0xB0)  # noqa: PLR2004 - the tables' own numbers
    trail = cell + (0x1F if cell < 0x60 else 0x20) if row % 2 else cell + 0x7E  # noqa: PLR2004
    return bytes((lead & 0xFF, trail & 0xFF))


def _encoded_once(text: str) -> str:
    """Text without a second encoding: UTF-8 that was taken for Windows-1252 and encoded again, all of it."""
    if len(_MOJIBAKE.findall(text)) < _LEAST_MOJIBAKE:
        return text
    try:
        return text.encode("cp1252").decode("utf-8")
    except UnicodeError:
        return text


def _guess(data: bytes) -> str | None:
    """The charset that the eight-bit bytes look like, where there are enough of them to tell."""
    letters = _BLANK.sub(b"", data[: 4 * _SAMPLE_BYTES])[:_SAMPLE_BYTES]
    high = sum(map(len, _HIGH.findall(letters)))
    if high < _LEAST_HIGH_BYTES or high < _LEAST_HIGH_PART * len(letters):
        return None
    # Its tables take memory, and hardly any mail needs them.
    from charset_normalizer import from_bytes  # noqa: PLC0415

    sample = data[: 4 * _SAMPLE_BYTES]
    best = from_bytes(sample, steps=4, chunk_size=256, cp_isolation=_GUESSED, preemptive_behaviour=False).best()
    return best.encoding if best else None
