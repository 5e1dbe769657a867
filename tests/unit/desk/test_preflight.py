"""Each trouble before the start is one sentence that names the thing and says what to do."""

import errno
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from desk import preflight
from desk.brokerage import recycle_bound
from desk.environment import broker_settings
from desk.preflight import Ports, PreflightError, check_disk, check_python, holder


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_old_python_is_named_with_the_one_needed() -> None:
    with pytest.raises(PreflightError, match=r"Python 3\.10, the desk needs 3\.11 .*PYTHON="):
        check_python((3, 10))
    check_python((3, 11))


def test_full_disk_says_how_much_is_wanted_and_where(tmp_path: Path) -> None:
    with pytest.raises(PreflightError, match=r"MiB are free .* wants .*DESK_HOME"):
        check_disk(tmp_path / "not" / "yet", minimum_bytes=2**60)
    check_disk(tmp_path / "not" / "yet", minimum_bytes=1)


def test_busy_public_port_names_its_holder_and_the_variable(taken_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DESK_EDGE_PORT", str(taken_port))
    with pytest.raises(PreflightError) as raised:
        Ports().public("DESK_EDGE_PORT", 8080, "127.0.0.1")
    sentence = str(raised.value)
    assert f"Port {taken_port} is taken" in sentence
    assert f"process {os.getpid()}" in sentence
    assert "DESK_EDGE_PORT" in sentence
    assert holder(taken_port) is not None


def test_busy_usual_port_of_ours_is_replaced_by_a_free_one(taken_port: int) -> None:
    chosen = Ports().internal("DESK_TEST_UNSET_PORT", taken_port)
    assert chosen != taken_port
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", chosen))


def test_busy_internal_port_that_was_asked_for_is_refused(taken_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DESK_SLA_PORT", str(taken_port))
    with pytest.raises(PreflightError, match="is taken"):
        Ports().internal("DESK_SLA_PORT", 8105)


def test_one_port_is_not_given_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DESK_A_PORT", "0")
    ports = Ports()
    given = [ports.internal("DESK_A_PORT", 8101) for _ in range(20)]
    assert len(set(given)) == len(given)


@pytest.mark.parametrize("value", ["eight", "-1", "65536"])
def test_nonsense_port_is_refused(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DESK_EDGE_PORT", value)
    with pytest.raises(PreflightError, match="is not a port"):
        Ports().public("DESK_EDGE_PORT", 8080, "127.0.0.1")


@pytest.mark.parametrize(
    ("number", "port", "sentence"),
    [
        (errno.EADDRINUSE, 65_000, "Port 65000 is taken.*DESK_EDGE_PORT=64000 make run"),
        (errno.EACCES, 80, "Port 80 is not for ordinary users.*DESK_EDGE_PORT=8080 make run"),
        (errno.EADDRNOTAVAIL, 8080, r"192\.0\.2\.1:8080 is no address.*DESK_EDGE_HOST"),
    ],
)
def test_each_obstacle_has_its_sentence(number: int, port: int, sentence: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every one was told as a port that is taken, and 65535 was followed by 66535."""
    monkeypatch.setattr(preflight, "obstacle", lambda *_: OSError(number, os.strerror(number)))
    monkeypatch.delenv("DESK_EDGE_PORT", raising=False)
    with pytest.raises(PreflightError, match=sentence):
        Ports().public("DESK_EDGE_PORT", port, "192.0.2.1")


def test_an_address_of_somebody_else_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DESK_EDGE_PORT", "18080")
    with pytest.raises(PreflightError, match="no address to listen on here"):
        Ports().public("DESK_EDGE_PORT", 8080, "192.0.2.1")


@pytest.mark.parametrize("value", ["many", "0", "-1", "1e3"])
def test_nonsense_numbers_are_told(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DESK_BROKER_RECYCLE_RECORDS", value)
    monkeypatch.setenv("DESK_KAFKA_PARTITIONS", value)
    with pytest.raises(PreflightError, match=f"DESK_BROKER_RECYCLE_RECORDS={value} is not usable"):
        recycle_bound()
    for embedded_port in (None, 8092):
        with pytest.raises(PreflightError, match=f"DESK_KAFKA_PARTITIONS={value} is not usable"):
            broker_settings(embedded_port)
