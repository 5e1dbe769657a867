"""Events of SLA: the clocks of a ticket. Topic `desk.sla`, aggregate: the ticket."""

from datetime import datetime
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from shared.events.base import EventData, EventModel


class _SlaData(EventData):
    topic: ClassVar[str] = "desk.sla"
    source: ClassVar[str] = "sla"


class SlaMetric(StrEnum):
    """What a clock measures."""

    FIRST_RESPONSE = "first_response"
    RESOLUTION = "resolution"


class ClockState(StrEnum):
    """State of a clock. `met` and `cancelled` are final; a breached clock stays breached until it is met late."""

    RUNNING = "running"
    PAUSED = "paused"
    MET = "met"
    BREACHED = "breached"
    CANCELLED = "cancelled"


class Clock(EventModel):
    """One clock. `due_at` is None while paused; `generation` moves with every pause, resume and replan."""

    metric: SlaMetric
    state: ClockState
    policy: str
    target_seconds: int
    started_at: datetime
    due_at: datetime | None
    stopped_at: datetime | None = None
    breached_at: datetime | None = None
    generation: int


class SlaClockChanged(_SlaData):
    """The clocks of a ticket changed; all of them are carried. `next_due_at` is the earliest open deadline."""

    type: ClassVar[str] = "sla.clock_changed.v1"

    ticket_id: UUID
    clocks: tuple[Clock, ...]
    next_due_at: datetime | None
    changed_at: datetime


class _ClockEvent(_SlaData):
    ticket_id: UUID
    clock: Clock
    next_due_at: datetime | None
    assignee_id: UUID | None = None
    at: datetime


class SlaWarned(_ClockEvent):
    """A clock passed its warning point without being met."""

    type: ClassVar[str] = "sla.warned.v1"


class SlaBreached(_ClockEvent):
    """A clock passed its deadline without being met."""

    type: ClassVar[str] = "sla.breached.v1"


class SlaMet(_ClockEvent):
    """A clock was stopped by what it waited for. `clock.breached_at` tells whether that was late."""

    type: ClassVar[str] = "sla.met.v1"
