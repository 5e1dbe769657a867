"""Who is at which ticket, exchanged between the windows of all gateways through one small table.

Each process writes what its windows said and reads who is at the tickets they show, a few times a second while there
is such a window, in one transaction however many they are or however often they speak.
"""

import asyncio
import json
from collections import defaultdict
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from services.gateway.domain.presence import LIFETIME, Doing, Person, Place, others, presence_frame
from shared.db import Database
from shared.ids import uuid7
from shared.telemetry import get_logger

log = get_logger(__name__)

POLL_SECONDS = 0.2
_PAUSE_SECONDS = 1.0

# Sorted: two transactions cannot wait for each other.
_ENTER = text("""
    INSERT INTO gateway.presence (window_id, account_id, name, ticket_id, doing, expires_at)
    SELECT w.*, clock_timestamp() + :lifetime
      FROM unnest(CAST(:windows AS uuid[]), CAST(:accounts AS uuid[]), CAST(:names AS text[]),
                  CAST(:tickets AS uuid[]), CAST(:doings AS text[]))
        AS w (window_id, account_id, name, ticket_id, doing)
     ORDER BY window_id
    ON CONFLICT (window_id) DO UPDATE
       SET ticket_id = excluded.ticket_id, doing = excluded.doing, expires_at = excluded.expires_at""")
_LEAVE = text("""
    DELETE FROM gateway.presence WHERE window_id = ANY(ARRAY(
        SELECT window_id FROM gateway.presence WHERE window_id = ANY(CAST(:windows AS uuid[]))
         ORDER BY window_id FOR UPDATE))""")
_AT = text("""
    SELECT ticket_id, account_id, name, doing FROM gateway.presence
     WHERE ticket_id = ANY(CAST(:tickets AS uuid[])) AND expires_at > clock_timestamp()""")
_FORGET = text("""
    DELETE FROM gateway.presence WHERE window_id = ANY(ARRAY(
        SELECT window_id FROM gateway.presence WHERE expires_at <= clock_timestamp()
         ORDER BY window_id FOR UPDATE SKIP LOCKED))""")


@dataclass(eq=False, slots=True)
class Window:
    """A connection of this process whose account may read tickets; `send` takes a frame for it."""

    account_id: UUID
    name: str
    send: Callable[[str], None]
    id: UUID = field(default_factory=uuid7)
    place: Place | None = None
    told: tuple[Person, ...] = ()


class Presence:
    """The windows of this process. Nothing is told to anybody unless `run` runs."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._here: set[Window] = set()
        self._changed: set[Window] = set()
        self._something = asyncio.Event()

    def put(self, window: Window, place: Place | None) -> None:
        """Note where a window is, or that it still is there; None: at no ticket, or closed."""
        if place is None and window not in self._here:
            return
        if place is None or window.place is None or place.ticket_id != window.place.ticket_id:
            window.told = ()
        window.place = place
        if place is None:
            self._here.discard(window)
        else:
            self._here.add(window)
        self._changed.add(window)
        self._something.set()

    async def run(self) -> None:
        """Exchange for ever; idle while no window is at a ticket."""
        while True:
            if not self._here and not self._changed:
                self._something.clear()
                await self._something.wait()
            changed, self._changed = self._changed, set()
            try:
                await self._exchange(changed)
            except Exception as error:  # noqa: BLE001 - it is said again when the database is back
                self._changed |= changed
                log.warning("presence.exchange_failed", error=type(error).__name__)
                await asyncio.sleep(_PAUSE_SECONDS)
            await asyncio.sleep(POLL_SECONDS)

    async def _exchange(self, changed: Collection[Window]) -> None:
        if changed:
            async with self._database.transaction() as session:
                await _write(session, changed)
        tickets = {window.place.ticket_id for window in self._here if window.place is not None}
        async with self._database.read() as session:
            people = await _at(session, tickets)
        for window in self._here:
            if window.place is None:
                continue
            seen = others(people[window.place.ticket_id], window.account_id)
            if seen != window.told:
                window.told = seen
                window.send(json.dumps(presence_frame(window.place.ticket_id, seen), ensure_ascii=False))


async def forget(session: AsyncSession) -> int:
    """Drop those who were there once; returns 0, there is never more to do at once."""
    await session.execute(_FORGET)
    return 0


async def _write(session: AsyncSession, windows: Collection[Window]) -> None:
    placed = [(window, window.place) for window in windows if window.place is not None]
    if placed:
        parameters = {
            "windows": [window.id for window, _ in placed],
            "accounts": [window.account_id for window, _ in placed],
            "names": [window.name for window, _ in placed],
            "tickets": [place.ticket_id for _, place in placed],
            "doings": [place.doing for _, place in placed],
            "lifetime": LIFETIME,
        }
        await session.execute(_ENTER, parameters)
    if gone := [window.id for window in windows if window.place is None]:
        await session.execute(_LEAVE, {"windows": gone})


async def _at(session: AsyncSession, tickets: Collection[UUID]) -> defaultdict[UUID, list[Person]]:
    people = defaultdict[UUID, list[Person]](list)
    if tickets:
        for row in await session.execute(_AT, {"tickets": list(tickets)}):
            people[row.ticket_id].append(Person(row.account_id, row.name, Doing(row.doing)))
    return people
