"""The made-up messages in `samples/`, and what a desk may answer with."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from desk.home import ROOT

MESSAGES = ROOT / "samples" / "messages.jsonl"
MAIL = ROOT / "samples" / "mail"
ANSWERS = ROOT / "samples" / "answers.json"


@dataclass(frozen=True, slots=True)
class Sample:
    """One message as `POST /api/ingest/messages` takes it. `id` is stable, for idempotency keys."""

    id: str
    message: dict[str, Any]


def load_samples(path: Path = MESSAGES) -> list[Sample]:
    """All messages, in the order of the file."""
    with path.open(encoding="utf-8") as lines:
        return [Sample(**json.loads(line)) for line in lines if line.strip()]


def mail_files(directory: Path = MAIL) -> list[Path]:
    """The `.eml` files, by name: a reply comes after what it answers."""
    return sorted(directory.glob("*.eml"))


def load_answers(path: Path = ANSWERS) -> dict[str, list[dict[str, Any]]]:
    """`macros`, as `POST /api/macros` takes them, and `templates`, as `POST /api/tickets/templates` does."""
    answers: dict[str, list[dict[str, Any]]] = json.loads(path.read_text(encoding="utf-8"))
    return answers
