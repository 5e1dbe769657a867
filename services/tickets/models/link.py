"""What tickets have to do with each other."""

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    literal_column,
)
from sqlalchemy.dialects.postgresql import ARRAY

from services.tickets.models.base import metadata, moment

# What was merged into what, by whom, and what it takes to undo it: the source as it was, and the customers who take
# part in the target since.
merges = Table(
    "merges",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("source_id", Uuid, ForeignKey("tickets.id"), nullable=False),
    Column("target_id", Uuid, ForeignKey("tickets.id"), nullable=False),
    Column("at", moment, nullable=False),
    Column("by_id", Uuid, nullable=False),
    Column("by_name", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("status_key", Text),
    Column("solved_at", moment),
    Column("snoozed_until", moment),
    Column("review_of", Uuid),
    Column("review_reason", Text),
    Column("participants", ARRAY(Uuid), nullable=False),
    Column("undone_at", moment),
    Index("ix_merges_source_id", "source_id", unique=True, postgresql_where=literal_column("undone_at IS NULL")),
    Index("ix_merges_target_id", "target_id", "id"),
)

# Messages that were split off: each goes into one other ticket, as a copy.
splits = Table(
    "splits",
    metadata,
    Column("message_id", Uuid, ForeignKey("messages.id"), primary_key=True),
    Column("copy_id", Uuid, nullable=False),
    Column("ticket_id", Uuid, ForeignKey("tickets.id"), nullable=False),
    Index("ix_splits_ticket_id", "ticket_id"),
)

# What tickets are to each other, from the one that comes first: the parent, the problem, the original. A ticket has one
# such of each kind at most; what is `related` has no first, and goes from the lower id to the higher.
ticket_links = Table(
    "ticket_links",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("from_id", Uuid, ForeignKey("tickets.id"), nullable=False),
    Column("to_id", Uuid, ForeignKey("tickets.id"), nullable=False),
    # The parent is not solved before this child.
    Column("blocks", Boolean, nullable=False),
    Column("created_at", moment, nullable=False),
    Column("by_id", Uuid, nullable=False),
    Column("by_name", Text, nullable=False),
    UniqueConstraint("kind", "from_id", "to_id"),
    CheckConstraint("kind IN ('parent', 'problem', 'duplicate', 'follow_up', 'related', 'split')", name="kind"),
    CheckConstraint("from_id <> to_id", name="itself"),
    Index("ix_ticket_links_from_id", "from_id", "id"),
    Index("ix_ticket_links_to_id", "to_id", "id"),
    Index("ix_ticket_links_head", "kind", "to_id", unique=True, postgresql_where=literal_column("kind <> 'related'")),
    Index("ix_ticket_links_blocks", "from_id", postgresql_where=literal_column("blocks")),
)
