"""The definition of every figure the service gives out. What is not declared here is not served."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum


class UndeclaredMetricError(Exception):
    """A figure is served that has no definition; the service must not start."""


class Unit(StrEnum):
    """What a metric counts."""

    TICKETS = "tickets"
    MESSAGES = "messages"
    SECONDS = "seconds"
    CLOCKS = "clocks"
    SHARE = "share"


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric's meaning in words, so that two people who read a figure mean the same by it."""

    id: str
    unit: Unit
    definition: str


_DECLARED = (
    Metric("tickets_created", Unit.TICKETS, "Tickets whose creation time is within the period."),
    Metric("tickets_solved", Unit.TICKETS, "Tickets whose last solution is within the period and still stands."),
    Metric(
        "tickets_reopened", Unit.TICKETS, "Returns of solved tickets to an unsolved status, by the time of the return."
    ),
    Metric(
        "reopen_rate",
        Unit.SHARE,
        "tickets_reopened divided by the solutions within the period, where a ticket that was solved twice counts "
        "twice. Above 1 where more came back than was solved.",
    ),
    Metric(
        "first_response_time",
        Unit.SECONDS,
        "From the ticket's creation to the release of the first public reply of an agent, in elapsed time, for tickets "
        "first answered within the period. Median and 90th percentile are interpolated.",
    ),
    Metric(
        "resolution_time",
        Unit.SECONDS,
        "From the ticket's creation to its last solution, in elapsed time, for tickets counted in tickets_solved. "
        "Median and 90th percentile are interpolated.",
    ),
    Metric("backlog", Unit.TICKETS, "Tickets that are new, open, pending or on hold now, whatever the period."),
    Metric(
        "backlog_by_day",
        Unit.TICKETS,
        "Tickets that were new, open, pending or on hold at the end of each day of the period, or now for a day that "
        "has not ended.",
    ),
    Metric(
        "sla_compliance",
        Unit.CLOCKS,
        "For each SLA metric, clocks judged within the period: met in time, and breached (also when met late). "
        "Compliance is met / (met + breached). Cancelled clocks do not count.",
    ),
    Metric("replies_delivered", Unit.MESSAGES, "Outbound messages the next hop accepted within the period."),
    Metric("replies_failed", Unit.MESSAGES, "Outbound messages given up within the period."),
    Metric(
        "volume",
        Unit.TICKETS,
        "Tickets created in each interval of the period, by channel or by language. The language is the ticket's, "
        "stated or detected; `und` where nobody knows it.",
    ),
)

METRICS: Mapping[str, Metric] = {metric.id: metric for metric in _DECLARED}


def require_declared(used: Iterable[str]) -> None:
    """Raise UndeclaredMetricError unless every metric id in `used` has a definition."""
    if missing := sorted(set(used) - METRICS.keys()):
        raise UndeclaredMetricError(f"metrics without a definition: {', '.join(missing)}")
