"""Files from outside: their names and content types, and which of them are handed on."""

from dataclasses import dataclass
from pathlib import PurePosixPath
from uuid import UUID

from services.ingestion.domain.text import clean_line

MAX_FILE_NAME_CHARS = 120
SNIFF_BYTES = 512

_FORBIDDEN = str.maketrans(dict.fromkeys('/\\:*?"<>|;%', "_") | dict.fromkeys("\u200b\u200c\u200d\u2060\u00ad"))

# First bytes of formats that are common in support (https://mimesniff.spec.whatwg.org, section 6).
_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"%PDF-", "application/pdf"),
    (b"PK\x03\x04", "application/zip"),
    (b"\x1f\x8b\x08", "application/gzip"),
    (b"OggS\x00", "application/ogg"),
    (b"ID3", "audio/mpeg"),
    (b"{\\rtf", "application/rtf"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/x-ole-storage"),
    (b"\x7fELF", "application/x-executable"),
    (b"\xcf\xfa\xed\xfe", "application/x-mach-binary"),
    (b"\xca\xfe\xba\xbe", "application/x-mach-binary"),
    (b"L\x00\x00\x00\x01\x14\x02\x00", "application/x-ms-shortcut"),
)
_RIFF = {b"WEBP": "image/webp", b"WAVE": "audio/wav", b"AVI ": "video/x-msvideo"}
# Zip files that say by their name what is in them.
_ZIP_NAMES = {
    ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    ".odt": "application/vnd.oasis.opendocument.text",
    ".ods": "application/vnd.oasis.opendocument.spreadsheet",
}
_TEXT_NAMES = {".csv": "text/csv", ".json": "application/json", ".eml": "message/rfc822", ".ics": "text/calendar"}
_RIFF_HEADER_BYTES = 12

IMAGES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})

# What runs when somebody opens it, on one desktop or another.
_RUNS = (
    "ade adp apk app application appx appxbundle bat cab chm cmd com cpl diagcab dll dmg exe hta img ins "
    "iso isp jar jnlp js jse library-ms lnk mde msc msi msix msixbundle msp mst nsh pif ps1 reg scf scr "
    "sct search-ms shb sys url vb vbe vbs vhd vhdx vxd wsc wsf wsh xll"
)
BLOCKED_SUFFIXES = frozenset(f".{name}" for name in _RUNS.split())
BLOCKED_TYPES = frozenset(
    {
        "application/x-dosexec",
        "application/x-executable",
        "application/x-mach-binary",
        "application/x-ms-shortcut",
    }
)


def safe_file_name(name: str, fallback: str = "file") -> str:
    """A name that is one path component, visible as it is, and never hidden (`.htaccess`) or a path (`../x`)."""
    last = clean_line(name, MAX_FILE_NAME_CHARS * 4).replace("\\", "/").rpartition("/")[2]
    cleaned = last.translate(_FORBIDDEN).strip(". ")
    path = PurePosixPath(cleaned or fallback)
    suffix = path.suffix[:16]
    return path.name[: len(path.name) - len(path.suffix)][: MAX_FILE_NAME_CHARS - len(suffix)].rstrip(". ") + suffix


def sniff_content_type(start: bytes, name: str) -> str:
    """The content type that the first `SNIFF_BYTES` bytes show; a declaration is never asked.

    Anything a browser might run (HTML, SVG, XML, script) is `text/plain` or `application/octet-stream`.
    """
    suffix = PurePosixPath(name).suffix.lower()
    for magic, content_type in _MAGIC:
        if start.startswith(magic):
            return _ZIP_NAMES.get(suffix, content_type) if content_type == "application/zip" else content_type
    if start.startswith(b"MZ") and b"\x00" in start:
        return "application/x-dosexec"
    if start.startswith(b"RIFF") and len(start) >= _RIFF_HEADER_BYTES:
        return _RIFF.get(start[8:12], "application/octet-stream")
    if start[4:8] == b"ftyp":
        return "video/mp4"
    if start and not any(byte < 0x20 and byte not in b"\t\n\x0b\x0c\r\x1b" for byte in start[:SNIFF_BYTES]):  # noqa: PLR2004
        return _TEXT_NAMES.get(suffix, "text/plain")
    return "application/octet-stream"


@dataclass(frozen=True, slots=True)
class FilePolicy:
    """Which files are handed on. What is not is kept all the same.

    `max_files` and `max_total_bytes` are of one mail: beyond them it is in the raw form alone. With `scanned`
    a file waits until a scanner has looked at it, unless `unscanned_too`: then only what it found something in is kept
    back.
    """

    blocked_suffixes: frozenset[str] = BLOCKED_SUFFIXES
    blocked_types: frozenset[str] = BLOCKED_TYPES
    max_files: int = 100
    max_total_bytes: int = 100 * 1024 * 1024
    scanned: bool = False
    unscanned_too: bool = False

    def blocked(self, name: str, content_type: str) -> str | None:
        """Why nobody gets a file of this name and type, or None. The last suffix counts: `invoice.pdf.exe` runs."""
        suffix = PurePosixPath(name).suffix.lower()
        if suffix in self.blocked_suffixes:
            return f"name:{suffix}"
        return f"type:{content_type}" if content_type in self.blocked_types else None

    def withheld(self, file: "KeptFile") -> str | None:
        """Why nobody gets this file now: `infected`, `blocked`, `too_many`, `too_large`, `pending`, `unscannable`."""
        if file.scan == "infected":
            return "infected"
        if self.blocked(file.name, file.content_type) is not None:
            return "blocked"
        if file.position > self.max_files:
            return "too_many"
        if file.bytes_so_far > self.max_total_bytes and file.position > 1:
            return "too_large"
        if not self.scanned or self.unscanned_too or file.scan == "clean":
            return None
        return "unscannable" if file.scan == "unscannable" else "pending"

    def scan_state(self, scan: str) -> str:
        """What is told of a file's scan: one that nobody looked at is `pending` where somebody will."""
        return "pending" if scan == "unscanned" and self.scanned else scan


@dataclass(frozen=True, slots=True)
class KeptFile:
    """A file as it is kept. `position` and `bytes_so_far` count the files of its mail up to this one.

    `scan` is `unscanned`, `clean`, `infected` or `unscannable`; `found` names what a scanner found.
    """

    id: UUID
    key: str
    name: str
    content_type: str
    size_bytes: int
    owner: str
    message_id: UUID | None = None
    scan: str = "unscanned"
    found: str | None = None
    position: int = 1
    bytes_so_far: int = 0
