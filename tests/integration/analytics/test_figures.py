"""From events to figures on a real database: right whatever the order between streams."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from shared.events.accounts import Role
from tests.integration.analytics.harness import DAY, PERIOD, Analytics, Story, stories, waves


@pytest.mark.parametrize("seed", range(4))
async def test_figures_are_right_whatever_the_order_between_streams(analytics: Analytics, seed: int) -> None:
    await analytics.take(waves(stories(), seed))
    overview = await analytics.get("overview", **PERIOD)
    assert overview["as_of"] == "2026-03-03T03:20:00Z"
    assert overview["figures"] == {
        "tickets_created": 3,
        "tickets_solved": 2,  # of day one and of the day before; ticket 2 came back
        "tickets_reopened": 1,
        "reopen_rate": pytest.approx(1 / 3),  # ticket 2 was solved, too
        "first_response_time": {"count": 3, "median": 1800.0, "p90": 4200.0, "mean": 2400.0},
        "resolution_time": {"count": 2, "median": 55800.0, "p90": 97560.0, "mean": 55800.0},
        "backlog": 2,
        "backlog_by_day": [
            {"day": "2026-03-02", "tickets": 1},
            {"day": "2026-03-03", "tickets": 2},
            {"day": "2026-03-04", "tickets": 2},
        ],
        "sla_compliance": [{"metric": "first_response", "met": 2, "breached": 1, "compliance": pytest.approx(2 / 3)}],
        "replies_delivered": 1,
        "replies_failed": 1,
    }


async def test_deliveries_count_once_when_they_happened_not_when_they_were_told(analytics: Analytics) -> None:
    story = Story(1, DAY).delivery(10, failed=False).delivery(11, failed=True).delivery(10, failed=False, again=True)
    late = [replace(event, time=DAY + timedelta(days=30)) for event in story.streams["ingestion", str(story.id)]]
    await analytics.take([event] for event in late)
    then = (await analytics.get("overview", **PERIOD))["figures"]
    assert (then["replies_delivered"], then["replies_failed"]) == (1, 1)
    later = (await analytics.get("overview", **{"from": "2026-03-31", "to": "2026-04-02"}))["figures"]
    assert (later["replies_delivered"], later["replies_failed"]) == (0, 0)


@pytest.mark.parametrize("interval", ["day", "hour"])
async def test_a_series_without_a_start_begins_with_a_whole_interval(analytics: Analytics, interval: str) -> None:
    answer = await analytics.get("volume", by="channel", interval=interval, time_zone="Asia/Kolkata")
    first = answer["figures"]["volume"][0]
    assert datetime.fromisoformat(first["start"]) == datetime.fromisoformat(answer["from"])


async def test_volume_by_channel_and_language_has_no_holes(analytics: Analytics) -> None:
    await analytics.take(waves(stories(), 0))
    by_channel = await analytics.get("volume", by="channel", **PERIOD)
    assert [(point["start"][:10], point["tickets"]) for point in by_channel["figures"]["volume"]] == [
        ("2026-03-02", {"email": 2}),
        ("2026-03-03", {"chat": 1}),
        ("2026-03-04", {}),
    ]
    by_language = await analytics.get("volume", by="language", **{"from": "2026-03-01", "to": "2026-03-02"})
    assert [point["tickets"] for point in by_language["figures"]["volume"]] == [{"und": 1}]
    hours = await analytics.get("volume", by="language", interval="hour", **PERIOD)
    counted = [point for point in hours["figures"]["volume"] if point["tickets"]]
    assert len(hours["figures"]["volume"]) == 72
    assert [(point["start"], point["tickets"]) for point in counted][:2] == [
        ("2026-03-02T01:00:00Z", {"de": 1}),
        ("2026-03-02T02:00:00Z", {"hi": 1}),
    ]


async def test_figures_of_some_tickets_come_with_the_search_that_finds_them(analytics: Analytics) -> None:
    await analytics.take(waves(stories(), 0))
    hindi = await analytics.get("overview", language="hi", **PERIOD)
    about = "created>=2026-03-02T00:00:00Z created<2026-03-05T00:00:00Z language:hi"
    assert hindi["figures"] == {
        "tickets_created": 2,
        "tickets_solved": 0,
        "tickets_reopened": 1,
        "reopen_rate": 1.0,
        "first_response_time": {"count": 2, "median": 3300.0, "p90": 4500.0, "mean": 3300.0},
        "resolution_time": {"count": 0, "median": None, "p90": None, "mean": None},
        "backlog": 2,
        "backlog_by_day": [
            {"day": "2026-03-02", "tickets": 0},
            {"day": "2026-03-03", "tickets": 2},
            {"day": "2026-03-04", "tickets": 2},
        ],
        "sla_compliance": [{"metric": "first_response", "met": 1, "breached": 1, "compliance": 0.5}],
        "replies_delivered": 0,
        "replies_failed": 1,
    }
    assert hindi["searches"]["tickets_created"] == about
    assert hindi["searches"]["backlog"] == "status:new,on_hold,open,pending language:hi"
    chats = await analytics.get("volume", by="language", channel="chat", type="question", **PERIOD)
    first, second, _ = chats["figures"]["volume"]
    assert (first["tickets"], second["tickets"]) == ({}, {"hi": 1})
    assert second["search"] == ("created>=2026-03-03T00:00:00Z created<2026-03-04T00:00:00Z channel:chat type:question")
    assert chats["key_searches"] == {"hi": "language:hi"}
    unknown = await analytics.get("overview", language="und", group="VIP desk", **PERIOD)
    assert unknown["figures"]["tickets_created"] == 0
    assert unknown["searches"]["backlog"].endswith('language:none group:"VIP desk"')


async def test_days_begin_where_the_reader_lives(analytics: Analytics) -> None:
    """Ticket 4 came at 19:00 UTC, which is the next day in Kolkata; in March Berlin skips an hour of a day."""
    await analytics.take(waves(stories(), 0))
    kolkata = await analytics.get("volume", by="channel", time_zone="Asia/Kolkata", **PERIOD)
    assert kolkata["figures"]["volume"][0]["tickets"] == {"api": 1, "email": 2}
    berlin = {"from": "2026-03-29", "to": "2026-03-30", "time_zone": "Europe/Berlin", "interval": "hour"}
    assert len((await analytics.get("volume", by="channel", **berlin))["figures"]["volume"]) == 23


async def test_days_without_a_midnight_are_followed_by_whole_days(analytics: Analytics) -> None:
    """In Santiago 7 September 2025 began at one o'clock, and no day after it had any tickets."""
    zone = ZoneInfo("America/Santiago")
    days = [datetime(2025, 9, day, tzinfo=zone) for day in (5, 6, 7, 8, 9)]
    await analytics.take(
        [
            [Story(number, day.astimezone(UTC) + timedelta(minutes=10)).streams["tickets", str(UUID(int=number))][0]]
            for number, day in enumerate(days)
        ]
    )
    asked = {"time_zone": zone.key, "from": "2025-09-05", "to": "2025-09-09T00:30:00-03:00"}
    volume = await analytics.get("volume", by="channel", **asked)
    assert [(datetime.fromisoformat(point["start"]), point["tickets"]) for point in volume["figures"]["volume"]] == [
        (day.astimezone(UTC), {"email": 1}) for day in days
    ]
    hours = await analytics.get("volume", by="channel", interval="hour", **asked)
    assert sum(point["tickets"].get("email", 0) for point in hours["figures"]["volume"]) == len(days)
    overview = await analytics.get("overview", **asked)
    assert overview["figures"]["backlog_by_day"] == [
        {"day": f"{day:%Y-%m-%d}", "tickets": number} for number, day in enumerate(days, 1)
    ]


async def test_an_empty_desk_has_figures_too(analytics: Analytics) -> None:
    overview = await analytics.get("overview", **PERIOD)
    assert overview["as_of"] is None
    assert overview["figures"]["first_response_time"] == {"count": 0, "median": None, "p90": None, "mean": None}
    assert [day["tickets"] for day in overview["figures"]["backlog_by_day"]] == [0, 0, 0]


@pytest.mark.parametrize(
    "params",
    [
        {"from": "2026-03-05", "to": "2026-03-02"},
        {"from": "2026-03-02T00:00:01"},
        {"from": "0001-01-01", "to": "0001-01-02"},
        {"time_zone": "Mars/Olympus"},
        {"time_zone": "\x00"},
        {"from": "2020-01-01", "to": "2026-01-01"},
        {"from": "soon"},
        {"channel": "pigeon"},
        {"group": 'a" status:open "'},
    ],
)
async def test_nonsense_is_refused(analytics: Analytics, params: dict[str, str]) -> None:
    answer = await analytics.as_(Role.ADMIN).get("/api/analytics/overview", **params)
    assert answer.status == 422, answer.body


async def test_agents_and_customers_see_no_figures(analytics: Analytics) -> None:
    for role in (Role.AGENT, Role.CUSTOMER):
        answer = await analytics.as_(role).get("/api/analytics/overview")
        assert answer.status == 403
    assert (await analytics.nobody().get("/api/analytics/metrics")).status == 401


async def test_every_metric_is_defined_for_the_reader(analytics: Analytics) -> None:
    items = (await analytics.get("metrics"))["items"]
    assert {item["id"] for item in items} >= {"first_response_time", "sla_compliance", "volume", "backlog_by_day"}
    assert all(item["unit"] and item["definition"] for item in items)
