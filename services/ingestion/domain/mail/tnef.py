"""What Outlook wraps into `winmail.dat` ([MS-OXTNEF]): the text, where the mail has no other, and the files."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from struct import Struct, error, unpack_from

from services.ingestion.domain.charsets import decode_text

_SIGNATURE = b"\x78\x9f\x3e\x22"
_ATTRIBUTE = Struct("<BHHI")
_MAX_ATTRIBUTES = 1_000
_MAX_PROPERTIES = 200
_MAX_VALUES = 20
_MAX_FILES = 50

_BODY, _FILE_DATA, _FILE_TITLE, _FILE_BEGINS, _PROPERTIES, _FILE_PROPERTIES = (
    0x800C,
    0x800F,
    0x8010,
    0x9002,
    0x9003,
    0x9005,
)
_PR_BODY, _PR_HTML, _PR_FILE_DATA, _PR_FILE_NAME, _PR_LONG_FILE_NAME = 0x1000, 0x1013, 0x3701, 0x3704, 0x3707
_UNICODE, _OBJECT, _NAMED, _MULTIPLE = 0x001F, 0x000D, 0x8000, 0x1000
_FIXED_BYTES = {0x0002: 4, 0x000B: 4, 0x0003: 4, 0x0004: 4, 0x000A: 4, 0x0048: 16}
_FIXED_BYTES |= dict.fromkeys((0x0005, 0x0006, 0x0007, 0x0014, 0x0040), 8)
_VARIABLE = frozenset({0x000D, 0x001E, 0x001F, 0x0102})
_GUID_BYTES = 16


@dataclass(slots=True)
class Tnef:
    """What was found; `html` and `text` are empty where there is none."""

    text: str = ""
    html: str = ""
    files: list[tuple[str, bytes]] = field(default_factory=list)


def is_tnef(data: bytes) -> bool:
    """Whether the bytes begin as TNEF does."""
    return data.startswith(_SIGNATURE)


def read_tnef(data: bytes) -> Tnef:
    """What is in it, as far as it can be read. Linear in its size."""
    found = Tnef()
    view = memoryview(data)
    try:
        for name, value in _attributes(view):
            _take(found, name, value)
    except (error, ValueError, LookupError):
        pass  # cut off: what came before it counts
    found.files = [(name, content) for name, content in found.files if content]
    return found


def _take(found: Tnef, name: int, value: memoryview) -> None:
    if name == _FILE_BEGINS and len(found.files) < _MAX_FILES:
        found.files.append(("", b""))
    elif name == _BODY:
        found.text = found.text or decode_text(bytes(value).rstrip(b"\x00"), None)
    elif name == _PROPERTIES:
        for key, content in _properties(value):
            if key == _PR_BODY:
                found.text = decode_text(content.rstrip(b"\x00"), None)
            elif key == _PR_HTML:
                found.html = decode_text(content.rstrip(b"\x00"), None)
    elif found.files and name in {_FILE_DATA, _FILE_TITLE, _FILE_PROPERTIES}:
        title, content = found.files[-1]
        if name == _FILE_DATA:
            content = bytes(value)
        elif name == _FILE_TITLE:
            title = title or decode_text(bytes(value).rstrip(b"\x00"), None)
        else:
            properties = dict(_properties(value))
            title = decode_text(properties.get(_PR_LONG_FILE_NAME, b"").rstrip(b"\x00"), None) or title
            content = content or properties.get(_PR_FILE_DATA, b"")
        found.files[-1] = (title, content)


def _attributes(view: memoryview) -> Iterator[tuple[int, memoryview]]:
    at = len(_SIGNATURE) + 2
    for _ in range(_MAX_ATTRIBUTES):
        if at + _ATTRIBUTE.size > len(view):
            return
        _, name, _, size = _ATTRIBUTE.unpack_from(view, at)
        at += _ATTRIBUTE.size
        yield name, view[at : at + size]
        at += size + 2


def _properties(view: memoryview) -> Iterator[tuple[int, bytes]]:
    """MAPI properties of one value: id and bytes; text in UTF-16 comes in UTF-8."""
    (count,) = unpack_from("<I", view, 0)
    at = 4
    for _ in range(min(count, _MAX_PROPERTIES)):
        kind, key = unpack_from("<HH", view, at)
        at += 4
        if key >= _NAMED:
            (named,) = unpack_from("<I", view, at + _GUID_BYTES)
            (size,) = unpack_from("<I", view, at + _GUID_BYTES + 4) if named else (0,)
            at += _GUID_BYTES + 8 + (size + 3) // 4 * 4
        base = kind & ~_MULTIPLE
        values = 1
        if base in _VARIABLE or kind & _MULTIPLE:
            (values,) = unpack_from("<I", view, at)
            at += 4
        for number in range(min(values, _MAX_VALUES)):
            if base in _VARIABLE:
                (size,) = unpack_from("<I", view, at)
                at += 4
            else:
                size = _FIXED_BYTES[base]
            if number == 0 and base in _VARIABLE:
                content = bytes(view[at : at + size])
                if base == _UNICODE:
                    content = content.decode("utf-16-le", "replace").encode("utf-8", "replace")
                yield key, content[_GUID_BYTES:] if base == _OBJECT else content
            at += (size + 3) // 4 * 4
