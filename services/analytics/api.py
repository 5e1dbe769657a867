"""Routes of analytics. All read; supervisors and administrators may."""

from datetime import date, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import AwareDatetime

from services.analytics.domain.filters import Filters, created_within, of_key, overview_searches
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
    VolumePoint,
)
from shared.auth import requires
from shared.db import now_utc
from shared.events.common import Channel, TicketType
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


def _filters(
    channel: Annotated[Channel | None, Query(description="Only tickets of this channel.")] = None,
    type_: Annotated[TicketType | None, Query(alias="type", description="Only tickets of this category.")] = None,
    language: Annotated[
        str | None,
        Query(
            pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*$",
            max_length=35,
            description="Only tickets of this language (BCP 47); `und`: whose language nobody knows.",
        ),
    ] = None,
    group: Annotated[
        # None that a search line could not name.
        str | None,
        Query(min_length=1, max_length=100, pattern=r'^[^"\x00-\x1f]+$', description="Only tickets of this group."),
    ] = None,
) -> Filters:
    return Filters(channel=channel, type=type_, language=language, group=group)


About = Annotated[Filters, Depends(_filters)]


@router.get("/overview")
async def overview(
    session: ReadSession, about: About, start: Start = None, end: End = None, time_zone: TimeZone = "UTC"
) -> OverviewAnswer:
    """The main figures of a period, of all tickets or of some."""
    asked = _period(start, end, time_zone, _LONGEST_OVERVIEW)
    figures = FiguresRepository(session, about)
    return OverviewAnswer(
        start=asked.start,
        end=asked.end,
        time_zone=asked.time_zone,
        as_of=await figures.as_of(),
        figures=OverviewFigures.model_validate(await figures.overview(asked)),
        searches=overview_searches(asked, about),
    )


@router.get("/volume")
async def volume(
    session: ReadSession,
    by: Dimension,
    about: About,
    start: Start = None,
    end: End = None,
    interval: Interval = Interval.DAY,
    time_zone: TimeZone = "UTC",
) -> VolumeAnswer:
    """Tickets created over time, by channel or by language. Without `from` the first interval is a whole one."""
    asked = _period(start, end, time_zone, interval.longest, whole=interval)
    figures = FiguresRepository(session, about)
    counted = await figures.volume(asked, by=by, interval=interval)
    ends = [*(start for start, _ in counted[1:]), asked.end]
    points = [
        VolumePoint(start=start, tickets=tickets, search=created_within(max(start, asked.start), ends_at, about))
        for (start, tickets), ends_at in zip(counted, ends, strict=True)
    ]
    return VolumeAnswer(
        start=asked.start,
        end=asked.end,
        time_zone=asked.time_zone,
        as_of=await figures.as_of(),
        by=by,
        interval=interval,
        figures=VolumeFigures(volume=points),
        key_searches={key: of_key(by, key) for point in points for key in point.tickets},
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
