"""Names and content types of files from outside."""

from pathlib import PurePosixPath

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
    if start.startswith(b"RIFF") and len(start) >= _RIFF_HEADER_BYTES:
        return _RIFF.get(start[8:12], "application/octet-stream")
    if start[4:8] == b"ftyp":
        return "video/mp4"
    if start and not any(byte < 0x20 and byte not in b"\t\n\x0b\x0c\r\x1b" for byte in start[:SNIFF_BYTES]):  # noqa: PLR2004
        return _TEXT_NAMES.get(suffix, "text/plain")
    return "application/octet-stream"
