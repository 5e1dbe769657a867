"""What somebody is about to write, and who wants to hear of a ticket."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    Sequence,
    Table,
    Text,
    Uuid,
    false,
    literal_column,
)
from sqlalchemy.dialects.postgresql import JSONB

from services.tickets.models.base import metadata, moment

# What an agent has begun to write. A version is never given twice, so that one who saw a draft before it was sent does
# not take the next one for it.
draft_version = Sequence("draft_version", metadata=metadata)

drafts = Table(
    "drafts",
    metadata,
    Column("ticket_id", Uuid, ForeignKey("tickets.id"), primary_key=True),
    Column("account_id", Uuid, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("html", Text),
    Column("cc", JSONB, nullable=False, server_default="[]"),
    Column("attachment_ids", JSONB, nullable=False, server_default="[]"),
    # What of the thread the author had read.
    Column("thread_version", Integer, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("updated_at", moment, nullable=False),
    CheckConstraint("kind IN ('reply', 'note')", name="kind"),
)

# Replies that leave later. A released one is the message with the same id, and its text is there alone.
scheduled_messages = Table(
    "scheduled_messages",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("ticket_id", Uuid, ForeignKey("tickets.id"), nullable=False),
    Column("author_id", Uuid, nullable=False),
    Column("author_name", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("html", Text),
    Column("cc", JSONB, nullable=False, server_default="[]"),
    Column("attachments", JSONB, nullable=False, server_default="[]"),
    # What the ticket's status becomes with it; null for what a reply makes of it.
    Column("status", Text),
    Column("thread_version", Integer, nullable=False),
    # The older thread version it was written against, where the author sent it in spite of what came since.
    Column("forced_from", Integer),
    Column("only_if_unanswered", Boolean, nullable=False),
    Column("release_at", moment, nullable=False),
    Column("state", Text, nullable=False),
    Column("reason", Text),
    Column("version", BigInteger, nullable=False),
    Column("created_at", moment, nullable=False),
    Column("settled_at", moment),
    CheckConstraint("state IN ('waiting', 'released', 'cancelled', 'refused')", name="state"),
    CheckConstraint("(state = 'waiting') = (settled_at IS NULL)", name="settled_at"),
    Index("ix_scheduled_messages_due", "release_at", "id", postgresql_where=literal_column("state = 'waiting'")),
    Index("ix_scheduled_messages_ticket_id", "ticket_id", "id"),
    Index("ix_scheduled_messages_settled_at", "settled_at", postgresql_where=literal_column("settled_at IS NOT NULL")),
)

# Files that somebody uploaded, until a message has them or they are forgotten where they are kept.
uploads = Table(
    "uploads",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("account_id", Uuid, nullable=False),
    Column("file", JSONB, nullable=False),
    Column("kept_until", moment, nullable=False),
    Column("used", Boolean, nullable=False, server_default=false()),
    Index("ix_uploads_kept_until", "kept_until"),
)

# Agents who want to know what becomes of a ticket.
ticket_followers = Table(
    "ticket_followers",
    metadata,
    Column("ticket_id", Uuid, ForeignKey("tickets.id"), primary_key=True),
    Column("account_id", Uuid, primary_key=True),
    Column("since", moment, nullable=False),
    Index("ix_ticket_followers_account_id", "account_id", "ticket_id"),
)
