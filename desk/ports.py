"""TCP ports on the loopback interface."""

import errno
import os
import random
import socket
import tempfile
from pathlib import Path

LOOPBACK = "127.0.0.1"

# Below what Linux (from 32768) and others (from 49152) give to the near end of connections: one of those may be taken
# by any client between our look and our use, and again whenever a process that was killed wants its port back.
_CHOICE = range(20_000, 32_768)
_TRIES = 100


def free_port() -> int:
    """A port that nobody has right now, given in turn. OSError if none of a hundred is free.

    Who was given a port listens there only seconds later; until then nobody else is given the same.
    """
    for _ in range(_TRIES):
        port = _CHOICE[_turn() % len(_CHOICE)]
        if obstacle(port) is None:
            return port
    raise OSError(errno.EADDRINUSE, f"none of {_TRIES} ports is free")


def _turn() -> int:
    """The next number for any process of this user, by a file that each lengthens by a byte; else a random one."""
    kept = Path(tempfile.gettempdir()) / f"desk-ports-{os.getuid()}"
    try:
        file = os.open(kept, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
        try:
            os.write(file, b".")
            # Whatever others append meanwhile, this is where our own byte ended (POSIX, write).
            return os.lseek(file, 0, os.SEEK_CUR)
        finally:
            os.close(file)
    except OSError:
        return random.randrange(len(_CHOICE))  # noqa: S311 - a place to begin, guards nothing


def obstacle(port: int, host: str = LOOPBACK) -> OSError | None:
    """Why we cannot listen on `host:port`, None if we can. Ports in TIME_WAIT are free, as they are for servers."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except OSError as error:
            return error
        return None


def accepts(port: int, host: str = LOOPBACK) -> bool:
    """Whether somebody accepts connections on `host:port`."""
    with socket.socket() as client:
        client.settimeout(1.0)
        return client.connect_ex((host, port)) == 0
