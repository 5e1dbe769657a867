"""`desk up`: the whole desk on one machine.

The order: check the ground, PostgreSQL and broker, roles and schemas, topics, whatever a broker that forgot everything
must be told again, services, edge, demo organisation. Then everything is watched until Ctrl-C; stopping goes the other
way, the database last.
"""

import asyncio
import os
import signal
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import asyncpg

from desk import preflight
from desk.brokerage import Brokerage, recycle_bound
from desk.edge import WEB, Edge
from desk.embedded.broker import EmbeddedBroker
from desk.embedded.postgres import EmbeddedPostgres
from desk.embedded.roles import provision
from desk.environment import broker_settings, desk_settings, service_environment
from desk.home import Home, HomeError
from desk.leftovers import end_leftovers
from desk.nursery import Nursery
from desk.ports import LOOPBACK
from desk.process import Child, rotate
from desk.roster import ROSTER, SERVICES
from desk.seed import Login, SeedError, seed_once
from desk.service import ServiceChild
from desk.supervisor import NotReady, Supervisor, wait_until_ready
from shared.messaging.kafka import TopicsNotReady
from shared.migrations import CannotMigrate, migrate
from shared.settings import KafkaSettings

EDGE_PORT, POSTGRES_PORT, BROKER_PORT = 8080, 8090, 8092
START_PATIENCE_SECONDS = 90.0
DATABASE = "desk"
_FACTS_LOOK_SECONDS = 0.5
_CHORE_PAUSE_SECONDS = 2.0


class LaunchError(Exception):
    """The desk could not be started; the message is for the operator."""


def say(line: str) -> None:
    """One line for the operator, at once."""
    print(line, flush=True)


class Launcher:
    """One run of the desk on one home, whose lock the caller holds."""

    def __init__(self, home: Home, *, demo: bool = True, nursery: Nursery | None = None) -> None:
        self._home = home
        self._nursery = nursery
        self._demo = demo
        self._started_at = time.monotonic()
        self._host = os.environ.get("DESK_EDGE_HOST", LOOPBACK)
        self._url = ""
        self._ports = preflight.Ports()
        self._supervisor = Supervisor(say)
        self._broker_recycle_records = 0
        self._postgres: EmbeddedPostgres | None = None
        self._broker: EmbeddedBroker | None = None
        self._services: list[ServiceChild] = []
        self._edge: Edge | None = None
        self._facts: dict[str, Any] = {}

    async def run(self) -> None:
        """Start, watch until SIGINT or SIGTERM, stop. Raises what starting raises, after stopping what had started."""
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)
        try:
            await _until(stop, self._start_and_watch())
        finally:
            await self._stop()

    async def _start_and_watch(self) -> None:
        brokerage = await self._start()
        chores = [_steadily("watching", self._supervisor.run), _steadily("keeping run.json", self._keep_facts)]
        if self._broker is not None:
            recycle = partial(
                brokerage.recycle_when_full, self._broker, self._supervisor, bound=self._broker_recycle_records
            )
            chores.append(_steadily("watching how full the broker is", recycle))
        await _together(*chores, self._welcome())

    async def _start(self) -> Brokerage:
        """Bring up everything, in order, to where the services are starting."""
        preflight.check_python()
        preflight.check_disk(self._home.path)
        self._broker_recycle_records = recycle_bound()
        edge_port = self._ports.public("DESK_EDGE_PORT", EDGE_PORT, self._host)
        self._url = os.environ.get("DESK_PUBLIC_URL") or f"http://{LOOPBACK}:{edge_port}"
        end_leftovers(self._home)
        for log in self._home.logs.glob("*.log"):
            rotate(log)
        say(f"Starting the desk in {self._home.path}")

        kafka = self._choose_broker()
        urls, _ = await _together(self._prepare_database(), self._start_broker())
        brokerage = Brokerage(kafka, urls, say)
        try:
            await brokerage.create_topics()
        except (OSError, TimeoutError, TopicsNotReady) as error:
            raise LaunchError(
                f"The topics cannot be made on {kafka.bootstrap}: {error or type(error).__name__}"
            ) from error
        if self._broker is not None:
            await brokerage.fill()

        self._prepare_services(kafka, urls)
        self._edge = Edge(
            host=self._host,
            port=edge_port,
            upstreams={child.name: [child.port] for child in self._services},
            state=self._home.edge,
            web=WEB,
            log=self._home.log("edge"),
        )
        self._edge.configure()
        for child in (*self._services, self._edge):
            _launch(child)
        for child in self._children():
            if child is self._broker:
                self._supervisor.watch(child, before_restart=brokerage.note_loss, after_restart=brokerage.restore)
            else:
                self._supervisor.watch(child)
        self._collect_facts(kafka, urls)
        return brokerage

    def _choose_broker(self) -> KafkaSettings:
        if os.environ.get("DESK_KAFKA_BOOTSTRAP"):
            return broker_settings(None)
        port = self._ports.internal("DESK_BROKER_PORT", BROKER_PORT)
        self._broker = EmbeddedBroker(port, log=self._home.log("broker"))
        return broker_settings(port)

    async def _start_broker(self) -> None:
        if self._broker is not None:
            _launch(self._broker)
            await self._require_ready(self._broker)

    async def _prepare_database(self) -> dict[str, str]:
        """Start PostgreSQL unless one is given; make roles, schemas and tables. Returns each service's URL."""
        passwords = self._home.passwords(SERVICES)  # first: from here on the home is known as that of a desk
        admin_url = os.environ.get("DESK_DATABASE_URL", "")
        database = urlsplit(admin_url).path.lstrip("/") or DATABASE
        if not admin_url:
            port = self._ports.internal("DESK_POSTGRES_PORT", POSTGRES_PORT)
            self._postgres = EmbeddedPostgres(self._home.postgres, port, log=self._home.log("postgres"))
            if self._postgres.relocated:
                say(f"  {self._home.path} is closed to PostgreSQL's account: data is in {self._postgres.data_dir}")
            await asyncio.to_thread(self._postgres.initialise)
            await asyncio.to_thread(self._postgres.make_way)
            _launch(self._postgres)
            await self._require_ready(self._postgres)
            admin_url = self._postgres.admin_url
        try:
            urls = await provision(admin_url, database, passwords)
        except (asyncpg.PostgresError, OSError) as error:
            raise LaunchError(
                f"The database cannot be prepared ({error}): DESK_DATABASE_URL must name a role that may create "
                "roles, databases and schemas."
            ) from error
        try:
            for service, url in urls.items():
                await migrate(service, url)
        except CannotMigrate as error:
            raise LaunchError(str(error)) from error
        self._say_ready("schemas")
        return urls

    def _prepare_services(self, kafka: KafkaSettings, urls: dict[str, str]) -> None:
        facts = self._facts["services"] = {}
        for entry in ROSTER:
            port = self._ports.internal(f"DESK_{entry.name.upper()}_PORT", entry.port)
            environment = service_environment(
                home=self._home,
                service=entry.name,
                port=port,
                database_url=urls[entry.name],
                broker=kafka,
                public_url=self._url,
            )
            facts[entry.name] = {"url": f"http://{LOOPBACK}:{port}", "environment": desk_settings(environment)}
            self._services.append(
                ServiceChild(
                    entry.name,
                    port=port,
                    environment=environment,
                    log=self._home.log(entry.name),
                    nursery=self._nursery,
                )
            )

    async def _require_ready(self, child: Child) -> None:
        try:
            await wait_until_ready(child, patience_seconds=START_PATIENCE_SECONDS)
        except NotReady as error:
            raise LaunchError(str(error)) from error
        self._say_ready(child.name)

    async def _welcome(self) -> None:
        """Say one line per service as it becomes ready; then seed, and say where the desk is and who can sign in."""
        children = [child for child in (*self._services, self._edge) if child is not None]
        if not all(await asyncio.gather(*(self._tell_ready(child) for child in children))):
            say(f"Not everything is ready; what is, answers on {self._url}   (Ctrl-C stops the desk)")
            self._say_administrator()
            if self._demo:
                say("The demo organisation follows as soon as everything is ready.")
            for child in children:
                while not await asyncio.to_thread(_is_ready, child):
                    await asyncio.sleep(_FACTS_LOOK_SECONDS)
        if self._demo:
            await self._seed()
        else:
            self._say_administrator()
        if not (WEB / "index.html").exists():
            say("The web app is not built (`make ui` does it); the API answers.")
        say(f"The desk is ready after {self._elapsed():.1f} s: {self._url}   (Ctrl-C stops it)")

    async def _seed(self) -> None:
        try:
            logins = await seed_once(self._url, self._home)
        except (SeedError, HomeError) as error:
            say(f"The demo organisation is not complete: {error}; `desk seed` goes on with it")
            self._say_administrator()
        else:
            say("Sign in as one of")
            for login in logins:
                _say_login(login)

    def _say_administrator(self) -> None:
        email, password = self._home.administrator()
        say("Sign in as")
        _say_login(Login("admin", "Administrator", email, password))

    async def _tell_ready(self, child: Child) -> bool:
        """Whether the child became ready; the supervisor restarts one that ends meanwhile."""
        deadline = time.monotonic() + START_PATIENCE_SECONDS
        while time.monotonic() < deadline:
            with suppress(NotReady):
                await wait_until_ready(child, patience_seconds=deadline - time.monotonic())
                self._say_ready(child.name)
                return True
            await asyncio.sleep(_FACTS_LOOK_SECONDS)
        say(f"  {child.name} is not ready after {START_PATIENCE_SECONDS:.0f} s, see {child.log}")
        return False

    def _say_ready(self, name: str) -> None:
        say(f"  {name:<10} ready after {self._elapsed():4.1f} s")

    def _elapsed(self) -> float:
        return time.monotonic() - self._started_at

    def _children(self) -> list[Child]:
        """Everything that runs, in the order in which it is stopped."""
        children: list[Child | None] = [*self._services, self._edge, self._broker, self._postgres]
        return [child for child in children if child is not None]

    def _collect_facts(self, kafka: KafkaSettings, urls: dict[str, str]) -> None:
        self._facts |= {
            "url": self._url,
            "launcher_pid": os.getpid(),
            "started_at": datetime.now(UTC).isoformat(),
            "database": {"admin_url": self._postgres.admin_url if self._postgres else None, "urls": urls},
            "kafka": {"bootstrap": kafka.bootstrap, "profile": kafka.profile, "partitions": kafka.partitions},
        }
        self._write_facts()

    def _write_facts(self) -> None:
        pids = {child.name: child.pid for child in self._children()}
        if self._facts.get("pids") != pids:
            self._facts["pids"] = pids
            self._home.write_running(self._facts)

    async def _keep_facts(self) -> None:
        """Write the facts anew after each restart: operators and tests read process ids there."""
        while True:
            self._write_facts()
            await asyncio.sleep(_FACTS_LOOK_SECONDS)

    async def _stop(self) -> None:
        """Stop everything that runs: services together, then edge, broker and database."""
        if any(child.alive for child in self._children()):
            say("Stopping the desk")
        await asyncio.gather(*(asyncio.to_thread(child.stop) for child in self._services))
        for child in (self._edge, self._broker, self._postgres):
            if child is not None:
                await asyncio.to_thread(child.stop)
        self._home.run_file.unlink(missing_ok=True)


def _say_login(login: Login) -> None:
    say(f"  {login.role:<10}  {login.email:<26}  {login.password}")


def _is_ready(child: Child) -> bool:
    return child.ready


def _launch(child: Child) -> None:
    try:
        child.launch()
    except OSError as error:
        raise LaunchError(f"{child.name} cannot be started: {error}") from error


async def _steadily(what: str, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Do a chore until cancelled. Its failure is told once and the chore begun anew: it must not end the desk."""
    told = ""
    while True:
        try:
            await work()
        except Exception as error:  # noqa: BLE001 - told; the desk serves people whatever becomes of a chore
            sentence = f"{what}: {type(error).__name__}: {error}; going on"
            if sentence != told:
                say(sentence)
                told = sentence
        await asyncio.sleep(_CHORE_PAUSE_SECONDS)


async def _together(*works: Coroutine[Any, Any, Any]) -> list[Any]:
    """Results of all, in order. When one raises, the others are cancelled and awaited before that is raised."""
    try:
        async with asyncio.TaskGroup() as tasks:
            running = [tasks.create_task(work) for work in works]
    except BaseExceptionGroup as failures:
        raise failures.exceptions[0] from None
    return [task.result() for task in running]


async def _until(stop: asyncio.Event, work: Coroutine[Any, Any, None]) -> None:
    """Do `work` until it ends, or cancel it when `stop` is set. Raises what the work raised."""
    working = asyncio.create_task(work)
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if working.done():
        await working
        return
    working.cancel()
    with suppress(asyncio.CancelledError):
        await working
