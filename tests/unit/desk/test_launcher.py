"""What the launcher does when one of several things fails at once."""

import asyncio
import os
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from desk import brokerage, launcher
from desk.brokerage import Brokerage
from desk.embedded import EmbeddedBroker
from desk.home import Home, HomeError, write_private
from desk.launcher import Launcher, LaunchError
from desk.supervisor import Supervisor
from shared.settings import KafkaSettings

LIVENESS_SECONDS = 30


async def test_when_the_broker_fails_the_database_is_not_left_starting() -> None:
    """PostgreSQL was launched after everything had been stopped, and stayed."""
    events: list[str] = []

    async def database() -> None:
        try:
            await asyncio.sleep(600)
        finally:
            await asyncio.sleep(0)
            events.append("database given up")

    async def broker() -> None:
        await asyncio.sleep(0)
        raise LaunchError("no broker")

    with pytest.raises(LaunchError, match="no broker"):
        await launcher._together(database(), broker())
    assert events == ["database given up"]


async def test_results_come_in_order() -> None:
    assert await launcher._together(asyncio.sleep(0.01, 1), asyncio.sleep(0, 2)) == [1, 2]


async def _run_until(done: Callable[[], bool], work: Coroutine[Any, Any, None]) -> None:
    """Run `work` until `done`; it must not end by itself."""
    task = asyncio.create_task(work)
    try:
        async with asyncio.timeout(LIVENESS_SECONDS):
            while not done():
                assert not task.done(), task.exception()
                await asyncio.sleep(0.01)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_chore_that_fails_is_told_once_and_goes_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A full disk while run.json was written ended the desk."""
    monkeypatch.setattr(launcher, "_CHORE_PAUSE_SECONDS", 0.0)
    tries = 0

    async def chore() -> None:
        nonlocal tries
        tries += 1
        raise HomeError("Cannot write run.json (No space left on device).")

    await _run_until(lambda: tries > 3, launcher._steadily("keeping run.json", chore))
    assert capsys.readouterr().out.count("No space left on device") == 1


async def test_the_broker_is_watched_on_while_the_database_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """asyncpg tells a server that is shutting down by an InterfaceError, which is no PostgresError."""
    looks = 0

    async def away(*_: Any, **__: Any) -> None:
        nonlocal looks
        looks += 1
        raise asyncpg.InterfaceError("connection is closed")

    monkeypatch.setattr(asyncpg, "connect", away)
    monkeypatch.setattr(brokerage, "_LOOK_SECONDS", 0.0)
    watching = Brokerage(KafkaSettings(), {"sla": "postgresql://"}, print).recycle_when_full(
        EmbeddedBroker(1), Supervisor(print), bound=10
    )
    await _run_until(lambda: looks > 3, watching)


async def test_log_ins_that_cannot_be_kept_do_not_end_the_desk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    home = Home(tmp_path)

    async def refuse(*_: Any) -> None:
        write_private(tmp_path / "missing" / "demo-logins.json", {})

    monkeypatch.setattr(launcher, "seed_once", refuse)
    await Launcher(home)._welcome()
    told = capsys.readouterr().out
    assert "The demo organisation is not complete: Cannot write" in told
    assert home.administrator()[1] in told
    assert "The desk is ready" in told


async def test_without_the_demo_the_administrator_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`desk up --no-demo` never said how to sign in."""
    home = Home(tmp_path)
    await Launcher(home, demo=False)._welcome()
    email, password = home.administrator()
    assert f"admin       {email:<26}  {password}{os.linesep}" in capsys.readouterr().out
