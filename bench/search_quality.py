"""How good searches are, by language and by kind: tickets and searches of `tests/data/search`."""

import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.result import Figure, Result, circumstances_of, load_average
from desk.embedded.postgres import EmbeddedPostgres
from desk.embedded.roles import provision
from desk.ports import free_port
from shared.db import Database
from shared.migrations import migrate
from tests.integration.tickets.harness import running_desk
from tests.integration.tickets.search_quality import (
    Answer,
    answers,
    first_is_right,
    precision,
    recall,
    recall_of_postgresql,
)


async def run() -> Result:
    """Ask every search."""
    load = load_average()
    with _postgres() as server:
        url = (await provision(server.admin_url, "desk", {"tickets": "bench"}))["tickets"]
        await migrate("tickets", url)
        database = Database(url, service="tickets")
        async with running_desk(database) as desk:
            given = await answers(desk)
            tickets: int = (await desk.one("SELECT count(*) FROM tickets")).count
        await database.close()
        return Result(
            id="search-quality",
            parameters={"searches": len(given), "tickets": tickets},
            figures=[
                Figure("precision: of what is found, wanted", precision(given), ""),
                Figure("recall: of what is wanted, found", recall(given), ""),
                Figure("searches whose first hit is wanted", first_is_right(given), ""),
                Figure("recall of PostgreSQL's own parser", recall_of_postgresql(given) or 0, ""),
            ],
            split=[],
            circumstances=await circumstances_of(url, "none", load),
            tables={
                "languages": _rows("language", given, lambda answer: answer.query.language),
                "kinds": _rows("of this kind", given, lambda answer: answer.query.kind),
            },
        )


@contextmanager
def _postgres() -> Iterator[EmbeddedPostgres]:
    with tempfile.TemporaryDirectory(prefix="desk-search-") as directory:
        Path(directory).chmod(0o755)  # PostgreSQL of a privileged user runs as another one, who has to get in
        server = EmbeddedPostgres(Path(directory) / "data", free_port(), durable=False)
        server.start()
        try:
            yield server
        finally:
            server.destroy()


def _rows(name: str, given: Iterable[Answer], of: Callable[[Answer], str]) -> Sequence[dict[str, Any]]:
    groups: dict[str, list[Answer]] = defaultdict(list)
    for answer in given:
        groups[of(answer)].append(answer)
    return [
        {
            name: group,
            "searches": len(some),
            "precision": precision(some),
            "recall": recall(some),
            "first hit wanted": first_is_right(some),
            "recall of PostgreSQL's parser": "–" if (its := recall_of_postgresql(some)) is None else its,
        }
        for group, some in sorted(groups.items())
    ]
