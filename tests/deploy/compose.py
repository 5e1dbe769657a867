"""docker-compose.yml as compose reads it, and its containers."""

import re
import subprocess
from pathlib import Path
from typing import Any

import yaml

from tests.deploy.arrangement import ROOT, Container

FILE = ROOT / "docker-compose.yml"
REFERENCE = re.compile(r"\$\{(?P<name>\w+)(?:(?P<kind>:[-?])(?P<rest>[^}]*))?\}")
_CONDITIONS = {"service_completed_successfully": "completed", "service_healthy": "ready"}
# PostgreSQL, object store and broker are the machine's own; rights at the broker are granted where it has any.
NOT_OURS = {"postgres", "garage", "kafka", "broker-access"}


def new_environment() -> dict[str, str]:
    """What `deploy/compose/new-env.sh` prints, read as compose reads it."""
    script = ["sh", str(ROOT / "deploy" / "compose" / "new-env.sh")]
    printed = subprocess.run(script, capture_output=True, text=True, check=True).stdout
    lines = [line for line in printed.splitlines() if line and not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)


def fill_in(text: str, values: dict[str, str]) -> str:
    """Compose's interpolation, as far as the file uses it: `${NAME:-default}` and `${NAME:?}`, which must be set."""

    def value(reference: re.Match[str]) -> str:
        given = values.get(reference["name"])
        if given:
            return given
        assert reference["kind"] == ":-", f"{reference[0]} is not set"
        return reference["rest"]

    return REFERENCE.sub(value, text)


def load(values: dict[str, str], file: Path = FILE) -> dict[str, Any]:
    """The file with its references filled in."""
    content: dict[str, Any] = yaml.safe_load(fill_in(file.read_text(), values))
    return content


def own_environment(service: dict[str, Any]) -> dict[str, str]:
    """The variables a container gets; those without a value come from .env, which has none here."""
    return {name: value for name, value in service.get("environment", {}).items() if value is not None}


def containers(content: dict[str, Any]) -> dict[str, Container]:
    """Every container of ours: jobs, services, the edge, and the operator's, which waits for nobody."""
    found = {}
    for name, service in content["services"].items():
        if name in NOT_OURS:
            continue
        probe = re.findall(r"http://127\.0\.0\.1:\d+/[\w/]+", " ".join(service.get("healthcheck", {}).get("test", [])))
        needs = service.get("depends_on", {})
        found[name] = Container(
            name=name,
            image={"desk": "desk", "desk-edge": "edge"}.get(service["image"].partition(":")[0], "service"),
            command=service.get("command", ()),
            environment=own_environment(service),
            probes=probe,
            after={other: _CONDITIONS[need["condition"]] for other, need in needs.items() if other not in NOT_OURS},
            grace_seconds=int(service.get("stop_grace_period", "30s").removesuffix("s")),
        )
    return found
