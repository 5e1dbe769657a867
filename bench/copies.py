"""Filling a desk's database with copies of the tickets that are in it, so that half a million take minutes.

Every row of a ticket, in every service's schema, is copied with new ids, the same amount of time earlier: what was
consistent stays so. Ids hold a time (RFC 9562, version 7) and the copies' ids hold the earlier one, so that indexes
look as if the tickets had come one after the other. What services keep for a limited time only (outbox) is copied
as far back as they keep it. Ids inside JSON documents stay those of the pattern; no key and no index sees them.
"""

from datetime import timedelta

import asyncpg

from shared.messaging.housekeeping import OUTBOX_RETENTION

# Rows of tickets, in the order that foreign keys want.
_MESSAGING = ("outbox", "streams", "stream_positions")
TABLES = {
    "ingestion": ("inbound_messages", "mail_ids", "outbound_messages", *_MESSAGING),
    "tickets": (
        *("customers", "customer_identities", "tickets", "conversations", "participants", "messages"),
        *("ticket_history", *_MESSAGING),
    ),
    "routing": ("tickets", "reservations", "decisions", *_MESSAGING),
    "sla": ("tickets", "clocks", "timers", *_MESSAGING),
    "analytics": ("archive", "ticket_facts", "ticket_spans", "ticket_clocks", *_MESSAGING),
    "gateway": ("ticket_activity", "stream_positions"),
    "knowledge": ("stream_positions",),
}
# People and policies are not copied: they stay who they are.
_KEPT = {"assignee_id", "agent_id", "policy_id", "lease", "released_by"}
_UNIQUE_TEXTS = {
    *("address", "requester_email", "external_id", "last_customer_external_id", "dedupe_key", "mail_id"),
    *("message_id", "in_reply_to", "recipient"),
}
_RETENTION = {"outbox": OUTBOX_RETENTION}
# Of copies; tickets that come by themselves go on counting far below.
_NUMBERS_FROM = 10_000_000
_OF_PEOPLE = "('gateway', 'knowledge')"

_PREPARE = """
CREATE SCHEMA pattern;
CREATE FUNCTION pattern.earlier(id uuid, milliseconds bigint) RETURNS uuid LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN
    (lpad(to_hex((('x' || left(replace(id::text, '-', ''), 12))::bit(48)::bigint - milliseconds) & 281474976710655),
          12, '0') || right(replace(id::text, '-', ''), 20))::uuid;
"""


class Copier:
    """Copies what was in the database when `prepare` ran, one copy so much `apart` in time from the next.

    Needs the superuser's connection, and that nobody works.
    """

    def __init__(self, connection: asyncpg.Connection, apart: timedelta = timedelta(hours=1)) -> None:
        self._connection = connection
        self._milliseconds = int(apart / timedelta(milliseconds=1))

    async def prepare(self) -> None:
        """Keep the pattern; once per database."""
        async with self._connection.transaction():
            await self._connection.execute(_PREPARE)
            for service, tables in TABLES.items():
                for table in tables:
                    await self._connection.execute(
                        f"CREATE TABLE pattern.{service}_{table} AS SELECT * FROM {service}.{table} {_only(table)}"
                    )

    async def copy(self, first: int, last: int) -> None:
        """Make the copies numbered so; a greater number is an earlier time. All of them or none."""
        stride = await self._connection.fetchval("SELECT max(number) + 1 FROM pattern.tickets_tickets")
        async with self._connection.transaction():
            # Neither foreign keys nor commits have to be checked here: what is copied was checked once.
            await self._connection.execute("SET LOCAL session_replication_role = replica")
            await self._connection.execute("SET LOCAL synchronous_commit = off")
            for service, tables in TABLES.items():
                for table in tables:
                    until = last
                    if kept := _RETENTION.get(table):
                        until = min(last, int(kept / timedelta(milliseconds=self._milliseconds)) - 1)
                    await self._connection.execute(await self._statement(service, table, stride), first, until)

    async def settle(self) -> None:
        """What autovacuum would have done while the tickets came."""
        await self._connection.execute("VACUUM ANALYZE")
        await self._connection.execute("CHECKPOINT")

    async def _statement(self, service: str, table: str, stride: int) -> str:
        columns = await self._connection.fetch(
            """SELECT column_name AS name, data_type AS type FROM information_schema.columns
               WHERE table_schema = $1 AND table_name = $2 AND is_generated = 'NEVER'
                   AND identity_generation IS NULL ORDER BY ordinal_position""",
            service,
            table,
        )
        names = ", ".join(f'"{column["name"]}"' for column in columns)
        values = ", ".join(_copied(column["name"], column["type"], stride) for column in columns)
        return f"""
            WITH n AS (SELECT copy, copy * {self._milliseconds}::bigint AS milliseconds,
                              copy * interval '{self._milliseconds} milliseconds' AS earlier
                       FROM generate_series($1::bigint, $2::bigint) AS copy)
            INSERT INTO {service}.{table} ({names}) SELECT {values}
            FROM n, pattern.{service}_{table} AS p ORDER BY copy DESC"""


def _only(table: str) -> str:
    """Neither what is of people and articles, nor what still waits to be sent."""
    return {
        "stream_positions": f"WHERE substring(source FROM '[a-z]+$') NOT IN {_OF_PEOPLE}",
        "outbound_messages": "WHERE state <> 'queued'",
        "timers": "WHERE fired_at IS NOT NULL",
    }.get(table, "")


def _copied(name: str, type_: str, stride: int) -> str:
    """The expression for a column of the copy."""
    column = f'p."{name}"'
    copied = {
        "uuid": f"pattern.earlier({column}, milliseconds)",
        "timestamp with time zone": f"{column} - earlier",
    }.get(type_, column)
    if name in _KEPT:
        copied = column
    elif name in {"number", "ticket_number"}:
        copied = f"{column} + {_NUMBERS_FROM} + copy * {stride}"
    elif name == "aggregate_id":
        copied = f"pattern.earlier({column}::uuid, milliseconds)::text"
    elif name in {"author_id", "actor_id"}:
        kind = f'p."{name.replace("_id", "_kind")}"'
        copied = (
            f"CASE {kind} WHEN 'customer' THEN pattern.earlier({column}::uuid, milliseconds)::text ELSE {column} END"
        )
    elif name in _UNIQUE_TEXTS and type_ == "text":
        copied = f"copy || '-' || {column}"
    return copied
