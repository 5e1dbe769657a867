"""HTTP shapes of analytics. A field of a `...Figures` model is named by the metric it shows."""

from datetime import date, datetime

from pydantic import BaseModel, Field

from services.analytics.domain.metrics import Unit
from services.analytics.domain.periods import Dimension, Interval


class Durations(BaseModel):
    """The distribution of a duration, in seconds; null where nothing was measured."""

    count: int
    median: float | None
    p90: float | None
    mean: float | None


class BacklogDay(BaseModel):
    """The backlog at the end of one day of the period's time zone."""

    day: date
    tickets: int


class Compliance(BaseModel):
    """How many clocks of one SLA metric kept their target. `compliance` is between 0 and 1; null without clocks."""

    metric: str
    met: int
    breached: int
    compliance: float | None


class OverviewFigures(BaseModel):
    """The figures of a period."""

    tickets_created: int
    tickets_solved: int
    tickets_reopened: int
    reopen_rate: float | None
    first_response_time: Durations
    resolution_time: Durations
    backlog: int
    backlog_by_day: list[BacklogDay]
    sla_compliance: list[Compliance]
    replies_delivered: int
    replies_failed: int


class VolumePoint(BaseModel):
    """One interval: tickets created in it, by key. Keys without tickets are left out.

    `search` is the search line that finds the tickets of all keys.
    """

    start: datetime
    tickets: dict[str, int]
    search: str


class VolumeFigures(BaseModel):
    """A series without holes."""

    volume: list[VolumePoint]


class Answer(BaseModel):
    """What figures are about and how old they are: `as_of` is the time of the newest event they are made from."""

    start: datetime = Field(serialization_alias="from")
    end: datetime = Field(serialization_alias="to", description="exclusive")
    time_zone: str
    as_of: datetime | None


class OverviewAnswer(Answer):
    """Figures of a period. `searches` has the search line that finds the tickets of a figure, by its metric."""

    figures: OverviewFigures
    searches: dict[str, str]


class VolumeAnswer(Answer):
    """Volume over a period. `key_searches` narrows the search line of a point to one key."""

    by: Dimension
    interval: Interval
    figures: VolumeFigures
    key_searches: dict[str, str]


class MetricDefinition(BaseModel):
    """What a metric means."""

    id: str
    unit: Unit
    definition: str


class MetricList(BaseModel):
    """All metrics."""

    items: list[MetricDefinition]
    next_cursor: str | None = None
