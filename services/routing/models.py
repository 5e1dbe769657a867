"""Tables of the schema `routing`."""

from sqlalchemy import Boolean, Column, Computed, DateTime, Integer, SmallInteger, Table, Text, Uuid
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from shared.db import schema_metadata

metadata = schema_metadata("routing")

# People who can be given tickets. Who they are comes from the accounts; the rest is set here.
# `own_languages`, where set, stand in for those of the account.
agents = Table(
    "agents",
    metadata,
    Column("account_id", Uuid, primary_key=True),
    Column("name", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("active", Boolean, nullable=False),
    Column("groups", ARRAY(Text), nullable=False),
    Column("account_languages", ARRAY(Text), nullable=False),
    Column("own_languages", ARRAY(Text)),
    Column("languages", ARRAY(Text), Computed("coalesce(own_languages, account_languages)", persisted=True)),
    Column("skills", ARRAY(Text), nullable=False),
    Column("capacity", Integer, nullable=False),
    Column("available", Boolean, nullable=False),
)

# A projection of the tickets, without a word of their text. `queue` is set while a ticket waits for an agent.
# `released_by` are agents who let go of it, `released_at` the moment of the last time by agent. Revisions before 0003
# keep only the former: who is missing from the latter did so at an unknown moment.
tickets = Table(
    "tickets",
    metadata,
    Column("ticket_id", Uuid, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("status", Text, nullable=False),
    Column("priority_rank", SmallInteger, nullable=False),
    Column("type", Text, nullable=False),
    Column("group_name", Text),
    Column("language", Text),
    Column("requester_language", Text),
    Column("tier", Text, nullable=False),
    Column("tags", ARRAY(Text), nullable=False),
    Column("assignee_id", Uuid),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("queue", Text),
    Column("released_by", ARRAY(Uuid), nullable=False),
    Column("released_at", JSONB, nullable=False),
    Column("declines", Integer, nullable=False),
    Column("route_after", DateTime(timezone=True), nullable=False),
)

# Capacity held for a proposal until tickets has answered it. At most one is open per ticket.
reservations = Table(
    "reservations",
    metadata,
    Column("decision_id", Uuid, primary_key=True),
    Column("ticket_id", Uuid, nullable=False),
    Column("agent_id", Uuid, nullable=False),
    Column("state", Text, nullable=False),
    Column("proposed_at", DateTime(timezone=True), nullable=False),
    Column("proposals", Integer, nullable=False),
    Column("ended_at", DateTime(timezone=True)),
)

# `explained` are the `reasons` by code, as they are beside each candidate's; revisions before 0004 keep English alone.
decisions = Table(
    "decisions",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("ticket_id", Uuid, nullable=False),
    Column("ticket_version", Integer, nullable=False),
    Column("group_name", Text),
    Column("assignee_id", Uuid),
    Column("queue", Text, nullable=False),
    Column("reasons", JSONB, nullable=False),
    Column("candidates", JSONB, nullable=False),
    Column("decided_at", DateTime(timezone=True), nullable=False),
    Column("explained", JSONB, nullable=False),
)
