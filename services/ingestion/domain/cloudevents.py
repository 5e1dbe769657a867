"""CloudEvents 1.0 from other systems: structured JSON, batched JSON, and Kafka's binary mode.

Source: CloudEvents specification 1.0.2, JSON event format 1.0.2, Kafka protocol binding 1.0.2.
"""

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.ingestion.domain.text import clean_line

MESSAGE_TYPE = "desk.message.v1"

_REQUIRED = ("id", "source", "type")
_MAX_ATTRIBUTE_CHARS = 1024
_MAX_DEPTH = 6
_MAX_LINES = 2000
_MAX_VALUE_CHARS = 10_000


class MalformedCloudEvent(ValueError):
    """The object is no CloudEvent; the message names the attribute that is wrong, never its value."""


@dataclass(frozen=True, slots=True)
class CloudEvent:
    """One event. `source` and `id` together are its identity; `data` is JSON, text, or None."""

    id: str
    source: str
    type: str
    subject: str | None
    time: datetime | None
    data: Any


def from_structured(document: Any) -> CloudEvent:
    """Read one object of the JSON event format. Raises MalformedCloudEvent."""
    if not isinstance(document, Mapping):
        raise MalformedCloudEvent("the event has to be an object")
    data = document.get("data")
    if "data_base64" in document:
        if data is not None:
            raise MalformedCloudEvent("there may be either data or data_base64")
        data = _from_base64(document["data_base64"], str(document.get("datacontenttype") or "application/json"))
    return _event(document, data)


def from_kafka(headers: Mapping[str, bytes], value: bytes | None) -> CloudEvent:
    """Read a record in binary mode (attributes in `ce_` headers) or structured mode. Raises MalformedCloudEvent."""
    try:
        text = {name.lower(): each.decode("utf-8") for name, each in headers.items()}
    except UnicodeDecodeError:
        raise MalformedCloudEvent("headers have to be UTF-8") from None
    content_type = text.get("content-type", "application/json")
    if content_type.startswith("application/cloudevents+json"):
        return from_structured(_json(value or b""))
    attributes = {name.removeprefix("ce_"): each for name, each in text.items() if name.startswith("ce_")}
    return _event(attributes, _content(value, content_type))


def _event(attributes: Mapping[str, Any], data: Any) -> CloudEvent:
    if attributes.get("specversion") != "1.0":
        raise MalformedCloudEvent("specversion has to be 1.0")
    for name in (*_REQUIRED, "subject"):
        value = attributes.get(name)
        if value is None and name == "subject":
            continue
        if not isinstance(value, str) or len(value) > _MAX_ATTRIBUTE_CHARS or not _is_storable(value):
            raise MalformedCloudEvent(f"{name} has to be a visible text of 1 to {_MAX_ATTRIBUTE_CHARS} characters")
    return CloudEvent(
        id=attributes["id"],
        source=attributes["source"],
        type=attributes["type"],
        subject=attributes.get("subject"),
        time=_time(attributes.get("time")),
        data=data,
    )


def _is_storable(value: str) -> bool:
    """Whether something is left to show, and PostgreSQL can hold it: no NUL, and no half of a surrogate pair."""
    return bool(clean_line(value, _MAX_ATTRIBUTE_CHARS)) and not any(
        char == "\x00" or "\ud800" <= char <= "\udfff" for char in value
    )


def _time(value: Any) -> datetime | None:
    if value is None:
        return None
    try:
        time = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise MalformedCloudEvent("time has to be an RFC 3339 timestamp") from None
    if time.tzinfo is None:
        raise MalformedCloudEvent("time has to have an offset")
    return time


def _from_base64(value: Any, content_type: str) -> Any:
    try:
        return _content(base64.b64decode(value, validate=True), content_type)
    except (TypeError, ValueError, binascii.Error):
        raise MalformedCloudEvent("data_base64 is not base64") from None


def _content(value: bytes | None, content_type: str) -> Any:
    if not value:
        return None
    if "json" in content_type:
        return _json(value)
    return value.decode("utf-8", "replace")


def _json(value: bytes) -> Any:
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        raise MalformedCloudEvent("the data is not JSON") from None


def subject_of(event: CloudEvent) -> str:
    """What the event is about, in one line: its subject and type."""
    return f"{event.type}: {event.subject}" if event.subject else event.type


def readable(data: Any) -> str:
    """Event data as lines a person can read: `key: value`, nested values indented, at most 2,000 lines.

    Within a structure, each value is cut to 10,000 characters.
    """
    if isinstance(data, str):
        return data
    lines: list[str] = []
    _write(data, lines, indent=0)
    return "\n".join(lines)


def _write(value: Any, lines: list[str], *, indent: int) -> None:
    pad = "  " * indent
    if isinstance(value, Mapping):
        items = ((f"{_scalar(key)}:", item) for key, item in value.items())
    elif isinstance(value, list):
        items = (("-", item) for item in value)
    else:
        lines.extend([] if value is None else _scalar(value).splitlines()[:_MAX_LINES])
        return
    for label, item in items:
        if len(lines) >= _MAX_LINES or indent > _MAX_DEPTH:
            if not lines or lines[-1].strip() != "…":
                lines.append(f"{pad}…")
            return
        if isinstance(item, Mapping | list) and item:
            lines.append(f"{pad}{label}")
            _write(item, lines, indent=indent + 1)
        else:
            lines.append(f"{pad}{label} {_scalar(item)}")


def _scalar(value: Any) -> str:
    if isinstance(value, str):
        return value if len(value) <= _MAX_VALUE_CHARS else value[:_MAX_VALUE_CHARS] + "…"
    if value is None or value in ({}, []):
        return "–"
    return json.dumps(value, ensure_ascii=False)
