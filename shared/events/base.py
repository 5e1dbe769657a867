"""What every event has: an envelope (CloudEvents 1.0) and frozen data."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Generic, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict


class EventModel(BaseModel):
    """A frozen value inside event data. Unknown fields are ignored: an older reader understands a newer writer."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class EventData(EventModel):
    """The data of one event type. A subclass names its wire type, its topic and the service that produces it.

    Changes are additive with a default; a break is a new class with the next version, published beside the old one.
    """

    type: ClassVar[str]
    topic: ClassVar[str]
    source: ClassVar[str]


D_co = TypeVar("D_co", bound=EventData, covariant=True)


@dataclass(frozen=True, slots=True)
class Event(Generic[D_co]):
    """One event as a consumer sees it.

    `aggregate_id` is the message key and CloudEvents subject; `aggregate_version` is contiguous per
    (`source`, `aggregate_id`), starting with 1. `hops` counts the events that led to this one.
    """

    id: UUID
    source: str
    aggregate_id: str
    aggregate_version: int
    time: datetime
    data: D_co
    correlation_id: str
    causation_id: UUID | None = None
    hops: int = 0
    traceparent: str | None = None
