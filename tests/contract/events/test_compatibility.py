"""Events are contracts: every model reads every example ever committed, and every old schema accepts the newest one."""

import json
from types import SimpleNamespace
from typing import Any

import jsonschema
import pytest
from pydantic import ValidationError

from desk.contracts import schema_of, versions
from shared.events import event_types
from shared.events.base import EventData
from shared.events.catalogue import _collect
from shared.events.tickets import TicketCreated

TYPES = sorted(event_types().items())


@pytest.mark.parametrize(("type_", "model"), TYPES)
def test_the_newest_schema_is_what_the_model_says(type_: str, model: type[EventData]) -> None:
    assert json.loads(versions(type_, "schema")[-1].read_text()) == schema_of(model), "run `python -m desk.contracts`"


@pytest.mark.parametrize(("type_", "model"), TYPES)
def test_new_readers_understand_old_events(type_: str, model: type[EventData]) -> None:
    examples = versions(type_, "example")
    assert examples, "commit an example beside the schema"
    for path in examples:
        written = json.loads(path.read_text())
        read = json.loads(model.model_validate(written).model_dump_json())
        assert _without_news(read, written) == written, f"{path} lost something"


def _without_news(read: Any, written: Any) -> Any:
    """What was read without fields that came later, in values inside the event, too."""
    if isinstance(written, dict) and isinstance(read, dict):
        return {key: _without_news(read[key], value) for key, value in written.items() if key in read}
    if isinstance(written, list) and isinstance(read, list) and len(read) == len(written):
        return [_without_news(*pair) for pair in zip(read, written, strict=True)]
    return read


@pytest.mark.parametrize(("type_", "model"), TYPES)
def test_old_readers_understand_new_events(type_: str, model: type[EventData]) -> None:
    newest = json.loads(versions(type_, "example")[-1].read_text())
    as_written_today = json.loads(model.model_validate(newest).model_dump_json())
    for path in versions(type_, "schema"):
        jsonschema.validate(as_written_today, json.loads(path.read_text()))


@pytest.mark.parametrize(("type_", "model"), TYPES)
def test_readers_ignore_what_they_do_not_know(type_: str, model: type[EventData]) -> None:
    example = json.loads(versions(type_, "example")[-1].read_text())
    assert model.model_validate(example | {"from_the_future": 1}) == model.model_validate(example)


def test_a_ticket_is_not_told_of_without_its_first_message() -> None:
    """No other event brings it (ADR 0007): a reader that got none would count and show one too few for ever."""
    example = json.loads(versions(TicketCreated.type, "example")[-1].read_text())
    del example["message"]
    with pytest.raises(ValidationError, match="message"):
        TicketCreated.model_validate(example)


def test_a_type_cannot_be_defined_twice() -> None:
    class One(EventData):
        type, topic, source = "twice.v1", "desk.sla", "sla"

    class Two(EventData):
        type, topic, source = "twice.v1", "desk.sla", "sla"

    with pytest.raises(ValueError, match="defined twice"):
        _collect(SimpleNamespace(One=One), SimpleNamespace(Two=Two))  # type: ignore[arg-type]


def test_a_topic_has_to_be_declared() -> None:
    class Lost(EventData):
        type, topic, source = "lost.v1", "desk.nowhere", "sla"

    with pytest.raises(ValueError, match="not declared"):
        _collect(SimpleNamespace(Lost=Lost))  # type: ignore[arg-type]
