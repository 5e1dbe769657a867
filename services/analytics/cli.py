"""Operator commands: `desk analytics …`."""

import asyncio
import signal
from typing import Annotated

import typer

from services.analytics import service
from services.analytics.domain.rebuild import Progress
from shared.db import Database, now_utc
from shared.failures import is_transient
from shared.settings import Settings

# A batch locks hundreds of tickets that live events lock as well: now and then it is the one that a deadlock ends.
TRIES_PER_BATCH = 5
SECONDS_BETWEEN_TRIES = 0.5

app = typer.Typer(help="Figures and the archive they are made from.", no_args_is_help=True)


@app.callback()
def analytics() -> None:
    """Figures and the archive they are made from."""


@app.command()
def rebuild(
    *,
    restart: Annotated[bool, typer.Option(help="Begin anew instead of going on with an interrupted rebuild.")] = False,
) -> None:
    """Make all projections anew from the archive. The service may go on running; Ctrl-C stops after a batch."""
    asyncio.run(_rebuild(Settings(), resume=not restart))


async def _rebuild(settings: Settings, *, resume: bool) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGINT, stop.set)
    database = Database(settings.database_url, service="analytics", pool_size=2)
    try:
        async with database.transaction() as session:
            progress = await service.start_rebuild(session, resume=resume, now=now_utc())
        finished = False
        with typer.progressbar(length=max(1, progress.events_total), label="Rebuilding") as bar:
            bar.update(progress.events)
            while not finished and not stop.is_set():
                done = progress.events
                progress, finished = await _batch(database, progress)
                bar.update(progress.events - done)
    finally:
        await database.close()
    print(
        f"{progress.tickets} tickets from {progress.events} events; {progress.corrected} were not as the archive says."
    )
    if not finished:
        print("Stopped before the end. Run the command again to go on.")
        raise typer.Exit(1)


async def _batch(database: Database, progress: Progress) -> tuple[Progress, bool]:
    tries = 0
    while True:
        tries += 1
        try:
            async with database.transaction() as session:
                return await service.rebuild_batch(session, progress, now=now_utc())
        except Exception as error:
            if tries == TRIES_PER_BATCH or not is_transient(error):
                raise
        await asyncio.sleep(SECONDS_BETWEEN_TRIES)
