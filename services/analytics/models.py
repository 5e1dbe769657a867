"""Tables of the schema `analytics`. `archive` is the record; the others are projections of it.

Figures count from indexes alone, so these hold what is counted, and nothing that changes while a ticket is worked on: a
change of what stands in no index touches none.
"""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Index,
    Integer,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    Uuid,
    text,
)

from shared.db import schema_metadata

SCHEMA = "analytics"
metadata = schema_metadata(SCHEMA)

_MOMENT = DateTime(timezone=True)

archive = Table(
    "archive",
    metadata,
    Column("event_id", Uuid, nullable=False),
    Column("type", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("aggregate_id", Text, nullable=False),
    Column("aggregate_version", BigInteger, nullable=False),
    Column("ticket_id", Uuid, nullable=False),
    Column("time", _MOMENT, nullable=False),
    # As JSON was written: nothing is looked up in it.
    Column("data", JSON, nullable=False),
    # When a message was delivered or given up; null for everything else.
    Column("delivery_at", _MOMENT),
    # By ticket, as a rebuild reads them.
    PrimaryKeyConstraint("ticket_id", "event_id"),
    Index("ix_archive_time", "time"),
    Index("ix_archive_delivery", "type", "delivery_at", postgresql_where=text("delivery_at IS NOT NULL")),
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
    Column("created_at", _MOMENT),
    Column("first_reply_at", _MOMENT),
    Column("solved_at", _MOMENT),
    Column("customer_messages", Integer, nullable=False, server_default="0"),
    Column("replies", Integer, nullable=False, server_default="0"),
    Column("reopened_count", Integer, nullable=False, server_default="0"),
    Index("ix_ticket_facts_created", "created_at", postgresql_include=["channel"]),
    Index(
        "ix_ticket_facts_first_reply",
        "first_reply_at",
        postgresql_include=["created_at"],
        postgresql_where=text("first_reply_at IS NOT NULL"),
    ),
    Index(
        "ix_ticket_facts_solved",
        "solved_at",
        postgresql_include=["created_at"],
        postgresql_where=text("solved_at IS NOT NULL"),
    ),
)

ticket_spans = Table(
    "ticket_spans",
    metadata,
    Column("ticket_id", Uuid, primary_key=True),
    Column("ordinal", SmallInteger, primary_key=True),
    Column("started_at", _MOMENT, nullable=False, index=True),
    Column("ended_at", _MOMENT, index=True),
    Index("ix_ticket_spans_reopened", "started_at", postgresql_where=text("ordinal > 0")),
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
    Column("judged_at", _MOMENT),
    Index(
        "ix_ticket_clocks_judged",
        "judged_at",
        postgresql_include=["metric", "breached_at"],
        postgresql_where=text("judged_at IS NOT NULL"),
    ),
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
