"""`desk deadletters`: events that could not be applied, in any service of the running desk."""

import asyncio
import getpass
import os
import time
from collections.abc import Callable, Coroutine
from importlib import import_module
from typing import Annotated, Any

import typer

from desk.environment import adopt_settings
from desk.home import Home
from desk.roster import SERVICES
from shared.db import Database
from shared.messaging import deadletters
from shared.messaging.deadletters import DeadLetterError, Outcome
from shared.messaging.handlers import Handlers
from shared.service import Service

app = typer.Typer(help="Events that could not be applied: list, show, replay, discard.", no_args_is_help=True)

_PAGE = 100
_SHOWN_BYTES = 4096

ServiceName = Annotated[str, typer.Argument(help="A service, for example tickets.")]
Settle = Callable[[Database, Handlers, int], Coroutine[Any, Any, Outcome]]
Ids = Annotated[list[int] | None, typer.Argument(help="Ids of dead letters; leave out with --all.")]
By = Annotated[str, typer.Option(help="Who does this; kept with the dead letter.")]


@app.command(name="list")
def list_held(service: Annotated[str | None, typer.Option(help="Only this service.")] = None) -> None:
    """List held events of all services, oldest first."""
    found = False
    for name in [service] if service else SERVICES:
        for row in asyncio.run(_held(name)):
            found = True
            error = (row.error or "").splitlines()
            print(
                f"{name:<10} {row.id:>6} {row.reason:<7} {row.type or '-':<28} {row.aggregate_id or '-'} "
                f"{row.created_at:%F %T} {error[-1][:80] if error else ''}".rstrip()
            )
    if not found:
        print("Nothing is held.")


@app.command()
def show(service: ServiceName, dead_letter_id: int) -> None:
    """Show one dead letter with its error and its data (which may hold what a customer wrote)."""
    row = asyncio.run(_with_database(service, lambda database: _get(database, dead_letter_id)))
    for name, value in row._mapping.items():  # noqa: SLF001 - SQLAlchemy's public accessor
        if isinstance(value, bytes | memoryview):
            print(f"{name}: {bytes(value)[:_SHOWN_BYTES].decode(errors='replace')}")
        else:
            print(f"{name}: {value}")


@app.command()
def replay(
    service: ServiceName,
    ids: Ids = None,
    *,
    every: Annotated[bool, typer.Option("--all", help="Everything that is held, oldest first.")] = False,
    dry_run: Annotated[bool, typer.Option(help="Try, and change nothing.")] = False,
    rate: Annotated[float, typer.Option(min=0.1, help="Events per second.")] = 20.0,
    by: By = "",
) -> None:
    """Run the service's handlers again for held events; what is parked behind them follows by itself."""
    author = by or getpass.getuser()

    async def one(database: Database, handlers: Handlers, dead_letter_id: int) -> Outcome:
        return await deadletters.replay(database, handlers, dead_letter_id, by=author, dry_run=dry_run)

    _settle(service, ids, one, every=every, rate=rate)


@app.command()
def discard(service: ServiceName, ids: Ids = None, *, by: By = "") -> None:
    """Give up held events for good; what is parked behind them goes on without them."""
    author = by or getpass.getuser()

    async def one(database: Database, handlers: Handlers, dead_letter_id: int) -> Outcome:
        return await deadletters.discard(database, handlers, dead_letter_id, by=author)

    _settle(service, ids, one, every=False, rate=20.0)


def handlers_of(service: str, database: Database) -> Handlers:
    """What the service's worker subscribes to, built as the service builds it; the worker itself is not started."""
    described: Service = import_module(f"services.{service}.app").SERVICE
    return described.create_worker(described.settings(database_url=database.url), database).handlers


def _settle(service: str, ids: list[int] | None, one: Settle, *, every: bool, rate: float) -> None:
    if every == bool(ids):
        raise typer.BadParameter("name ids, or --all where there is one")
    adopt_settings(Home.from_environment(), service)
    failed = asyncio.run(_with_database(service, lambda database: _settle_all(database, ids, one, rate=rate)))
    if failed:
        raise typer.Exit(1)


async def _settle_all(database: Database, ids: list[int] | None, one: Settle, *, rate: float) -> int:
    """Settle each in turn, at most `rate` per second; returns how many failed."""
    handlers = handlers_of(database.service, database)
    wanted = ids or [row.id for row in await _all_held(database)]
    failed = 0
    for dead_letter_id in wanted:
        begun = time.monotonic()
        try:
            outcome = await one(database, handlers, dead_letter_id)
        except DeadLetterError as error:
            outcome = Outcome(dead_letter_id, "failed", str(error))
        failed += outcome.result == "failed"
        print(f"{outcome.id}: {outcome.result}" + (f" ({outcome.error})" if outcome.error else ""))
        await asyncio.sleep(max(0.0, 1 / rate - (time.monotonic() - begun)))
    return failed


async def _held(service: str) -> list[Any]:
    rows: list[Any] = await _with_database(service, _all_held)
    return rows


async def _all_held(database: Database) -> list[Any]:
    rows: list[Any] = []
    async with database.read() as session:
        while page := await deadletters.held(session, database.service, after=rows[-1].id if rows else 0, limit=_PAGE):
            rows += page
    return rows


async def _get(database: Database, dead_letter_id: int) -> Any:
    async with database.read() as session:
        return await deadletters.get(session, database.service, dead_letter_id)


async def _with_database(service: str, work: Callable[[Database], Coroutine[Any, Any, Any]]) -> Any:
    database = Database(_url(service), service=service, pool_size=2)
    try:
        return await work(database)
    finally:
        await database.close()


def _url(service: str) -> str:
    """The service's own database URL: of the desk that runs here, or from the environment of its container."""
    if service not in SERVICES:
        raise typer.BadParameter(f"{service} is none of {', '.join(SERVICES)}")
    url = Home.from_environment().running().get("database", {}).get("urls", {}).get(service)
    url = url or os.environ.get("DESK_DATABASE_URL")
    if not url:
        raise typer.BadParameter("no desk runs here: start one with `make run`, or set DESK_DATABASE_URL")
    return str(url)
