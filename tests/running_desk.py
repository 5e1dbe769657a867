"""A whole desk as a user runs it: the launcher, real processes, the edge in front."""

import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import psutil

ROOT = Path(__file__).resolve().parent.parent
SERVICES = ("GATEWAY", "INGESTION", "TICKETS", "ROUTING", "SLA", "ANALYTICS", "KNOWLEDGE")
ON_TEST_KAFKA = "DESK_TEST_KAFKA" in os.environ
# Bounds on liveness, not expectations.
START_SECONDS = 180
STOP_SECONDS = 60


@dataclass(frozen=True)
class Login:
    email: str
    password: str


def _on_test_kafka() -> dict[str, str]:
    """Settings of a desk on the Apache Kafka that DESK_TEST_KAFKA names, among topics of its own; nothing without."""
    if not ON_TEST_KAFKA:
        return {}
    return {
        "DESK_KAFKA_BOOTSTRAP": os.environ["DESK_TEST_KAFKA"],
        "DESK_KAFKA_PROFILE": "kafka",
        "DESK_KAFKA_TOPIC_PREFIX": f"{secrets.token_hex(4)}-",
    }


class RunningDesk:
    """`python -m desk up` in a home of its own, on free ports."""

    def __init__(self, home: Path, **settings: str) -> None:
        self.home = home
        self._settings = {**_on_test_kafka(), **settings}
        self._process: subprocess.Popen[bytes] | None = None
        self._token: str | None = None
        # Process ids of its parts that the launcher does not start, by their names.
        self.beside: dict[str, int] = {}
        self.log = home / "launcher.log"

    def start(self) -> None:
        """Start, and return when the launcher says that the desk is ready."""
        self.home.mkdir(parents=True, exist_ok=True)
        free = {f"DESK_{name}_PORT": "0" for name in (*SERVICES, "EDGE", "POSTGRES", "BROKER")}
        environment = {**os.environ, "DESK_HOME": str(self.home), **free, **self._settings}
        with self.log.open("ab") as log:
            start = log.tell()
            self._process = subprocess.Popen(
                [sys.executable, "-m", "desk", "up"], cwd=ROOT, env=environment, stdout=log, stderr=subprocess.STDOUT
            )
        deadline = time.monotonic() + START_SECONDS
        while b"The desk is ready" not in self.log.read_bytes()[start:]:
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise AssertionError(f"the desk did not start:\n{self.log.read_text()[-4000:]}")
            time.sleep(0.1)

    def stop(self) -> int:
        """Stop as Ctrl-C does; returns the launcher's exit status."""
        assert self._process is not None
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
        try:
            return self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            raise

    @property
    def facts(self) -> dict[str, Any]:
        """What the launcher wrote down about this run."""
        facts: dict[str, Any] = json.loads((self.home / "run.json").read_text())
        return facts

    @property
    def url(self) -> str:
        """Origin of the edge."""
        return str(self.facts["url"])

    @property
    def database_urls(self) -> dict[str, str]:
        """The database URL of each service."""
        urls: dict[str, str] = self.facts["database"]["urls"]
        return urls

    @property
    def admin_url(self) -> str:
        """The desk's database, for its superuser: services see their own schema only."""
        url = urlsplit(self.facts["database"]["admin_url"])
        return str(url._replace(path=urlsplit(self.database_urls["tickets"]).path).geturl())

    def login(self, role: str) -> Login:
        """A demo log-in of that role."""
        logins = json.loads((self.home / "demo-logins.json").read_text())["logins"]
        found = next(login for login in logins if login["role"] == role)
        return Login(found["email"], found["password"])

    @property
    def agent(self) -> Login:
        """An agent."""
        return self.login("agent")

    @property
    def admin(self) -> Login:
        """The administrator."""
        return self.login("admin")

    @contextmanager
    def client(self, login: Login) -> Iterator[httpx.Client]:
        """A signed-in client behind the edge, as a browser would be."""
        with httpx.Client(base_url=self.url, headers={"X-Desk-CSRF": "1", "Origin": self.url}, timeout=30) as client:
            response = client.post("/api/auth/sign-in", json={"email": login.email, "password": login.password})
            assert response.status_code == 200, response.text
            yield client

    def system(self) -> httpx.Client:
        """A client of another system, with an API key."""
        return httpx.Client(base_url=self.url, headers={"Authorization": f"Bearer {self.ingest_token}"}, timeout=30)

    def make_room(self, capacity: int = 500) -> None:
        """Let every agent take so many tickets: the demo organisation is full after some fifty."""
        with self.client(self.admin) as admin:
            for agent in admin.get("/api/agents").json()["items"]:
                if agent["capacity"]:
                    profile = {name: agent[name] for name in ("skills", "languages", "available")}
                    admin.put(f"/api/agents/{agent['id']}", json={**profile, "capacity": capacity}).raise_for_status()

    @property
    def ingest_token(self) -> str:
        """An API key of another system: it may hand in messages, and read tickets."""
        if self._token is None:
            with self.client(self.admin) as admin:
                answer = admin.post(
                    "/api/accounts/keys",
                    json={
                        "name": f"test {secrets.token_hex(4)}",
                        "scopes": ["message.ingest", "message.read", "ticket.read", "routing.read", "sla.read"],
                    },
                )
                assert answer.status_code == 201, answer.text
                self._token = answer.json()["token"]
        return self._token

    def kill(self, name: str, number: int = signal.SIGKILL) -> int:
        """Send a signal to a child by its name; returns the process id it had."""
        pid = int(self.facts["pids"][name])
        os.kill(pid, number)
        return pid

    def memory_bytes(self) -> int:
        """Proportional memory (PSS) of the launcher and everything below it."""
        assert self._process is not None
        launcher = psutil.Process(self._process.pid)
        return sum(p.memory_full_info().pss for p in (launcher, *launcher.children(recursive=True)))
