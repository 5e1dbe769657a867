"""The Apache Kafka of tests and benchmarks, without one: `java` is a script that writes down how it was called."""

from pathlib import Path

import pytest

from desk.dev import apache_kafka
from desk.dev.apache_kafka import ApacheKafka
from desk.embedded.broker import BrokerError

JAVA = """#!/bin/sh
echo "$@" >> {calls}
case "$*" in *StorageTool*) mkdir -p {data}; touch {data}/meta.properties;; *) exec sleep 60;; esac
"""


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the calls of `java` are written down."""
    programs, jars = tmp_path / "bin", tmp_path / "jars"
    programs.mkdir()
    jars.mkdir()
    (jars / "kafka_2.13-4.1.1.jar").touch()
    calls = tmp_path / "calls"
    (programs / "java").write_text(JAVA.format(calls=calls, data=tmp_path / "kafka" / "data"))
    (programs / "java").chmod(0o755)
    monkeypatch.setenv("PATH", str(programs), prepend=":")
    monkeypatch.setattr(apache_kafka, "JARS", jars)
    return calls


def test_what_a_killed_broker_has_is_not_formatted_away(tmp_path: Path, calls: Path) -> None:
    broker = ApacheKafka(tmp_path / "kafka", 19092, advertised=19093)
    try:
        broker.launch()
        settings = (tmp_path / "kafka" / "server.properties").read_text()
        broker.kill()
        broker.launch()
    finally:
        broker.stop()
    assert calls.read_text().count("kafka.tools.StorageTool format") == 1
    assert (tmp_path / "kafka" / "server.properties").read_text() == settings
    assert "listeners=PLAINTEXT://127.0.0.1:19092,CONTROLLER://" in settings
    assert "advertised.listeners=PLAINTEXT://127.0.0.1:19093\n" in settings


def test_formatting_that_was_cut_short_is_done_again(tmp_path: Path, calls: Path) -> None:
    (tmp_path / "kafka" / "data").mkdir(parents=True)
    broker = ApacheKafka(tmp_path / "kafka", 19092)
    try:
        broker.launch()
    finally:
        broker.stop()
    assert calls.read_text().count("kafka.tools.StorageTool format") == 1


def test_the_version_is_that_of_the_jars(calls: Path) -> None:
    assert apache_kafka.version() == "4.1.1"


def test_without_java_one_sentence_says_so(tmp_path: Path, calls: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BrokerError, match="`java` is not installed"):
        ApacheKafka(tmp_path / "kafka", 19092).launch()
