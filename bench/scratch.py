"""A desk of its own for a benchmark: a temporary home, free ports."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from desk.dev.apache_kafka import apache_kafka
from tests.running_desk import ROOT, RunningDesk


@contextmanager
def scratch_desk(broker: str = "tansu", **settings: str) -> Iterator[RunningDesk]:
    """A desk with these settings that is not started yet; it is stopped, and what it stored deleted, at the end.

    On `kafka` it stands on an Apache Kafka, which runs already. Raises BrokerError where that cannot be had.
    """
    with ExitStack() as stack:
        beside = {}
        if broker == "kafka":
            kafka = stack.enter_context(apache_kafka())
            settings |= {"DESK_KAFKA_BOOTSTRAP": kafka.bootstrap, "DESK_KAFKA_PROFILE": "kafka"}
            beside = {"broker": kafka.pid or 0}
        desk = stack.enter_context(_directory(settings))
        desk.beside = beside
        yield desk


@contextmanager
def _directory(settings: dict[str, str]) -> Iterator[RunningDesk]:
    directory = Path(tempfile.mkdtemp(prefix="desk-bench-"))
    directory.chmod(0o755)  # PostgreSQL of a privileged user runs as another one, who has to get in
    desk = RunningDesk(directory / "home", **settings)
    try:
        yield desk
    finally:
        if desk.log.exists():  # it was started
            desk.stop()
        # The data may be elsewhere, if the temporary directory is closed to that other user.
        subprocess.run(
            [sys.executable, "-m", "desk", "reset", "--yes"],
            cwd=ROOT,
            env={**os.environ, "DESK_HOME": str(desk.home)},
            stdout=subprocess.DEVNULL,
            check=False,
        )
        shutil.rmtree(directory, ignore_errors=True)
