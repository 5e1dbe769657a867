"""Tables of the schema `ingestion`."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from shared.db import schema_metadata

metadata = schema_metadata("ingestion")

_moment = DateTime(timezone=True)

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
    Column("received_at", _moment, nullable=False),
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
    Column("leased_until", _moment),
    Column("released", Boolean, nullable=False, server_default="false"),
    Column("ticket_id", Uuid),
    Column("ticket_number", BigInteger),
    CheckConstraint("status IN ('stored', 'accepted', 'quarantined')", name="status"),
    CheckConstraint("status <> 'quarantined' OR reason IS NOT NULL", name="reason"),
    Index(
        "uq_inbound_messages_dedupe",
        "origin",
        "dedupe_key",
        unique=True,
        postgresql_where=text("dedupe_key IS NOT NULL"),
    ),
    Index("ix_inbound_messages_stored", "id", postgresql_where=text("status = 'stored'")),
    Index("ix_inbound_messages_raw_key", "raw_key", postgresql_where=text("raw_key IS NOT NULL")),
    Index("ix_inbound_messages_quarantined", "id", postgresql_where=text("status = 'quarantined'")),
)

# Message-IDs of mail in both directions (RFC 5322 section 3.6.4), and the conversation each belongs to.
mail_ids = Table(
    "mail_ids",
    metadata,
    Column("message_id", Text, primary_key=True),
    Column("conversation_id", Uuid, nullable=False),
    Column("created_at", _moment, nullable=False),
    Index("ix_mail_ids_conversation_id", "conversation_id", "created_at"),
)

# Files. `owner` is the account that uploaded one, or `mail`; `message_id` the message that uses it.
attachments = Table(
    "attachments",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("key", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("content_type", Text, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("owner", Text, nullable=False),
    Column("message_id", Uuid),
    Column("created_at", _moment, nullable=False),
    Index("ix_attachments_key", "key"),
    Index("ix_attachments_unattached", "owner", "created_at", postgresql_where=text("message_id IS NULL")),
)

# Replies to customers. Only mail is sent from here (`queued` until it is `delivered` or `failed`); on the other
# channels a reply is `available` for the customer to read, which is all that can be said of it.
outbound_messages = Table(
    "outbound_messages",
    metadata,
    Column("message_id", Uuid, primary_key=True),
    Column("ticket_id", Uuid, nullable=False),
    Column("ticket_number", BigInteger, nullable=False),
    Column("conversation_id", Uuid, nullable=False),
    Column("channel", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("recipient", Text),
    Column("recipient_name", Text, nullable=False, server_default=""),
    Column("author_name", Text, nullable=False, server_default=""),
    Column("subject", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("attachments", JSONB, nullable=False),
    Column("mail_id", Text),
    Column("in_reply_to", Text),
    Column("written_at", _moment, nullable=False),
    Column("attempts", SmallInteger, nullable=False, server_default="0"),
    Column("due_at", _moment, nullable=False),
    Column("lease", Uuid),
    Column("reason", Text),
    Column("settled_at", _moment),
    CheckConstraint("state IN ('queued', 'delivered', 'failed', 'available')", name="state"),
    Index("ix_outbound_messages_due", "due_at", "message_id", postgresql_where=text("state = 'queued'")),
)

# Keys that were made here because none was configured.
secrets = Table(
    "secrets",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", LargeBinary, nullable=False),
)
