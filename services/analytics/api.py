"""Routes of analytics. All read; supervisors and administrators may."""

from datetime import date, timedelta
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import AwareDatetime

from services.analytics.domain.metrics import METRICS
from services.analytics.domain.periods import Dimension, Interval, Period, PeriodError, period
from services.analytics.repository import FiguresRepository
from services.analytics.schemas import (
    MetricDefinition,
    MetricList,
    OverviewAnswer,
    OverviewFigures,
    VolumeAnswer,
    VolumeFigures,
)
from shared.auth import requires
from shared.db import now_utc
from shared.web import ReadSession, Unprocessable

router = APIRouter(prefix="/api/analytics", tags=["analytics"], dependencies=[requires("analytics.read")])

FIGURES = (OverviewFigures, VolumeFigures)
"""What is served; the names of their fields are metric ids, which have to be declared."""

_LONGEST_OVERVIEW = timedelta(days=400)

Start = Annotated[
    AwareDatetime | date | None,
    Query(alias="from", description="Inclusive: a time with an offset, or a date. 30 days before the end by default."),
]
End = Annotated[
    AwareDatetime | date | None,
    Query(alias="to", description="Exclusive: a time with an offset, or a date. Now by default."),
]
TimeZone = Annotated[str, Query(max_length=64, description="IANA name of the zone in which days begin.")]


@router.get("/overview")
async def overview(
    session: ReadSession, start: Start = None, end: End = None, time_zone: TimeZone = "UTC"
) -> OverviewAnswer:
    """The main figures of a period."""
    asked = _period(start, end, time_zone, _LONGEST_OVERVIEW)
    figures = FiguresRepository(session)
    return OverviewAnswer(
        start=asked.start,
        end=asked.end,
        time_zone=asked.time_zone,
        as_of=await figures.as_of(),
        figures=OverviewFigures.model_validate(await figures.overview(asked)),
    )


@router.get("/volume")
async def volume(
    session: ReadSession,
    by: Dimension,
    start: Start = None,
    end: End = None,
    interval: Interval = Interval.DAY,
    time_zone: TimeZone = "UTC",
) -> VolumeAnswer:
    """Tickets created over time, by channel or by language. Without `from` the first interval is a whole one."""
    asked = _period(start, end, time_zone, interval.longest, whole=interval)
    figures = FiguresRepository(session)
    return VolumeAnswer(
        start=asked.start,
        end=asked.end,
        time_zone=asked.time_zone,
        as_of=await figures.as_of(),
        by=by,
        interval=interval,
        figures=VolumeFigures.model_validate(await figures.volume(asked, by=by, interval=interval)),
    )


@router.get("/metrics")
async def metrics() -> MetricList:
    """What each metric means, and its unit."""
    return MetricList(
        items=[
            MetricDefinition(id=metric.id, unit=metric.unit, definition=metric.definition)
            for metric in METRICS.values()
        ]
    )


def _period(
    start: AwareDatetime | date | None,
    end: AwareDatetime | date | None,
    zone: str,
    longest: timedelta,
    *,
    whole: Interval | None = None,
) -> Period:
    try:
        return period(start, end, time_zone=zone, now=now_utc(), longest=longest, whole=whole)
    except PeriodError as error:
        raise Unprocessable(str(error), slug="bad-period") from error
