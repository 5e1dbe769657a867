"""A duty works until it is stopped, whatever one turn does."""

import asyncio

from services.ingestion.duties import Duty

LIVENESS_SECONDS = 30


async def test_a_duty_goes_on_after_a_failure_and_when_woken() -> None:
    outcomes = iter([True, False, RuntimeError("once"), True])
    done = asyncio.Event()
    turns = 0

    async def turn() -> bool:
        nonlocal turns
        turns += 1
        outcome = next(outcomes, None)
        if isinstance(outcome, Exception):
            raise outcome
        if outcome is None:
            done.set()
            return False
        return outcome

    duty, stop = Duty("test", turn), asyncio.Event()
    running = asyncio.create_task(duty.run(stop))
    async with asyncio.timeout(LIVENESS_SECONDS):
        await done.wait()
        before = turns
        done.clear()
        duty.woken.set()
        await done.wait()
        assert turns > before
        stop.set()
        await running
