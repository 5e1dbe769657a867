"""TCP ports on the loopback interface."""

import socket

LOOPBACK = "127.0.0.1"


def free_port() -> int:
    """A port that nobody listens on right now. Another process may still take it before we do."""
    with socket.socket() as listener:
        listener.bind((LOOPBACK, 0))
        port: int = listener.getsockname()[1]
        return port


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
