"""`python -m bench [name…]`: run benchmarks, write `results/<id>.json`, print one table.

`python -m bench handlers` compares changes of the code with one another: it prints, and writes nothing.
"""

import argparse
import asyncio
import sys
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import uvloop
from rich.console import Console
from rich.table import Table

from bench import (
    bulk,
    footprint,
    growth,
    handlers,
    mail,
    mail_quality,
    profile,
    screen,
    search,
    search_quality,
    ui,
    way,
)
from bench.result import ROOT, Figure, Result

Bench = Callable[[], Coroutine[Any, Any, Result]]

BENCHES: dict[str, Bench] = {"footprint": footprint.run, "way": way.run, "ui": ui.run}
# Only where they are named.
LONGER = ("screen", "profile", "growth", "search", "search-quality", "bulk", "mail", "mail-quality")


def main() -> None:
    """Run what was named, or everything."""
    parser = argparse.ArgumentParser(prog="bench", description="Measure on a desk of its own; takes some minutes.")
    parser.add_argument(
        "names", nargs="*", metavar="name", help=f"which: {', '.join(BENCHES)}, all three without; {', '.join(LONGER)}"
    )
    parser.add_argument("--messages", type=int, default=way.MESSAGES, help="how many go the way in batches")
    parser.add_argument(
        "--directory", type=Path, default=ROOT / ".cache" / "growth", help="of growth; it goes on there"
    )
    parser.add_argument("--many", type=int, default=growth.MANY, help="how many tickets growth grows to")
    parser.add_argument("--memory", type=int, default=growth.MEMORY, help="how many then pass while memory is watched")
    parser.add_argument("--tickets", type=int, default=search.TICKETS, help="how many `search` searches in")
    parser.add_argument("--data", type=Path, help="where `search` keeps its tickets; what is there is not loaded again")
    parser.add_argument("--mails", type=int, default=mail.MAILS, help="how many `mail` brings in by each door")
    parser.add_argument("--broker", choices=("tansu", "kafka"), default="tansu", help="what `way` goes through")
    parser.add_argument("--profile", metavar="service", help="profile a service's turns; with `handlers`")
    arguments = parser.parse_args()
    if arguments.names == ["handlers"]:
        console = Console(width=None if sys.stdout.isatty() else 200)
        console.print(*uvloop.run(handlers.run(arguments.messages, arguments.profile)))
        return
    if unknown := set(arguments.names) - {*BENCHES, *LONGER}:
        parser.error(f"there is no {', '.join(sorted(unknown))}; there are {', '.join([*BENCHES, *LONGER])}")
    if arguments.messages < way.BATCH or arguments.messages % way.BATCH:
        parser.error(f"--messages has to be a multiple of {way.BATCH}")
    # A file or a pipe has no width of its own.
    console = Console(width=None if sys.stdout.isatty() else 150)
    benches: dict[str, Bench] = {
        **BENCHES,
        "way": partial(way.run, arguments.messages, arguments.broker),
        "screen": screen.run,
        "search": partial(search.run, arguments.tickets, arguments.data),
        "search-quality": search_quality.run,
        "bulk": bulk.run,
        "mail": partial(mail.run, arguments.mails),
        "mail-quality": mail_quality.run,
        "profile": partial(profile.run, arguments.messages),
        "growth": partial(growth.run, arguments.directory, many=arguments.many, memory=arguments.memory),
    }
    results = []
    for name in arguments.names or BENCHES:
        with console.status(f"Measuring {name}"):
            result = asyncio.run(benches[name]())
        result.write()
        results.append(result)
    console.print(_table(results))


def _table(results: Sequence[Result]) -> Table:
    last = results[-1].circumstances
    machine = last.machine
    table = Table(
        title=f"desk {last.commit}, {last.broker}, PostgreSQL {machine['postgres']}, Python {machine['python']}, "
        f"{machine['cores']} cores, {machine['memory_gb']} GB"
    )
    for column in ("figure", "measured", "aim", "ratio", "to"):
        table.add_column(column, justify="right" if column in {"measured", "ratio"} else "left")
    for result in results:
        load = ", ".join(map(str, result.circumstances.load_average_at_start))
        table.add_row(f"[bold]{result.id}[/bold], load average at the start: {load}")
        for figure in result.figures:
            reference, ratio = figure.reference, figure.ratio
            table.add_row(
                figure.name,
                _amount(figure),
                figure.aim,
                f"{ratio:.3g}" if ratio is not None else "",
                f"{_amount(reference)}, {reference.name}" if reference else "",
            )
        for place, (process, *amounts) in enumerate(row.values() for row in result.split):
            if place == 0:
                table.add_row(f"[bold]By process[/bold]: {' / '.join(list(result.split[0])[1:])}")
            table.add_row(f"  {process}", " / ".join(f"{amount:.3g}" for amount in amounts))
        for figure in result.references:
            table.add_row(f"[dim]reference:[/dim] {figure.name}", _amount(figure))
        table.add_section()
    return table


def _amount(figure: Figure) -> str:
    """Three digits are what a measurement is good for."""
    return f"{figure.value:{',.0f' if figure.value >= 100 else '.3g'}} {figure.unit}".rstrip()


if __name__ == "__main__":
    main()
