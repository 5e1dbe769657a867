"""Tickets, what is written in them, and what happened to them."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Identity,
    Index,
    Integer,
    Numeric,
    Sequence,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    false,
    literal_column,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from services.tickets.models.base import metadata, moment

ticket_number = Sequence("ticket_number", metadata=metadata)

tickets = Table(
    "tickets",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("number", BigInteger, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("routing_version", BigInteger, nullable=False),
    Column("subject", Text, nullable=False),
    Column("status", Text, nullable=False),
    # The organisation's own status inside that category; null for its first one.
    Column("status_key", Text),
    Column("priority", Text, nullable=False),
    Column("priority_by_hand", Boolean, nullable=False, server_default=false()),
    Column("urgency", Text),
    Column("impact", Text),
    Column("type", Text, nullable=False),
    # The organisation's own type inside that category; null for its first one.
    Column("type_key", Text),
    Column("channel", Text, nullable=False),
    Column("requester_id", Uuid, ForeignKey("customers.id"), nullable=False),
    # The address this ticket talks to; the customer may have others.
    Column("requester_email", Text),
    # No foreign key: an agent's account may reach routing, and its proposal us, before the account does.
    Column("assignee_id", Uuid),
    Column("group", Text),
    Column("language", Text),
    Column("tags", ARRAY(Text), nullable=False),
    # Values of the organisation's own fields, by key.
    Column("fields", JSONB, nullable=False, server_default="{}"),
    Column("brand", Text, nullable=False),
    Column("conversation_id", Uuid, nullable=False),
    Column("follow_up_of", Uuid, ForeignKey("tickets.id")),
    Column("diverted_from", Uuid),
    # The ticket that it may belong to, and why that is to be looked at; both null once somebody has decided.
    Column("review_of", Uuid),
    Column("review_reason", Text),
    # Who wrote what was forwarded to open it, until that is settled.
    Column("forwarded_from", JSONB),
    # Where its conversations go on; only `service/merges.py` sets it.
    Column("merged_into", Uuid, ForeignKey("tickets.id")),
    Column("created_at", moment, nullable=False),
    Column("updated_at", moment, nullable=False),
    Column("solved_at", moment),
    Column("snoozed_until", moment),
    Column("last_message_at", moment),
    Column("first_reply_at", moment),
    Column("message_count", Integer, nullable=False),
    Column("public_message_count", Integer, nullable=False),
    Column("last_customer_external_id", Text),
    # Facts of SLA, shown in lists; they have their own version and never move the ticket's.
    Column("sla_next_due_at", moment),
    Column("sla_state", Text),
    Column("sla_metric", Text),
    Column("sla_event_version", BigInteger, nullable=False, server_default="0"),
    UniqueConstraint("number"),
    CheckConstraint("urgency IN ('low', 'medium', 'high')", name="urgency"),
    CheckConstraint("impact IN ('low', 'medium', 'high')", name="impact"),
    CheckConstraint("status IN ('new', 'open', 'pending', 'on_hold', 'solved', 'closed')", name="status"),
    CheckConstraint("priority IN ('low', 'normal', 'high', 'urgent')", name="priority"),
    CheckConstraint("(status IN ('solved', 'closed')) = (solved_at IS NOT NULL)", name="solved_at"),
    # One index per sort, and one per filter that leaves few rows: `id` makes each order total, for keyset paging. What
    # has few values shares one, which is small as equal entries are stored once: a list of what is common walks an
    # order, a list of what is rare reads this and sorts. Either way it does not read everything there ever was.
    # What stands beside an order lets a list be counted, or jumped into, by the index alone.
    Index(
        "ix_tickets_updated_at",
        literal_column("updated_at DESC"),
        literal_column("id DESC"),
        postgresql_include=["status"],
    ),
    Index("ix_tickets_created_at", "created_at", "id", postgresql_include=["status"]),
    Index(
        "ix_tickets_sla_due",
        literal_column("coalesce(sla_next_due_at, 'infinity'::timestamptz)"),
        "id",
        postgresql_include=["sla_next_due_at", "status"],
    ),
    Index("ix_tickets_solved_at", "solved_at", postgresql_where=literal_column("solved_at IS NOT NULL")),
    # Tickets mostly come without tags.
    Index("ix_tickets_tags", "tags", postgresql_using="gin", postgresql_where=literal_column("tags <> '{}'")),
    # What is closed later; the other one has all that ever was.
    Index("ix_tickets_to_close", "solved_at", "id", postgresql_where=literal_column("status = 'solved'")),
    Index("ix_tickets_status_key", "status_key", postgresql_where=literal_column("status_key IS NOT NULL")),
    Index("ix_tickets_type_key", "type_key", postgresql_where=literal_column("type_key IS NOT NULL")),
    Index(
        "ix_tickets_snoozed_until",
        "snoozed_until",
        "id",
        postgresql_where=literal_column("snoozed_until IS NOT NULL"),
    ),
    Index("ix_tickets_kind", "status", "language", "priority", "channel", "type", "brand"),
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
        postgresql_include=["status"],
        postgresql_where=literal_column('"group" IS NOT NULL'),
    ),
    Index(
        "ix_tickets_assignee_id",
        "assignee_id",
        literal_column("updated_at DESC"),
        literal_column("id DESC"),
        postgresql_include=["status"],
    ),
    Index("ix_tickets_requester_id", "requester_id", literal_column("updated_at DESC"), literal_column("id DESC")),
    Index("ix_tickets_diverted_from", "diverted_from", postgresql_where=literal_column("diverted_from IS NOT NULL")),
    Index("ix_tickets_follow_up_of", "follow_up_of", postgresql_where=literal_column("follow_up_of IS NOT NULL")),
    Index("ix_tickets_review_reason", "review_reason", postgresql_where=literal_column("review_reason IS NOT NULL")),
    Index("ix_tickets_merged_into", "merged_into", postgresql_where=literal_column("merged_into IS NOT NULL")),
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
    # Came with the ticket of another customer: what they write is kept from the requester of this one.
    Column("aside", Boolean, nullable=False, server_default=false()),
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
    # Agents whom a note names, each with the name they had.
    Column("mentions", JSONB, nullable=False, server_default="[]"),
    # What the text was made from, where an agent formatted it.
    Column("html", Text),
    # Addresses that got a copy of it.
    Column("cc", JSONB, nullable=False, server_default="[]"),
    # Of a mail: what it answers, or a signature, was left out of the text.
    Column("quoted", Boolean, nullable=False, server_default=false()),
    # Of a mail that was signed or encrypted, what came of it; and whether customers are not shown what it holds.
    Column("security", JSONB),
    Column("withheld", Boolean, nullable=False, server_default=false()),
    Column("added_at", moment, nullable=False),
    Column("first_reply", Boolean, nullable=False),
    Column("delivery_state", Text),
    Column("delivery_detail", Text),
    Column("delivery_at", moment),
    UniqueConstraint("ticket_id", "position"),
    CheckConstraint("kind IN ('customer', 'reply', 'note', 'system')", name="kind"),
    CheckConstraint(
        "delivery_state IN ('queued', 'delivered', 'failed', 'available', 'bounced')", name="delivery_state"
    ),
)

# What happened to each ticket, one row per change, in order of id.
ticket_history = Table(
    "ticket_history",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("ticket_id", Uuid, ForeignKey("tickets.id"), nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("at", moment, nullable=False),
    Column("actor_kind", Text, nullable=False),
    Column("actor_id", Text, nullable=False),
    Column("actor_name", Text, nullable=False),
    Column("cause", Text, nullable=False),
    Column("changes", JSONB, nullable=False),
    Column("message_id", Uuid),
    # Null of what happened before this was kept.
    Column("via", Text),
    Index("ix_ticket_history_ticket_id", "ticket_id", "id"),
)

# Documents by which the organisation works, each changed as a whole; null until somebody changed it.
settings = Table(
    "settings",
    metadata,
    Column("name", Text, primary_key=True),
    Column("document", JSONB),
    Column("version", BigInteger, nullable=False),
    Column("changed_at", moment),
    Column("changed_by", Uuid),
    # What was told of it to other services, where anything is.
    Column("published_version", BigInteger),
)

# What lists are filtered by of the organisation's own fields: one row per value, a word or a number.
field_values = Table(
    "field_values",
    metadata,
    Column("ticket_id", Uuid, ForeignKey("tickets.id"), nullable=False),
    Column("field", Text, nullable=False),
    Column("word", Text),
    Column("number", Numeric),
    CheckConstraint("(word IS NULL) <> (number IS NULL)", name="value"),
    Index("ix_field_values_ticket_id", "ticket_id"),
    Index("ix_field_values_word", "field", "word", "ticket_id", postgresql_where=literal_column("word IS NOT NULL")),
    Index(
        "ix_field_values_number", "field", "number", "ticket_id", postgresql_where=literal_column("number IS NOT NULL")
    ),
)
