"""What a desk costs while nothing happens: time to start, memory, processor time."""

import asyncio
import time
from collections.abc import Callable

from bench.processes import cpu_seconds, memory_bytes, used
from bench.result import Figure, Result, circumstances, load_average
from bench.scratch import scratch_desk

QUIET_SECONDS = 20
IDLE_SECONDS = 30


async def run() -> Result:
    """Start twice, let it become quiet, and look for half a minute."""
    load = load_average()
    with scratch_desk() as desk:
        cold = await _seconds(desk.start)
        await asyncio.to_thread(desk.stop)
        warm = await _seconds(desk.start)
        await asyncio.sleep(QUIET_SECONDS)
        before, begun = cpu_seconds(desk), time.monotonic()
        await asyncio.sleep(IDLE_SECONDS)
        idle, seconds = used(before, cpu_seconds(desk)), time.monotonic() - begun
        memory = memory_bytes(desk)
        found = await circumstances(desk, load)
    percent = {name: cpu / seconds * 100 for name, cpu in idle.items()}
    return Result(
        id="footprint",
        circumstances=found,
        parameters={"quiet_seconds": QUIET_SECONDS, "idle_seconds": IDLE_SECONDS},
        figures=[
            Figure("first start: initdb, migrations, demo organisation", cold, "s"),
            Figure("next start, until everything is ready", warm, "s", aim="< 20"),
            Figure("memory of all processes (PSS)", sum(memory.values()) / 1e6, "MB", aim="< 2,000"),
            Figure("processor at rest", sum(percent.values()), "% of a core", aim="< 15"),
        ],
        split=[
            {"process": name, "memory, MB": memory[name] / 1e6, "at rest, % of a core": percent[name]}
            for name in sorted(memory, key=lambda name: -memory[name])
        ],
    )


async def _seconds(work: Callable[[], object]) -> float:
    begun = time.monotonic()
    await asyncio.to_thread(work)
    return time.monotonic() - begun
