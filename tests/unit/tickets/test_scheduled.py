"""When a reply leaves."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from services.tickets.domain.scheduled import LEAVING, MAX_AHEAD, MAX_UNDO_SECONDS, release_time
from services.tickets.schemas.threads import ReplyBody

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


@given(seconds=st.integers(0, MAX_UNDO_SECONDS))
def test_what_can_be_taken_back_leaves_after_that_and_is_as_good_as_sent(seconds: int) -> None:
    at = release_time(NOW, send_at=None, undo_seconds=seconds)
    assert (at is None) is (seconds == 0)
    assert at is None or NOW < at <= NOW + LEAVING


@given(ahead=st.timedeltas(timedelta(days=-200), timedelta(days=200)))
def test_a_time_is_ahead_and_not_too_far(ahead: timedelta) -> None:
    if timedelta(0) < ahead <= MAX_AHEAD:
        assert release_time(NOW, send_at=NOW + ahead, undo_seconds=0) == NOW + ahead
    else:
        with pytest.raises(ValueError, match=r"over already|days ahead"):
            release_time(NOW, send_at=NOW + ahead, undo_seconds=0)


@pytest.mark.parametrize(
    "wrong",
    [
        {"force": True},
        {"only_if_unanswered": True},
        {"undo_seconds": 5, "send_at": "2026-12-01T08:00:00Z"},
        {"send_at": "2026-12-01T08:00:00"},
    ],
)
def test_what_contradicts_itself_is_no_reply(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        ReplyBody.model_validate({"text": "x", **wrong})
