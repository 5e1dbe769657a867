"""Tables of files."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    SmallInteger,
    Table,
    Text,
    Uuid,
    text,
)

from services.ingestion.models.base import metadata, moment

# Files. `owner` is the account that uploaded one, or `mail`; `message_id` the message that uses it. A scanner looks at
# what is `unscanned` from `scan_due_at` on; `found` is the name of what it found, or why it could not look.
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
    Column("created_at", moment, nullable=False),
    Column("scan", Text, nullable=False, server_default="unscanned"),
    Column("found", Text),
    Column("scan_attempts", SmallInteger, nullable=False, server_default="0"),
    Column("scan_due_at", moment, nullable=False, server_default=text("now()")),
    CheckConstraint("scan IN ('unscanned', 'clean', 'infected', 'unscannable')", name="scan"),
    Index("ix_attachments_key", "key"),
    Index("ix_attachments_message_id", "message_id", postgresql_where=text("message_id IS NOT NULL")),
    Index("ix_attachments_unattached", "owner", "created_at", postgresql_where=text("message_id IS NULL")),
    Index("ix_attachments_unscanned", "scan_due_at", postgresql_where=text("scan = 'unscanned'")),
)

# Images drawn anew when somebody first looked at them; `reason` is why one cannot be, after so many `tries`.
renditions = Table(
    "renditions",
    metadata,
    Column("attachment_id", Uuid, ForeignKey("attachments.id", ondelete="CASCADE"), primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("key", Text),
    Column("content_type", Text),
    Column("size_bytes", BigInteger),
    Column("reason", Text),
    Column("made_at", moment, nullable=False),
    Column("tries", SmallInteger, nullable=False, server_default="1"),
    CheckConstraint("kind IN ('thumbnail', 'image')", name="kind"),
    CheckConstraint("(key IS NULL) = (reason IS NOT NULL)", name="made"),
    Index("ix_renditions_key", "key", postgresql_where=text("key IS NOT NULL")),
)
