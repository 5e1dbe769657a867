"""A type is handled event by event or by whole batches: both would break the order that the one promises."""

from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from shared.events import Event
from shared.events.tickets import TicketChanged
from shared.messaging.handlers import Handlers


async def _take(session: AsyncSession, events: Sequence[Event[Any]]) -> None:
    raise NotImplementedError


def test_a_type_of_whole_batches_is_not_handled_event_by_event() -> None:
    handlers = Handlers("somebody").on_all([TicketChanged], _take)
    with pytest.raises(ValueError, match="whole batches"):
        handlers.on(TicketChanged, _take)


def test_a_type_of_single_events_is_not_handled_by_whole_batches() -> None:
    handlers = Handlers("somebody").on(TicketChanged, _take)
    with pytest.raises(ValueError, match="event by event"):
        handlers.on_all([TicketChanged], _take)
