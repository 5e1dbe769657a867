"""Tables of the schema `sla`."""

from sqlalchemy import BigInteger, Column, DateTime, Double, Integer, Sequence, Table, Text, Uuid
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from shared.db import schema_metadata

metadata = schema_metadata("sla")

# Moves with every change of a policy; tickets remember under which revision their clocks were planned.
policy_revisions = Sequence("policy_revisions", metadata=metadata)

# `targets` is {priority: {first_response_seconds, resolution_seconds}} for every priority.
policies = Table(
    "policies",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("name", Text, nullable=False),
    Column("position", Integer, nullable=False),
    Column("tiers", ARRAY(Text), nullable=False),
    Column("channels", ARRAY(Text), nullable=False),
    Column("targets", JSONB, nullable=False),
    Column("warn_fraction", Double, nullable=False),
    Column("calendar", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("updated_at", DateTime(timezone=True), nullable=False),
)

# A projection of the tickets. Its rows are what all work on a ticket's clocks and timers locks first.
tickets = Table(
    "tickets",
    metadata,
    Column("ticket_id", Uuid, primary_key=True),
    Column("status", Text, nullable=False),
    Column("priority", Text, nullable=False),
    Column("tier", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("assignee_id", Uuid),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("policy_revision", BigInteger, nullable=False),
)

# `intervals` is [[start, end or null], …]: the time that counts.
clocks = Table(
    "clocks",
    metadata,
    Column("ticket_id", Uuid, primary_key=True),
    Column("metric", Text, primary_key=True),
    Column("state", Text, nullable=False),
    Column("policy_id", Uuid, nullable=False),
    Column("policy", Text, nullable=False),
    Column("target_seconds", Integer, nullable=False),
    Column("warn_fraction", Double, nullable=False),
    Column("started_at", DateTime(timezone=True), nullable=False),
    Column("intervals", JSONB, nullable=False),
    Column("generation", Integer, nullable=False),
    Column("due_at", DateTime(timezone=True)),
    Column("warn_due_at", DateTime(timezone=True)),
    Column("warned_at", DateTime(timezone=True)),
    Column("breached_at", DateTime(timezone=True)),
    Column("stopped_at", DateTime(timezone=True)),
)

# Open while `fired_at` is null. Disarmed timers are deleted; one that survived would miss its clock's generation.
timers = Table(
    "timers",
    metadata,
    Column("id", BigInteger, primary_key=True),
    Column("ticket_id", Uuid, nullable=False),
    Column("metric", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("generation", Integer, nullable=False),
    Column("due_at", DateTime(timezone=True), nullable=False),
    Column("fired_at", DateTime(timezone=True)),
)
