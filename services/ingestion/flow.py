"""Mails on their way, across turns: a server that hangs keeps waiting what leaves through it, and nothing else."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager
from uuid import UUID

from services.ingestion.delivery import Transport
from services.ingestion.domain.identities import Identities, Identity
from services.ingestion.transports import Transports

# How long one turn waits for the mails that it started; the slower ones go on beside the next turns.
PATIENCE_SECONDS = 2.0
# How long those may take that are on their way at the end. What is cut off is sent again after its lease.
CLOSE_SECONDS = 20.0


class Flow:
    """What one kind of delivery has on its way. Through whose server `connections` are, gets no more of them.

    There is no bound on all of them together: servers that hang would fill it, and keep everybody's mail waiting.
    """

    def __init__(self, transports: Transports, connections: int) -> None:
        self._transports = transports
        self._connections = connections
        self._claiming = asyncio.Lock()
        self._running: dict[asyncio.Task[None], Transport | None] = {}
        self._ways: dict[UUID | None, Transport | None] = {}

    @asynccontextmanager
    async def claiming(self, identities: Identities) -> AsyncIterator[list[Identity]]:
        """Those of the identities as which more may leave now.

        What is claimed for them is to be started in here: two who claim at once would both take what one may.
        """
        async with self._claiming:
            senders = [identities.default, *identities.others]
            self._ways = {each.id: await self._way(each) for each in senders}
            mails: Counter[Transport | None] = Counter(way for way in self._running.values() if way is not None)
            yield [each for each in senders if mails[self._ways[each.id]] < self._connections]

    def start(self, mails: Sequence[tuple[Identity, Coroutine[None, None, None]]]) -> set[asyncio.Task[None]]:
        """Send mails; returns what `wait` is to wait for."""
        started = {asyncio.create_task(sending): self._ways.get(identity.id) for identity, sending in mails}
        self._running |= started
        for task in started:
            task.add_done_callback(self._running.pop)
        return set(started)

    async def wait(self, started: set[asyncio.Task[None]]) -> None:
        """Wait for mails as long as a turn waits; without any, until another one has left."""
        if waiting := started or self._running:
            until = asyncio.ALL_COMPLETED if started else asyncio.FIRST_COMPLETED
            await asyncio.wait(waiting, timeout=PATIENCE_SECONDS, return_when=until)

    async def close(self) -> None:
        """Wait for what is on its way, and cut off what takes too long."""
        if not self._running:
            return
        _, late = await asyncio.wait(self._running, timeout=CLOSE_SECONDS)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)

    async def _way(self, identity: Identity) -> Transport | None:
        try:
            return await self._transports.of(identity)
        except ValueError:
            # Mail of a mailbox with a wrong URL fails at once: it keeps nobody waiting.
            return None
