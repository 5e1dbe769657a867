"""Where faults happen: a whole desk of real processes, and whatever stands beside it."""

import asyncio
import os
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Self, TypeVar
from urllib.parse import urlsplit, urlunsplit

from desk.dev.apache_kafka import ApacheKafka
from desk.embedded.broker import Broker, EmbeddedBroker
from desk.embedded.postgres import EmbeddedPostgres
from desk.environment import EMBEDDED_PARTITIONS
from desk.ports import LOOPBACK, free_port
from desk.process import spawn
from desk.service import answers_ready
from shared.settings import KafkaSettings
from tests.faults.proxy import PostgresProxy, Proxy
from tests.running_desk import ROOT, RunningDesk

T = TypeVar("T")

SERVICES = ("gateway", "ingestion", "tickets", "routing", "sla", "analytics", "knowledge")
# Which broker the desks of this run stand on: the embedded one, or an Apache Kafka.
BROKER = os.environ.get("DESK_FAULTS_BROKER", "tansu")
ON_KAFKA = BROKER == "kafka"
# A bound on liveness.
READY_SECONDS = 300


class Peer:
    """Another process of a service, beside the one that the launcher runs."""

    def __init__(self, service: str, role: str, environment: dict[str, str], *, port: int, log: Path) -> None:
        self.port = port
        self.process = spawn(
            [sys.executable, "-m", f"services.{service}", role],
            log=log,
            env={**os.environ, **environment, "DESK_PORT": str(self.port)},
            cwd=ROOT,
            death_signal=signal.SIGKILL,
        )

    @property
    def pid(self) -> int:
        return self.process.pid

    async def until_ready(self) -> Self:
        await until_answers(self.port)
        return self

    def stop(self, number: int = signal.SIGTERM) -> float:
        """End it; returns how many seconds that took."""
        begun = time.monotonic()
        self.process.send_signal(signal.SIGCONT)
        self.process.send_signal(number)
        try:
            self.process.wait(READY_SECONDS)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)
        return time.monotonic() - begun


async def until_answers(port: int) -> None:
    async with asyncio.timeout(READY_SECONDS):
        while not await asyncio.to_thread(answers_ready, port):
            await asyncio.sleep(0.05)


class Stage:
    """A desk as `make run` starts it: PostgreSQL and broker are the launcher's, which restarts what ends."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.desk = RunningDesk(home)

    def start(self) -> None:
        self.desk.start()

    def stop(self) -> None:
        try:
            self.desk.stop()
        finally:
            EmbeddedPostgres(self.home / "postgres", 0).destroy()  # it may be outside of our temporary directory

    @property
    def running(self) -> bool:
        """Whether the launcher runs."""
        process = self.desk._process
        return process is not None and process.poll() is None

    def another(self) -> "Stage":
        """A fresh one of the same kind, not started."""
        return type(self)(self.home.with_name(f"{self.home.name}-{time.monotonic_ns()}"))

    @property
    def admin_url(self) -> str:
        """The superuser's URL of the desk's database, past every proxy."""
        return _in_desk(self.desk.facts["database"]["admin_url"])

    def pid(self, name: str) -> int:
        """Process id of a child of the launcher."""
        return int(self.desk.facts["pids"][name])

    def environment(self, service: str) -> dict[str, str]:
        """The settings with which the launcher runs a service."""
        settings: dict[str, str] = self.desk.facts["services"][service]["environment"]
        return settings

    def port(self, service: str) -> int:
        """Port of the service's process that the launcher runs."""
        return int(self.environment(service)["DESK_PORT"])

    @contextmanager
    def peer(self, service: str, role: str, *, port: int | None = None, **settings: str) -> Iterator[Peer]:
        """Run another process of `service` meanwhile."""
        environment = {**self.environment(service), **settings}
        peer = Peer(service, role, environment, port=port or free_port(), log=self.home / f"{service}-peer.log")
        try:
            yield peer
        finally:
            peer.stop(signal.SIGKILL)


class _Keeper:
    """An event loop in a thread that starts children again when they end, as a service manager would.

    Children end with the thread that started them: this one lives as long as the stage.
    """

    def __init__(self, *children: EmbeddedPostgres | Broker) -> None:
        self._children = children

    def start(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, name="stage", daemon=True)
        self._thread.start()
        self.call(self._start_children())

    def stop(self) -> None:
        self.call(self._stop_children())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()

    def call(self, work: Coroutine[Any, Any, T]) -> T:
        """Do something in the thread, for callers outside of an event loop."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result()

    async def _start_children(self) -> None:
        for child in self._children:
            child.start()
        self._keeping = asyncio.create_task(self._keep_running())

    async def _keep_running(self) -> None:
        while True:
            for child in self._children:
                if not child.alive:
                    child.launch()
            await asyncio.sleep(0.1)

    async def _stop_children(self) -> None:
        self._keeping.cancel()
        for child in reversed(self._children):
            child.stop()


class KafkaStage(Stage):
    """The same on an Apache Kafka. It is ours, and started again on its data when it ends."""

    def __init__(self, home: Path) -> None:
        super().__init__(home)
        self.broker = make_broker(home, free_port())
        self._keeper = _Keeper(self.broker)

    def start(self) -> None:
        self._keeper.start()
        self.desk = RunningDesk(self.home, **_on(self.broker.port))
        self.desk.start()

    def stop(self) -> None:
        try:
            super().stop()
        finally:
            self._keeper.stop()

    def pid(self, name: str) -> int:
        return int(self.broker.pid or 0) if name == "broker" else super().pid(name)


class ExposedStage(Stage):
    """A desk whose PostgreSQL and broker are not the launcher's: ours, each behind a proxy, in reach of the faults."""

    def __init__(self, home: Path, *, postgres_in: Path | None = None) -> None:
        super().__init__(home)
        home.mkdir(parents=True, exist_ok=True)
        # PostgreSQL's own account has to get there, which pytest's directories are closed to.
        self._postgres_in = postgres_in or Path(tempfile.mkdtemp(prefix="desk-faults-"))
        self._postgres_in.chmod(0o755)
        self.postgres = EmbeddedPostgres(
            self._postgres_in / "data", free_port(), log=home / "postgres.log", settings={"max_wal_size": "128MB"}
        )
        broker_port = free_port()
        self.database = PostgresProxy(free_port(), self.postgres.port)
        self.kafka = Proxy(free_port(), broker_port)
        self.broker = make_broker(home, broker_port, advertised=self.kafka.port)
        self._keeper = _Keeper(self.postgres, self.broker)

    def start(self) -> None:
        self._keeper.start()
        self._keeper.call(self.database.open())
        self._keeper.call(self.kafka.open())
        self.desk = RunningDesk(
            self.home,
            DESK_DATABASE_URL=_at(self.postgres.admin_url, self.database.port),
            **_on(self.kafka.port),
        )
        self.desk.start()

    def stop(self) -> None:
        try:
            self.desk.stop()
        finally:
            self._keeper.call(self.database.close())
            self._keeper.call(self.kafka.close())
            self._keeper.stop()
            self.postgres.destroy()
            shutil.rmtree(self._postgres_in, ignore_errors=True)

    async def there(self, work: Coroutine[Any, Any, T]) -> T:
        """Do something where the proxies live."""
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._keeper.loop))

    @property
    def admin_url(self) -> str:
        return _in_desk(self.postgres.admin_url)

    def direct(self, service: str) -> dict[str, str]:
        """Settings that lead a peer of `service` past the proxy of PostgreSQL."""
        return {"DESK_DATABASE_URL": _at(self.environment(service)["DESK_DATABASE_URL"], self.postgres.port)}


def make_broker(home: Path, port: int, *, advertised: int | None = None) -> Broker:
    """The broker that the run is about, not started."""
    if ON_KAFKA:
        return ApacheKafka(home / "kafka", port, advertised=advertised)
    return EmbeddedBroker(port, advertised=advertised, log=home / "broker.log")


def broker_settings(port: int) -> KafkaSettings:
    """How clients reach the broker of a stage behind `port`."""
    if ON_KAFKA:
        return KafkaSettings(bootstrap=f"{LOOPBACK}:{port}", profile="kafka")
    return KafkaSettings(bootstrap=f"{LOOPBACK}:{port}", profile="tansu", partitions=EMBEDDED_PARTITIONS)


def _on(port: int) -> dict[str, str]:
    """The same as settings of a desk."""
    settings = broker_settings(port)
    return {
        "DESK_KAFKA_BOOTSTRAP": settings.bootstrap,
        "DESK_KAFKA_PROFILE": settings.profile,
        "DESK_KAFKA_PARTITIONS": str(settings.partitions),
    }


def _in_desk(url: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path="/desk"))


def _at(url: str, port: int) -> str:
    parts = urlsplit(url)
    # No database is named on the way to a proxied server: the launcher makes its own.
    path = "" if parts.path == "/postgres" else parts.path
    return urlunsplit(parts._replace(netloc=f"{parts.netloc.rpartition(':')[0]}:{port}", path=path))
