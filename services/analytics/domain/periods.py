"""What figures can be asked for: a period, and how to split it."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

DEFAULT_LENGTH = timedelta(days=30)

# Far beyond what a desk sees, and well within what a database and its time zones can count with.
_YEARS = range(1990, 2200)


class Dimension(StrEnum):
    """What volume can be split by."""

    CHANNEL = "channel"
    LANGUAGE = "language"


class Interval(StrEnum):
    """The width of one point of a series."""

    DAY = "day"
    HOUR = "hour"

    @property
    def longest(self) -> timedelta:
        """The longest period that a series of such points may have."""
        return timedelta(days=400) if self is Interval.DAY else timedelta(days=31)


class PeriodError(ValueError):
    """The period that was asked for makes no sense, or is too long for what was asked."""


@dataclass(frozen=True, slots=True)
class Period:
    """From `start` (inclusive) to `end` (exclusive); days begin at midnight in `time_zone` (an IANA name)."""

    start: datetime
    end: datetime
    time_zone: str


def period(
    start: datetime | date | None,
    end: datetime | date | None,
    *,
    time_zone: str,
    now: datetime,
    longest: timedelta,
    whole: Interval | None = None,
) -> Period:
    """The period between two moments, or midnights where dates are given.

    Without an end it reaches to now. Without a start it is 30 days long, and longer by what is missing of its first
    `whole` interval, whose count would otherwise look like a fall. Raises PeriodError for an unknown time zone, a naive
    time, an end that is not after the start, and a period longer than `longest`.
    """
    try:
        zone = ZoneInfo(time_zone)
    except (KeyError, ValueError, OSError) as error:
        raise PeriodError(f"{time_zone!r} is not a known time zone") from error
    ends = now if end is None else _moment(end, zone)
    starts = _beginning(ends - min(DEFAULT_LENGTH, longest), zone, whole) if start is None else _moment(start, zone)
    if starts >= ends:
        raise PeriodError("the period must end after it starts")
    if ends - starts > longest:
        raise PeriodError(f"the period is longer than {longest.days} days")
    return Period(starts, ends, time_zone)


def _beginning(moment: datetime, zone: ZoneInfo, interval: Interval | None) -> datetime:
    match interval:
        case Interval.DAY:
            return datetime.combine(moment.astimezone(zone).date(), time.min, tzinfo=zone)
        case Interval.HOUR:
            return moment.astimezone(zone).replace(minute=0, second=0, microsecond=0)
        case None:
            return moment


def _moment(value: datetime | date, zone: ZoneInfo) -> datetime:
    if not isinstance(value, datetime):
        value = datetime.combine(value, time.min, tzinfo=zone)
    if value.year not in _YEARS:
        raise PeriodError(f"the period must be within the years {_YEARS.start} to {_YEARS.stop - 1}")
    if value.tzinfo is None:
        raise PeriodError("a time needs an offset, like 2026-01-31T12:00:00Z")
    return value
