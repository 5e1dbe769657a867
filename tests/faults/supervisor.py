"""Runs one row of docs/quality.md: injects its faults by a seed, keeps a log of them, writes down what was found.

A scenario is a coroutine `(stage, run) -> findings`. It injects `run.faults` faults, each chosen from
`run.randomness` and told to `run.note`; so the first n faults of a run are those of a shorter run with the same seed.
With `make faults ARGS=--bisect` a run that fails is repeated with fewer faults, each on a fresh desk, to tell the
smallest number that still fails.
"""

import asyncio
import os
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

from tests.faults import results
from tests.faults.checkers import account_for, snapshot, until_converged
from tests.faults.ledger import Ledger
from tests.faults.stage import BROKER, Stage

WHOLE = os.environ.get("DESK_FAULTS") == "whole"
BISECT = "DESK_FAULTS_BISECT" in os.environ
SEED = int(os.environ.get("DESK_FAULTS_SEED", "20260"))
# What no run may find any of; `failed` is told by rows in which nothing is repeated.
NONE_OF = ("lost", "doubled", "inverted", "disagreeing", "stuck", "failed")

S = TypeVar("S", bound=Stage)
Findings = Mapping[str, Any]


def whole(short: int, at_full_length: int) -> int:
    """How many faults, or seconds: fewer in `make test` than in `make faults`."""
    return at_full_length if WHOLE else short


@dataclass
class Run:
    """One run of a scenario."""

    row: str
    faults: int
    begun: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        print(f"\n{self.row}: {BROKER}, seed {SEED}, commit {results.commit()}, {self.faults} faults", flush=True)
        self.randomness = random.Random(f"{SEED}-{self.row}")

    def note(self, what: str) -> None:
        """Tell a fault, with the time and the seconds since the run began."""
        print(f"{datetime.now(UTC):%H:%M:%S} {time.monotonic() - self.begun:8.2f} s  {self.row} {what}", flush=True)

    def ledger(self, stage: Stage, *, url: str | None = None) -> Ledger:
        """A client of this run."""
        return Ledger(url or stage.desk.url, stage.desk.ingest_token, f"{SEED}-{self.row}-{time.time_ns()}")

    async def settle(self, stage: Stage, ledger: Ledger) -> dict[str, Any]:
        """Wait until the desk has come to rest; returns what became of everything that was acknowledged."""
        converged = await until_converged(stage)
        async with snapshot(stage.admin_url) as connection:
            found = await account_for(connection, ledger.acknowledged)
        return {
            "acknowledged": len(ledger.acknowledged),
            "retries": len(ledger.failures),
            "stuck": await ledger.ask_again(),
            **found,
            "measured": [figure("converged after", converged, "s")],
        }


def figure(name: str, value: float, unit: str, aim: str = "") -> dict[str, Any]:
    """A figure of a result; nothing is asserted about it."""
    return {"name": name, "value": round(value, 2), "unit": unit, "aim": aim}


async def supervise(row: str, scenario: Callable[[S, Run], Awaitable[Findings]], stage: S, *, faults: int) -> None:
    """Run the scenario on the running `stage`, write `results/<row>.json` (`-short` in `make test`), and judge."""
    failure = await _judged(Run(row, faults), scenario, stage)
    if failure is None:
        return
    if BISECT:
        print(f"the smallest failing prefix: {await _smallest_failing(row, scenario, stage, faults)} faults")
    raise failure


async def _judged(
    run: Run, scenario: Callable[[S, Run], Awaitable[Findings]], stage: S, *, keep: bool = True
) -> Exception | None:
    """What was wrong, None if nothing was."""
    try:
        findings = await scenario(stage, run)
        if keep:
            name = results.result_name(run.row, BROKER, at_full_length=WHOLE)
            results.write(name, {"id": run.row, "seed": SEED, "broker": BROKER, "faults": run.faults, **findings})
        wrong = {name: findings[name] for name in NONE_OF if findings.get(name)}
        assert not wrong, f"{run.row}: {wrong}"
    except Exception as error:  # noqa: BLE001 - raised by the caller, after the shortest way to it was looked for
        return error
    return None


async def _smallest_failing(row: str, scenario: Callable[[S, Run], Awaitable[Findings]], stage: S, failing: int) -> int:
    """Halve the number of faults as long as it still fails; an upper bound, for moments differ from run to run."""
    passing = 0
    while failing - passing > 1:
        faults = (failing + passing) // 2
        fresh = stage.another()
        await asyncio.to_thread(fresh.start)
        try:
            wrong = await _judged(Run(row, faults), scenario, fresh, keep=False)
        finally:
            await asyncio.to_thread(fresh.stop)
        passing, failing = (passing, faults) if wrong else (faults, failing)
    return failing
