"""What an engine would run in containers, as plain processes of this machine: same commands, environment and probes.

Only what belongs to a machine is replaced: host names and ports, directories, and the broker, which is the embedded one
unless DESK_TEST_KAFKA names another.
"""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import httpx

from desk.client import DeskClient, RequestFailed
from desk.edge import TEMPLATE, nginx_binary, render
from desk.embedded.broker import EmbeddedBroker
from desk.embedded.postgres import EmbeddedPostgres
from desk.ports import free_port
from shared.ids import uuid7

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILE = ROOT / "deploy" / "Dockerfile"
# A bound on liveness, not an expectation.
PATIENCE_SECONDS = 240


@dataclass(frozen=True)
class Container:
    """`command` is what follows the entry point of its image; `probes` are addresses as seen inside.

    `after` maps another container to what has to be true of it first: `completed` or `ready`.
    """

    name: str
    image: str
    command: Sequence[str]
    environment: Mapping[str, str]
    probes: Sequence[str] = ()
    after: Mapping[str, str] = field(default_factory=dict)
    grace_seconds: int = 30


def image_environment(stage: str) -> dict[str, str]:
    """The desk's own variables that an image sets: `ENV` of one stage of the Dockerfile."""
    text = re.split(rf"^FROM .* AS {stage}$", DOCKERFILE.read_text(), flags=re.MULTILINE)[1].partition("\nFROM ")[0]
    return {name: value.strip('"') for name, value in re.findall(r"\b(DESK_\w+)=(\S*)", text)}


class Machine:
    """This machine in place of a cluster: it knows where every name is, and what runs."""

    def __init__(self, directory: Path, postgres: EmbeddedPostgres, broker: str) -> None:
        self.directory = directory
        self.postgres = postgres
        self.broker = broker
        # As containers name it -> where it is.
        self.addresses: dict[str, str] = {}
        self._ports: dict[str, int] = {}
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def port_of(self, name: str) -> int:
        """Where the container listens here."""
        return self._ports.setdefault(name, free_port())

    def placed(self, text: str) -> str:
        """The text with the addresses and directories of this machine."""
        for known in sorted(self.addresses, key=len, reverse=True):
            text = re.sub(rf"(?<![\w.-]){re.escape(known)}(?!\d)", self.addresses[known], text)
        return text.replace("/var/lib/desk", str(self.directory / "lib"))

    def environment(self, container: Container) -> dict[str, str]:
        """What the process gets: the image's variables, the container's own, and nothing of ours but PATH."""
        given = {**image_environment(container.image), **container.environment}
        here = {name: self.placed(value) for name, value in given.items()}
        if container.image == "edge":
            state = self.directory / container.name
            state.mkdir(mode=0o755, exist_ok=True)
            here["DESK_EDGE_LISTEN"] = f"127.0.0.1:{self.port_of(container.name)}"
            here["DESK_EDGE_STATE"] = here["DESK_EDGE_WEB"] = str(state)
        else:
            here |= {"DESK_HOST": "127.0.0.1", "DESK_PORT": str(self.port_of(container.name))}
            here |= {"DESK_KAFKA_BOOTSTRAP": self.broker, "DESK_KAFKA_SECURITY_PROTOCOL": "PLAINTEXT"}
            here["DESK_KAFKA_REPLICATION_FACTOR"] = "1"
            if "DESK_TEST_KAFKA" not in os.environ:
                here["DESK_KAFKA_PROFILE"] = "tansu"
        return {"PATH": os.environ["PATH"], **here}

    def bring_up(self, containers: Sequence[Container]) -> None:
        """Start each as soon as what it waits for is true; return when all are ready, and jobs have ended well."""
        facts: dict[str, str] = {}
        waiting = {container.name: container for container in containers}
        unsettled: dict[str, Container] = {}
        deadline = time.monotonic() + PATIENCE_SECONDS
        while waiting or unsettled:
            for container in list(waiting.values()):
                if all(facts.get(name) == wanted for name, wanted in container.after.items()):
                    self._start(container)
                    unsettled[container.name] = waiting.pop(container.name)
            for container in list(unsettled.values()):
                if (fact := self._fact(container)) is not None:
                    facts[container.name] = fact
                    del unsettled[container.name]
            assert time.monotonic() < deadline, f"not ready: {[*unsettled, *waiting]}\n{self.logs(*unsettled)}"
            time.sleep(0.1)

    def _fact(self, container: Container) -> str | None:
        status = self._processes[container.name].poll()
        if container.probes:
            assert status is None, f"{container.name} ended: {self.logs(container.name)}"
            return "ready" if all(map(self._answers, self._probes(container))) else None
        assert status in {None, 0}, f"{container.name} failed: {self.logs(container.name)}"
        return "completed" if status == 0 else None

    def _probes(self, container: Container) -> Iterator[str]:
        for probe in container.probes:
            yield urlsplit(probe)._replace(netloc=f"127.0.0.1:{self.port_of(container.name)}").geturl()

    @staticmethod
    def _answers(url: str) -> bool:
        try:
            return httpx.get(url, timeout=5).status_code == httpx.codes.OK
        except httpx.TransportError:
            return False

    def _start(self, container: Container) -> None:
        environment = self.environment(container)
        command = [sys.executable, "-m", *container.command]
        if container.image == "edge":
            # The entry point of the nginx image fills in the template, and nothing but DESK_EDGE_….
            file = self.directory / container.name / "nginx.conf"
            file.write_text(render(TEMPLATE.read_text(), environment))
            command = [str(nginx_binary()), "-c", str(file)]
        with self._log(container.name).open("ab") as log:
            self._processes[container.name] = subprocess.Popen(
                command, cwd=ROOT, env=environment, stdout=log, stderr=log, start_new_session=True
            )

    def run(self, container: Container, *arguments: str) -> str:
        """Run something in a container of its own; returns what it printed."""
        done = subprocess.run(
            [sys.executable, "-m", *arguments],
            cwd=ROOT,
            env=self.environment(container),
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
        )
        assert done.returncode == 0, f"{done.stderr}\n{self.logs(*self._processes)}"
        return done.stdout

    def stop(self, containers: Sequence[Container]) -> dict[str, int | None]:
        """Ask all to stop, as an engine does; returns the exit status of each, None for one that had to be killed."""
        running = {c.name: c for c in containers if c.name in self._processes}
        for name, container in running.items():
            # STOPSIGNAL of the nginx image.
            self._processes[name].send_signal(signal.SIGQUIT if container.image == "edge" else signal.SIGTERM)
        statuses: dict[str, int | None] = {}
        for name, container in running.items():
            try:
                statuses[name] = self._processes[name].wait(container.grace_seconds)
            except subprocess.TimeoutExpired:
                statuses[name] = None
        return statuses

    def sweep(self) -> None:
        """End whatever is left."""
        for process in self._processes.values():
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def _log(self, name: str) -> Path:
        return self.directory / f"{name}.log"

    def logs(self, *names: str) -> str:
        """The end of what containers said."""
        return "\n".join(f"── {name}\n{self._log(name).read_text(errors='replace')[-1500:]}" for name in names)

    def sql(self, database: str, *statements: str) -> None:
        """Have PostgreSQL's superuser run statements, each by itself."""

        async def run() -> None:
            connection = await asyncpg.connect(self.postgres.admin_url.rpartition("/")[0] + f"/{database}")
            try:
                for statement in statements:
                    await connection.execute(statement)
            finally:
                await connection.close()

        with ThreadPoolExecutor(1) as thread:
            thread.submit(asyncio.run, run()).result()


@contextmanager
def machine() -> Iterator[Machine]:
    """PostgreSQL with an empty database `desk`, a broker without topics, nothing else."""
    # nginx's workers are another account: pytest's own directories are closed to it.
    with tempfile.TemporaryDirectory(prefix="desk-deploy-") as name:
        directory = Path(name)
        directory.chmod(0o755)
        # Roles belong to a whole server: not the one that other tests use.
        postgres = EmbeddedPostgres(directory / "postgres" / "data", free_port(), durable=False)
        embedded = None if "DESK_TEST_KAFKA" in os.environ else EmbeddedBroker(free_port())
        postgres.start()
        try:
            if embedded is not None:
                embedded.start()
            broker = os.environ["DESK_TEST_KAFKA"] if embedded is None else embedded.bootstrap
            here = Machine(directory, postgres, broker)
            here.sql("postgres", "CREATE DATABASE desk")
            try:
                yield here
            finally:
                here.sweep()
        finally:
            if embedded is not None:
                embedded.stop()
            postgres.destroy()


def send_a_message(edge: str, administrator: tuple[str, str]) -> dict[str, Any]:
    """Hand in a message with a file at the edge, as the administrator; returns the ticket once somebody has it."""
    file = {"parcel": 1042}
    message = {
        "channel": "api",
        "sender": {"kind": "email", "address": f"customer-{uuid7()}@example.org", "name": "Test Customer"},
        "subject": "Order 1042",
        "text": "My order has not arrived yet. Could you please have a look at where it is?",
        "external_id": str(uuid7()),
    }
    with DeskClient(edge) as client:
        _eventually(lambda: client.sign_in(*administrator), "signing in")
        uploaded = _eventually(
            lambda: client.send("POST", "/api/attachments?name=parcel.json", json.dumps(file).encode(), {}), "an upload"
        )
        message["attachment_ids"] = [uploaded["id"]]
        accepted = _eventually(lambda: client.call("POST", "/api/ingest/messages", message), "acceptance")

        def ticket() -> dict[str, Any] | None:
            known = client.call("GET", accepted["status_url"])["ticket"]
            found: dict[str, Any] | None = known and client.call("GET", f"/api/tickets/{known['id']}")
            return found if found and found["assignee"] else None

        found = _eventually(ticket, "a ticket that somebody has")
        assert client.call("GET", uploaded["url"]) == file
        return found


def _eventually(look: Callable[[], dict[str, Any] | None], what: str) -> dict[str, Any]:
    """What `look` returns once it is something; a service that has not heard yet is asked again."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    refusal: RequestFailed | None = None
    while time.monotonic() < deadline:
        try:
            if (found := look()) is not None:
                return found
        except RequestFailed as error:
            refusal = error
        time.sleep(0.2)
    raise AssertionError(f"{what} did not come ({refusal})")
