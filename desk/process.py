"""Child processes: started in their own session, logged to a bounded file, gone when the launcher is gone."""

import ctypes
import os
import shutil
import signal
import subprocess
import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Protocol

from desk.accounts import SystemAccount

LOG_LIMIT_BYTES = 32 * 1024 * 1024
_PR_SET_PDEATHSIG = 1  # prctl(2)
_LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def die_with_parent(parent: int, death_signal: int) -> None:
    """Called in a child right after the fork: ask the kernel for a signal when the parent's thread ends (Linux)."""
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, death_signal)
        if os.getppid() != parent:  # it died before the call above
            os._exit(1)


def spawn(
    command: Sequence[str],
    *,
    log: Path,
    env: Mapping[str, str],
    cwd: Path,
    account: SystemAccount | None = None,
    death_signal: signal.Signals = signal.SIGTERM,
) -> subprocess.Popen[bytes]:
    """Start `command` in its own session, its output appended to `log`; returns the running child.

    The child receives `death_signal` when the calling *thread* ends (Linux), so call this from the main thread.
    Raises OSError where the command cannot be executed.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        return subprocess.Popen(  # noqa: S603 - commands are our own
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=dict(env),
            cwd=cwd,
            start_new_session=True,
            user=None if account is None else account.uid,
            group=None if account is None else account.gid,
            extra_groups=None if account is None else [],
            preexec_fn=partial(die_with_parent, os.getpid(), death_signal),  # noqa: PLW1509 - one prctl, no locks
        )


class Process(Protocol):
    """What a child needs of its process, with the meanings of subprocess.Popen, which has it all."""

    @property
    def pid(self) -> int:
        """Process id."""

    def poll(self) -> int | None:
        """Exit status, None while it runs."""

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end. Raises subprocess.TimeoutExpired."""

    def send_signal(self, sig: int) -> None:
        """Send a signal."""

    def kill(self) -> None:
        """End it at once."""


class Child(ABC):
    """One process of the desk. A subclass knows how to launch it and when it is ready; everything is synchronous."""

    stop_signal = signal.SIGTERM
    patience_seconds = 20.0

    def __init__(self, name: str, log: Path) -> None:
        self.name = name
        self.log = log
        self._process: Process | None = None

    def make_way(self) -> None:  # noqa: B027 - most have nothing to do here
        """End what an earlier run may have left in its way, before it is launched. May take long; from any thread."""

    @abstractmethod
    def launch(self) -> None:
        """Start it without waiting, from the main thread."""

    @property
    @abstractmethod
    def ready(self) -> bool:
        """Whether it does its work. Answers within seconds."""

    @property
    def alive(self) -> bool:
        """Whether the process runs; it may still be starting."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int | None:
        """Process id, None before the first start."""
        return None if self._process is None else self._process.pid

    @property
    def exit_status(self) -> int | None:
        """Exit status of the last run, negative for a signal; None while it runs or before it ever did."""
        return None if self._process is None else self._process.poll()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the process; one that is gone is fine."""
        if self._process is not None:
            self._process.send_signal(number)

    def stop(self) -> None:
        """Ask it to stop, and end its whole group when it is still there after `patience_seconds`."""
        if self._process is None:
            return
        self.signal(self.stop_signal)
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(self.patience_seconds)
        self.sweep()
        self._process.wait()

    def kill(self) -> None:
        """End the process at once, as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def sweep(self) -> None:
        """End at once whatever is left of the process's group, for example workers of a killed parent."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)


def rotate(log: Path) -> None:
    """Keep the last run's log as `<name>.log.1` and begin an empty one."""
    if log.exists() and log.stat().st_size:
        log.replace(log.with_name(log.name + ".1"))


def bound(log: Path, limit_bytes: int = LOG_LIMIT_BYTES) -> None:
    """Copy a log that outgrew `limit_bytes` to `<name>.log.1` and empty it in place; its writer appends, so goes on."""
    if log.exists() and log.stat().st_size > limit_bytes:
        shutil.copyfile(log, log.with_name(log.name + ".1"))
        os.truncate(log, 0)


def tail(log: Path, lines: int = 5) -> str:
    """The last lines of a log, for a message to the operator; empty when there is none."""
    if not log.exists():
        return ""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 16_384))
        return "\n".join(file.read().decode(errors="replace").splitlines()[-lines:])
