"""The `desk` command: the launcher, what operators do, and the commands of each service under its name."""

import asyncio
import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib import import_module
from importlib.util import find_spec
from typing import Annotated, NoReturn

import typer
import uvloop

from desk.accounts import AccountError
from desk.client import RequestFailed
from desk.deadletters import app as deadletters
from desk.demo import DemoError, play_demo
from desk.edge import EdgeError, remove_state
from desk.embedded import BrokerError, EmbeddedPostgres, PostgresError
from desk.environment import adopt_settings
from desk.home import Home, HomeError
from desk.launcher import Launcher, LaunchError
from desk.nursery import Nursery
from desk.preflight import PreflightError
from desk.roster import SERVICES
from desk.seed import SeedError, seed
from shared.messaging.deadletters import DeadLetterError
from shared.messaging.refill import caught_up_at, epochs
from shared.messaging.refill import refill as refill_broker

app = typer.Typer(help="Run and look after the desk.", no_args_is_help=True, pretty_exceptions_enable=False)
app.add_typer(deadletters, name="deadletters")

# What an operator can do something about; anything else is a defect and shows its traceback.
_TROUBLE = (
    AccountError,
    BrokerError,
    DeadLetterError,
    DemoError,
    EdgeError,
    HomeError,
    LaunchError,
    PostgresError,
    PreflightError,
    RequestFailed,
    SeedError,
)


@app.callback()
def desk(context: typer.Context) -> None:
    """Run and look after the desk."""
    if context.invoked_subcommand in SERVICES and "--help" not in sys.argv:
        _enter_service(context.invoked_subcommand)


def _enter_service(name: str) -> None:
    """Give a service's own command the settings with which it runs here; what is set already wins."""
    adopt_settings(Home.from_environment(), name)
    if "DESK_DATABASE_URL" not in os.environ:
        _give_up("No desk runs here: start one with `make run`, or set DESK_DATABASE_URL.")


@app.command()
def up(
    *, demo: Annotated[bool, typer.Option(help="Seed the demo organisation, if that was not done yet.")] = True
) -> None:
    """Run the whole desk on this machine until Ctrl-C."""
    home = Home.from_environment()
    home.create()
    # Before anything else: it must inherit neither the lock, nor threads, nor an event loop.
    nursery = Nursery() if Nursery.possible() else None
    try:
        with home.lock():
            uvloop.run(Launcher(home, demo=demo, nursery=nursery).run())
    finally:
        if nursery is not None:
            nursery.close()


@app.command(name="seed")
def seed_command() -> None:
    """Create the demo organisation in the running desk, or complete it; prints the log-ins."""
    home = Home.from_environment()
    for login in seed(_running_url(home), home):
        print(f"{login.role:<10}  {login.email:<26}  {login.password}")


@app.command()
def demo(
    *,
    messages: Annotated[int, typer.Option(min=1, help="How many messages.")] = 200,
    rate: Annotated[float, typer.Option(min=0.1, help="Messages per second.")] = 5.0,
    resume: Annotated[bool, typer.Option(help="Go on with a run that was interrupted.")] = True,
    url: Annotated[str | None, typer.Option(help="The desk's address; the one that runs here if left out.")] = None,
) -> None:
    """Play customer messages in many languages against a running desk. Ctrl-C stops; running it again goes on."""
    try:
        summary = play_demo(Home.from_environment(), url=url, messages=messages, per_second=rate, resume=resume)
    except KeyboardInterrupt:
        _give_up("Stopped; run it again to go on.")
    print(
        f"{summary.accepted} messages accepted in {summary.seconds:.0f} s ({summary.repeated} sent again), "
        f"{summary.tickets} tickets opened."
    )


@app.command()
def refill(
    *,
    since: Annotated[
        datetime | None, typer.Option(help="Send everything from this moment (UTC) on; before the log was lost.")
    ] = None,
    everything: Annotated[bool, typer.Option("--everything", help="Send all that the outboxes hold.")] = False,
) -> None:
    """Have every service send again what a broker that lost its log may not have delivered.

    Without an option it starts from the last moment at which all consumers had read everything.
    """
    urls = Home.from_environment().running().get("database", {}).get("urls")
    if not urls:
        _give_up("No desk runs here.")

    async def send_again() -> tuple[int, dict[str, int]]:
        moment = since.replace(tzinfo=UTC) if since else await caught_up_at(urls)
        return await refill_broker(urls, since=None if everything else moment), await epochs(urls)

    count, now = asyncio.run(send_again())
    print(f"{count} events are sent again.")
    print("Who scales workers by their lag has to look at other consumer groups now:")
    print(*(f"desk.{service}.{epoch}" for service, epoch in now.items()))


@app.command()
def reset(*, yes: Annotated[bool, typer.Option("--yes", help="Don't ask.")] = False) -> None:
    """Delete everything the desk on this machine has stored."""
    home = Home.from_environment()
    if not home.is_a_desk():
        if not home.path.exists():
            print(f"There is nothing at {home.path}.")
            return
        _give_up(f"{home.path} is not the directory of a desk (it has no secrets.json): nothing is deleted.")
    with home.lock():
        if not yes and not typer.confirm(f"Delete all tickets, accounts and files in {home.path}?"):
            raise typer.Exit(1)
        EmbeddedPostgres(home.postgres, 0).destroy()
        remove_state(home.edge)
        left = home.remove()
    print("Deleted; `make run` begins anew.")
    if left:
        print(f"Not the desk's, and still in {home.path}: {', '.join(left)}")


def _running_url(home: Home) -> str:
    url = home.running().get("url")
    if not isinstance(url, str):
        _give_up("No desk runs here: start one with `make run`.")
    return url


def _give_up(sentence: str) -> NoReturn:
    print(sentence, file=sys.stderr)
    raise typer.Exit(1)


def _compose(arguments: Sequence[str]) -> None:
    """Add the commands of the services; only those that are called or listed, for importing a service takes a while."""
    called = arguments[0] if arguments else "--help"
    for name in SERVICES:
        if called in {name, "--help"} and find_spec(f"services.{name}.cli") is not None:
            app.add_typer(import_module(f"services.{name}.cli").app, name=name)


def main() -> None:
    """Run the command; trouble that an operator can mend is one sentence, not a traceback."""
    _compose(sys.argv[1:])
    try:
        app(prog_name="desk")
    except _TROUBLE as error:
        sys.exit(str(error))
