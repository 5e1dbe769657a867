"""TCP ports on the loopback interface."""

import errno
import random
import socket

LOOPBACK = "127.0.0.1"

# Below what Linux (from 32768) and others (from 49152) give to the near end of connections: one of those may be taken
# by any client between our look and our use, and again whenever a process that was killed wants its port back.
_CHOICE = range(20_000, 32_768)


def free_port() -> int:
    """A port that nobody has right now; another process may still take it before we do. OSError if none is found."""
    for port in random.sample(_CHOICE, 100):
        if obstacle(port) is None:
            return port
    raise OSError(errno.EADDRINUSE, "none of a hundred ports is free")


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
