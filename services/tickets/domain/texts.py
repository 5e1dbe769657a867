"""What a text has to be before it is kept: free of characters that PostgreSQL or an event cannot carry, and bounded."""

import re

MAX_SUBJECT_CHARS = 250
MAX_TEXT_BYTES = 64 * 1024

# PostgreSQL's text has no NUL; the other C0 controls mean nothing in a message and grow sixfold when escaped in JSON.
# A surrogate by itself, which JSON can spell, is no character at all and has no UTF-8.
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_BREAKS = re.compile(r"\s+")


def storable(text: str) -> str:
    """The text with control characters and lone surrogates replaced by U+FFFD; tabs and line breaks stay."""
    return CONTROL.sub("\ufffd", text)


def cut(text: str, max_bytes: int) -> str:
    """The longest start of `text` that fits into `max_bytes` of UTF-8 without breaking a character."""
    encoded = text.encode()
    return text if len(encoded) <= max_bytes else encoded[:max_bytes].decode(errors="ignore")


def subject_of(subject: str, text: str) -> str:
    """One line to call a ticket by: the subject, else the start of the text, at most MAX_SUBJECT_CHARS characters."""
    for source in (subject, text):
        if line := _BREAKS.sub(" ", storable(source[: 8 * MAX_SUBJECT_CHARS])).strip():
            return line if len(line) <= MAX_SUBJECT_CHARS else line[: MAX_SUBJECT_CHARS - 1].rstrip() + "…"
    return "(no subject)"
