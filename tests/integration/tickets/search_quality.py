"""How good searches are: tickets and searches of `tests/data/search`, through the service on real PostgreSQL."""

import json
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from services.tickets.service.documents import Indexer
from shared.db import now_utc
from tests.integration.events import at
from tests.integration.tickets.harness import Desk, received

DATA = Path(__file__).resolve().parents[2] / "data" / "search"
_PAGE = 100
# What PostgreSQL's language of searches has no words for, or what the tickets are not written in: nothing to compare.
_UNREADABLE = {"nfd", "prefix", "subject"}


@dataclass(frozen=True)
class Query:
    """A line, and which tickets are wanted by it."""

    language: str
    kind: str
    line: str
    wanted: frozenset[str]


@dataclass(frozen=True)
class Answer:
    """What was found, the best first; and what PostgreSQL finds by itself, None where it cannot be asked."""

    query: Query
    found: tuple[str, ...]
    by_postgresql: frozenset[str] | None

    @property
    def right(self) -> int:
        return len(self.query.wanted.intersection(self.found))


@cache
def _documents() -> Sequence[dict[str, Any]]:
    return [json.loads(path.read_text(encoding="utf-8")) for path in sorted(DATA.glob("*.json"))]


def queries() -> Iterator[Query]:
    """All searches."""
    for document in _documents():
        for kind, line, wanted in document["queries"]:
            asked = unicodedata.normalize("NFD", line) if kind == "nfd" else line
            yield Query(document["language"], kind, asked, frozenset(wanted))


async def fill(desk: Desk) -> dict[str, str]:
    """Write all tickets, in an order that has nothing to do with their languages; their keys by their ids."""
    tickets = sorted((key[2:], key, document["language"]) for document in _documents() for key in document["tickets"])
    texts = {key: texts for document in _documents() for key, texts in document["tickets"].items()}
    written = []
    for number, (_, key, language) in enumerate(tickets):
        subject, text = texts[key]
        sender = f"{key}@example.com"
        written.append(received(sender, subject=subject, text=text, language=language, received_at=at(number)))
    await desk.take(*written)
    indexer, done = Indexer(), 1
    while done:
        async with desk.database.transaction() as session:
            done = await indexer.run(session, now_utc())
    rows = await desk.rows(
        "SELECT t.id, i.address FROM tickets t JOIN customer_identities i ON i.customer_id = t.requester_id"
    )
    return {str(row.id): row.address.partition("@")[0] for row in rows}


async def answers(desk: Desk) -> list[Answer]:
    """What is found by each search."""
    keys = await fill(desk)
    client = (await desk.person()).client
    given = []
    for query in queries():
        found: list[str] = []
        cursor: dict[str, str] = {}
        while True:
            answer = await client.get("/api/tickets/search", q=query.line, limit=_PAGE, **cursor)
            assert answer.status == 200, answer.body
            page = answer.json()
            found += [keys[hit["ticket"]["id"]] for hit in page["items"]]
            if page["next_cursor"] is None:
                break
            cursor = {"cursor": page["next_cursor"]}
        if query.kind in _UNREADABLE:
            given.append(Answer(query, tuple(found), None))
            continue
        rows = await desk.rows(
            "SELECT DISTINCT t.id FROM tickets t JOIN messages m ON m.ticket_id = t.id "
            "WHERE to_tsvector('simple', t.subject || ' ' || m.text) @@ websearch_to_tsquery('simple', :line)",
            line=query.line,
        )
        given.append(Answer(query, tuple(found), frozenset(keys[str(row.id)] for row in rows)))
    return given


def precision(some: Iterable[Answer]) -> float:
    """Of what was found, the share that was wanted."""
    some = list(some)
    return sum(answer.right for answer in some) / max(1, sum(len(answer.found) for answer in some))


def recall(some: Iterable[Answer]) -> float:
    """Of what was wanted, the share that was found."""
    some = list(some)
    return sum(answer.right for answer in some) / sum(len(answer.query.wanted) for answer in some)


def first_is_right(some: Iterable[Answer]) -> float:
    """The share of searches of which the first hit was wanted."""
    some = list(some)
    return sum(1 for answer in some if answer.found and answer.found[0] in answer.query.wanted) / len(some)


def recall_of_postgresql(some: Iterable[Answer]) -> float | None:
    """Of what was wanted, the share that PostgreSQL's parser finds with its configuration `simple`.

    None where it cannot be asked for any.
    """
    both = [(answer.query.wanted, answer.by_postgresql) for answer in some if answer.by_postgresql is not None]
    if not both:
        return None
    return sum(len(wanted & found) for wanted, found in both) / sum(len(wanted) for wanted, _ in both)
