"""The figures. Each mapping that is returned is keyed by the ids of the metrics it holds."""

from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from services.analytics.domain.facts import UNDETERMINED_LANGUAGE, LanguageFrom
from services.analytics.domain.filters import Filters
from services.analytics.domain.periods import Dimension, Interval, Period

_AS_OF = text("SELECT max(time) FROM analytics.archive")

# What tickets themselves say: whose language is only that of their requester are not found by it.
_LANGUAGE = f"CASE WHEN language_from > {LanguageFrom.REQUESTER} THEN language END"
_FILTERED = {
    "channel": "channel = :channel",
    "type": "ticket_type = :type",
    "language": f"coalesce({_LANGUAGE}, '{UNDETERMINED_LANGUAGE}') = :language",
    "group": '"group" = :group',
}

# {facts} and {rest} narrow to the tickets that are asked for, in the table that says it and in the others. One
# statement, so that all counts come from one snapshot.
_COUNTS = """
    SELECT created AS tickets_created, solved AS tickets_solved, reopened AS tickets_reopened,
           CAST(reopened AS double precision) / nullif(solutions, 0) AS reopen_rate, backlog, replies_delivered,
           replies_failed
      FROM (SELECT
           (SELECT count(*) FROM analytics.ticket_facts WHERE created_at >= :start AND created_at < :end{facts})
               AS created,
           (SELECT count(*) FROM analytics.ticket_facts WHERE solved_at >= :start AND solved_at < :end{facts})
               AS solved,
           (SELECT count(*) FROM analytics.ticket_spans WHERE ended_at >= :start AND ended_at < :end{rest})
               AS solutions,
           (SELECT count(*) FROM analytics.ticket_spans
             WHERE ordinal > 0 AND started_at >= :start AND started_at < :end{rest}) AS reopened,
           (SELECT count(*) FROM analytics.ticket_spans WHERE ended_at IS NULL{rest}) AS backlog,
           (SELECT count(*) FROM analytics.archive
             WHERE type = 'message.delivered.v1' AND delivery_at >= :start AND delivery_at < :end{rest})
               AS replies_delivered,
           (SELECT count(*) FROM analytics.archive
             WHERE type = 'message.failed.v1' AND delivery_at >= :start AND delivery_at < :end{rest})
               AS replies_failed) AS counted"""

_DURATIONS = """
    SELECT count(seconds) AS count,
           percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds) AS median,
           percentile_cont(0.9) WITHIN GROUP (ORDER BY seconds) AS p90,
           avg(seconds) AS mean
      FROM (SELECT CAST(extract(epoch FROM {moment} - created_at) AS double precision) AS seconds
              FROM analytics.ticket_facts
             WHERE {moment} >= :start AND {moment} < :end{{facts}}) AS measured"""
_FIRST_RESPONSE = _DURATIONS.format(moment="first_reply_at")
_RESOLUTION = _DURATIONS.format(moment="solved_at")

# The first moments of a period's days or hours. Where a day has no midnight, a series goes on from the hour it began
# with instead: it is cut to whole intervals again, and reaches to the end of the last one.
_STARTS = """
        SELECT date_trunc(:interval, moment, :zone) AS start
          FROM generate_series(date_trunc(:interval, CAST(:start AS timestamptz), :zone),
                               date_add(date_trunc(:interval, CAST(:end AS timestamptz) - interval '1 microsecond',
                                                   :zone),
                                        CAST(:step AS text)::interval, :zone) - interval '1 microsecond',
                               CAST(:step AS text)::interval, :zone) AS moment"""

# From what is open now, back through what came and went since: neither a day nor what was before needs a scan.
_BACKLOG_BY_DAY = f"""
    WITH days (day) AS ({_STARTS}
    ), first AS (
        SELECT min(day) AS day FROM days
    ), moves AS MATERIALIZED (  -- else each day would count them anew
        SELECT date_trunc('day', started_at, :zone) AS day, count(*) AS move
          FROM analytics.ticket_spans WHERE started_at >= (SELECT day FROM first){{rest}} GROUP BY 1
        UNION ALL
        SELECT date_trunc('day', ended_at, :zone), -count(*)
          FROM analytics.ticket_spans WHERE ended_at >= (SELECT day FROM first){{rest}} GROUP BY 1
    ), now AS (
        SELECT count(*) AS tickets FROM analytics.ticket_spans WHERE ended_at IS NULL{{rest}}
    )
    SELECT CAST(days.day AT TIME ZONE :zone AS date) AS day,
           CAST(now.tickets - coalesce((SELECT sum(move) FROM moves WHERE moves.day > days.day), 0) AS bigint)
               AS tickets
      FROM days, now ORDER BY days.day"""

_COMPLIANCE = """
    SELECT metric, count(*) FILTER (WHERE breached_at IS NULL) AS met,
           count(*) FILTER (WHERE breached_at IS NOT NULL) AS breached,
           CAST(avg(CASE WHEN breached_at IS NULL THEN 1.0 ELSE 0.0 END) AS double precision) AS compliance
      FROM analytics.ticket_clocks
     WHERE judged_at >= :start AND judged_at < :end{rest}
     GROUP BY metric ORDER BY metric"""

_VOLUME = """
    WITH starts AS ({starts}
    ), counted AS (
        SELECT date_trunc(:interval, created_at, :zone) AS start, coalesce({column}, :unknown) AS key,
               count(*) AS tickets
          FROM analytics.ticket_facts
         WHERE created_at >= :start AND created_at < :end{{facts}}
         GROUP BY 1, 2
    )
    SELECT start, jsonb_object_agg(key, tickets) FILTER (WHERE key IS NOT NULL) AS tickets
      FROM starts LEFT JOIN counted USING (start) GROUP BY start ORDER BY start"""
_VOLUME_BY = {
    Dimension.CHANNEL: _VOLUME.format(starts=_STARTS, column="channel"),
    Dimension.LANGUAGE: _VOLUME.format(starts=_STARTS, column=_LANGUAGE),
}


class FiguresRepository:
    """Computes figures, from indexes alone over the period that is asked for.

    Backlog by day reads from the start of the period to now; volume by language, and whatever is filtered, reads the
    rows.
    """

    def __init__(self, session: AsyncSession, filters: Filters = Filters()) -> None:  # noqa: B008 (frozen)
        self._session = session
        self._values = dict(filters.given())
        about = "".join(f" AND {_FILTERED[field]}" for field in self._values)
        self._narrowed = {
            "facts": about,
            "rest": about and f" AND ticket_id IN (SELECT ticket_id FROM analytics.ticket_facts WHERE true{about})",
        }

    async def as_of(self) -> datetime | None:
        """The time of the newest consumed event, or None before the first."""
        moment: datetime | None = await self._session.scalar(_AS_OF)
        return moment

    async def overview(self, period: Period) -> dict[str, Any]:
        """Counts, durations in seconds, backlog and SLA compliance of a period."""
        bounds = {"start": period.start, "end": period.end}
        return {
            **(await self._rows(_COUNTS, bounds))[0],
            "first_response_time": (await self._rows(_FIRST_RESPONSE, bounds))[0],
            "resolution_time": (await self._rows(_RESOLUTION, bounds))[0],
            "backlog_by_day": await self._rows(_BACKLOG_BY_DAY, _series(period, Interval.DAY)),
            "sla_compliance": await self._rows(_COMPLIANCE, bounds),
        }

    async def volume(
        self, period: Period, *, by: Dimension, interval: Interval
    ) -> list[tuple[datetime, dict[str, int]]]:
        """Tickets created in each interval of a period, by key."""
        asked = {**_series(period, interval), "unknown": UNDETERMINED_LANGUAGE}
        return [(row["start"], row["tickets"] or {}) for row in await self._rows(_VOLUME_BY[by], asked)]

    async def _rows(self, statement: str, asked: dict[str, Any]) -> list[dict[str, Any]]:
        query = text(statement.format_map(self._narrowed))
        return [dict(row) for row in (await self._session.execute(query, {**asked, **self._values})).mappings()]


def _series(period: Period, interval: Interval) -> dict[str, Any]:
    return {
        "start": period.start,
        "end": period.end,
        "zone": period.time_zone,
        "interval": interval.value,
        "step": f"1 {interval.value}",
    }
