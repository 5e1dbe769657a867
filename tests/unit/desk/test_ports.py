"""Ports that are chosen for a process are still there when it listens, and when it comes back."""

import errno
import os
import socket
import subprocess
import sys

import pytest

from desk.ports import LOOPBACK, free_port, obstacle


def test_a_chosen_port_is_none_that_connections_are_given() -> None:
    """A service took its port seconds after it was chosen; by then it was the near end of somebody's connection."""
    assert max(free_port() for _ in range(50)) < 32_768


def test_a_chosen_port_can_be_listened_on() -> None:
    port = free_port()
    with socket.create_server((LOOPBACK, port)):
        assert obstacle(port) is not None
    assert obstacle(port) is None


def test_no_port_is_given_twice_to_those_who_do_not_listen_yet() -> None:
    """Two tests that ran at once chose one port, and the process that came second ended."""
    chosen = "from desk.ports import free_port\nfor _ in range(300): print(free_port())"
    others = [subprocess.Popen([sys.executable, "-c", chosen], stdout=subprocess.PIPE, text=True) for _ in range(3)]
    given = [int(port) for other in others for port in other.communicate()[0].split()]
    assert len(set(given)) == len(given) == 900


def test_ports_are_given_where_no_turn_can_be_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> int:
        raise OSError(errno.EACCES, "somebody else's")

    monkeypatch.setattr(os, "open", refused)
    assert obstacle(free_port()) is None
