"""Tables of the schema `gateway`."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from shared.db import schema_metadata

metadata = schema_metadata("gateway")

_moment = DateTime(timezone=True)

accounts = Table(
    "accounts",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("email", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("groups", ARRAY(Text), nullable=False),
    Column("languages", ARRAY(Text), nullable=False),
    Column("active", Boolean, nullable=False),
    Column("version", BigInteger, nullable=False),
    # Null: no password was set, nobody can sign in with one.
    Column("password_hash", Text),
    Column("created_at", _moment, nullable=False),
    Column("updated_at", _moment, nullable=False),
    UniqueConstraint("email"),
    CheckConstraint("role IN ('customer', 'agent', 'supervisor', 'admin')", name="role"),
)

sessions = Table(
    "sessions",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("account_id", Uuid, ForeignKey("accounts.id"), nullable=False),
    Column("created_at", _moment, nullable=False),
    Column("expires_at", _moment, nullable=False),
    Column("ended_at", _moment),
    Index("ix_sessions_account_id", "account_id"),
    Index("ix_sessions_expires_at", "expires_at"),
)

# Only hashes: who reads the database cannot sign in with what it holds.
refresh_tokens = Table(
    "refresh_tokens",
    metadata,
    Column("token_hash", LargeBinary, primary_key=True),
    Column("session_id", Uuid, ForeignKey("sessions.id", ondelete="CASCADE"), nullable=False),
    Column("issued_at", _moment, nullable=False),
    Column("used_at", _moment),
    Index("ix_refresh_tokens_session_id", "session_id"),
)

sign_in_limits = Table(
    "sign_in_limits",
    metadata,
    Column("bucket", Text, primary_key=True),
    Column("arrival_at", _moment, nullable=False),
    Index("ix_sign_in_limits_arrival_at", "arrival_at"),
)

# Links by mail. Asked for is written down for any address; only that of an account gets a token, kept as its hash.
sign_in_links = Table(
    "sign_in_links",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("email", Text, nullable=False),
    Column("asked_at", _moment, nullable=False),
    Column("account_id", Uuid),
    Column("token_hash", LargeBinary),
    Column("sent_at", _moment),
    Index("uq_sign_in_links_token_hash", "token_hash", unique=True, postgresql_where=text("token_hash IS NOT NULL")),
    Index("ix_sign_in_links_account_id", "account_id", postgresql_where=text("account_id IS NOT NULL")),
    Index("ix_sign_in_links_asked_at", "asked_at"),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("account_id", Uuid, ForeignKey("accounts.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("scopes", ARRAY(Text), nullable=False),
    Column("created_at", _moment, nullable=False),
    Column("expires_at", _moment, nullable=False),
    Column("revoked_at", _moment),
    Index("ix_api_keys_account_id", "account_id"),
)

signing_keys = Table(
    "signing_keys",
    metadata,
    Column("kid", Text, primary_key=True),
    Column("public_key", Text, nullable=False),
    Column("private_key", LargeBinary, nullable=False),
    Column("encrypted", Boolean, nullable=False),
    Column("not_before", _moment, nullable=False),
    Column("retired_at", _moment),
)

live_frames = Table(
    "live_frames",
    metadata,
    Column("seq", BigInteger, Identity(always=True), primary_key=True),
    Column("frame", JSONB, nullable=False),
    Column("created_at", _moment, nullable=False),
)

# Of each ticket what the event of a change or a message does not carry: when its last message came, for list rows, and
# who watches it, for notifications.
ticket_activity = Table(
    "ticket_activity",
    metadata,
    Column("ticket_id", Uuid, primary_key=True),
    # Null where none has come.
    Column("last_message_at", _moment),
    Column("followers", ARRAY(Uuid), nullable=False, server_default="{}"),
    # Whoever put it off; null where nobody did, or no person.
    Column("snoozed_by", Uuid),
)

# The windows that show a ticket right now. Unlogged: after a crash there are none, as it should be.
presence = Table(
    "presence",
    metadata,
    Column("window_id", Uuid, primary_key=True),
    Column("account_id", Uuid, nullable=False),
    Column("name", Text, nullable=False),
    Column("ticket_id", Uuid, nullable=False),
    Column("doing", Text, nullable=False),
    Column("expires_at", _moment, nullable=False),
    Index("ix_presence_ticket_id", "ticket_id"),
    prefixes=["UNLOGGED"],
)

# What each account is to be told. No words of a ticket: who is told reads those, with their own rights.
notifications = Table(
    "notifications",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("account_id", Uuid, nullable=False),
    Column("kind", Text, nullable=False),
    Column("ticket_id", Uuid, nullable=False),
    Column("ticket_number", BigInteger, nullable=False),
    # The agent who did it; empty where it was a customer or the desk itself.
    Column("author", Text, nullable=False),
    Column("created_at", _moment, nullable=False),
    Column("read_at", _moment),
    Index("ix_notifications_account_id_id", "account_id", "id"),
    Index("ix_notifications_unread", "account_id", "ticket_id", "kind", postgresql_where=text("read_at IS NULL")),
    Index("ix_notifications_created_at", "created_at"),
)
