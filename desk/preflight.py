"""What is checked before anything starts. Each trouble is one sentence that says what to do."""

import errno
import os
import shutil
import sys
from pathlib import Path

import psutil

from desk.ports import free_port, obstacle

MINIMUM_PYTHON = (3, 11)
MINIMUM_FREE_BYTES = 1024**3
_LARGEST_PORT = 65_535


class PreflightError(Exception):
    """The desk cannot start here; the message is one sentence for the operator."""


def check_python(version: tuple[int, int] = sys.version_info[:2]) -> None:
    """Raises PreflightError on a Python that is too old."""
    if version < MINIMUM_PYTHON:
        raise PreflightError(
            f"This is Python {version[0]}.{version[1]}, the desk needs 3.11 or newer: "
            "install one and run `make run PYTHON=/path/to/python3`."
        )


def check_disk(path: Path, minimum_bytes: int = MINIMUM_FREE_BYTES) -> None:
    """Raises PreflightError when the disk that will hold `path` has less than `minimum_bytes` free."""
    existing = next(place for place in (path, *path.parents) if place.exists())
    free = shutil.disk_usage(existing).free
    if free < minimum_bytes:
        raise PreflightError(
            f"Only {free // 1024**2} MiB are free on the disk of {path}, but the desk wants "
            f"{minimum_bytes // 1024**2} MiB: free some, or set DESK_HOME to a directory on a larger disk."
        )


def holder(port: int) -> str | None:
    """Name and id of the process that listens on `port`, None where the system does not tell us."""
    try:
        connections = psutil.net_connections(kind="tcp")
    except psutil.AccessDenied:
        return None
    for connection in connections:
        listens = connection.status == psutil.CONN_LISTEN and connection.laddr and connection.laddr.port == port
        if listens and connection.pid:
            try:
                return f"{psutil.Process(connection.pid).name()} (process {connection.pid})"
            except psutil.Error:
                return f"process {connection.pid}"
    return None


class Ports:
    """Hands out loopback ports: the one asked for in the environment, the usual one, or any free one."""

    def __init__(self) -> None:
        self._given: set[int] = set()

    def internal(self, variable: str, usual: int) -> int:
        """A port only our own processes use: `usual` if it is free. `variable` overrides it; 0 means any.

        Raises PreflightError when the port set in `variable` is taken.
        """
        wanted = _from_environment(variable)
        if wanted:
            return self._take(variable, wanted, "127.0.0.1")
        if wanted is None and usual not in self._given and obstacle(usual) is None:
            self._given.add(usual)
            return usual
        return self._any()

    def public(self, variable: str, usual: int, host: str) -> int:
        """The port people use: it must be the expected one. Raises PreflightError when it is taken."""
        wanted = _from_environment(variable)
        return self._any() if wanted == 0 else self._take(variable, wanted or usual, host)

    def _any(self) -> int:
        while (port := free_port()) in self._given:
            pass
        self._given.add(port)
        return port

    def _take(self, variable: str, port: int, host: str) -> int:
        if port in self._given:
            raise PreflightError(f"{variable}={port} is another part's port already: {_choose_another(variable, port)}")
        match obstacle(port, host):
            case None:
                self._given.add(port)
            case OSError(errno=errno.EADDRINUSE):
                by = holder(port)
                raise PreflightError(
                    f"Port {port} is taken{f' by {by}' if by else ''}: stop that, or {_choose_another(variable, port)}"
                )
            case OSError(errno=errno.EACCES):
                raise PreflightError(
                    f"Port {port} is not for ordinary users to listen on: {_choose_another(variable, port + 7000)}"
                )
            case error:
                raise PreflightError(
                    f"{host}:{port} is no address to listen on here ({error.strerror}): "
                    "set DESK_EDGE_HOST to an address of this machine."
                )
        return port


def _choose_another(variable: str, port: int) -> str:
    other = port + 1000 if port + 1000 <= _LARGEST_PORT else port - 1000
    return f"choose another with {variable}, for example `{variable}={other} make run`."


def whole_number(variable: str, usual: int, *, lowest: int, highest: int) -> int:
    """The number in an environment variable, `usual` where it is not set. Raises PreflightError."""
    value = os.environ.get(variable, "").strip()
    if not value:
        return usual
    if not (value.isascii() and value.isdigit() and lowest <= int(value) <= highest):
        raise PreflightError(f"{variable}={value} is not usable: set a whole number from {lowest} to {highest}.")
    return int(value)


def _from_environment(variable: str) -> int | None:
    value = os.environ.get(variable, "").strip()
    if not value:
        return None
    if not (value.isascii() and value.isdigit()) or int(value) > _LARGEST_PORT:
        raise PreflightError(f"{variable}={value} is not a port: set a number from 0 (any free one) to 65535.")
    return int(value)
