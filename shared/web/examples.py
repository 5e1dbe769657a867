"""Examples of answers in OpenAPI, composed from the schemas that they have to meet.

A field shows the example that its schema has, else the first value of an enumeration, else a word for its name or a
value of its format. What may be null is null unless its name is known here, so that an open ticket has not been solved
in its example. An answer that has an example of its own keeps it.
"""

import re
from collections.abc import Mapping
from typing import Any

_JSON = "application/json"
_FORMATS = {
    "uuid": "01997b6e-3c00-7a10-8b11-0242ac120002",
    "date-time": "2026-03-02T10:00:00Z",
    "date": "2026-03-02",
    "email": "ana@example.com",
    "uri": "https://desk.example",
    "binary": "",
}
_WORDS = {
    "address": "ana@example.com",
    "author": "Sam",
    "brand": "default",
    "cause": "rule",
    "client_id": "desk",
    "content_type": "image/png",
    "default_language": "en",
    "default_locale": "en",
    "email": "ana@example.com",
    "folder": "INBOX",
    "group": "billing",
    "html": "<p>It should have come on Tuesday.</p>",
    "key": "device",
    "language": "en",
    "locale": "en",
    "name": "Ana",
    "region": "EU",
    "sender": "ana@example.com",
    "searched": "refund",
    "shortcut": "thanks",
    "slug": "default",
    "smtp_url": "smtps://mail.example:465",
    "status_key": "open",
    "subject": "Where is my parcel?",
    "tag": "returns",
    "text": "It should have come on Tuesday.",
    "tier": "gold",
    "time_zone": "Europe/Berlin",
    "token_url": "https://login.example/token",
    "type_key": "question",
    "url": "https://desk.example/somewhere",
    "username": "support@desk.example",
    "value": "printer",
    "words": "parcel",
    "written": "refnud",
}
_NUMBERS = {"integer": 1, "number": 1.5}
# Conditions consist of conditions: below this depth nothing is shown that need not be there.
_DEEPEST = 8


def add_examples(document: dict[str, Any]) -> None:
    """Give every JSON answer of an OpenAPI document that has none an example."""
    composer = _Composer(document.get("components", {}).get("schemas", {}))
    for operations in document["paths"].values():
        for operation in operations.values():
            for status, answer in operation.get("responses", {}).items():
                content = answer.get("content", {}).get(_JSON)
                if status.startswith("2") and content and content.get("schema") and not _has_example(content):
                    content["example"] = composer.of(content["schema"])


def _has_example(content: Mapping[str, Any]) -> bool:
    return "example" in content or "examples" in content


class _Composer:
    def __init__(self, schemas: Mapping[str, Any]) -> None:
        self.schemas = schemas

    def of(self, schema: Mapping[str, Any], name: str = "", depth: int = 0) -> Any:
        """A value that meets a schema; `name` is that of the field."""
        schema = self._resolved(schema)
        if "properties" in schema:
            return self._object(schema, depth)
        if examples := schema.get("examples"):
            return examples[0]
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return schema["enum"][0]
        if choices := schema.get("anyOf") or schema.get("oneOf"):
            return self._one_of(choices, name, depth)
        if schema.get("type") == "object":
            return {}
        if schema.get("type") == "array":
            few = depth >= _DEEPEST and not schema.get("minItems")
            return [] if few else [self.of(schema["items"], name.removesuffix("s"), depth + 1)]
        if schema.get("type") == "string":
            return self._text(schema, name)
        number = _NUMBERS.get(schema.get("type", ""))
        return False if number is None else max(number, schema.get("minimum", 0))

    def _one_of(self, choices: list[Mapping[str, Any]], name: str, depth: int) -> Any:
        if {"type": "null"} in choices and name not in _WORDS:
            return None
        return self.of(next(choice for choice in choices if choice != {"type": "null"}), name, depth)

    def _object(self, schema: Mapping[str, Any], depth: int) -> dict[str, Any]:
        # A model has the example of the one that it extends, which lacks what it adds.
        known: dict[str, Any] = schema.get("examples", [{}])[0]
        required = schema.get("required", ())
        return known | {
            name: self.of(inner, name, depth + 1)
            for name, inner in schema["properties"].items()
            if name not in known and (depth < _DEEPEST or name in required)
        }

    def _text(self, schema: Mapping[str, Any], name: str) -> str:
        if "format" in schema:
            return _FORMATS.get(schema["format"], name)
        word = _WORDS.get(name, name.replace("_", " ") or "text")
        pattern = schema.get("pattern", "")
        return word if re.search(pattern, word) else word.replace(" ", "_")

    def _resolved(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        while "$ref" in schema:
            schema = self.schemas[schema["$ref"].rpartition("/")[2]]
        return schema
