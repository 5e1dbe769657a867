"""Processes that send replies and do nothing else, to be killed: `python -m tests.faults.sender`.

For each line of its input it forks one, as soon as the one before is gone, and prints its id; so only the first start
has to wait for imports.
"""

import asyncio
import os
import sys

from services.ingestion.duties import Duty, MailDesk
from services.ingestion.sending import Delivery
from services.ingestion.settings import IngestionSettings
from services.ingestion.transports import Transports
from shared.db import Database
from shared.objects import open_store

LOOK_SECONDS = 0.05


async def send() -> None:
    """Send until somebody ends it."""
    settings = IngestionSettings()
    database = Database(settings.database_url, service="ingestion")
    transports = Transports(database, settings)
    delivery = Delivery(database, open_store(settings), MailDesk(database, settings), transports, settings)
    await Duty("deliver", delivery.turn, idle_seconds=LOOK_SECONDS).run(asyncio.Event())


def main() -> None:
    """Fork until the input ends."""
    child = None
    for _ in sys.stdin:
        if child is not None:
            os.waitpid(child, 0)
        child = os.fork()
        if child == 0:
            asyncio.run(send())
            return
        print(child, flush=True)


if __name__ == "__main__":
    main()
