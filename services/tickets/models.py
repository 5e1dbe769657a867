"""Tables of the schema `tickets`. `repository` makes values of `domain` from their rows."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    Sequence,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    literal_column,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from shared.db import schema_metadata

metadata = schema_metadata("tickets")

_moment = DateTime(timezone=True)

ticket_number = Sequence("ticket_number", metadata=metadata)

# What tickets knows of people who sign in, from `account.changed`; `version` keeps an older event from winning.
# A customer's account is the one with the customer's e-mail identity: derived when asked, so it is never out of step,
# whichever of account and first message comes first.
accounts = Table(
    "accounts",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("name", Text, nullable=False),
    Column("email", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("active", Boolean, nullable=False),
    Column("version", BigInteger, nullable=False),
)

customers = Table(
    "customers",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("name", Text, nullable=False, server_default=""),
    Column("language", Text),
    Column("region", Text),
    Column("time_zone", Text),
    Column("tier", Text, nullable=False, server_default="standard"),
    Column("created_at", _moment, nullable=False),
)

customer_identities = Table(
    "customer_identities",
    metadata,
    Column("kind", Text, primary_key=True),
    Column("address", Text, primary_key=True),
    Column("customer_id", Uuid, ForeignKey("customers.id"), nullable=False),
    CheckConstraint("kind IN ('email', 'phone', 'handle')", name="kind"),
    Index("ix_customer_identities_customer_id", "customer_id"),
)

tickets = Table(
    "tickets",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("number", BigInteger, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("routing_version", BigInteger, nullable=False),
    Column("subject", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("priority", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("requester_id", Uuid, ForeignKey("customers.id"), nullable=False),
    # The address this ticket talks to; the customer may have others.
    Column("requester_email", Text),
    # No foreign key: an agent's account may reach routing, and its proposal us, before the account does.
    Column("assignee_id", Uuid),
    Column("group", Text),
    Column("language", Text),
    Column("tags", ARRAY(Text), nullable=False),
    Column("brand", Text, nullable=False),
    Column("conversation_id", Uuid, nullable=False),
    Column("follow_up_of", Uuid, ForeignKey("tickets.id")),
    Column("diverted_from", Uuid),
    Column("created_at", _moment, nullable=False),
    Column("updated_at", _moment, nullable=False),
    Column("solved_at", _moment),
    Column("last_message_at", _moment),
    Column("first_reply_at", _moment),
    Column("message_count", Integer, nullable=False),
    Column("public_message_count", Integer, nullable=False),
    Column("last_customer_external_id", Text),
    # Facts of SLA, shown in lists; they have their own version and never move the ticket's.
    Column("sla_next_due_at", _moment),
    Column("sla_state", Text),
    Column("sla_metric", Text),
    Column("sla_event_version", BigInteger, nullable=False, server_default="0"),
    UniqueConstraint("number"),
    CheckConstraint("status IN ('new', 'open', 'pending', 'on_hold', 'solved', 'closed')", name="status"),
    CheckConstraint("priority IN ('low', 'normal', 'high', 'urgent')", name="priority"),
    CheckConstraint("(status IN ('solved', 'closed')) = (solved_at IS NOT NULL)", name="solved_at"),
    # One index per sort, and one per filter that leaves few rows: `id` makes each order total, for keyset paging. What
    # has few values shares one, which is small as equal entries are stored once: a list of what is common walks an
    # order, a list of what is rare reads this and sorts. Either way it does not read everything there ever was.
    Index("ix_tickets_updated_at", literal_column("updated_at DESC"), literal_column("id DESC")),
    Index("ix_tickets_created_at", "created_at", "id"),
    Index("ix_tickets_sla_due", literal_column("coalesce(sla_next_due_at, 'infinity'::timestamptz)"), "id"),
    Index("ix_tickets_kind", "status", "language", "priority", "channel"),
    Index(
        "ix_tickets_unsolved",
        "created_at",
        "id",
        postgresql_where=literal_column("status IN ('new', 'open', 'pending', 'on_hold')"),
    ),
    Index(
        "ix_tickets_group",
        "group",
        literal_column("updated_at DESC"),
        literal_column("id DESC"),
        postgresql_where=literal_column('"group" IS NOT NULL'),
    ),
    Index("ix_tickets_assignee_id", "assignee_id", literal_column("updated_at DESC"), literal_column("id DESC")),
    Index("ix_tickets_requester_id", "requester_id", literal_column("updated_at DESC"), literal_column("id DESC")),
    Index("ix_tickets_diverted_from", "diverted_from", postgresql_where=literal_column("diverted_from IS NOT NULL")),
    Index("ix_tickets_follow_up_of", "follow_up_of", postgresql_where=literal_column("follow_up_of IS NOT NULL")),
)

# Which ticket a conversation continues now; a follow-up takes it over. Null only inside the transaction that claims it.
conversations = Table(
    "conversations",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("ticket_id", Uuid, ForeignKey("tickets.id")),
    Index("ix_conversations_ticket_id", "ticket_id"),
)

participants = Table(
    "participants",
    metadata,
    Column("ticket_id", Uuid, ForeignKey("tickets.id"), primary_key=True),
    Column("customer_id", Uuid, ForeignKey("customers.id"), primary_key=True),
    Index("ix_participants_customer_id", "customer_id"),
)

messages = Table(
    "messages",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("ticket_id", Uuid, ForeignKey("tickets.id"), nullable=False),
    # Place in the thread, from 1; a thread is read in this order.
    Column("position", Integer, nullable=False),
    Column("kind", Text, nullable=False),
    Column("author_kind", Text, nullable=False),
    Column("author_id", Text, nullable=False),
    Column("author_name", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("text_truncated", Boolean, nullable=False),
    Column("raw_key", Text),
    Column("channel", Text, nullable=False),
    Column("external_id", Text),
    Column("attachments", JSONB, nullable=False),
    Column("added_at", _moment, nullable=False),
    Column("first_reply", Boolean, nullable=False),
    Column("delivery_state", Text),
    Column("delivery_detail", Text),
    Column("delivery_at", _moment),
    UniqueConstraint("ticket_id", "position"),
    CheckConstraint("kind IN ('customer', 'reply', 'note', 'system')", name="kind"),
    CheckConstraint("delivery_state IN ('queued', 'delivered', 'failed', 'available')", name="delivery_state"),
)

# What happened to each ticket, one row per change, in order of id.
ticket_history = Table(
    "ticket_history",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("ticket_id", Uuid, ForeignKey("tickets.id"), nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("at", _moment, nullable=False),
    Column("actor_kind", Text, nullable=False),
    Column("actor_id", Text, nullable=False),
    Column("actor_name", Text, nullable=False),
    Column("cause", Text, nullable=False),
    Column("changes", JSONB, nullable=False),
    Column("message_id", Uuid),
    Index("ix_ticket_history_ticket_id", "ticket_id", "id"),
)
