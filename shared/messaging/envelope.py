"""CloudEvents 1.0 in Kafka's binary mode: attributes in `ce_` headers, the data as the record's JSON value.

Source: CloudEvents Kafka Protocol Binding 1.0.2, section 3.2; extension attributes are lower-case without separators.
"""

from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from asyncpg.pgproto.pgproto import UUID  # a `uuid.UUID` that is read and written in a fifth of the time

from shared.events import Event, EventData, model_of

_SOURCE_PREFIX = "/desk/"
_REQUIRED = ("ce_source", "ce_id", "ce_type", "ce_subject", "ce_aggregateversion", "ce_time", "ce_correlationid")
_MAX_ATTRIBUTE = 512
_MAX_VERSION = 2**63


class MalformedEvent(Exception):
    """The record is not an event in CloudEvents binary mode; the message names the attribute that is wrong."""


@dataclass(frozen=True, slots=True)
class Record:
    """A broker's record, as it came. `topic` is without the deployment's prefix."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    headers: tuple[tuple[str, bytes], ...]
    value: bytes | None


@dataclass(slots=True)
class Envelope:
    """The attributes of one event, read before (and without) its data. Not frozen, as one is made of every record."""

    id: UUID
    type: str
    source: str
    aggregate_id: str
    aggregate_version: int
    time: datetime
    correlation_id: str
    causation_id: UUID | None
    hops: int
    traceparent: str | None
    record: Record

    def event(self) -> Event[EventData]:
        """The event, its data parsed by the catalogue's model. Raises pydantic.ValidationError or MalformedEvent."""
        model = model_of(self.type)
        if model is None:
            raise MalformedEvent(f"unknown event type {self.type}")
        return Event(
            id=self.id,
            source=self.source,
            aggregate_id=self.aggregate_id,
            aggregate_version=self.aggregate_version,
            time=self.time,
            data=model.model_validate_json(self.record.value or b""),
            correlation_id=self.correlation_id,
            causation_id=self.causation_id,
            hops=self.hops,
            traceparent=self.traceparent,
        )


def encode_headers(row: Any) -> list[tuple[str, bytes]]:
    """Headers of an outbox row."""
    headers = [
        ("ce_specversion", b"1.0"),
        ("ce_id", str(row.event_id).encode()),
        ("ce_type", row.type.encode()),
        ("ce_source", f"{_SOURCE_PREFIX}{row.source}".encode()),
        ("ce_time", row.time.isoformat().encode()),
        ("ce_subject", row.aggregate_id.encode()),
        ("ce_aggregateversion", b"%d" % row.aggregate_version),
        ("ce_correlationid", row.correlation_id.encode()),
        ("ce_hops", b"%d" % row.hops),
        ("content-type", b"application/json"),
    ]
    if row.causation_id is not None:
        headers.append(("ce_causationid", str(row.causation_id).encode()))
    if row.traceparent is not None:
        headers.append(("traceparent", row.traceparent.encode()))
    return headers


def decode(record: Record) -> Envelope:
    """Read a record's headers. Raises MalformedEvent."""
    headers = dict(record.headers)
    try:
        source, id_, type_, aggregate_id, version, time, correlation_id = _required(headers)
        causation = headers.get("ce_causationid")
        trace = headers.get("traceparent")
        envelope = Envelope(
            id=UUID(id_),
            type=type_,
            source=source.removeprefix(_SOURCE_PREFIX),
            aggregate_id=aggregate_id,
            aggregate_version=int(version),
            time=datetime.fromisoformat(time),
            correlation_id=correlation_id,
            causation_id=UUID(causation.decode()) if causation else None,
            hops=int(headers.get("ce_hops", b"0")),
            traceparent=trace.decode() if trace else None,
            record=record,
        )
    except ValueError as error:
        raise MalformedEvent(str(error)) from error
    if not 1 <= envelope.aggregate_version < _MAX_VERSION:
        raise MalformedEvent(f"ce_aggregateversion is {envelope.aggregate_version}; versions start with 1")
    if envelope.time.tzinfo is None:
        raise MalformedEvent("ce_time has no offset from UTC")
    return envelope


def _required(headers: Mapping[str, bytes]) -> list[str]:
    try:
        values = [headers[name].decode() for name in _REQUIRED]
        if max(map(len, values)) <= _MAX_ATTRIBUTE and "\0" not in "".join(values):
            return values
    except (KeyError, UnicodeDecodeError):
        pass
    return [_attribute(headers, name) for name in _REQUIRED]  # which tells what is wrong


def _attribute(headers: Mapping[str, bytes], name: str) -> str:
    try:
        value = headers[name].decode()
    except KeyError:
        raise MalformedEvent(f"header {name} is missing") from None
    except UnicodeDecodeError:
        raise MalformedEvent(f"header {name} is not UTF-8") from None
    if "\0" in value or len(value) > _MAX_ATTRIBUTE:
        raise MalformedEvent(f"header {name} has a NUL or more than {_MAX_ATTRIBUTE} characters")
    return value


def headers_to_json(headers: Sequence[tuple[str, bytes]]) -> list[list[str]]:
    """Headers as JSON for a dead letter, values in base64: they may be any bytes."""
    return [[name.replace("\0", ""), b64encode(value).decode()] for name, value in headers]


def headers_from_json(headers: list[list[str]]) -> tuple[tuple[str, bytes], ...]:
    """The inverse of `headers_to_json`."""
    return tuple((name, b64decode(value)) for name, value in headers)
