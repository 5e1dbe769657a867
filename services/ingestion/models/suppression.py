"""Tables of what did not arrive, and of whom nobody writes to any more."""

from sqlalchemy import CheckConstraint, Column, Index, LargeBinary, Table, Text, Uuid

from services.ingestion.models.base import metadata, moment

# Addresses that no mail is sent to until `expires_at` (for good where it is null), and why.
suppressions = Table(
    "suppressions",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("address", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("detail", Text, nullable=False, server_default=""),
    # The message that brought it about, and the account that wrote it down, where there is one.
    Column("message_id", Uuid),
    Column("added_by", Uuid),
    Column("added_at", moment, nullable=False),
    Column("expires_at", moment),
    CheckConstraint("reason IN ('bounce', 'complaint', 'manual')", name="reason"),
    Index("uq_suppressions_address", "address", unique=True),
)

# What did not arrive, once for each message and recipient, whoever told it and however often.
mail_bounces = Table(
    "mail_bounces",
    metadata,
    Column("message_id", Uuid, primary_key=True),
    Column("recipient", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("status", Text),
    Column("reason", Text, nullable=False, server_default=""),
    Column("bounced_at", moment, nullable=False),
)

# What providers have told already, by what they call it, with a hash of its content: a signature that was seen once
# does not vouch for anything else.
webhook_receipts = Table(
    "webhook_receipts",
    metadata,
    Column("provider", Text, primary_key=True),
    Column("token", Text, primary_key=True),
    Column("digest", LargeBinary, nullable=False),
    Column("received_at", moment, nullable=False),
    Index("ix_webhook_receipts_received_at", "received_at"),
)
