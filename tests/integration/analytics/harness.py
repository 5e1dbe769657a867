"""The analytics service on a fresh database, and tickets whose events it takes."""

import random
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import text

from services.analytics import service
from shared.db import Database
from shared.events import Event, EventData
from shared.events.accounts import Role
from shared.events.common import (
    Actor,
    ActorKind,
    Channel,
    Priority,
    Requester,
    TicketSnapshot,
    TicketStatus,
    TicketType,
)
from shared.events.messages import MessageDelivered, MessageFailed
from shared.events.sla import Clock, ClockState, SlaBreached, SlaMet, SlaMetric
from shared.events.tickets import MessageKind, ThreadMessage, TicketChanged, TicketCreated, TicketMessageAdded
from tests.asgi import Callers

DAY = datetime(2026, 3, 2, tzinfo=UTC)
PERIOD = {"from": "2026-03-02", "to": "2026-03-05"}
AGENT = Actor(kind=ActorKind.AGENT, id="a1")


class Story:
    """Events of one ticket, in the order and with the versions in which the services would send them."""

    def __init__(self, number: int, at: datetime, *, channel: Channel = Channel.EMAIL, language: str | None = None):
        self.id, self.number, self.at = UUID(int=number), number, at
        self.channel, self.language = channel, language
        self.streams: dict[tuple[str, str], list[Event[EventData]]] = {}
        first = self._message(MessageKind.CUSTOMER, at)
        self._add(TicketCreated(ticket=self._snapshot(TicketStatus.NEW), message=first, actor=AGENT), at)

    def reply(self, minutes: float, *, first: bool = True) -> "Story":
        at = self.at + timedelta(minutes=minutes)
        message = self._message(MessageKind.REPLY, at, first_reply=first)
        return self._add(TicketMessageAdded(ticket=self._snapshot(TicketStatus.OPEN), message=message), at)

    def change(self, status: TicketStatus, minutes: float) -> "Story":
        at = self.at + timedelta(minutes=minutes)
        solved_at = at if status is TicketStatus.SOLVED else None
        snapshot = self._snapshot(status, solved_at=solved_at)
        return self._add(TicketChanged(ticket=snapshot, changes={}, actor=AGENT, cause="agent", changed_at=at), at)

    def clock(self, metric: SlaMetric, minutes: float, *, breached: bool) -> "Story":
        at = self.at + timedelta(minutes=minutes)
        clock = Clock(
            metric=metric,
            state=ClockState.BREACHED if breached else ClockState.MET,
            policy="default",
            target_seconds=3600,
            started_at=self.at,
            due_at=at,
            breached_at=at if breached else None,
            stopped_at=None if breached else at,
            generation=1,
        )
        kind = SlaBreached if breached else SlaMet
        return self._add(kind(ticket_id=self.id, clock=clock, next_due_at=None, at=at), at)

    def delivery(self, minutes: float, *, failed: bool, again: bool = False) -> "Story":
        at = self.at + timedelta(minutes=minutes)
        ids = {"message_id": uuid4(), "ticket_id": self.id, "conversation_id": self.id}
        return self._add(
            MessageFailed(**ids, failed_at=at, reason="550", attempts=1)
            if failed
            else MessageDelivered(**ids, delivered_at=at, external_id="<m@example.org>", again=again),
            at,
        )

    def _message(self, kind: MessageKind, at: datetime, *, first_reply: bool = False) -> ThreadMessage:
        return ThreadMessage(
            id=uuid4(),
            kind=kind,
            channel=self.channel,
            author=AGENT,
            text="Hello",
            added_at=at,
            first_reply=first_reply,
        )

    def _snapshot(self, status: TicketStatus, solved_at: datetime | None = None) -> TicketSnapshot:
        return TicketSnapshot(
            id=self.id,
            number=self.number,
            version=1,
            subject="Parcel",
            status=status,
            priority=Priority.NORMAL,
            type=TicketType.QUESTION,
            channel=self.channel,
            requester=Requester(customer_id=UUID(int=9), name="Ana", email="ana@example.org"),
            language=self.language,
            created_at=self.at,
            updated_at=self.at,
            solved_at=solved_at,
        )

    def _add(self, data: EventData, at: datetime) -> "Story":
        stream = self.streams.setdefault((data.source, str(self.id)), [])
        stream.append(
            Event(
                id=uuid4(),
                source=data.source,
                aggregate_id=str(self.id),
                aggregate_version=len(stream) + 1,
                time=at,
                data=data,
                correlation_id="c",
            )
        )
        return self


def stories() -> list[Story]:
    return [
        Story(1, DAY + timedelta(hours=1), language="de")
        .reply(10)
        .clock(SlaMetric.FIRST_RESPONSE, 10, breached=False)
        .change(TicketStatus.SOLVED, 60)
        .delivery(11, failed=False),
        Story(2, DAY + timedelta(hours=2), language="hi")
        .reply(30)
        .reply(40, first=False)
        .clock(SlaMetric.FIRST_RESPONSE, 30, breached=False)
        .change(TicketStatus.SOLVED, 120)
        .change(TicketStatus.OPEN, 24 * 60)
        .delivery(31, failed=True),
        Story(3, DAY + timedelta(hours=26), channel=Channel.CHAT, language="hi")
        .clock(SlaMetric.FIRST_RESPONSE, 60, breached=True)
        .reply(80),
        Story(4, DAY - timedelta(hours=5), channel=Channel.API).change(TicketStatus.SOLVED, 60 * 30),
    ]


def waves(all_stories: Iterable[Story], seed: int) -> list[list[Event[EventData]]]:
    """Batches as the consumer makes them: streams interleaved at random, one type each, no stream twice in one."""
    shuffle = random.Random(seed)
    streams = [list(stream) for story in all_stories for stream in story.streams.values()]
    batches = []
    while streams := [stream for stream in streams if stream]:
        type_ = shuffle.choice(streams)[0].data.type
        batches.append([stream.pop(0) for stream in streams if stream[0].data.type == type_ and shuffle.random() < 0.8])
    return [batch for batch in batches if batch]


class Analytics:
    def __init__(self, callers: Callers, database: Database) -> None:
        self.as_, self.nobody, self.database = callers.as_, callers.nobody, database

    async def take(self, batches: Iterable[Sequence[Event[EventData]]]) -> None:
        for batch in batches:
            async with self.database.transaction() as session:
                await service.take_events(session, batch)

    async def get(self, path: str, **params: str) -> Any:
        answer = await self.as_(Role.SUPERVISOR).get(f"/api/analytics/{path}", **params)
        assert answer.status == 200, answer.body
        return answer.json()

    async def figures(self) -> Any:
        overview = await self.get("overview", **PERIOD)
        volumes = [await self.get("volume", by=by, **PERIOD) for by in ("channel", "language")]
        return overview["figures"], [volume["figures"] for volume in volumes]

    async def projections(self) -> dict[str, list[Any]]:
        """Every row of every projection."""
        async with self.database.read() as session:
            return {
                name: sorted(tuple(map(str, row)) for row in await session.execute(text(f"SELECT * FROM {name}")))
                for name in ("ticket_facts", "ticket_spans", "ticket_clocks")
            }

    async def rebuild(self, *, limit: int = 3, batches: int | None = None) -> tuple[Any, bool]:
        async with self.database.transaction() as session:
            progress = await service.start_rebuild(session, resume=True, now=DAY)
        finished = False
        while not finished and batches != 0:
            async with self.database.transaction() as session:
                progress, finished = await service.rebuild_batch(session, progress, now=DAY, limit=limit)
            batches = None if batches is None else batches - 1
        return progress, finished

    async def execute(self, *statements: str) -> None:
        async with self.database.transaction() as session:
            for statement in statements:
                await session.execute(text(statement))
