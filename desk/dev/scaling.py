"""The arithmetic of `docs/scaling.md`: from what was measured per ticket to what so many tickets a day need.

What nobody measured is an assumption, and stands in the first table.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from shared.messaging.housekeeping import OUTBOX_RETENTION

Result = Mapping[str, Any]
Cell = str | float
Sheet = tuple[Sequence[str], Sequence[Sequence[Cell]]]

TICKETS_A_DAY = 10_000_000
SECONDS_A_DAY = 86_400
PEAK = 3
LATER = 2
BUSY = 0.6
TOPIC_DAYS = 3
BROKER_COPIES = 3
POOL = 10
_NOT_SERVICES = {"postgres", "broker", "edge", "launcher"}

_AVERAGE = TICKETS_A_DAY / SECONDS_A_DAY
_AT_PEAK = _AVERAGE * PEAK * LATER


def _assumptions(_: Result) -> Sheet:
    rows: list[list[Cell]] = [
        ["tickets a day", TICKETS_A_DAY, "given"],
        ["tickets per second, on average", _AVERAGE, "of it"],
        ["the busiest hour, of an average one", PEAK, "assumed"],
        ["the whole life of a ticket, of its arrival", LATER, "assumed: replies and changes cost as much again"],
        ["tickets' worth of work per second at the peak", _AT_PEAK, "of these"],
        ["how busy a core may be", BUSY, "assumed: above it queues grow"],
        ["days that topics keep", TOPIC_DAYS, "assumed; less than the outbox keeps"],
        ["copies of each record in Kafka", BROKER_COPIES, "assumed"],
        ["days that the outbox keeps", OUTBOX_RETENTION.days, "as it is in the code"],
    ]
    return ["what", "value", "from where"], rows


def _processes(growth: Result) -> Sheet:
    """Cores of each service at the peak; a Python process has use for one."""
    rows: list[list[Cell]] = []
    for each in growth["split"]:
        cost = each["many tickets, ms"]
        cores = cost / 1000 * _AT_PEAK / BUSY
        replicas: Cell = replicas_for(cost) if each["process"] not in _NOT_SERVICES else ""
        rows.append([each["process"], cost, cores, replicas])
    services = [row for row in rows if row[3] != ""]
    total = sum(float(row[1]) for row in rows), sum(float(row[2]) for row in rows)
    rows.append(["all", *total, sum(int(row[3]) for row in services)])
    return ["process", "per ticket, ms", "cores at the peak", "workers of one core"], rows


def replicas_for(cost_ms: float) -> int:
    """Single-core processes that do so much per ticket at the peak; two at least, for one may fail."""
    return max(2, math.ceil(cost_ms / 1000 * _AT_PEAK / BUSY))


def _topics(growth: Result) -> Sheet:
    """What goes through each topic, and what it keeps."""
    most = max(
        replicas_for(each["many tickets, ms"]) for each in growth["split"] if each["process"] not in _NOT_SERVICES
    )
    # As many as the largest group has members, twice over so that they can be shared out evenly.
    partitions = 2 ** math.ceil(math.log2(2 * most))
    columns = ["topic", "events/s at the peak", "MB/s at the peak", "TB kept, all copies", "partitions"]
    rows: list[list[Cell]] = [
        [
            each["topic"],
            each["events per ticket"] * _AVERAGE * PEAK,
            each["KB per ticket"] / 1000 * _AVERAGE * PEAK,
            each["KB per ticket"] / 1e9 * TICKETS_A_DAY * TOPIC_DAYS * BROKER_COPIES,
            partitions,
        ]
        for each in growth["topics"]
    ]
    rows.append(["all", *(sum(float(row[place]) for row in rows) for place in (1, 2, 3)), ""])
    return columns, rows


def _storage(growth: Result) -> Sheet:
    """What a ticket adds to each schema."""
    columns = ["schema", "rows for good", "their data, KB", "their indexes, KB", "outbox, KB"]
    return columns, [[each[column] for column in columns] for each in growth["storage"]]


def _database(growth: Result) -> Sheet:
    """Each service's own PostgreSQL."""
    stored = {each["schema"]: each for each in growth["storage"]}
    columns = ["schema", "cores at the peak", "write-ahead log, MB/s at the peak", "rows a day, millions"]
    columns += ["for good, GB a day", "TB a year", "outbox, TB"]
    rows: list[list[Cell]] = []
    for each in growth["database"]:
        kept = stored.get(each["schema"])
        if kept is None:
            continue
        per_day = (kept["their data, KB"] + kept["their indexes, KB"]) / 1e6 * TICKETS_A_DAY
        rows.append(
            [
                each["schema"],
                each["processor per ticket, ms"] / 1000 * _AT_PEAK / BUSY,
                each["write-ahead log per ticket, KB"] / 1000 * _AT_PEAK,
                kept["rows for good"] * TICKETS_A_DAY / 1e6,
                per_day,
                per_day * 365 / 1000,
                kept["outbox, KB"] * OUTBOX_RETENTION.days / 1e9 * TICKETS_A_DAY,
            ]
        )
    rows.append(["all", *(sum(float(row[place]) for row in rows) for place in range(1, len(columns)))])
    return columns, rows


def _connections(growth: Result) -> Sheet:
    """Of workers alone; every api process adds a pool."""
    rows: list[list[Cell]] = [
        [each["process"], workers := replicas_for(each["many tickets, ms"]), workers * POOL]
        for each in growth["split"]
        if each["process"] not in _NOT_SERVICES
    ]
    return ["service", "workers", "connections to its database"], rows


SHEETS: Mapping[str, Callable[[Result], Sheet]] = {
    "scaling_assumptions": _assumptions,
    "scaling_processes": _processes,
    "scaling_topics": _topics,
    "scaling_storage": _storage,
    "scaling_database": _database,
    "scaling_connections": _connections,
}
