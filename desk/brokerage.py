"""Looks after a broker that forgets: topics first, a refill after a crash, a recycle before it is full."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime

import asyncpg

from desk.embedded.broker import EmbeddedBroker
from desk.preflight import whole_number
from desk.supervisor import Supervisor, wait_until_ready
from shared.events import TOPICS
from shared.messaging.kafka import wait_for_topics
from shared.messaging.refill import caught_up_at, drained, refill
from shared.settings import KafkaSettings

TOPICS_PATIENCE_SECONDS = 30.0
READY_PATIENCE_SECONDS = 30.0

# The embedded broker frees nothing and stalls for good at about 160,000 batches in a partition (at our fetch wait);
# with one record per batch, spread over the 8 partitions of the two busiest topics alone, this is a sixth of that.
RECYCLE_RECORDS = 200_000
_LOOK_SECONDS = 15.0


def recycle_bound() -> int:
    """Records after which the embedded broker is replaced by an empty one: `DESK_BROKER_RECYCLE_RECORDS`.

    Raises PreflightError.
    """
    return whole_number("DESK_BROKER_RECYCLE_RECORDS", RECYCLE_RECORDS, lowest=1, highest=10**9)


class Brokerage:
    """What the launcher does about the broker. `urls` maps each service to its database."""

    def __init__(self, settings: KafkaSettings, urls: Mapping[str, str], say: Callable[[str], None]) -> None:
        self._settings = settings
        self._urls = dict(urls)
        self._say = say
        self._records_before = 0
        self._lost_since: tuple[datetime | None] | None = None

    async def create_topics(self) -> None:
        """Create and verify every topic. Raises the broker's last error after half a minute."""
        await wait_for_topics(self._settings, TOPICS, seconds=TOPICS_PATIENCE_SECONDS)

    async def fill(self) -> int:
        """Have an empty broker told again what consumers may have missed; returns the number of events."""
        await self.note_loss()
        assert self._lost_since is not None
        resent = await refill(self._urls, since=self._lost_since[0])
        self._lost_since = None
        self._records_before = await self._recorded() - resent
        return resent

    async def note_loss(self) -> None:
        """Keep until when consumers had seen everything, before they can take an empty log for one they have read.

        The first moment counts until a refill is done, however often the broker ends meanwhile.
        """
        if self._lost_since is None:
            self._lost_since = (await caught_up_at(self._urls),)

    async def restore(self) -> None:
        """After a crash of the embedded broker: topics, then refill."""
        await self.create_topics()
        resent = await self.fill()
        self._say(f"broker has its topics again; {resent} events are sent again")

    async def recycle_when_full(self, child: EmbeddedBroker, supervisor: Supervisor, *, bound: int) -> None:
        """Watch how many records the embedded broker holds, and recycle it at `bound`. Runs until cancelled."""
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            try:
                held = await self._recorded() - self._records_before
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError):
                continue  # the database is being restarted; its restart was told already
            if held >= bound:
                await self.recycle(child, supervisor)

    async def recycle(self, child: EmbeddedBroker, supervisor: Supervisor) -> None:
        """Replace the broker by an empty one while no relay sends and every consumer has read everything.

        Where consumers don't catch up nothing happens, and it is tried again later. Should the new broker fail, the
        supervisor restarts it like a crashed one, and the refill makes up for it.
        """
        async with supervisor.hold(child):
            stopped = False
            try:
                async with drained(self._urls):
                    stopped = True
                    await asyncio.to_thread(child.stop)
                    child.launch()
                    await wait_until_ready(child, patience_seconds=READY_PATIENCE_SECONDS)
                    await self.create_topics()
                    self._records_before = await self._recorded()
            except Exception as error:  # noqa: BLE001 - whatever it was, a kill makes it a crash, and those are mended
                if stopped:
                    self._say(f"broker could not be recycled ({type(error).__name__}: {error})")
                    child.kill()
                else:
                    self._say("broker is to be recycled, but consumers are behind; trying again later")
            else:
                self._say("broker recycled: it was full of records that everybody has read")

    async def _recorded(self) -> int:
        """Events that were ever recorded, over all services."""
        return sum(await asyncio.gather(*(_last_id(service, url) for service, url in self._urls.items())))


async def _last_id(service: str, url: str) -> int:
    connection = await asyncpg.connect(url, timeout=5)
    try:
        last: int = await connection.fetchval(f'SELECT last_value FROM "{service}".outbox_id_seq')
        return last
    finally:
        await connection.close()
