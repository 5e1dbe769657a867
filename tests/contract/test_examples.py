"""Every JSON answer in OpenAPI has an example, and it is one."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import validate

from desk.contracts import OPENAPI
from desk.roster import SERVICES


def answers(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            for status, answer in operation["responses"].items():
                content = answer.get("content", {}).get("application/json")
                if status.startswith("2") and content and content["schema"]:
                    yield f"{method} {path} {status}", content


@pytest.mark.parametrize("service", SERVICES)
def test_every_answer_has_an_example_that_it_allows(service: str) -> None:
    document = json.loads((OPENAPI / f"{service}.json").read_text())
    found = dict(answers(document))
    assert found
    for name, content in found.items():
        example = content["example"] if "example" in content else content["examples"]
        assert example not in (None, {}), name
        validate(example, {**content["schema"], "components": document["components"]})
