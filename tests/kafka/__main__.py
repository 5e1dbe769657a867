"""`make test-kafka`: the messaging suite on a real Apache Kafka, one KRaft node without Docker.

Needs Java 17 and Maven, which gets the broker's jars (`pom.xml` beside this file). Where they cannot be had this says
so and fails: a run that tested nothing must not look like one that passed.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from desk.ports import free_port

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
JARS = ROOT / ".cache" / "kafka"
START_SECONDS = 90

SETTINGS = """
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
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


def get_jars() -> None:
    """Download the broker once. Exits with a sentence where that cannot be done."""
    if any(JARS.glob("kafka_2.13-*.jar")):
        return
    for program in ("java", "mvn"):
        if shutil.which(program) is None:
            sys.exit(f"NOT TESTED ON APACHE KAFKA: `{program}` is not installed (Java 17+ and Maven are needed).")
    command = ["mvn", "-q", "-B", "-f", str(HERE / "pom.xml"), "dependency:copy-dependencies"]
    command += [f"-DoutputDirectory={JARS}", "-DincludeScope=runtime", f"-DbuildDirectory={JARS}/build"]
    if subprocess.run(command).returncode:
        sys.exit("NOT TESTED ON APACHE KAFKA: Maven could not get the jars.")


def java(*arguments: str) -> list[str]:
    """A command line with the broker's jars."""
    return ["java", "-Xms256m", "-Xmx512m", "-cp", f"{JARS}/*", *arguments]


def main() -> int:
    """Run the suite against a fresh broker; returns pytest's exit status."""
    get_jars()
    port, controller = free_port(), free_port()
    with tempfile.TemporaryDirectory(prefix="desk-kafka-") as directory:
        settings = Path(directory, "server.properties")
        settings.write_text(SETTINGS.format(port=port, controller=controller, data=f"{directory}/data"))
        storage = java("kafka.tools.StorageTool")
        cluster = subprocess.run([*storage, "random-uuid"], check=True, capture_output=True, text=True).stdout.split()[
            -1
        ]
        format_ = [*storage, "format", "-t", cluster, "-c", str(settings), "--ignore-formatted"]
        subprocess.run(format_, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        with Path(directory, "log").open("wb") as log:
            broker = subprocess.Popen(java("kafka.Kafka", str(settings)), stdout=log, stderr=subprocess.STDOUT)
        try:
            wait_for(port, broker, Path(directory, "log"))
            environment = {**os.environ, "DESK_TEST_KAFKA": f"127.0.0.1:{port}"}
            suite = [sys.executable, "-m", "pytest", "-rs", "tests/contract/messaging", *sys.argv[1:]]
            return subprocess.run(suite, cwd=ROOT, env=environment).returncode
        finally:
            broker.send_signal(signal.SIGTERM)
            broker.wait(30)


def wait_for(port: int, broker: subprocess.Popen[bytes], log: Path) -> None:
    """Return when the broker accepts connections."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and broker.poll() is None:
        with socket.socket() as client:
            if client.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.2)
    sys.exit(f"Apache Kafka did not start:\n{log.read_text()[-3000:]}")


if __name__ == "__main__":
    sys.exit(main())
