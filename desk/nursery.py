"""Starts services by forking a process that has imported already what all of them share.

Importing the web framework, the database toolkit and the broker's client costs each service seconds of processor time
and tens of megabytes. The nursery pays once, before the launcher has threads or an event loop; its forks begin where
the imports ended and share their memory. It does nothing else, so there is nothing in it that could fail; should it be
killed, services end with it, and the launcher starts them as programs of their own.
"""

import ctypes
import errno
import gc
import json
import logging
import os
import runpy
import select
import signal
import subprocess
import sys
import threading
import traceback
import weakref
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, NoReturn

import shared.service  # noqa: F401 - imported for those who fork from here
from desk.home import ROOT
from desk.process import die_with_parent

_PR_SET_NAME = 15  # prctl(2)
_LOST = -signal.SIGKILL  # the exit status nobody could read any more


class NurseryGone(Exception):
    """The nursery does not answer any more."""


class Forked:
    """A service forked by the nursery; looks like a subprocess.Popen as far as `desk.process.Child` needs one.

    May be used from several threads at once: one waits for the end while another looks whether it runs.
    """

    def __init__(self, nursery: "Nursery", pid: int) -> None:
        self._nursery = nursery
        self.pid = pid
        # A descriptor of the process itself: unlike its id it can never come to mean another one.
        self._descriptor = os.pidfd_open(pid)
        # Kept as long as this object: a thread may be about to use it when another one learns of the end.
        weakref.finalize(self, os.close, self._descriptor)
        self._status: int | None = None
        self._collecting = threading.Lock()

    def poll(self) -> int | None:
        """Exit status, negative for a signal; None while it runs."""
        if self._status is None and select.select([self._descriptor], [], [], 0)[0]:
            self._collect()
        return self._status

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end. Raises subprocess.TimeoutExpired."""
        if self._status is None:
            if not select.select([self._descriptor], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 0)
            self._collect()
        assert self._status is not None
        return self._status

    def send_signal(self, number: int) -> None:
        """Send a signal; a process that has ended is fine."""
        if self._status is None:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._descriptor, number)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)

    def _collect(self) -> None:
        with self._collecting:
            if self._status is None:
                try:
                    self._status = self._nursery.status_of(self.pid)
                except NurseryGone:
                    self._status = _LOST


class Nursery:
    """The launcher's end of the nursery. Made before there are threads; Linux only, see `possible`."""

    def __init__(self) -> None:
        self._asking = threading.Lock()  # children are stopped and looked at from several threads
        requests, self._requests = _pipe()
        self._answers, answers = _pipe()
        launcher = os.getpid()
        sys.stdout.flush()
        self.pid = os.fork()
        if self.pid == 0:
            self._requests.close()
            self._answers.close()
            _serve(launcher, requests, answers)
        requests.close()
        answers.close()

    @staticmethod
    def possible() -> bool:
        """Whether this system has what it takes."""
        return sys.platform == "linux"

    def fork(self, service: str, environment: Mapping[str, str], log: Path) -> Forked:
        """Start `python -m services.<service> all`, its output appended to `log`.

        Raises NurseryGone, or OSError where the system allows no further process.
        """
        pid = self._ask({"service": service, "environment": dict(environment), "log": str(log)})
        if pid < 0:
            raise OSError(-pid, os.strerror(-pid))
        return Forked(self, pid)

    def status_of(self, pid: int) -> int:
        """Exit status of a fork that has ended, to be asked once. Raises NurseryGone."""
        return self._ask({"status_of": pid})

    def close(self) -> None:
        """Let the nursery end."""
        for end in (self._requests, self._answers):
            with suppress(OSError):
                end.close()
        with suppress(ChildProcessError):
            os.waitpid(self.pid, 0)

    def _ask(self, request: Mapping[str, object]) -> int:
        try:
            with self._asking:
                self._requests.write(json.dumps(request) + "\n")
                self._requests.flush()
                return int(self._answers.readline())
        except (OSError, ValueError) as error:
            raise NurseryGone from error


def _pipe() -> tuple[IO[str], IO[str]]:
    """Reading and writing end of a new pipe."""
    reading, writing = os.pipe()
    return os.fdopen(reading), os.fdopen(writing, "w")


def _serve(launcher: int, requests: IO[str], answers: IO[str]) -> NoReturn:
    """The nursery itself: fork on request, until the launcher closes its end or dies."""
    die_with_parent(launcher, signal.SIGKILL)
    os.setsid()  # Ctrl-C in the terminal is the launcher's to answer
    _name_process("desk-nursery")
    gc.collect()
    gc.freeze()  # collections in the forks must not touch, and so copy, what they share
    nursery = os.getpid()
    for line in requests:
        request = json.loads(line)
        if "status_of" in request:
            answer = _reap(request["status_of"])
        else:
            answer = _fork()
            if answer == 0:
                requests.close()
                answers.close()
                _become(nursery, **request)
        answers.write(f"{answer}\n")
        answers.flush()
    os._exit(0)


def _reap(pid: int) -> int:
    """Exit status of a child that has ended. The nursery must outlive every surprise: services end with it."""
    try:
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    except ChildProcessError:
        return _LOST


def _fork() -> int:
    """0 in the fork; otherwise its process id, or a negative errno where the system allows none."""
    try:
        return os.fork()
    except OSError as error:
        return -(error.errno or errno.EAGAIN)


def _become(nursery: int, service: str, environment: Mapping[str, str], log: str) -> NoReturn:
    """Turn this fork into a service, exactly as `python -m services.<service> all` would."""
    status = 1
    try:
        os.setsid()
        die_with_parent(nursery, signal.SIGTERM)
        _name_process(f"desk-{service}")
        for number, name, flags in (
            (0, os.devnull, os.O_RDONLY),
            (1, log, os.O_WRONLY | os.O_APPEND | os.O_CREAT),
            (2, log, os.O_WRONLY | os.O_APPEND | os.O_CREAT),
        ):
            opened = os.open(name, flags, 0o600)
            os.dup2(opened, number)
            os.close(opened)
        sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # a TextIOWrapper, as ever
        os.environ.clear()
        os.environ.update(environment)
        os.chdir(ROOT)
        sys.argv[:] = [f"services.{service}", "all"]
        runpy.run_module(f"services.{service}", run_name="__main__", alter_sys=True)
        status = 0
    except SystemExit as exit_:
        status = exit_.code if isinstance(exit_.code, int) else int(exit_.code is not None)
    except BaseException:  # noqa: BLE001 - the last frame of this process
        traceback.print_exc()
    finally:
        # Not the interpreter's own end: that would run what the launcher's frames below have yet to do.
        logging.shutdown()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _name_process(name: str) -> None:
    """What `top`, `pgrep` and `ps -o comm` show: 15 characters at most."""
    ctypes.CDLL(None).prctl(_PR_SET_NAME, name.encode()[:15], 0, 0, 0)
