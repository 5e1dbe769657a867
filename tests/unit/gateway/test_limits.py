from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.domain.limits import PER_ACCOUNT_AND_ADDRESS, PER_ADDRESS, Limit

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
LIMIT = Limit("test", burst=3, interval=timedelta(seconds=10))

limits = st.builds(
    Limit,
    st.just("any"),
    burst=st.integers(1, 50),
    interval=st.timedeltas(timedelta(milliseconds=1), timedelta(hours=1)),
)


class Bucket:
    """The bucket as `Repository.take` keeps it in the database."""

    def __init__(self, limit: Limit) -> None:
        self.limit = limit
        self.arrival: datetime | None = None

    def take(self, now: datetime) -> timedelta | None:
        arrival = max(self.arrival or now, now)
        if arrival > now + self.limit.tolerance:
            return self.limit.wait(arrival, now)
        self.arrival = arrival + self.limit.interval
        return None


def test_a_burst_goes_through_and_then_one_per_interval() -> None:
    bucket = Bucket(LIMIT)
    assert [bucket.take(NOW) for _ in range(4)] == [None, None, None, timedelta(seconds=10)]
    assert bucket.take(NOW + timedelta(seconds=9, microseconds=999_999)) == timedelta(microseconds=1)
    assert bucket.take(NOW + timedelta(seconds=10)) is None
    assert bucket.take(NOW + timedelta(seconds=10)) == timedelta(seconds=10)


def test_whoever_stays_away_may_burst_again_and_no_more() -> None:
    bucket = Bucket(LIMIT)
    for moment in (NOW, NOW + timedelta(days=1)):
        assert [bucket.take(moment) for _ in range(4)].count(None) == LIMIT.burst


@pytest.mark.parametrize("limit", [PER_ADDRESS, PER_ACCOUNT_AND_ADDRESS])
def test_nobody_waits_who_was_not_refused(limit: Limit) -> None:
    assert limit.wait(NOW, NOW) == timedelta(0)
    assert limit.wait(NOW + limit.tolerance, NOW) == timedelta(0)


def test_guessing_one_password_is_slower_than_a_busy_office_signs_in() -> None:
    assert PER_ACCOUNT_AND_ADDRESS.burst < PER_ADDRESS.burst
    assert PER_ACCOUNT_AND_ADDRESS.interval > PER_ADDRESS.interval


@given(limits, st.lists(st.timedeltas(timedelta(0), timedelta(hours=1)), max_size=100))
def test_no_stretch_of_time_admits_more_than_the_limit_says(limit: Limit, pauses: list[timedelta]) -> None:
    bucket, now, admitted = Bucket(limit), NOW, 0
    for pause in pauses:
        now += pause
        admitted += bucket.take(now) is None
    assert admitted <= limit.burst + (now - NOW) // limit.interval


@given(limits, st.integers(1, 20))
def test_whoever_waits_as_told_is_admitted(limit: Limit, tries: int) -> None:
    bucket, now = Bucket(limit), NOW
    for _ in range(limit.burst + tries):
        if (wait := bucket.take(now)) is not None:
            assert timedelta(0) < wait <= limit.interval
            now += wait
            assert bucket.take(now) is None
