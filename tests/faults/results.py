"""Where results of fault runs are kept: `results/r1.json` of a whole run, `results/r1-short.json` of a short one.

Of runs on Apache Kafka: `results/r1-kafka.json`, `results/r1-kafka-short.json`.
"""

import json
import subprocess
from collections.abc import Mapping
from typing import Any

from tests.running_desk import ROOT

RESULTS = ROOT / "results"


def commit() -> str:
    """The commit that is checked out, abbreviated; `-dirty` where the code is not what was committed."""
    changed = _git("status", "--porcelain", "--", "desk", "services", "shared", "tests")
    return _git("rev-parse", "--short", "HEAD") + ("-dirty" if changed else "")


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True)
    return done.stdout.strip()


def result_name(row: str, broker: str, *, at_full_length: bool) -> str:
    """Name of a row's file, without its suffix."""
    return row.lower() + ("-kafka" if broker == "kafka" else "") + ("" if at_full_length else "-short")


def write(name: str, result: Mapping[str, Any]) -> None:
    """Keep a result, from which tables in the documentation are generated."""
    text = json.dumps({"commit": commit(), **result}, indent=2, sort_keys=True, ensure_ascii=False)
    (RESULTS / f"{name}.json").write_text(text + "\n", encoding="utf-8")
