"""What tests/data/schemas says about a resource or a file."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jsonschema import Draft7Validator, Draft202012Validator

SCHEMAS = Path(__file__).resolve().parents[2] / "data" / "schemas"
CUSTOM = ("strimzi", "keda", "gateway-api", "cloudnativepg")
GROUPS = {"v1": "core.v1", "apps/v1": "apps.v1", "batch/v1": "batch.v1"}


def _read(name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((SCHEMAS / f"{name}.json").read_text())
    return content


KUBERNETES = _read("kubernetes")
CUSTOM_KINDS = {kind: schema for name in CUSTOM for kind, schema in _read(name).items()}


def complaints(resource: dict[str, Any]) -> Iterator[str]:
    """Everything that is wrong with one Kubernetes resource. Raises KeyError for a kind without schema."""
    if (schema := CUSTOM_KINDS.get(resource["kind"])) is None:
        version = GROUPS.get(resource["apiVersion"]) or resource["apiVersion"].replace(".k8s.io", "").replace("/", ".")
        name = f"io.k8s.api.{version}.{resource['kind']}"
        assert name in KUBERNETES["$defs"], name
        schema = {"$ref": f"#/$defs/{name}", "$defs": KUBERNETES["$defs"]}
    for error in Draft202012Validator(schema).iter_errors(resource):
        yield f"{resource['kind']} {resource['metadata']['name']}: {error.json_path}: {error.message}"


def compose_complaints(content: dict[str, Any]) -> Iterator[str]:
    """Everything that is wrong with a compose file."""
    for error in Draft7Validator(_read("compose")).iter_errors(content):
        yield f"{error.json_path}: {error.message}"
