"""How well mail is understood, by task, kind and language: the labelled set of `tests/data/mail_quality`."""

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from bench.result import Figure, Result, circumstances_with, load_average
from tests.unit.ingestion.mail_labels import SEED, labelled
from tests.unit.ingestion.mail_scores import (
    Read,
    Score,
    exact,
    goes,
    kind,
    languages,
    new_text,
    places,
    quoted,
    read,
    signatures,
)

KINDS = ("personal", "forwarded", "auto_reply", "automatic", "list", "delivery_report")
_WORDS = {"automatic": "automatic mail", "list": "mail to many", "personal": "written by a person"}
PLACES: Mapping[str, str] = {
    "join": "joins the ticket it answers",
    "hold": "is held in it: automatic replies",
    "review": "opens one that is held for review",
    "new": "opens a ticket",
}


async def run() -> Result:
    """Read every mail."""
    load = load_average()
    labels = labelled()
    started = time.process_time()
    reads = read(labels)
    spent = time.process_time() - started
    seen, held_out = ([each for each in reads if each.label.held_out is out] for out in (False, True))
    return Result(
        id="mail-quality",
        parameters={"mails": len(reads), "held_out": len(held_out), "languages": len(languages(reads)), "seed": SEED},
        figures=[
            Figure("mails", len(reads), ""),
            Figure("of these held out", len(held_out), ""),
            Figure("languages", len(languages(reads)), ""),
            Figure("replies whose every line is right, held out", exact(held_out), ""),
            Figure("signatures of which nothing is left, held out", signatures(held_out), ""),
            Figure("reading a mail, CPU", spent / len(reads) * 1000, "ms"),
        ],
        split=[],
        circumstances=circumstances_with("none", "none", load),
        tables={
            "tasks": _tasks(seen, held_out),
            "languages": [_language(name, some) for name, some in languages(reads).items()],
            "confusion": _confusion(reads),
        },
    )


def _tasks(seen: Sequence[Read], held_out: Sequence[Read]) -> list[dict[str, Any]]:
    rows = [
        _task("new text, by line", new_text(seen), new_text(held_out)),
        _task("something is quoted or signed", quoted(seen), quoted(held_out)),
    ]
    rows += [
        _task(f"kind: {_WORDS.get(each, each)}".replace("_", " "), kind(seen, each), kind(held_out, each))
        for each in KINDS
    ]
    return rows + [_task(told, goes(seen, where), goes(held_out, where)) for where, told in PLACES.items()]


def _task(name: str, seen: Score, held_out: Score) -> dict[str, Any]:
    return {
        "task": name,
        "mails": seen.cases,
        "precision": seen.precision,
        "recall": seen.recall,
        "held out": held_out.cases,
        "precision, held out": held_out.precision,
        "recall, held out": held_out.recall,
    }


def _language(name: str, some: Sequence[Read]) -> dict[str, Any]:
    text, passed_on, replies = new_text(some), kind(some, "forwarded"), kind(some, "auto_reply")
    return {
        "language": name,
        "mails": len(some),
        "text: precision": text.precision,
        "text: recall": text.recall,
        "every line right": exact(some),
        "kind right": sum(each.kind == each.label.kind for each in some) / len(some),
        "forwarded: recall": passed_on.recall,
        "automatic replies: recall": replies.recall,
        "threading right": places(some),
    }


def _confusion(reads: Sequence[Read]) -> list[dict[str, Any]]:
    counts = Counter((each.label.kind, each.kind) for each in reads)
    return [
        {"is": is_.replace("_", " "), **{taken.replace("_", " "): counts[is_, taken] for taken in KINDS}}
        for is_ in KINDS
    ]
