"""Tables of what goes out."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Index,
    SmallInteger,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from services.ingestion.models.base import metadata, moment

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
    Column("cc", JSONB, nullable=False, server_default="[]"),
    # By address: empty where the next hop took the mail for it, else why it never will.
    Column("outcomes", JSONB, nullable=False, server_default="{}"),
    Column("author_name", Text, nullable=False, server_default=""),
    Column("subject", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("html", Text),
    Column("attachments", JSONB, nullable=False),
    Column("mail_id", Text),
    Column("in_reply_to", Text),
    Column("written_at", moment, nullable=False),
    Column("attempts", SmallInteger, nullable=False, server_default="0"),
    Column("due_at", moment, nullable=False),
    Column("lease", Uuid),
    Column("reason", Text),
    Column("settled_at", moment),
    # Whom of us it comes from; null for the mailbox of the settings.
    Column("mailbox_id", Uuid),
    # Nobody wrote it.
    Column("automatic", Boolean, nullable=False, server_default="false"),
    # When it was first handed over: caps count from here.
    Column("begun_at", moment),
    CheckConstraint("state IN ('queued', 'delivered', 'failed', 'available')", name="state"),
    Index("ix_outbound_messages_due", "due_at", "message_id", postgresql_where=text("state = 'queued'")),
    Index("ix_outbound_messages_ticket_id", "ticket_id", "begun_at", postgresql_where=text("begun_at IS NOT NULL")),
    Index("ix_outbound_messages_recipient", "recipient", "begun_at", postgresql_where=text("begun_at IS NOT NULL")),
)

# How many mails left in each of the last minutes, replies and notices together.
outbound_minutes = Table(
    "outbound_minutes",
    metadata,
    Column("minute", moment, primary_key=True),
    Column("mails", BigInteger, nullable=False, server_default="0"),
)

# What somebody is told by mail, once for each notification. `values` are gone when it is settled.
notices = Table(
    "notices",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("language", Text),
    Column("values", JSONB, nullable=False),
    Column("brand", Text, nullable=False),
    Column("ticket_id", Uuid),
    Column("answer_as_note", Boolean, nullable=False),
    Column("attempts", SmallInteger, nullable=False, server_default="0"),
    Column("due_at", moment, nullable=False),
    Column("lease", Uuid),
    Column("reason", Text),
    Column("requested_at", moment, nullable=False),
    Column("expires_at", moment),
    Column("begun_at", moment),
    Column("settled_at", moment),
    CheckConstraint("state IN ('queued', 'delivered', 'failed', 'expired')", name="state"),
    Index("ix_notices_due", "due_at", "id", postgresql_where=text("state = 'queued'")),
    Index("ix_notices_address", "address", "begun_at", postgresql_where=text("begun_at IS NOT NULL")),
)
