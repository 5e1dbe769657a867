"""MIME as it is in the wild (RFC 2045, RFC 2046): parts are ranges of the raw mail, and only what is read is copied.

Each level is searched once for its own boundary, so that the depth, which the caller bounds, is all that multiplies.
"""

import binascii
import re
from collections.abc import Iterator
from itertools import chain

from services.ingestion.domain.charsets import decode_text
from services.ingestion.domain.mail.encoded import decode_base64, decode_words, parameters
from services.ingestion.domain.mail.values import MailRejected

# Of one part's header; what tells what it is has to stand at its start.
_MAX_HEADER_BYTES = 64 * 1024
_READ_HEADER_BYTES = 16 * 1024
_MAX_NAME_CHARS = 1_000
# Encoded line by line in Python; larger ones stay as they are.
_MAX_UU_BYTES = 4 * 1024 * 1024

_LINE_END = re.compile(rb"\r?\n")
_FIELD_LINE = re.compile(rb"[!-9;-~]{1,100}[ \t]*:")
_CONTENT = re.compile(rb"^content-([a-z-]{2,30})[ \t]*:(.*(?:\r?\n[ \t].*)*)", re.MULTILINE | re.IGNORECASE)
_FOLD = re.compile(r"\r?\n[ \t]+")
_FIRST_BOUNDARY = re.compile(rb"\s{0,100}--([^\r\n]{1,70})\r?\n")
_TYPE = re.compile(r"[a-z0-9!#$&^_.+-]{1,80}/[a-z0-9!#$&^_.+-]{1,120}")
_UU_BEGIN = re.compile(rb"^begin [0-7]{3,4} [^\r\n]{1,200}\r?\n", re.MULTILINE)


def _header_end(raw: bytes, start: int, end: int) -> tuple[int, int]:
    """Where the header of a part ends, and where its body begins. A part may have neither. Raises MailRejected."""
    if (empty := _LINE_END.match(raw, start, end)) is not None:
        return start, empty.end()
    if not _FIELD_LINE.match(raw, start, end):
        return start, start
    window = min(end, start + _MAX_HEADER_BYTES) if start else end
    blank = [at for line in (b"\n\n", b"\n\r\n") if (at := raw.find(line, start, window)) >= 0]
    if blank:
        at = min(blank)
        return at, raw.index(b"\n", at + 1) + 1
    if window < end:
        raise MailRejected("header_too_large")
    return end, end


class Part:
    """A part of a mail: its header, and the range of its body in the raw mail."""

    def __init__(self, raw: bytes, start: int, end: int, *, default: str = "text/plain") -> None:
        self._raw = raw
        self.whole_start, self.end = start, end
        head_end, self.start = _header_end(raw, start, end)
        fields: dict[str, str] = {}
        for found in _CONTENT.finditer(raw[start : min(head_end, start + _READ_HEADER_BYTES)]):
            fields.setdefault(found[1].lower().decode("ascii"), _FOLD.sub(" ", decode_text(found[2].strip(), None)))
        content_type, given = parameters(fields.get("type", ""))
        self.content_type = content_type if _TYPE.fullmatch(content_type) else default
        if not content_type.startswith("multipart/") and _TYPE.fullmatch(content_type) is None and "boundary" in given:
            self.content_type = "multipart/mixed"
        self.charset = given.get("charset")
        self.report_type = given.get("report-type", "").lower()
        self.protocol = given.get("protocol", "").lower()
        self.smime_type = given.get("smime-type", "").lower()
        self.method = given.get("method", "").lower()
        self._boundary = given.get("boundary", "").rstrip()
        self._type_name = given.get("name", "")
        disposition, told = parameters(fields.get("disposition", ""))
        self._disposition = disposition
        self._type_name = told.get("filename") or told.get("name") or self._type_name
        self._encoding = fields.get("transfer-encoding", "").strip(" \t\"'").partition(" ")[0].lower()
        self.content_id = fields.get("id", "").strip()[:250].strip("<> ")

    @property
    def is_multipart(self) -> bool:
        """Whether it has parts of its own."""
        return self.content_type.startswith("multipart/")

    @property
    def is_attached(self) -> bool:
        """Whether it is to be a file, whatever it holds."""
        return self._disposition.startswith("attachment")

    @property
    def file_name(self) -> str:
        """The name it was given, decoded; empty where it has none."""
        return decode_words(self._type_name[:_MAX_NAME_CHARS])

    @property
    def whole(self) -> bytes:
        """Header and body as they came."""
        return self._raw[self.whole_start : self.end]

    def parts(self) -> "Iterator[Part]":
        """The parts of a multipart; none where no boundary can be found."""
        default = "message/rfc822" if self.content_type == "multipart/digest" else "text/plain"
        boundary = self._boundary.encode("utf-8", "replace")
        ranges = _ranges(self._raw, self.start, self.end, boundary) if boundary else iter(())
        first = next(ranges, None)
        if first is None and (found := _FIRST_BOUNDARY.match(self._raw, self.start, self.end)) is not None:
            ranges = _ranges(self._raw, self.start, self.end, found[1].rstrip())
            first = next(ranges, None)
        for start, end in chain([first] if first else [], ranges):
            yield Part(self._raw, start, end, default=default)

    def data(self, limit: int | None = None) -> bytes:
        """The body without its transfer encoding, as far as that can be undone; about `limit` bytes of it or more."""
        end = self.end if limit is None else min(self.end, self.start + 4 * limit)
        body = memoryview(self._raw)[self.start : end]
        if self._encoding == "base64":
            return decode_base64(body)
        if self._encoding == "quoted-printable":
            return binascii.a2b_qp(body)
        if self._encoding in {"x-uuencode", "uuencode", "uue", "x-uue"} and len(body) <= _MAX_UU_BYTES:
            return _decode_uu(bytes(body))
        return bytes(body)


def _ranges(raw: bytes, start: int, end: int, boundary: bytes) -> Iterator[tuple[int, int]]:
    """Where the parts between the delimiter lines of a boundary are. The last one needs no end."""
    marker = b"--" + boundary
    begin: int | None = None
    at = start if raw.startswith(marker, start) else raw.find(b"\n" + marker, start, end) + 1
    while at > 0 or (at == start and begin is None):
        after = at + len(marker)
        line_end = raw.find(b"\n", after, end)
        line_end = end if line_end < 0 else line_end
        rest = raw[after : min(line_end, after + 100)].strip()
        if rest in {b"", b"--"}:
            if begin is not None:
                yield begin, max(begin, at - 1 - (raw[at - 2 : at - 1] == b"\r"))
            if rest:
                return
            begin = min(line_end + 1, end)
        at = raw.find(b"\n" + marker, line_end, end) + 1
    if begin is not None:
        yield begin, end


def _decode_uu(body: bytes) -> bytes:
    begin = _UU_BEGIN.search(body)
    decoded: list[bytes] = []
    for line in body[begin.end() if begin else 0 :].splitlines():
        if line == b"end":
            break
        try:
            decoded.append(binascii.a2b_uu(line))
        except binascii.Error:
            # Some encoders write more than they count (the same repair as uudecode's).
            size = (((line[0] - 32) & 63) * 4 + 5) // 3 if line else 0
            try:
                decoded.append(binascii.a2b_uu(line[:size]))
            except binascii.Error:
                return body
    return b"".join(decoded)
