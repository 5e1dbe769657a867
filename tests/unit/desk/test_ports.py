"""Ports that are chosen for a process are still there when it listens, and when it comes back."""

import socket

from desk.ports import LOOPBACK, free_port, obstacle


def test_a_chosen_port_is_none_that_connections_are_given() -> None:
    """A service took its port seconds after it was chosen; by then it was the near end of somebody's connection."""
    assert max(free_port() for _ in range(50)) < 32_768


def test_a_chosen_port_can_be_listened_on() -> None:
    port = free_port()
    with socket.create_server((LOOPBACK, port)):
        assert obstacle(port) is not None
    assert obstacle(port) is None
