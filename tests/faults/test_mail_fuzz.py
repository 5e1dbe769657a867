"""R20: whatever the bytes of a mail, reading it ends, in time and in memory, and never in an error nobody thought of.

Each mail goes to a real parser process. What that process used is asked of the kernel.
"""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from services.ingestion.parsing import ParserFailed, ParserLimits, ParserPool
from tests.faults import results
from tests.faults.hostile_mails import damaged, made
from tests.faults.supervisor import SEED, WHOLE, whole

CORPUS = Path(__file__).resolve().parents[1] / "data" / "mail"
MUTATIONS = whole(short=150, at_full_length=50_000)
SIZE_BYTES = whole(short=100_000, at_full_length=25_000_000)
MOST_SECONDS = 1.0
MOST_MEMORY_BYTES = 200_000_000
# What the parser says when it has judged a mail; all else is an error, or was ended.
JUDGED = {"header_too_large", "nested_too_deep", "too_many_attachments", "too_many_parts", "too_many_recipients"}


@dataclass
class Used:
    """What reading mails took so far, at most."""

    seconds: float = 0.0
    memory_bytes: int = 0
    became: Counter[str] = field(default_factory=Counter)
    failed: list[str] = field(default_factory=list)


async def read(pool: ParserPool, raw: bytes, name: str, used: Used, *, shown: bool) -> None:
    """Read a mail, and perhaps show it; note what it took, and what became of it."""
    before = _seconds(pool)

    async def get(_: str) -> bytes:
        return raw

    try:
        await pool.parse(raw)
        if shown:
            await pool.html(get, name, remote_images=False)
        used.became["read"] += 1
    except ParserFailed as failure:
        used.became[failure.reason] += 1
        if failure.reason not in JUDGED:
            used.failed.append(f"{name}: {failure.reason}")
    if before is not None and (after := _seconds(pool)) is not None:
        if (seconds := after - before) > MOST_SECONDS * (1 + shown):
            used.failed.append(f"{name}: {seconds:.1f} s")
        used.seconds = max(used.seconds, seconds)
    if pool._idle:
        peak = _memory_bytes(pool._idle[0].pid)
        if peak > max(MOST_MEMORY_BYTES, used.memory_bytes):
            used.failed.append(f"{name}: {peak} bytes")
        used.memory_bytes = max(used.memory_bytes, peak)


def _memory_bytes(pid: int) -> int:
    """What a process had in memory at most."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


def _seconds(pool: ParserPool) -> float | None:
    """Processor time of the one process of the pool."""
    if not pool._idle:
        return None
    spent = Path(f"/proc/{pool._idle[0].pid}/schedstat").read_text(encoding="ascii").split()[0]
    return int(spent) / 1e9


async def test_r20_no_mail_takes_more_than_its_share() -> None:
    random = Random(f"{SEED}-R20")
    mails = [path.read_bytes() for path in sorted(CORPUS.glob("*.eml"))]
    assert len(mails) >= 15
    pool, used = ParserPool(1, ParserLimits()), Used()
    try:
        for raw in mails:
            await read(pool, raw, "corpus", used, shown=True)
        assert used.became.total() == used.became["read"]
        for name, raw in made(SIZE_BYTES):
            await read(pool, raw, name, used, shown=False)
        for number in range(MUTATIONS):
            await read(pool, damaged(random, mails), f"mutation {number}", used, shown=number % 4 == 0)
            await asyncio.sleep(0)
    finally:
        await pool.close()
    print(dict(used.became), f"{used.seconds:.2f} s, {used.memory_bytes / 1e6:.0f} MB")
    found = {
        "id": "R20",
        "seed": SEED,
        "run": "whole" if WHOLE else "short",
        "mails": used.became.total(),
        "read": used.became["read"],
        "put_aside": used.became.total() - used.became["read"] - len(used.failed),
        "failed": len(used.failed),
        "most_cpu_seconds": round(used.seconds, 2),
        "most_memory_mb": round(used.memory_bytes / 1e6),
    }
    results.write(results.result_name("R20", "", at_full_length=WHOLE), found)
    assert used.failed == []
