"""Child processes: started in their own session, logged to a bounded file, gone when the launcher is gone."""

import ctypes
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

from desk.accounts import SystemAccount

LOG_LIMIT_BYTES = 32 * 1024 * 1024
_PR_SET_PDEATHSIG = 1  # prctl(2)
_LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def _die_with_parent(parent: int, death_signal: int) -> None:
    """Runs in the child between fork and exec: ask the kernel for a signal when the parent's thread ends."""
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
            preexec_fn=partial(_die_with_parent, os.getpid(), death_signal),  # noqa: PLW1509 - one prctl, no locks
        )


def signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """Send a signal to the child's whole process group; a group that is gone is fine."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, number)


def stop_process(
    process: subprocess.Popen[bytes], number: signal.Signals, *, patience_seconds: float, group: bool = False
) -> None:
    """Signal the child (or its whole group) and wait; kill the group if it is still there after `patience_seconds`."""
    if process.poll() is None:
        if group:
            signal_group(process, number)
        else:
            process.send_signal(number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(patience_seconds)
    if process.poll() is None:
        signal_group(process, signal.SIGKILL)
    process.wait()


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
