"""Tables of what comes in."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Index,
    Integer,
    SmallInteger,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from services.ingestion.models.base import metadata, moment

# Everything that came in. `origin` and `dedupe_key` together are what makes two submissions the same one.
# A mail is `stored` until a parser has read it; `lease` says which parser is at it until `leased_until`.
inbound_messages = Table(
    "inbound_messages",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("origin", Text, nullable=False),
    Column("dedupe_key", Text),
    Column("channel", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("received_at", moment, nullable=False),
    Column("conversation_id", Uuid),
    Column("sender", JSONB),
    Column("subject", Text, nullable=False, server_default=""),
    Column("text", Text, nullable=False, server_default=""),
    Column("external_id", Text),
    Column("raw_key", Text),
    Column("size_bytes", BigInteger, nullable=False, server_default="0"),
    Column("deliveries", Integer, nullable=False, server_default="1"),
    Column("reason", Text),
    Column("attempts", SmallInteger, nullable=False, server_default="0"),
    Column("lease", Uuid),
    Column("leased_until", moment),
    Column("released", Boolean, nullable=False, server_default="false"),
    Column("ticket_id", Uuid),
    Column("ticket_number", BigInteger),
    # Through which mailbox it came first; null for that of the settings.
    Column("mailbox_id", Uuid),
    # What became of it: null while that is open. Why it was ignored is the `reason`.
    Column("outcome", Text),
    # No person wrote it.
    Column("automatic", Boolean, nullable=False, server_default="false"),
    # Whether it was signed or encrypted, and what came of that.
    Column("security", JSONB),
    CheckConstraint("status IN ('stored', 'accepted', 'quarantined')", name="status"),
    CheckConstraint("status <> 'quarantined' OR reason IS NOT NULL", name="reason"),
    CheckConstraint("outcome IN ('opened', 'joined', 'held', 'ignored')", name="outcome"),
    Index(
        "uq_inbound_messages_dedupe",
        "origin",
        "dedupe_key",
        unique=True,
        postgresql_where=text("dedupe_key IS NOT NULL"),
    ),
    Index("ix_inbound_messages_stored", "id", postgresql_where=text("status = 'stored'")),
    Index("ix_inbound_messages_raw_key", "raw_key", postgresql_where=text("raw_key IS NOT NULL")),
    Index(
        "ix_inbound_messages_conversation_id",
        "conversation_id",
        "received_at",
        postgresql_where=text("conversation_id IS NOT NULL"),
    ),
    Index("ix_inbound_messages_quarantined", "id", postgresql_where=text("status = 'quarantined'")),
)

# Message-IDs of mail in both directions (RFC 5322 section 3.6.4), and the conversation each belongs to.
mail_ids = Table(
    "mail_ids",
    metadata,
    Column("message_id", Text, primary_key=True),
    Column("conversation_id", Uuid, nullable=False),
    Column("created_at", moment, nullable=False),
    Index("ix_mail_ids_conversation_id", "conversation_id", "created_at"),
)
