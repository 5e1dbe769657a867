"""Tables of mailboxes, and of what was delivered into them."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    Uuid,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from services.ingestion.models.base import metadata, moment

# The mailboxes of the desk but for that of the settings. `inbound` is how mail is fetched (empty where it is handed
# over), `smtp_url` how it is sent where not as everybody's; `secrets` are their passwords and tokens, sealed.
mailboxes = Table(
    "mailboxes",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("address", Text, nullable=False),
    Column("name", Text, nullable=False, server_default=""),
    Column("brand", Text, nullable=False, server_default="default"),
    Column("group", Text),
    Column("language", Text),
    Column("enabled", Boolean, nullable=False, server_default="true"),
    Column("inbound", JSONB, nullable=False, server_default="{}"),
    Column("smtp_url", Text),
    Column("secrets", LargeBinary),
    Column("version", BigInteger, nullable=False, server_default="1"),
    Column("created_at", moment, nullable=False),
    Column("updated_at", moment, nullable=False),
    CheckConstraint("address = lower(address)", name="address"),
    Index("uq_mailboxes_address", "address", unique=True),
)

# How far the mailboxes that are fetched were read. `source` is what UIDs are counted in, `unsettled` those of stored
# mails that the server does not know of yet. Below `reread_below`, what came before `skipped_before` is left alone: it
# was there before the desk was.
mailbox_fetching = Table(
    "mailbox_fetching",
    metadata,
    Column("mailbox_id", Uuid, ForeignKey("mailboxes.id", ondelete="CASCADE"), primary_key=True),
    Column("source", Text),
    Column("uid_validity", BigInteger),
    Column("last_uid", BigInteger, nullable=False, server_default="0"),
    Column("unsettled", ARRAY(BigInteger), nullable=False, server_default="{}"),
    Column("skipped_before", moment),
    Column("reread_below", BigInteger, nullable=False, server_default="0"),
    Column("due_at", moment, nullable=False),
    Column("lease", Uuid),
    Column("leased_until", moment),
    Column("failures", SmallInteger, nullable=False, server_default="0"),
    Column("reason", Text),
    Column("words", Text),
    Column("checked_at", moment),
    Index("ix_mailbox_fetching_due", "due_at"),
)

# Each time a mail was delivered. `made_message` is the one of which a message was made; the others brought it again.
# `mailbox_id` is null for the mailbox of the settings; `source_id` is what the door calls the mail.
mail_deliveries = Table(
    "mail_deliveries",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("mailbox_id", Uuid),
    Column("message_id", Uuid, nullable=False),
    Column("door", Text, nullable=False),
    Column("source_id", Text),
    Column("made_message", Boolean, nullable=False),
    Column("delivered_at", moment, nullable=False),
    Index("ix_mail_deliveries_delivered_at", "delivered_at", "mailbox_id"),
    Index("ix_mail_deliveries_message_id", "message_id"),
)
