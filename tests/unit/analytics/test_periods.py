"""Periods that figures are asked for."""

from datetime import UTC, date, datetime, timedelta

import pytest

from services.analytics.domain.periods import Interval, PeriodError, period

NOW = datetime(2026, 3, 31, 12, tzinfo=UTC)
YEAR = timedelta(days=365)


def test_the_default_is_thirty_days_until_now() -> None:
    found = period(None, None, time_zone="UTC", now=NOW, longest=YEAR)
    assert (found.start, found.end) == (NOW - timedelta(days=30), NOW)


@pytest.mark.parametrize(
    ("zone", "whole", "start"),
    [
        ("UTC", Interval.DAY, datetime(2026, 3, 1, tzinfo=UTC)),
        ("UTC", Interval.HOUR, datetime(2026, 3, 1, 12, tzinfo=UTC)),
        ("Asia/Kolkata", Interval.DAY, datetime(2026, 2, 28, 18, 30, tzinfo=UTC)),
        ("Asia/Kolkata", Interval.HOUR, datetime(2026, 3, 1, 12, 30, tzinfo=UTC)),
    ],
)
def test_a_series_begins_with_a_whole_interval(zone: str, whole: Interval, start: datetime) -> None:
    now = NOW + timedelta(minutes=44, seconds=5)
    found = period(None, None, time_zone=zone, now=now, longest=whole.longest, whole=whole)
    assert (found.start, found.end) == (start, now)


def test_dates_are_midnights_of_the_zone_over_a_change_of_the_clocks() -> None:
    found = period(date(2026, 3, 29), date(2026, 3, 30), time_zone="Europe/Berlin", now=NOW, longest=YEAR)
    assert found.end - found.start == timedelta(hours=24)  # wall time: same zone
    assert found.end.astimezone(UTC) - found.start.astimezone(UTC) == timedelta(hours=23)


@pytest.mark.parametrize(
    ("start", "end", "zone"),
    [
        (NOW, NOW, "UTC"),
        (NOW, NOW - timedelta(days=1), "UTC"),
        (NOW - timedelta(days=366), NOW, "UTC"),
        (NOW.replace(tzinfo=None), None, "UTC"),
        (date(1, 1, 1), date(1, 1, 2), "UTC"),
        (date(9999, 12, 30), date(9999, 12, 31), "UTC"),
        (None, None, "Mars/Olympus"),
        (None, None, "../../etc/passwd"),
        (None, None, "America"),
    ],
)
def test_nonsense_is_refused(start: datetime | None, end: datetime | None, zone: str) -> None:
    with pytest.raises(PeriodError):
        period(start, end, time_zone=zone, now=NOW, longest=YEAR)


def test_a_series_of_hours_is_shorter_than_one_of_days() -> None:
    assert Interval.HOUR.longest < Interval.DAY.longest
