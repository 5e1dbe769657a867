"""What a handler gets. A type is handled event by event or by whole batches: both would break the one's order."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from shared.events import Event
from shared.events.accounts import AccountChanged
from shared.events.tickets import TicketChanged, TicketMessageAdded
from shared.messaging.envelope import Envelope, Record
from shared.messaging.handlers import Handlers
from shared.messaging.inbox import waves


async def _take(session: AsyncSession, events: Sequence[Event[Any]]) -> None:
    raise NotImplementedError


async def _other(session: AsyncSession, events: Sequence[Event[Any]]) -> None:
    raise NotImplementedError


def _envelope(aggregate: str, version: int, type_: str) -> Envelope:
    record = Record("desk.tickets", 0, 0, None, (), None)
    now = datetime.now(UTC)
    return Envelope(uuid4(), type_, "tickets", aggregate, version, now, "c", None, 0, None, record)


def test_a_type_of_whole_batches_is_not_handled_event_by_event() -> None:
    handlers = Handlers("somebody").on_all([TicketChanged], _take)
    with pytest.raises(ValueError, match="whole batches"):
        handlers.on(TicketChanged, _take)


def test_a_handler_of_several_types_gets_them_together_but_never_two_of_one_aggregate() -> None:
    handlers = Handlers("somebody").on(TicketChanged, _take).on(TicketMessageAdded, _take).on(AccountChanged, _other)
    come = [
        ("a", 1, TicketChanged),
        ("b", 1, AccountChanged),
        ("c", 1, TicketMessageAdded),
        ("a", 2, TicketMessageAdded),
        ("d", 1, TicketChanged),
    ]
    found = waves([_envelope(aggregate, version, data.type) for aggregate, version, data in come], handlers)
    assert [(called, [(one.aggregate_id, one.aggregate_version) for one in wave]) for called, wave in found] == [
        ((_take,), [("a", 1), ("c", 1), ("d", 1)]),
        ((_other,), [("b", 1)]),
        ((_take,), [("a", 2)]),
    ]


def test_a_type_of_single_events_is_not_handled_by_whole_batches() -> None:
    handlers = Handlers("somebody").on(TicketChanged, _take)
    with pytest.raises(ValueError, match="event by event"):
        handlers.on_all([TicketChanged], _take)
