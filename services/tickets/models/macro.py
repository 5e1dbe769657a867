"""What agents say and do again and again."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
    Uuid,
    literal_column,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from services.tickets.models.base import metadata, moment

# What agents do in one step: actions, and a text by language, as the API takes them. Personal ones are their owner's.
macros = Table(
    "macros",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("name", Text, nullable=False),
    # What lists are sorted and searched by.
    Column("folded_name", Text, nullable=False),
    Column("shortcut", Text),
    Column("description", Text, nullable=False),
    Column("active", Boolean, nullable=False),
    Column("position", Integer, nullable=False),
    Column("visibility", Text, nullable=False),
    Column("groups", ARRAY(Text), nullable=False),
    Column("owner_id", Uuid),
    Column("actions", JSONB, nullable=False),
    Column("writes", Text, nullable=False),
    Column("texts", JSONB, nullable=False),
    Column("default_language", Text),
    Column("version", BigInteger, nullable=False),
    Column("changed_at", moment, nullable=False),
    Column("changed_by", Uuid, nullable=False),
    CheckConstraint("visibility IN ('everyone', 'groups', 'personal')", name="visibility"),
    CheckConstraint("(visibility = 'personal') = (owner_id IS NOT NULL)", name="owner_id"),
    CheckConstraint("writes IN ('reply', 'note')", name="writes"),
    Index("ix_macros_order", "position", "folded_name", "id"),
    # Of those that are shared, and of each owner's, one has it.
    Index(
        "uq_macros_shortcut",
        "shortcut",
        "owner_id",
        unique=True,
        postgresql_nulls_not_distinct=True,
        postgresql_where=literal_column("shortcut IS NOT NULL"),
    ),
)

# How often macros are applied: one row per day and agent, so that those who use the same one do not wait in line.
macro_uses = Table(
    "macro_uses",
    metadata,
    Column("macro_id", Uuid, ForeignKey("macros.id", ondelete="CASCADE"), primary_key=True),
    Column("day", Date, primary_key=True),
    Column("account_id", Uuid, primary_key=True),
    Column("uses", Integer, nullable=False),
    Column("last_used_at", moment, nullable=False),
)

# What a ticket begins with that is opened from one, as the API takes it.
ticket_templates = Table(
    "ticket_templates",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("name", Text, nullable=False),
    Column("folded_name", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("active", Boolean, nullable=False),
    Column("position", Integer, nullable=False),
    Column("content", JSONB, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("changed_at", moment, nullable=False),
    Column("changed_by", Uuid, nullable=False),
    Index("ix_ticket_templates_order", "position", "folded_name", "id"),
)
