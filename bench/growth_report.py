"""What a growth run found, as a result: figures, and a table each for reads, cost, memory, storage and topics."""

from collections import defaultdict
from typing import Any

from bench.result import Circumstances, Figure, Result
from bench.statements import shortened
from bench.way import NOT_OURS

STATEMENTS = 15
# A tree that is one level higher takes a page more for each row: a statement writes several.
WORTH_A_LOOK_PAGES = 1.0
KEPT_FOR_A_WHILE = ("outbox",)

Row = dict[str, Any]
Measured = dict[str, Any]


def report(
    measured: dict[str, Measured], memory: list[Row], found: Circumstances, parameters: dict[str, Any]
) -> Result:
    """The result `growth`: with few tickets, with many, and the ratio."""
    few, many = measured["few"], measured["many"]
    few_cost, many_cost = _cost(few), _cost(many)
    pages = sum(each["pages"] for each in few["statements"]) / parameters["tickets_for_cost"]
    slope = _slope([(look["tickets"], _services(look)) for look in memory])
    return Result(
        id="growth",
        circumstances=found,
        parameters={
            **parameters,
            "few": few["tickets"],
            "many": many["tickets"],
            "tickets_while_memory_was_watched": memory[-1]["tickets"],
        },
        figures=[
            Figure("tickets in the database: few", few["tickets"], ""),
            Figure("tickets in the database: many", many["tickets"], ""),
            Figure("tickets while memory was watched", memory[-1]["tickets"], ""),
            Figure("processor per ticket, few tickets", few_cost, "ms"),
            Figure(
                "processor per ticket, many tickets", many_cost, "ms", reference=Figure("few tickets", few_cost, "ms")
            ),
            Figure("pages of the database per ticket, few tickets", pages, ""),
            Figure(
                "pages of the database per ticket, many tickets",
                sum(each["pages"] for each in many["statements"]) / parameters["tickets_for_cost"],
                "",
                reference=Figure("few tickets", pages, ""),
            ),
            Figure("tickets, the whole way, few tickets", few["tickets_per_second"], "/s"),
            Figure(
                "tickets, the whole way, many tickets",
                many["tickets_per_second"],
                "/s",
                reference=Figure("few tickets", few["tickets_per_second"], "/s"),
            ),
            Figure("write-ahead log per ticket, few tickets", few["wal_bytes"] / 1000, "KB"),
            Figure("write-ahead log per ticket, many tickets", many["wal_bytes"] / 1000, "KB"),
            Figure("memory of launcher, edge and services, first look", _services(memory[0]), "MB"),
            Figure("memory of launcher, edge and services, last look", _services(memory[-1]), "MB"),
            Figure("its growth in the second half, for 100,000 tickets", slope * 100_000, "MB"),
        ],
        split=[
            {
                "process": process,
                "few tickets, ms": few["cpu_ms"].get(process, 0.0),
                "many tickets, ms": spent,
                "ratio": spent / few["cpu_ms"][process] if few["cpu_ms"].get(process) else 0.0,
            }
            for process, spent in sorted(many["cpu_ms"].items(), key=lambda item: -item[1])
        ],
        tables={
            "reads": _reads(few, many),
            "memory": _memory(memory),
            "storage": _storage(few, many),
            "database": _database(many),
            "topics": _topics(many),
            "grown": _grown(few, many, parameters["tickets_for_cost"]),
        },
    )


def _services(look: Row) -> float:
    """Megabytes of our own processes: the embedded broker forgets nothing until it is replaced."""
    return float(sum(amount for name, amount in look["megabytes"].items() if name not in {"postgres", *NOT_OURS}))


def _cost(measured: Measured) -> float:
    return float(sum(spent for process, spent in measured["cpu_ms"].items() if process not in NOT_OURS))


def _reads(few: Measured, many: Measured) -> list[Row]:
    rows = []
    for name, now in many["reads"].items():
        then = few["reads"][name]
        rows.append(
            {
                "read": name,
                "few: pages": then["pages"],
                "many: pages": now["pages"],
                "ratio": now["pages"] / then["pages"],
                "few: in the database, ms": then["database"],
                "many: in the database, ms": now["database"],
                "few: request, ms": then["request"],
                "many: request, ms": now["request"],
            }
        )
    return rows


def _memory(memory: list[Row]) -> list[Row]:
    """The first half is left out of the slope: caches fill."""
    first, middle, last = memory[0], memory[len(memory) // 2], memory[-1]
    return [
        {
            "process": process,
            "first look, MB": first["megabytes"].get(process, 0.0),
            "half-way, MB": middle["megabytes"].get(process, 0.0),
            "last look, MB": megabytes,
            "growth in the second half, MB for 100,000 tickets": 100_000
            * _slope([(look["tickets"], look["megabytes"].get(process, 0.0)) for look in memory]),
        }
        for process, megabytes in sorted(last["megabytes"].items(), key=lambda item: -item[1])
    ]


def _slope(points: list[tuple[int, float]]) -> float:
    """Megabytes per ticket over the second half, by least squares."""
    points = points[len(points) // 2 :]
    tickets, amounts = [point[0] for point in points], [point[1] for point in points]
    mean_tickets, mean_amount = sum(tickets) / len(points), sum(amounts) / len(points)
    spread = sum((each - mean_tickets) ** 2 for each in tickets)
    if not spread:
        return 0.0
    return sum((a - mean_tickets) * (b - mean_amount) for a, b in points) / spread


def _storage(few: Measured, many: Measured) -> list[Row]:
    """Of each schema, what a ticket adds for good, and what it adds until the outbox forgets it.

    That by the row: how many tickets it remembers is not counted.
    """
    before = {(size["service"], size["table"]): size for size in few["sizes"]}
    tickets, pattern = many["tickets"] - few["tickets"], many["pattern"]["tickets"]
    schemas: dict[str, Row] = defaultdict(lambda: dict.fromkeys(("rows", "data", "indexes", *KEPT_FOR_A_WHILE), 0.0))
    for size in many["sizes"]:
        service, table = size["service"], size["table"]
        rows = many["pattern"]["rows"].get(f"{service}.{table}", 0) / pattern
        if not rows or not size["rows"]:
            continue
        schema = schemas[service]
        if table in KEPT_FOR_A_WHILE:
            schema[table] = size["bytes"] / size["rows"] * rows
        else:
            older = before[service, table]
            indexes = (size["index_bytes"] - older["index_bytes"]) / tickets
            schema["rows"] += rows
            schema["indexes"] += indexes
            schema["data"] += (size["bytes"] - older["bytes"]) / tickets - indexes
    return [
        {
            "schema": service,
            "rows for good": schema["rows"],
            "their data, KB": schema["data"] / 1000,
            "their indexes, KB": schema["indexes"] / 1000,
            **{f"{table}, KB": schema[table] / 1000 for table in KEPT_FOR_A_WHILE},
        }
        for service, schema in sorted(schemas.items(), key=lambda item: -item[1]["data"] - item[1]["indexes"])
    ]


def _database(many: Measured) -> list[Row]:
    """PostgreSQL's part by service: its processor time shared out by the time of statements."""
    took: dict[str, float] = defaultdict(float)
    wrote: dict[str, float] = defaultdict(float)
    for each in many["statements"]:
        took[each["service"]] += each["milliseconds"]
        wrote[each["service"]] += each["wal_bytes"]
    everything, cost = sum(took.values()), many["cpu_ms"]["postgres"]
    return [
        {
            "schema": service,
            "share of the time, %": spent / everything * 100,
            "processor per ticket, ms": spent / everything * cost,
            # What statements say of themselves is less than the whole: scaled to it.
            "write-ahead log per ticket, KB": wrote[service] / sum(wrote.values()) * many["wal_bytes"] / 1000,
        }
        for service, spent in sorted(took.items(), key=lambda item: -item[1])
    ]


def _topics(many: Measured) -> list[Row]:
    tickets = many["pattern"]["tickets"]
    return [
        {
            "topic": event["topic"],
            "events per ticket": event["events"] / tickets,
            "KB per ticket": event["bytes"] / tickets / 1000,
        }
        for event in sorted(many["pattern"]["events"], key=lambda event: -event["bytes"])
    ]


def _grown(few: Measured, many: Measured, cost: int) -> list[Row]:
    """The statements that look at more pages for each ticket when there are many, the largest growth first."""
    before = {(each["service"], each["statement"]): each["pages"] / cost for each in few["statements"]}
    rows: list[Row] = []
    for each in many["statements"]:
        then, now = before.get((each["service"], each["statement"])), each["pages"] / cost
        if then and now - then > WORTH_A_LOOK_PAGES:
            statement = shortened(each["statement"])
            counts = {"few: pages": then, "many: pages": now, "ratio": now / then}
            rows.append({"process": each["service"], "statement": statement, **counts})
    return sorted(rows, key=lambda row: row["few: pages"] - row["many: pages"])[:STATEMENTS]
