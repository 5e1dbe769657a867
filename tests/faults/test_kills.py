"""R1: kill -9 of random processes under load. Nothing is lost, doubled or reordered, and all projections agree."""

import asyncio
import os
import signal

import psutil
import pytest

from tests.faults.stage import SERVICES, Stage
from tests.faults.supervisor import Findings, Run, supervise, whole

EVERYTHING = (*SERVICES, "broker", "edge", "postgres")
KILLS = whole(20, 200)
MESSAGES = whole(1_000, 20_000)


async def random_kills(stage: Stage, run: Run) -> Findings:
    ledger = run.ledger(stage)
    sending = asyncio.create_task(ledger.send(MESSAGES))
    for _ in range(run.faults):
        await asyncio.sleep(run.randomness.uniform(0.2, 1.5))
        victim = run.randomness.choice(EVERYTHING)
        while not psutil.pid_exists(pid := stage.pid(victim)):
            await asyncio.sleep(0.1)
        os.kill(pid, signal.SIGKILL)
        run.note(f"kill -9 {victim}")
    await sending
    return await run.settle(stage, ledger)


@pytest.mark.faults
async def test_r1_random_kills_lose_and_double_nothing(plain_stage: Stage) -> None:
    await supervise("R1", random_kills, plain_stage, faults=KILLS)
