"""Values that requests are made of, bounded and closed (`extra="forbid"`)."""

from typing import Annotated
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from services.tickets.domain.rich import MAX_HTML_BYTES, clean
from services.tickets.domain.texts import CONTROL, MAX_SUBJECT_CHARS, MAX_TEXT_BYTES


def _plain(text: str) -> str:
    if CONTROL.search(text):
        raise ValueError("must not contain NUL, other control characters or lone surrogates")
    return text


def _one_line(text: str) -> str:
    if "\n" in text or "\r" in text:
        raise ValueError("must be one line")
    return _plain(text)


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError("not the name of a time zone, such as Europe/Berlin") from None
    return name


def _said(text: str) -> str:
    if not text.strip():
        raise ValueError("must not be empty")
    return text


def _fits(text: str) -> str:
    if len(text.encode()) > MAX_TEXT_BYTES:
        raise ValueError(f"must be at most {MAX_TEXT_BYTES} bytes of UTF-8")
    return text


def _clean(html: str) -> str:
    cleaned = clean(html)
    if len(cleaned.encode()) > MAX_HTML_BYTES:
        raise ValueError(f"must be at most {MAX_HTML_BYTES} bytes of UTF-8 once it is clean")
    return cleaned


Subject = Annotated[
    str, Field(min_length=1, max_length=MAX_SUBJECT_CHARS), AfterValidator(_one_line), AfterValidator(_said)
]
OptionalSubject = Annotated[str, Field(max_length=MAX_SUBJECT_CHARS), AfterValidator(_one_line)]
DraftText = Annotated[str, AfterValidator(_plain), AfterValidator(_fits)]
ReplyHtml = Annotated[str, Field(max_length=MAX_HTML_BYTES), AfterValidator(_plain), AfterValidator(_clean)]
MessageText = Annotated[str, Field(min_length=1), AfterValidator(_plain), AfterValidator(_said), AfterValidator(_fits)]
ThreadVersion = Annotated[int, Field(ge=0, lt=2**31)]
Tag = Annotated[str, Field(min_length=1, max_length=64), AfterValidator(_one_line)]
Name = Annotated[str, Field(max_length=200), AfterValidator(_one_line)]
Group = Annotated[str, Field(min_length=1, max_length=100), AfterValidator(_one_line)]
StatusKey = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$", examples=["waiting_for_parts"])]
# Of the organisation's own.
MAX_TYPES = 100
TypeKey = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$", examples=["refund"])]
Language = Annotated[str, Field(pattern=r"^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$", max_length=35)]
Email = Annotated[
    str,
    Field(pattern=r'^[^@\s<>()\[\],;:\\"]+@[^@\s<>()\[\],;:\\"]+$', max_length=254),
    AfterValidator(_plain),
]
# Whom a reply is copied to.
Copies = Annotated[list[Email], Field(max_length=10)]
# Files that the writer uploaded.
AttachmentIds = Annotated[list[UUID], Field(max_length=20)]
Phone = Annotated[str, Field(pattern=r"^\+[1-9][0-9]{1,14}$")]

Zone = Annotated[str, Field(max_length=64, description="Where days begin"), AfterValidator(_zone)]


class Closed(BaseModel):
    """A body in which what nobody asked for is an error."""

    model_config = ConfigDict(extra="forbid")
