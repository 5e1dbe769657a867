"""An Apache Kafka without Docker: one KRaft node, for tests and benchmarks.

Needs Java 17, and Maven for getting the broker's jars once (`apache_kafka.xml` beside this file). Unlike the embedded
broker it keeps what it has: killed, and started again on its directory, it goes on where it was.
"""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from desk.embedded.broker import Broker, BrokerError
from desk.home import ROOT
from desk.ports import LOOPBACK, free_port
from desk.process import spawn

JARS = ROOT / ".cache" / "kafka"
_LIST = Path(__file__).with_suffix(".xml")
# Any 16 bytes in base64url; it names the cluster in its own directory only.
_CLUSTER = "ZGVzay1vbi1rYWZrYS0xMg"

_SETTINGS = """
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{host}:{controller}
listeners=PLAINTEXT://{host}:{port},CONTROLLER://{host}:{controller}
advertised.listeners=PLAINTEXT://{host}:{advertised}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
log.dirs={data}
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
auto.create.topics.enable=false
"""


class ApacheKafka(Broker):
    """One node that keeps its settings and its data in `directory`, and its ports from start to start."""

    def __init__(self, directory: Path, port: int, *, advertised: int | None = None, log: Path | None = None) -> None:
        super().__init__(port, advertised=advertised, log=log or directory / "log")
        self._directory = directory
        self._controller = free_port()

    def launch(self) -> None:
        """Start without waiting, in a formatted directory. Raises BrokerError where jars or Java cannot be had."""
        settings, data = self._directory / "server.properties", self._directory / "data"
        if not (data / "meta.properties").exists():  # the last that formatting writes
            get_jars()
            self._directory.mkdir(parents=True, exist_ok=True)
            ports = {"port": self.port, "advertised": self.advertised, "controller": self._controller}
            settings.write_text(_SETTINGS.format(host=LOOPBACK, data=data, **ports))
            _run(_java("kafka.tools.StorageTool", "format", "-t", _CLUSTER, "-c", str(settings)))
        self._process = spawn(
            _java("kafka.Kafka", str(settings)), log=self.log, env=os.environ, cwd=ROOT, death_signal=signal.SIGKILL
        )


@contextmanager
def apache_kafka() -> Iterator[ApacheKafka]:
    """A running broker with a temporary directory. Raises BrokerError."""
    with tempfile.TemporaryDirectory(prefix="desk-kafka-", ignore_cleanup_errors=True) as directory:
        broker = ApacheKafka(Path(directory), free_port())
        try:
            broker.start()
            yield broker
        finally:
            broker.stop()


def get_jars() -> None:
    """Have the broker's jars, which are downloaded once. Raises BrokerError."""
    if shutil.which("java") is None:
        raise BrokerError("`java` is not installed (Apache Kafka needs Java 17 or newer).")
    if version() is not None:
        return
    if shutil.which("mvn") is None:
        raise BrokerError("`mvn` is not installed (Maven gets the jars of Apache Kafka).")
    command = ["mvn", "-q", "-B", "-f", str(_LIST), "dependency:copy-dependencies"]
    _run([*command, f"-DoutputDirectory={JARS}", "-DincludeScope=runtime", f"-DbuildDirectory={JARS}/build"])


def version() -> str | None:
    """Version of the broker whose jars are there, None without."""
    return next((jar.stem.partition("-")[2] for jar in sorted(JARS.glob("kafka_*.jar"))), None)


def _java(*arguments: str) -> list[str]:
    log = "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"
    return ["java", "-Xms256m", "-Xmx512m", log, "-cp", f"{JARS}/*", *arguments]


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own command
    if done.returncode:
        raise BrokerError(f"`{command[0]}` for Apache Kafka failed:\n{(done.stdout + done.stderr)[-2000:]}")
