"""Tables of the schema `analytics`. `archive` is the record; the others are projections of it."""

from sqlalchemy import BigInteger, Boolean, Column, DateTime, Index, Integer, SmallInteger, Table, Text, Uuid, text
from sqlalchemy.dialects.postgresql import JSONB

from shared.db import schema_metadata

SCHEMA = "analytics"
metadata = schema_metadata(SCHEMA)

_MOMENT = DateTime(timezone=True)

archive = Table(
    "archive",
    metadata,
    Column("event_id", Uuid, primary_key=True),
    Column("type", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("aggregate_id", Text, nullable=False),
    Column("aggregate_version", BigInteger, nullable=False),
    Column("ticket_id", Uuid, nullable=False),
    Column("time", _MOMENT, nullable=False),
    Column("data", JSONB, nullable=False),
    Index("ix_archive_ticket", "ticket_id"),
    Index("ix_archive_time", "time"),
    Index(
        "ix_archive_delivery",
        "type",
        "time",
        postgresql_where=text("type IN ('message.delivered.v1', 'message.failed.v1')"),
    ),
)

ticket_facts = Table(
    "ticket_facts",
    metadata,
    Column("ticket_id", Uuid, primary_key=True),
    Column("number", BigInteger),
    Column("channel", Text),
    Column("language", Text),
    Column("language_from", SmallInteger, nullable=False, server_default="1"),
    Column("priority", Text),
    Column("ticket_type", Text),
    Column("region", Text),
    Column("tier", Text),
    Column("brand", Text),
    Column("group", Text),
    Column("status", Text),
    Column("assignee_id", Uuid),
    Column("created_at", _MOMENT, index=True),
    Column("first_reply_at", _MOMENT, index=True),
    Column("solved_at", _MOMENT, index=True),
    Column("customer_messages", Integer, nullable=False, server_default="0"),
    Column("replies", Integer, nullable=False, server_default="0"),
    Column("reopened_count", Integer, nullable=False, server_default="0"),
)

ticket_spans = Table(
    "ticket_spans",
    metadata,
    Column("ticket_id", Uuid, primary_key=True),
    Column("ordinal", SmallInteger, primary_key=True),
    Column("started_at", _MOMENT, nullable=False, index=True),
    Column("ended_at", _MOMENT, index=True),
)

ticket_clocks = Table(
    "ticket_clocks",
    metadata,
    Column("ticket_id", Uuid, primary_key=True),
    Column("metric", Text, primary_key=True),
    Column("started_at", _MOMENT, primary_key=True),
    Column("policy", Text, nullable=False),
    Column("target_seconds", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Column("warned", Boolean, nullable=False),
    Column("breached_at", _MOMENT),
    Column("stopped_at", _MOMENT),
    Column("judged_at", _MOMENT, index=True),
)

rebuilds = Table(
    "rebuilds",
    metadata,
    Column("id", BigInteger, primary_key=True),
    Column("started_at", _MOMENT, nullable=False),
    Column("finished_at", _MOMENT),
    Column("after_ticket_id", Uuid),
    Column("events_total", BigInteger, nullable=False),
    Column("events", BigInteger, nullable=False),
    Column("tickets", BigInteger, nullable=False),
    Column("corrected", BigInteger, nullable=False),
)
