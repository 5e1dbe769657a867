"""A child that ends is started again, what belongs after it runs, and a held one is left alone."""

import asyncio
import errno
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from desk.process import Child, bound, rotate, spawn, tail
from desk.supervisor import NotReady, Supervisor, describe_exit, wait_until_ready

LIVENESS_SECONDS = 30


class Sleeper(Child):
    """A process that sleeps, ready at once."""

    patience_seconds = 5.0

    def __init__(self, directory: Path, program: str = "import time; time.sleep(600)") -> None:
        super().__init__("sleeper", directory / "sleeper.log")
        self._program = program

    def launch(self) -> None:
        self._process = spawn(
            [sys.executable, "-c", self._program], log=self.log, env={"PATH": os.defpath}, cwd=Path("/")
        )

    @property
    def ready(self) -> bool:
        return self.alive


async def _until(condition: object) -> None:
    async with asyncio.timeout(LIVENESS_SECONDS):
        while not condition():  # type: ignore[operator]
            await asyncio.sleep(0.02)


@asynccontextmanager
async def _watched(child: Child, said: list[str], **hooks: Callable[[], Awaitable[None]]) -> AsyncIterator[Supervisor]:
    """Launch the child and watch it meanwhile; what is said goes into `said`."""
    child.launch()
    supervisor = Supervisor(said.append)
    supervisor.watch(child, **hooks)
    watching = asyncio.create_task(supervisor.run())
    try:
        yield supervisor
        assert not watching.done(), "the watch has ended"
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
        child.stop()


async def test_killed_child_comes_back_and_what_follows_is_done(tmp_path: Path) -> None:
    said: list[str] = []
    followed: list[int | None] = []
    child = Sleeper(tmp_path)

    async def follow() -> None:
        followed.append(child.pid)

    async with _watched(child, said, after_restart=follow):
        first = child.pid
        child.kill()
        await _until(lambda: followed)
        assert child.alive
        assert child.pid != first
        assert followed == [child.pid]
        assert any("killed by SIGKILL" in line for line in said)
        await _until(lambda: said[-1] == "sleeper is back")


async def test_what_follows_is_tried_until_it_succeeds(tmp_path: Path) -> None:
    tries = 0
    child = Sleeper(tmp_path)

    async def follow() -> None:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise OSError("the database is not back yet")

    async with _watched(child, [], after_restart=follow):
        child.kill()
        await _until(lambda: tries == 2)


async def test_what_comes_before_is_tried_until_it_succeeds_and_told_once(tmp_path: Path) -> None:
    """A broker killed after PostgreSQL filled the launcher's output with the same traceback four times a second."""
    said: list[str] = []
    tries = 0
    child = Sleeper(tmp_path)

    async def prepare() -> None:
        nonlocal tries
        tries += 1
        if tries < 4:
            raise OSError("the database is not back yet\nand much more")

    async with _watched(child, said, before_restart=prepare):
        child.kill()
        await _until(lambda: said and said[-1] == "sleeper is back")
    assert tries == 4
    assert said[1:-1] == ["sleeper has to wait (OSError: the database is not back yet)"]


async def test_what_cannot_be_launched_is_told_and_tried_again(tmp_path: Path) -> None:
    """The restart's task died unseen, and the child stayed away for good."""

    class Unlucky(Sleeper):
        tries = 0

        def make_way(self) -> None:
            assert threading.current_thread() is not threading.main_thread()  # it may wait half a minute

        def launch(self) -> None:
            self.tries += 1
            if self.tries == 2:
                raise OSError("no more processes")
            super().launch()

    said: list[str] = []
    child = Unlucky(tmp_path)
    async with _watched(child, said):
        child.kill()
        await _until(lambda: child.tries == 3 and child.alive)
        assert any("no more processes" in line for line in said)


async def test_a_full_disk_does_not_end_the_watch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The log that could not be copied took the whole desk down."""

    def refuse(_: Path) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("desk.supervisor.bound", refuse)
    monkeypatch.setattr("desk.supervisor._LOG_LOOK_SECONDS", 0.0)
    said: list[str] = []
    child = Sleeper(tmp_path)
    async with _watched(child, said):
        await _until(lambda: len(said) >= 2)
        assert "No space left" in said[0]


async def test_held_child_is_left_alone(tmp_path: Path) -> None:
    child = Sleeper(tmp_path)
    async with _watched(child, []) as supervisor:
        async with supervisor.hold(child):
            child.kill()
            await asyncio.sleep(1.0)
            assert not child.alive
        await _until(lambda: child.alive)


async def test_child_that_ends_while_starting_is_told_with_its_last_words(tmp_path: Path) -> None:
    child = Sleeper(tmp_path, "print('no such setting'); raise SystemExit(3)")
    child.launch()
    await _until(lambda: not child.alive)
    with pytest.raises(NotReady, match=r"exit status 3(?s:.*)no such setting"):
        await wait_until_ready(child, patience_seconds=LIVENESS_SECONDS)


def test_child_ends_with_its_parent(tmp_path: Path) -> None:
    """A launcher that was killed left its children running, and the next start met their ports."""
    program = (
        "import subprocess, sys, time\n"
        "from pathlib import Path\n"
        "from desk.process import spawn\n"
        f"child = spawn([sys.executable, '-c', 'import time; time.sleep(600)'], log=Path({str(tmp_path)!r}) / 'l',"
        " env={}, cwd=Path('/'))\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(600)\n"
    )
    root = Path(__file__).resolve().parents[3]
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, cwd=root, text=True) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        os.kill(child, 0)
        parent.send_signal(signal.SIGKILL)
    for _ in range(LIVENESS_SECONDS * 50):
        try:
            state = Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return
        if state == "Z":
            return
        time.sleep(0.02)
    pytest.fail("the child outlived its parent")


def test_logs_are_rotated_and_bounded(tmp_path: Path) -> None:
    log = tmp_path / "x.log"
    log.write_text("first run\n")
    rotate(log)
    assert not log.exists()
    assert (tmp_path / "x.log.1").read_text() == "first run\n"
    with log.open("ab") as writer:
        writer.write(b"a" * 100)
        writer.flush()
        bound(log, limit_bytes=10)
        writer.write(b"next")
        writer.flush()
    assert log.read_bytes() == b"next"
    assert tail(log) == "next"


def test_exits_are_told_in_words() -> None:
    assert describe_exit(-9) == "killed by SIGKILL"
    assert describe_exit(-40) == "killed by signal 40"  # a real-time signal: Python has no name for it
    assert describe_exit(1) == "exit status 1"
