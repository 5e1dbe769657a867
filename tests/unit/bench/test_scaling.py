"""The arithmetic of scaling, on figures that are easy to check by head."""

import pytest

from desk.dev import scaling

GROWTH = {
    "split": [{"process": "tickets", "many tickets, ms": 1.2}, {"process": "postgres", "many tickets, ms": 6.0}],
    "topics": [{"topic": "desk.tickets", "events per ticket": 4.0, "KB per ticket": 8.64}],
    "database": [
        {"schema": "tickets", "processor per ticket, ms": 6.0, "write-ahead log per ticket, KB": 10.0},
        {"schema": "knowledge", "processor per ticket, ms": 0.0, "write-ahead log per ticket, KB": 0.0},
    ],
    "storage": [
        {
            "schema": "tickets",
            "rows for good": 5.0,
            "their data, KB": 3.0,
            "their indexes, KB": 1.0,
            "outbox, KB": 2.0,
        }
    ],
}


def test_cores_follow_from_milliseconds_the_peak_and_how_busy_a_core_may_be() -> None:
    _, rows = scaling.SHEETS["scaling_processes"](GROWTH)
    at_peak = 10_000_000 / 86_400 * scaling.PEAK * scaling.LATER
    assert rows[1][2] == pytest.approx(0.006 * at_peak / scaling.BUSY)
    assert rows[0][3] == 2  # one may fail
    assert rows[1][3] == ""  # not a service of ours
    assert rows[2][1] == pytest.approx(7.2)


def test_a_topic_has_twice_as_many_partitions_as_the_largest_group_has_workers_and_a_power_of_two() -> None:
    busy = {**GROWTH, "split": [{"process": "tickets", "many tickets, ms": 4.4}]}
    assert scaling.replicas_for(4.4) == 6
    assert scaling.SHEETS["scaling_topics"](busy)[1][0][4] == 16


def test_what_is_kept_is_per_ticket_times_tickets_and_the_sum_stands_below() -> None:
    _, rows = scaling.SHEETS["scaling_database"](GROWTH)
    assert rows[0][4] == pytest.approx(40.0)  # 4 KB of ten million tickets, in GB
    assert rows[0][6] == pytest.approx(0.14)  # 2 KB of them for seven days, in TB
    assert [row[0] for row in rows] == ["tickets", "all"]
    kept = scaling.SHEETS["scaling_topics"](GROWTH)[1][0][3]
    assert kept == pytest.approx(8.64e-9 * 10_000_000 * scaling.TOPIC_DAYS * scaling.BROKER_COPIES)
