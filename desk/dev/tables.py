"""Tables in `docs/` that are made from `results/*.json`, so that no figure is typed by hand.

`python -m desk.dev.tables` writes them between `<!-- results: KIND FILE… -->` and `<!-- /results -->`; `--check` fails
if a table is not what its results say. A figure that was never measured is said to be so.
"""

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from desk.dev.scaling import SHEETS, Sheet
from desk.home import ROOT

DOCS = ROOT / "docs"
_WHOLE_FROM = 100
_SHORT = "-short"
NOT_YET = "*Not measured yet.*"

Result = Mapping[str, Any]
Read = Callable[[str], Result | None]

_MARKED = re.compile(r"(<!-- results: (\w+) ([\w -]+?) -->\n).*?(<!-- /results -->)", re.DOTALL)


def in_working_tree(name: str) -> Result | None:
    """A result as it is in `results/`, None if there is none."""
    path = ROOT / "results" / f"{name}.json"
    return _parse(path.read_text(encoding="utf-8")) if path.exists() else None


def committed(name: str) -> Result | None:
    """A result as it was committed, None if it was not."""
    done = subprocess.run(  # noqa: S603 - our own command
        ["git", "show", f"HEAD:results/{name}.json"],  # noqa: S607 - git is where the developer has it
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return _parse(done.stdout) if done.returncode == 0 else None


def render(text: str, read: Read) -> str:
    """The document with its tables made anew. Raises KeyError for a kind of table that there is not."""

    def table(marked: re.Match[str]) -> str:
        opening, kind, names, closing = marked.groups()
        results = [(name, read(name)) for name in names.split()]
        return f"{opening}\n{KINDS[kind](results)}\n\n{closing}"

    return _MARKED.sub(table, text)


def _parse(text: str) -> Result:
    result: Result = json.loads(text)
    return result


def _circumstances(results: Iterable[tuple[str, Result | None]]) -> str:
    """When, where and on what: one sentence per result."""
    return "\n".join(_measured(result) for _, result in results if result) or NOT_YET


def _measured(result: Result) -> str:
    machine = result["machine"]
    load = ", ".join(f"{each:g}" for each in result["load_average_at_start"])
    return (
        f"Measured {result['measured_at'][:10]} at commit {result['commit']}: {machine['cores']} cores "
        f"({machine['architecture']}), {machine['memory_gb']:g} GB, Python {machine['python']}, PostgreSQL "
        f"{machine['postgres']}, broker {result['broker']}; load average at the start {load}."
    )


def _figures(results: Iterable[tuple[str, Result | None]]) -> str:
    """Each figure with its aim, and how it compares with the bare part."""
    rows = [
        [
            figure["name"],
            _amount(figure),
            figure.get("aim", ""),
            figure.get("reference", ""),
            _number(figure["ratio"]) if figure.get("ratio") is not None else "",
        ]
        for _, result in results
        if result
        for figure in result["figures"]
    ]
    return _table(["figure", "measured", "aim", "compared with", "ratio"], rows, right={1, 4})


def _references(results: Iterable[tuple[str, Result | None]]) -> str:
    """What bare parts did in the same run."""
    rows = [[figure["name"], _amount(figure)] for _, result in results if result for figure in result["references"]]
    return _table(["reference", "measured"], rows, right={1})


def _split(results: Iterable[tuple[str, Result | None]]) -> str:
    """One result, process by process."""
    split = [row for _, result in results if result for row in result["split"]]
    columns = list(split[0]) if split else []
    rows = [[row["process"], *(_number(row[column]) for column in columns[1:])] for row in split]
    return _table(columns, rows, right=set(range(1, len(columns))))


def _rows(name: str, *, of: str = "") -> Callable[[Iterable[tuple[str, Result | None]]], str]:
    """The rows that a result has under this name, `of` one kind if it has several; cells are words or numbers."""

    def table(results: Iterable[tuple[str, Result | None]]) -> str:
        rows = [row for _, result in results if result for row in result.get(name, ()) if row.get("kind", of) == of]
        columns = [column for column in (rows[0] if rows else ()) if column != "kind"]
        right = {place for place, column in enumerate(columns) if not isinstance(rows[0][column], str)}
        return _table(columns, [[_cell(row[column]) for column in columns] for row in rows], right=right)

    return table


def _shares(results: Iterable[tuple[str, Result | None]]) -> str:
    """Two results of the same benchmark, process by process: which share of the first column's sum, before and now.

    Shares, because two runs on a machine that others use compare in nothing else.
    """
    found = [result["split"] for _, result in results if result]
    if len(found) != 2 or not all(found):  # noqa: PLR2004 - before and now
        return NOT_YET
    column = list(found[1][0])[1]
    before, now = ({row["process"]: row[column] for row in split} for split in found)
    rows = [
        [process, *(_number(split.get(process, 0.0) / sum(split.values()) * 100) for split in (before, now))]
        for process in now
    ]
    return _table(["process", "before, %", "now, %"], rows, right={1, 2})


def _worked_out(sheet: Callable[[Result], Sheet]) -> Callable[[Iterable[tuple[str, Result | None]]], str]:
    """What follows from one result."""

    def table(results: Iterable[tuple[str, Result | None]]) -> str:
        found = [result for _, result in results if result]
        if not found:
            return NOT_YET
        columns, rows = sheet(found[0])
        right = {place for place, cell in enumerate(rows[0]) if not isinstance(cell, str)}
        return _table(columns, [[_cell(cell) for cell in row] for row in rows], right=right)

    return table


def _cell(value: object) -> str:
    """A bar would end the cell."""
    return _number(value) if isinstance(value, int | float) else str(value).replace("|", "\\|")


def _faults(results: Iterable[tuple[str, Result | None]]) -> str:
    """One row per fault test: what its whole run found, else its short one (`NAME-short`), else that there is none."""
    found = dict(results)
    known = [result for result in found.values() if result]
    counts = [
        count
        for count in ("faults", "acknowledged", "lost", "doubled", "inverted", "disagreeing", "stuck")
        if all(count in result for result in known)
    ]
    rows = []
    for name, whole in found.items():
        if name.endswith(_SHORT):
            continue
        result = whole or found.get(name + _SHORT)
        if result is None:
            rows.append([name.upper(), "not run yet", *[""] * len(counts), "", ""])
            continue
        rows.append(
            [
                result["id"],
                "whole" if whole else "short",
                *(_number(result[count]) for count in counts),
                "; ".join(_with_aim(figure) for figure in result["measured"]),
                f"{result['broker']}, seed {result['seed']}, commit {result['commit']}",
            ]
        )
    return _table(["id", "run", *counts, "measured", "on"], rows, right=set(range(2, 2 + len(counts))))


def _models(results: Iterable[tuple[str, Result | None]]) -> str:
    """One row per run against a model: a whole one, else the short one (`NAME-short`)."""
    columns = ["id", "run", "sequences", "steps", "refused", "divergences", "on"]
    found = dict(results)
    rows = [
        [_cell(result[column]) for column in columns[:-1]] + [f"seed {result['seed']}, commit {result['commit']}"]
        for name, whole in found.items()
        if not name.endswith(_SHORT) and (result := whole or found.get(name + _SHORT))
    ]
    return _table(columns, rows, right={2, 3, 4, 5})


def _with_aim(figure: Mapping[str, Any]) -> str:
    aim = f" (aim {figure['aim']})" if figure["aim"] else ""
    return f"{figure['name']} {_amount(figure)}{aim}"


KINDS: Mapping[str, Callable[[Iterable[tuple[str, Result | None]]], str]] = {
    "circumstances": _circumstances,
    "figures": _figures,
    "references": _references,
    "split": _split,
    "faults": _faults,
    "models": _models,
    "shares": _shares,
    "parts": _rows("parts", of="ours"),
    "packages": _rows("parts", of="package"),
    "statements": _rows("statements"),
    "reads": _rows("reads"),
    "lists": _rows("lists"),
    "languages": _rows("languages"),
    "kinds": _rows("kinds"),
    "tasks": _rows("tasks"),
    "confusion": _rows("confusion"),
    "memory": _rows("memory"),
    "database": _rows("database"),
    "topics": _rows("topics"),
    "grown": _rows("grown"),
    **{kind: _worked_out(sheet) for kind, sheet in SHEETS.items()},
}


def _amount(figure: Mapping[str, Any]) -> str:
    return f"{_number(figure['value'])} {figure['unit']}".rstrip()


def _number(value: float) -> str:
    """Three digits are what such a figure is good for; counts stay whole."""
    if isinstance(value, int) or abs(value) >= _WHOLE_FROM:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]], *, right: set[int]) -> str:
    if not rows:
        return NOT_YET
    rule = ["---:" if place in right else "---" for place in range(len(columns))]
    return "\n".join(f"| {' | '.join(row)} |" for row in (columns, rule, *rows))


def main() -> None:
    """Write the tables; with `--check` only look.

    A test run leaves new results behind, which nobody has to document: tables may also be those of the last commit.
    """
    check = "--check" in sys.argv[1:]
    stale = []
    for document in sorted(DOCS.rglob("*.md")):
        text = document.read_text(encoding="utf-8")
        fresh = render(text, in_working_tree)
        if check and text not in {fresh, render(text, committed)}:
            stale.append(str(document.relative_to(ROOT)))
        elif not check and text != fresh:
            document.write_text(fresh, encoding="utf-8")
            print(f"wrote {document.relative_to(ROOT)}")
    if stale:
        print(f"Tables are not what results/ says in {', '.join(stale)}: run `make docs`.")
        sys.exit(1)


if __name__ == "__main__":
    main()
