"""Contracts that are generated from code and committed: JSON schemas of events, AsyncAPI, and each service's OpenAPI.

`python -m desk.contracts` writes them, `--check` fails if they are not what the code says. Event schemas are never
rewritten: a changed model adds the next `N.schema.json` beside the old ones, and the contract tests hold every model
to all of them, in both directions.
"""

import asyncio
import json
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import yaml

from desk.roster import SERVICES
from shared.db import Database
from shared.events import TOPICS, EventData, event_types

ROOT = Path(__file__).resolve().parent.parent
EVENTS = ROOT / "shared" / "events" / "contracts"
OPENAPI = ROOT / "docs" / "openapi"
ASYNCAPI = ROOT / "docs" / "asyncapi.yaml"

_NOWHERE = "postgresql://nobody:nothing@127.0.0.1:1/desk"


def versions(type_: str, kind: str) -> list[Path]:
    """The committed `schema` or `example` files of an event type, oldest first."""
    return sorted((EVENTS / type_).glob(f"*.{kind}.json"), key=lambda path: int(path.name.split(".")[0]))


def schema_of(model: type[EventData]) -> dict[str, Any]:
    """JSON schema (2020-12) of an event's data, without descriptions: better words are no new version."""
    schema: dict[str, Any] = _without_descriptions(model.model_json_schema())
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def _without_descriptions(node: Any) -> Any:
    if isinstance(node, dict):
        return {key: _without_descriptions(value) for key, value in node.items() if key != "description"}
    return [_without_descriptions(value) for value in node] if isinstance(node, list) else node


def _event_files() -> Iterator[tuple[Path, str]]:
    for type_, model in sorted(event_types().items()):
        known = versions(type_, "schema")
        schema = schema_of(model)
        if known and json.loads(known[-1].read_text()) == schema:
            continue
        yield EVENTS / type_ / f"{len(known) + 1}.schema.json", _json(schema)


def _openapi_files() -> Iterator[tuple[Path, str]]:
    for service in SERVICES:
        description = import_module(f"services.{service}.app").SERVICE
        settings = description.settings(database_url=_NOWHERE)
        database = Database(_NOWHERE, service=service)
        document = description.create_app(settings, database).openapi()
        asyncio.run(database.close())
        yield OPENAPI / f"{service}.json", _json(document)


def asyncapi() -> dict[str, Any]:
    """The AsyncAPI 3.0 document of every topic and event type."""
    types = sorted(event_types().items())
    channels: dict[str, Any] = {}
    for topic in TOPICS:
        messages = {name: {"$ref": f"#/components/messages/{name}"} for name, model in types if model.topic == topic}
        channels[topic] = {"address": topic, "messages": messages}
    inbound = channels["desk.inbound"]
    inbound["description"] = (
        "For other systems: CloudEvents, the same contract as POST /api/ingest/events (docs/openapi/ingestion.json)."
    )
    producers = sorted({(model.source, model.topic) for _, model in types})
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "desk events",
            "version": "1.0.0",
            "description": "CloudEvents 1.0 in Kafka binary mode; key = aggregate id; generated from shared/events.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": channels,
        "operations": {
            f"{source}.{topic}": {
                "action": "send",
                "channel": {"$ref": f"#/channels/{topic}"},
                "summary": f"{source} publishes",
            }
            for source, topic in producers
        },
        "components": {
            "messages": {
                name: {
                    "name": name,
                    "summary": " ".join((model.__doc__ or "").split()),
                    "headers": {"$ref": "#/components/schemas/Headers"},
                    "payload": {
                        "schemaFormat": "application/schema+json;version=draft-2020-12",
                        "schema": schema_of(model),
                    },
                }
                for name, model in types
            },
            "schemas": {"Headers": _HEADERS},
        },
    }


_SCHEMA_FORMAT = "application/schema+json;version=draft-2020-12"
_HEADERS = {
    "type": "object",
    "required": ["ce_specversion", "ce_id", "ce_type", "ce_source", "ce_time", "ce_subject", "ce_aggregateversion"],
    "properties": {
        "ce_specversion": {"const": "1.0"},
        "ce_id": {"type": "string", "format": "uuid"},
        "ce_type": {"type": "string"},
        "ce_source": {"type": "string", "examples": ["/desk/tickets"]},
        "ce_time": {"type": "string", "format": "date-time"},
        "ce_subject": {"type": "string", "description": "aggregate id, also the record's key"},
        "ce_aggregateversion": {"type": "string", "description": "contiguous per source and subject, from 1"},
        "ce_correlationid": {"type": "string"},
        "ce_causationid": {"type": "string", "format": "uuid"},
        "ce_hops": {"type": "string", "description": "events that led to this one; a loop is cut at 16"},
        "traceparent": {"type": "string"},
    },
}


def _json(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False, sort_keys=True) + "\n"


def outdated() -> list[tuple[Path, str]]:
    """Files whose text differs from what the code says, with the text they should have."""
    wanted = [
        *_event_files(),
        *_openapi_files(),
        (ASYNCAPI, yaml.safe_dump(asyncapi(), sort_keys=False, allow_unicode=True, width=120)),
    ]
    return [(path, text) for path, text in wanted if not path.exists() or path.read_text() != text]


def main() -> None:
    """Write what is outdated, or with `--check` name it and exit with 1."""
    check = "--check" in sys.argv[1:]
    changed = outdated()
    for path, text in changed:
        if not check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        print(f"{'outdated' if check else 'written'}: {path.relative_to(ROOT)}")
    if check and changed:
        print("Run `python -m desk.contracts`, and look at what changes for readers.")
        sys.exit(1)


if __name__ == "__main__":
    main()
