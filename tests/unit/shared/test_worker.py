"""A part of a worker that ends unasked ends the worker, so that the process is started anew."""

import asyncio
from unittest.mock import Mock

import pytest

from shared.messaging.worker import PartEndedError, _run, _standing


async def _ends() -> None:
    await asyncio.sleep(0)


async def _ends_as_if_cancelled() -> None:
    inner = asyncio.create_task(asyncio.sleep(60))
    await asyncio.sleep(0)
    inner.cancel()
    await inner


@pytest.mark.parametrize("work", [_ends, _ends_as_if_cancelled])
async def test_a_part_that_ends_unasked_is_an_error(work) -> None:
    """A task group takes a cancelled task for one that is done: a service once went on without its consumer."""

    async def run_beside_another() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(_run("consumer", work(), asyncio.Event()))
            group.create_task(asyncio.sleep(60))

    with pytest.raises(ExceptionGroup) as caught:
        await run_beside_another()
    assert [type(error) for error in caught.value.exceptions] == [PartEndedError]


async def test_a_part_that_was_told_to_end_may() -> None:
    stop = asyncio.Event()
    stop.set()
    await _run("consumer", _ends(), stop)


async def test_a_cancellation_from_outside_is_one() -> None:
    task = asyncio.create_task(_run("consumer", asyncio.sleep(60), asyncio.Event()))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_part_that_stands_still_ends_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waiting without end, it would keep its partitions and read nothing."""
    ended = asyncio.Event()
    monkeypatch.setattr("shared.messaging.worker.STUCK_SECONDS", 0.1)
    monkeypatch.setattr("shared.messaging.worker.os._exit", lambda _: ended.set())
    part = Mock(turned_at=0.0)
    task = asyncio.create_task(_run("relay", asyncio.sleep(60), asyncio.Event(), part))
    async with asyncio.timeout(10):
        await ended.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_where_a_part_stands_is_told_to_its_innermost_wait() -> None:
    async def innermost() -> None:
        await asyncio.get_running_loop().create_future()

    async def outer() -> None:
        await innermost()

    work = outer()
    task = asyncio.ensure_future(work)
    await asyncio.sleep(0)
    assert [frame.rpartition(".")[2].partition(":")[0] for frame in _standing(work).split(" > ")] == [
        "outer",
        "innermost",
    ]
    task.cancel()
