"""Words and parameters in headers that are encoded (RFC 2047, RFC 2231), as they are in the wild."""

import binascii
import re
from collections.abc import Iterator
from itertools import islice
from urllib.parse import unquote_to_bytes

from services.ingestion.domain.charsets import decode_text

_MAX_WORDS = 2_000
_MAX_PARAMETERS = 64
_MAX_VALUE_CHARS = 8 * 1024
_WORD = re.compile(r"=\?([^?\s]{1,60})\?([bBqQ])\?([^?\r\n]*(?:\?(?!=)[^?\r\n]*)*)\?=")
_PARAMETER = re.compile(r";\s*([^\s=;\"]{1,80})\s*=\s*(\"(?:[^\"\\]|\\.)*\"|[^;]*)", re.DOTALL)
_CONTINUED = re.compile(r"([^*]+)(?:\*(\d{1,3}))?(\*)?")
_NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/]")


def decode_words(value: str) -> str:
    """RFC 2047 encoded words decoded as far as they can be; the rest stays as it stands.

    Neighbours in one charset are decoded together: many programs cut in the middle of a character.
    """
    if "=?" not in value:
        return value
    result: list[str] = []
    waiting, waiting_charset, end = b"", "", 0
    for found in islice(_WORD.finditer(value), _MAX_WORDS):
        charset, between = found[1].partition("*")[0].lower(), value[end : found.start()]
        if waiting and (between.strip() or charset != waiting_charset):
            result.append(decode_text(waiting, waiting_charset))
            waiting = b""
        if between.strip() or not end:
            result.append(between)
        waiting, waiting_charset, end = waiting + _bytes_of_word(found[2], found[3]), charset, found.end()
    if waiting:
        result.append(decode_text(waiting, waiting_charset))
    return "".join(result) + value[end:]


def _bytes_of_word(encoding: str, text: str) -> bytes:
    data = text.encode("utf-8", "replace")
    if encoding in "bB":
        return decode_base64(data)
    return binascii.a2b_qp(data.replace(b" ", b"_"), header=True)


def decode_base64(data: bytes | memoryview) -> bytes:
    """Base64 as far as it goes: padding that is missing, and characters that are none, are no error."""
    try:
        return binascii.a2b_base64(data)
    except binascii.Error:
        clean = _NOT_BASE64.sub(b"", data)
        whole = len(clean) // 4 * 4
        rest = clean[whole:]
        return binascii.a2b_base64(clean[:whole] + (rest + b"==" if len(rest) > 1 else b""))


def parameters(value: str) -> tuple[str, dict[str, str]]:
    """The value of a field without its parameters, and those by name in lower case, decoded (RFC 2045, RFC 2231)."""
    value = value[:_MAX_VALUE_CHARS]
    plain: dict[str, str] = {}
    pieces: dict[str, dict[int, tuple[bool, str]]] = {}
    for name, text in _parameters(value):
        if "*" not in name:
            plain.setdefault(name, text)
        elif (part := _CONTINUED.fullmatch(name)) is not None:
            pieces.setdefault(part[1], {}).setdefault(int(part[2] or 0), (bool(part[3]), text))
    extended = {name: _joined(numbered) for name, numbered in pieces.items()}
    return value.partition(";")[0].strip().lower(), {**plain, **extended}


def _parameters(value: str) -> Iterator[tuple[str, str]]:
    for found in islice(_PARAMETER.finditer(value), _MAX_PARAMETERS):
        text = found[2].strip()
        if text.startswith('"'):
            text = text.strip('"').replace("\\\\", "\\").replace('\\"', '"')
        yield found[1].lower(), text


def _joined(numbered: dict[int, tuple[bool, str]]) -> str:
    charset, data = "", b""
    for number in sorted(numbered):
        is_encoded, text = numbered[number]
        if is_encoded and not data and not charset and text.count("'") > 1:
            charset, _, text = text.split("'", 2)
        data += unquote_to_bytes(text) if is_encoded else text.encode("utf-8", "replace")
    return decode_text(data, charset)
