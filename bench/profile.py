"""Where the time goes while batches go the whole way: a flame graph per service, and what PostgreSQL's statements took.

Sampling every process at once costs processor time, too, so nothing here says how fast the desk is (P1 does): the
shares are what counts. A desk of another commit is measured by running this in a clone of it.
"""

import asyncio
import math
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from bench import flame, statements
from bench.arrival import until_arrived
from bench.processes import cpu_seconds, used
from bench.result import Figure, Result, circumstances, load_average
from bench.scratch import scratch_desk
from bench.traffic import Client, batches
from bench.way import BATCH, CAPACITY, CONNECTIONS, NOT_OURS, PATIENCE_SECONDS, hire
from tests.running_desk import ROOT, SERVICES, RunningDesk

MESSAGES = 6_000
WARM_UP = 500
PER_SECOND = 100
PARTS = 8
STATEMENTS = 25
PICTURES = ROOT / "docs" / "profiles"
SAMPLER = Path(sys.executable).with_name("py-spy")

Row = dict[str, Any]


async def run(count: int = MESSAGES, name: str = "profile") -> Result:
    """One desk, warmed up; then `count` messages in batches under samplers. Pictures begin with `name`."""
    load = load_average()
    with scratch_desk() as desk, tempfile.TemporaryDirectory() as directory:
        await asyncio.to_thread(desk.start)
        await statements.watch(desk)
        await asyncio.to_thread(desk.stop)
        await asyncio.to_thread(desk.start)
        await asyncio.to_thread(hire, desk, math.ceil((count + WARM_UP) / CAPACITY))
        client = Client(desk.url, {"Authorization": f"Bearer {desk.ingest_token}"})
        await _send(desk, client, WARM_UP, expected=WARM_UP)
        await statements.forget(desk)
        before = cpu_seconds(desk)
        with _samplers(desk, Path(directory)) as samplers:
            await _send(desk, client, count, expected=WARM_UP + count)
            cpu = used(before, cpu_seconds(desk))
            sampling = sum(sum(sampler.cpu_times()[:2]) for sampler in samplers)
        counted = await statements.counted(desk)
        stacks = _read(Path(directory))
        found = await circumstances(desk, load)
    _draw(stacks, name)
    return Result(
        id=name,
        circumstances=found,
        parameters={"messages": count, "batch": BATCH, "samples_per_second": PER_SECOND},
        figures=[
            Figure(
                "processor per ticket while sampled",
                sum(seconds for process, seconds in cpu.items() if process not in NOT_OURS) / count * 1000,
                "ms",
            ),
            Figure("beside it: the samplers", sampling / count * 1000, "ms"),
            Figure("statements per ticket", sum(each["calls"] for each in counted) / count, ""),
            Figure("time inside statements per ticket", sum(each["milliseconds"] for each in counted) / count, "ms"),
            Figure("write-ahead log per ticket", sum(each["wal_bytes"] for each in counted) / count / 1000, "KB"),
        ],
        split=[
            {
                "process": process,
                "per ticket, ms": seconds / count * 1000,
                "samples": sum(stacks.get(process, {}).values()),
            }
            for process, seconds in sorted(cpu.items(), key=lambda item: -item[1])
        ],
        tables={
            "parts": _parts(stacks, {process: seconds / count * 1000 for process, seconds in cpu.items()}),
            "statements": [_per_ticket(each, count) for each in counted[:STATEMENTS]],
        },
    )


async def _send(desk: RunningDesk, client: Client, count: int, *, expected: int) -> None:
    await client.send_all(batches(count, BATCH), CONNECTIONS)
    await until_arrived(desk, tickets=expected, patience_seconds=PATIENCE_SECONDS)


@contextmanager
def _samplers(desk: RunningDesk, directory: Path) -> Iterator[list[psutil.Process]]:
    """One sampler per service; each writes `<service>.raw` when it is asked to end."""
    running = []
    for service in map(str.lower, SERVICES):
        command = [str(SAMPLER), "record", "--pid", str(desk.facts["pids"][service]), "--rate", str(PER_SECOND)]
        # Whoever holds the interpreter works; without that, waiting for a processor counts as well.
        command += ["--format", "raw", "--function", "--gil", "--nonblocking"]
        command += ["--output", str(directory / f"{service}.raw")]
        running.append(subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE))
    try:
        yield [psutil.Process(sampler.pid) for sampler in running]
    finally:
        for sampler in running:
            sampler.send_signal(signal.SIGINT)
        for sampler in running:
            _, complaints = sampler.communicate(timeout=60)
            if sampler.returncode:
                print(complaints.decode(errors="replace"), file=sys.stderr)


def _read(directory: Path) -> dict[str, dict[flame.Stack, int]]:
    return {file.stem: flame.parse(file.read_text()) for file in sorted(directory.glob("*.raw"))}


def _draw(stacks: Mapping[str, Mapping[flame.Stack, int]], name: str) -> None:
    PICTURES.mkdir(exist_ok=True)
    for process, found in stacks.items():
        if found:
            picture = flame.svg(found, f"{process}: {sum(found.values())} samples, batches of {BATCH}")
            (PICTURES / f"{name}-{process}.svg").write_text(picture, encoding="utf-8")


def _parts(stacks: Mapping[str, Mapping[flame.Stack, int]], cpu_ms: Mapping[str, float]) -> list[Row]:
    """Of each process, the functions of ours at work (with what they call of others), and the packages that ran."""
    rows = []
    for process in sorted(stacks, key=lambda process: -cpu_ms[process]):
        own: Counter[str] = Counter()
        packages: Counter[str] = Counter()
        for stack, count in stacks[process].items():
            own[_innermost_own(stack)] += count
            packages[_package(stack[-1])] += count
        everything = own.total()
        for kind, counted in (("ours", own), ("package", packages)):
            rows += [
                {
                    "process": process,
                    "kind": kind,
                    "part": part,
                    "share, %": count / everything * 100,
                    "per ticket, ms": count / everything * cpu_ms[process],
                }
                for part, count in counted.most_common(PARTS)
            ]
    return rows


def _innermost_own(stack: flame.Stack) -> str:
    return next((frame for frame in reversed(stack) if flame.origin(frame) == "own"), "(none of ours)")


def _package(frame: str) -> str:
    place = frame.rpartition(" (")[2].rstrip(")")
    if place in {"", "<string>"}:
        return "(generated code)"
    return place.partition("/")[0] if "/" in place else place.removesuffix(".py")


def _per_ticket(statement: Row, count: int) -> Row:
    return {
        "process": statement["service"],
        "statement": statements.shortened(statement["statement"]),
        "calls": statement["calls"] / count,
        "per ticket, ms": statement["milliseconds"] / count,
        "rows": statement["rows"] / count,
        "write-ahead log, KB": statement["wal_bytes"] / count / 1000,
    }
