"""One service as a program: `python -m services.<name> api|worker|all|migrate`.

`services/<name>/app.py` describes the service (`SERVICE = Service(...)`) and `__main__.py` is `main(SERVICE)`.
`all` runs api and worker in one process, for the embedded desk; production scales them apart.
"""

import argparse
import asyncio
import gc
import signal
import sys
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from typing import Any

import uvicorn
import uvloop
from fastapi import FastAPI

from shared.db import Database
from shared.failures import place, summary
from shared.messaging.worker import Worker
from shared.migrations import CannotMigrate, is_migrated, migrate
from shared.settings import Settings
from shared.telemetry import configure_logging, get_logger
from shared.web import create_app as create_kit_app
from shared.web.middleware import Gate

log = get_logger(__name__)

# Time a stopping api gives to requests in flight; orchestrators kill after 30 s.
DRAIN_SECONDS = 15
# A batch makes thousands of objects that live until its commit, and hardly a cycle: Python's own thresholds make it
# look for some every few hundred.
GC_THRESHOLDS = (10_000, 20, 20)
# How often a process that starts looks for its tables, and how long one look may take.
LOOK_EVERY_SECONDS = 0.5
LOOK_SECONDS = 10.0
# So many failed looks may be a hiccup of the database.
HICCUP_LOOKS = 4


@dataclass(frozen=True, slots=True)
class Service:
    """How to build one service. `create_app` and `create_worker` are composition roots; tests call the same."""

    name: str
    settings: type[Settings]
    create_app: Callable[[Any, Database], FastAPI]
    create_worker: Callable[[Any, Database], Worker]


def main(service: Service) -> None:
    """Run the role named on the command line until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog=f"services.{service.name}", description=f"desk: the {service.name} service")
    parser.add_argument("role", choices=("api", "worker", "all", "migrate"))
    role = parser.parse_args().role
    settings = service.settings()
    configure_logging(settings.log_format, settings.log_level, service=service.name, role=role)
    if role == "migrate":
        try:
            uvloop.run(migrate(service.name, settings.database_url))
        except CannotMigrate as error:
            sys.exit(str(error))
        return
    sys.exit(uvloop.run(_serve(service, settings, role)))


async def _serve(service: Service, settings: Settings, role: str) -> int:
    """Run the role; returns the exit status. A part that ends by itself ends the process, to be started anew.

    Everything starts when the tables are there, whoever makes them. It listens last: whoever meets a closed port goes
    to another process. Only one that waits for longer than a hiccup listens before, for probes.
    """
    database = Database(settings.database_url, service=service.name, pool_size=settings.database_pool_size)
    worker = service.create_worker(settings, database) if role in {"worker", "all"} else None
    app = (
        service.create_app(settings, database)
        if role in {"api", "all"}
        else create_kit_app(service=service.name, settings=settings, database=database, routers=())
    )
    gate = Gate(app)
    app.state.ready_checks.append(gate.problem)
    if worker is not None:
        app.state.ready_checks.append(worker.problem)
    server = uvicorn.Server(
        uvicorn.Config(
            gate,
            host=settings.host,
            port=settings.port,
            lifespan="off",  # it needs the tables, and the server must not wait for them
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            ws="websockets-sansio",
            timeout_graceful_shutdown=DRAIN_SECONDS,
            timeout_keep_alive=75,
        )
    )
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)

    listen, over = asyncio.Event(), asyncio.Event()
    lifespan = AsyncExitStack()

    async def serve() -> None:
        await listen.wait()
        await _serve_http(server)

    async def work() -> None:
        if not await _until_migrated(database, over, on_waiting=listen.set):
            return
        await lifespan.enter_async_context(app.router.lifespan_context(app))
        gate.open = True
        listen.set()
        await (over.wait() if worker is None else worker.run(over))

    gc.freeze()  # what is there by now stays until the end
    gc.set_threshold(*GC_THRESHOLDS)
    tasks = [asyncio.create_task(serve(), name="http"), asyncio.create_task(work(), name="work")]
    stopping = asyncio.create_task(stop.wait(), name="stop")
    try:
        await asyncio.wait([*tasks, stopping], return_when=asyncio.FIRST_COMPLETED)
        failed = [task for task in tasks if task.done()]
        app.state.draining = True
        server.should_exit = True
        listen.set()
        # Requests in flight still commit events: the relay goes last and sends them.
        await asyncio.wait(tasks[:1])
        over.set()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        for task, result in zip(tasks, results, strict=True):
            if isinstance(result, BaseException):
                log.error("process.part_failed", part=task.get_name(), error=summary(result), at=place(result))
        return 1 if failed else 0
    finally:
        stopping.cancel()
        with suppress(asyncio.CancelledError):
            await stopping
        await lifespan.aclose()
        await database.close()


async def _until_migrated(database: Database, stop: asyncio.Event, on_waiting: Callable[[], None]) -> bool:
    """Wait for the tables that this code needs, and say once what it waits for; False if `stop` came first.

    `on_waiting` is called when that is no hiccup any more.
    """
    told, looks = "", 0
    while not stop.is_set():
        try:
            async with asyncio.timeout(LOOK_SECONDS), database.read() as session:
                if await is_migrated(session, database.service):
                    return True
            reason = "the schema is not migrated"
        except Exception as error:  # noqa: BLE001 - a database that is not there yet says so in many ways
            reason = summary(error)
        if reason != told:
            log.warning("process.waiting", reason=reason)
            told = reason
        looks += 1
        if looks == HICCUP_LOOKS:
            on_waiting()
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), LOOK_EVERY_SECONDS)
    return False


async def _serve_http(server: uvicorn.Server) -> None:
    """Uvicorn without its own signal handlers: the process has one, above."""
    # uvicorn exits the interpreter when the port is taken; here that is an error like any other.
    try:
        await server._serve()  # noqa: SLF001 - `serve()` is this, wrapped into signal handlers
    except SystemExit as error:
        raise RuntimeError(f"cannot listen on {server.config.host}:{server.config.port}") from error
