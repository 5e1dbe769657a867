"""Where faults happen: a whole desk of real processes, and whatever stands beside it."""

import asyncio
import http.client
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

from desk.embedded.broker import EmbeddedBroker, _binary
from desk.embedded.postgres import EmbeddedPostgres
from desk.environment import EMBEDDED_PARTITIONS
from desk.ports import LOOPBACK, free_port
from desk.process import spawn
from tests.faults.proxy import PostgresProxy, Proxy
from tests.running_desk import ROOT, RunningDesk

T = TypeVar("T")

SERVICES = ("gateway", "ingestion", "tickets", "routing", "sla", "analytics", "knowledge")
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


def is_ready(port: int) -> bool:
    """Whether a service on that port says that it is ready."""
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=5)
    try:
        connection.request("GET", "/health/ready")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


async def until_answers(port: int) -> None:
    async with asyncio.timeout(READY_SECONDS):
        while not await asyncio.to_thread(is_ready, port):
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


class ExposedStage(Stage):
    """A desk whose PostgreSQL and broker are not the launcher's: ours, each behind a proxy, in reach of the faults.

    A thread keeps both running, as a service manager would, but for what `held` names.
    """

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
        self.broker = _ProxiedBroker(broker_port, advertised=self.kafka.port, log=home / "broker.log")
        self.held: set[str] = set()

    def start(self) -> None:
        self._loop = asyncio.new_event_loop()
        # Children end with the thread that started them: this one lives as long as the stage.
        self._thread = threading.Thread(target=self._loop.run_forever, name="stage", daemon=True)
        self._thread.start()
        self.call(self._start_parts())
        self.desk = RunningDesk(
            self.home,
            DESK_DATABASE_URL=_at(self.postgres.admin_url, self.database.port),
            DESK_KAFKA_BOOTSTRAP=f"{LOOPBACK}:{self.kafka.port}",
            DESK_KAFKA_PROFILE="tansu",
            DESK_KAFKA_PARTITIONS=str(EMBEDDED_PARTITIONS),
        )
        self.desk.start()

    def stop(self) -> None:
        try:
            self.desk.stop()
        finally:
            self.call(self._stop_parts())
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()

    def call(self, work: Coroutine[Any, Any, T]) -> T:
        """Do something where the proxies live, for callers outside of an event loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    async def there(self, work: Coroutine[Any, Any, T]) -> T:
        """The same for callers in another event loop."""
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._loop))

    @property
    def admin_url(self) -> str:
        return _in_desk(self.postgres.admin_url)

    def direct(self, service: str) -> dict[str, str]:
        """Settings that lead a peer of `service` past the proxy of PostgreSQL."""
        return {"DESK_DATABASE_URL": _at(self.environment(service)["DESK_DATABASE_URL"], self.postgres.port)}

    async def _start_parts(self) -> None:
        self.postgres.start()
        self.broker.start()
        await self.database.open()
        await self.kafka.open()
        self._keeping = asyncio.create_task(self._keep_running())

    async def _keep_running(self) -> None:
        while True:
            for child in (self.postgres, self.broker):
                if not child.alive and child.name not in self.held:
                    child.launch()
            await asyncio.sleep(0.1)

    async def _stop_parts(self) -> None:
        self._keeping.cancel()
        await self.database.close()
        await self.kafka.close()
        self.broker.stop()
        self.postgres.destroy()
        shutil.rmtree(self._postgres_in, ignore_errors=True)


class _ProxiedBroker(EmbeddedBroker):
    """Tells its clients to come to the proxy."""

    def __init__(self, port: int, *, advertised: int, log: Path) -> None:
        super().__init__(port, log=log)
        self._advertised = advertised

    def launch(self) -> None:
        command = [str(_binary()), "broker", "--listener-url", f"tcp://{self.bootstrap}"]
        command += ["--advertised-listener-url", f"tcp://{LOOPBACK}:{self._advertised}"]
        command += ["--storage-engine", "memory://tansu/", "--silent"]
        self._process = spawn(
            command, log=self.log, env={"RUST_LOG": "warn"}, cwd=Path("/"), death_signal=signal.SIGKILL
        )


def _in_desk(url: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path="/desk"))


def _at(url: str, port: int) -> str:
    parts = urlsplit(url)
    # No database is named on the way to a proxied server: the launcher makes its own.
    path = "" if parts.path == "/postgres" else parts.path
    return urlunsplit(parts._replace(netloc=f"{parts.netloc.rpartition(':')[0]}:{port}", path=path))
