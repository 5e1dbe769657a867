"""An invitation in a mail (RFC 5545, RFC 5546), told in one line."""

import re
from datetime import datetime

from services.ingestion.domain.text import clean_line

_MAX_CHARS = 64 * 1024
_MAX_VALUE_CHARS = 200
_FOLD = re.compile(r"\r?\n[ \t]")
_PROPERTY = re.compile(r"^([A-Za-z-]{1,40})((?:;[^:;\"\r\n]{1,60}(?:\"[^\"\r\n]{0,200}\")?)*):(.*)$", re.MULTILINE)
_ZONE = re.compile(r";TZID=\"?([^;:\"]+)", re.IGNORECASE)
_ESCAPED = re.compile(r"\\([\\;,nN])")
_METHODS = {"REQUEST": "Invitation", "CANCEL": "Cancelled", "REPLY": "Answer to an invitation", "COUNTER": "Proposal"}


def told(text: str, method: str) -> str:
    """What an invitation is about, when, where, and who asks; empty where nothing of it can be read."""
    text = _FOLD.sub("", text[:_MAX_CHARS])
    begin = text.upper().find("BEGIN:VEVENT")
    if begin < 0:
        return ""
    event = text[begin : begin + max(text[begin:].upper().find("END:VEVENT"), 0)]
    values: dict[str, tuple[str, str]] = {}
    for name, given, value in _PROPERTY.findall(event):
        values.setdefault(name.upper(), (given, value.strip()))
    declared = (value for name, _, value in _PROPERTY.findall(text[:2_000]) if name.upper() == "METHOD")
    method = (method or next(declared, "")).strip().upper()
    pieces = [f"{_METHODS.get(method, 'Appointment')}: {_text(values, 'SUMMARY') or 'without a title'}"]
    if when := _when(values):
        pieces.append(f"when: {when}")
    if "RRULE" in values:
        pieces.append("repeated")
    if where := _text(values, "LOCATION"):
        pieces.append(f"where: {where}")
    if organiser := _text(values, "ORGANIZER"):
        pieces.append(f"organiser: {re.sub('(?i)^mailto:', '', organiser)}")
    return "; ".join(pieces)


def _text(values: dict[str, tuple[str, str]], name: str) -> str:
    value = values.get(name, ("", ""))[1]
    plain = _ESCAPED.sub(lambda match: " " if match[1] in "nN" else match[1], value[: 4 * _MAX_VALUE_CHARS])
    return clean_line(plain, _MAX_VALUE_CHARS)


def _when(values: dict[str, tuple[str, str]]) -> str:
    start, end = _moment(values, "DTSTART"), _moment(values, "DTEND")
    if not start:
        return ""
    zone = _ZONE.search(values["DTSTART"][0])
    name = "UTC" if values["DTSTART"][1].endswith("Z") else clean_line(zone[1], 60) if zone else ""
    return f"{start}{f' to {end}' if end else ''}{f' ({name})' if name else ''}"


def _moment(values: dict[str, tuple[str, str]], name: str) -> str:
    value = values.get(name, ("", ""))[1].strip().rstrip("Z")
    try:
        if "T" in value:
            return f"{datetime.strptime(value[:15], '%Y%m%dT%H%M%S'):%Y-%m-%d %H:%M}"  # noqa: DTZ007 - in the event's zone
        return f"{datetime.strptime(value[:8], '%Y%m%d'):%Y-%m-%d}"  # noqa: DTZ007
    except ValueError:
        return ""
