"""Processes that fetch mail and do nothing else, to be killed: `python -m tests.faults.fetcher`.

For each line of its input it forks one, as soon as the one before is gone, and prints its id; so only the first start
has to wait for imports.
"""

import asyncio
import os
import sys

from services.ingestion.admission import create_admission
from services.ingestion.doorman import create_doorman
from services.ingestion.duties import Duty
from services.ingestion.fetching import Fetching
from services.ingestion.settings import IngestionSettings
from shared.db import Database
from shared.objects import open_store

LOOK_SECONDS = 0.05


async def fetch() -> None:
    """Fetch until somebody ends it."""
    settings = IngestionSettings()
    database = Database(settings.database_url, service="ingestion")
    objects = open_store(settings)
    admission = create_admission(settings, database, objects)
    fetching = Fetching(database, objects, create_doorman(settings), admission, sealing_keys=settings.sealing_keys)
    await Duty("fetch", fetching.turn, idle_seconds=LOOK_SECONDS).run(asyncio.Event())


def main() -> None:
    """Fork until the input ends."""
    child = None
    for _ in sys.stdin:
        if child is not None:
            os.waitpid(child, 0)
        child = os.fork()
        if child == 0:
            asyncio.run(fetch())
            return
        print(child, flush=True)


if __name__ == "__main__":
    main()
