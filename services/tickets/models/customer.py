"""Who writes, and who answers: customers, their addresses and organisations, and accounts."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Identity,
    Index,
    Table,
    Text,
    Uuid,
    func,
    literal_column,
)
from sqlalchemy.dialects.postgresql import JSONB

from services.tickets.models.base import metadata, moment

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
    # Of those who work here: whose mail is an agent's.
    Index("ix_accounts_email", "email", postgresql_where=literal_column("role <> 'customer'")),
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
    Column("created_at", moment, nullable=False),
    Column("locale", Text),
    Column("notes", Text, nullable=False, server_default=""),
    Column("version", BigInteger, nullable=False, server_default="1"),
    # Set by hand; otherwise the domain of an e-mail address tells (`repository/organisations.py`).
    Column("organisation_id", Uuid, ForeignKey("organisations.id")),
    # Whom this profile became part of; it has no identities then, and nothing is done to it but to undo that.
    Column("merged_into", Uuid, ForeignKey("customers.id")),
    Index(
        "ix_customers_name", literal_column("lower(name)"), "id", postgresql_where=literal_column("merged_into IS NULL")
    ),
    Index(
        "ix_customers_organisation_id",
        "organisation_id",
        "id",
        postgresql_where=literal_column("organisation_id IS NOT NULL"),
    ),
    Index("ix_customers_tier", "tier", "id"),
    Index("ix_customers_merged_into", "merged_into", postgresql_where=literal_column("merged_into IS NOT NULL")),
)

customer_identities = Table(
    "customer_identities",
    metadata,
    Column("kind", Text, primary_key=True),
    Column("address", Text, primary_key=True),
    Column("customer_id", Uuid, ForeignKey("customers.id"), nullable=False),
    CheckConstraint("kind IN ('email', 'phone', 'handle', 'external')", name="kind"),
    Index("ix_customer_identities_customer_id", "customer_id"),
    Index(
        "ix_customer_identities_domain",
        literal_column("split_part(address, '@', 2)"),
        "customer_id",
        postgresql_where=literal_column("kind = 'email'"),
    ),
)

organisations = Table(
    "organisations",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("name", Text, nullable=False),
    Column("tier", Text),
    Column("notes", Text, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("created_at", moment, nullable=False),
    Index("ix_organisations_name", literal_column("lower(name)"), "id"),
)

# Customers with an e-mail address at one of these belong to the organisation, unless somebody said otherwise.
organisation_domains = Table(
    "organisation_domains",
    metadata,
    Column("domain", Text, primary_key=True),
    Column("organisation_id", Uuid, ForeignKey("organisations.id"), nullable=False),
    Index("ix_organisation_domains_organisation_id", "organisation_id"),
)

# What people did to each customer, one row per change, in order of id.
customer_history = Table(
    "customer_history",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("customer_id", Uuid, ForeignKey("customers.id"), nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("at", moment, nullable=False),
    Column("actor_kind", Text, nullable=False),
    Column("actor_id", Text, nullable=False),
    Column("actor_name", Text, nullable=False),
    Column("cause", Text, nullable=False),
    Column("changes", JSONB, nullable=False),
    Index("ix_customer_history_customer_id", "customer_id", "id"),
)

# What other systems know of a customer, each in its own words, and as of when.
customer_facts = Table(
    "customer_facts",
    metadata,
    Column("customer_id", Uuid, ForeignKey("customers.id"), primary_key=True),
    Column("source", Text, primary_key=True),
    Column("data", JSONB, nullable=False),
    Column("as_of", moment, nullable=False),
    Column("received_at", moment, nullable=False),
)

# Profiles that became part of others, with what moved, so that it can move back.
customer_merges = Table(
    "customer_merges",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("customer_id", Uuid, ForeignKey("customers.id"), nullable=False),
    Column("into_id", Uuid, ForeignKey("customers.id"), nullable=False),
    Column("state", Text, nullable=False),
    Column("merged_at", moment, nullable=False),
    Column("undone_at", moment),
    Column("actor_id", Text, nullable=False),
    Column("actor_name", Text, nullable=False),
    Column("undone_by_id", Text),
    Column("undone_by_name", Text),
    Column("identities", JSONB, nullable=False),
    # Blanks of the other profile that were filled, with what.
    Column("filled", JSONB, nullable=False),
    # Sources of facts.
    Column("facts", JSONB, nullable=False),
    # Whose last chunk is longest ago, comes next.
    Column("worked_at", moment, nullable=False, server_default=func.now()),
    CheckConstraint("state IN ('moving', 'done', 'undoing', 'undone')", name="state"),
    Index("ix_customer_merges_customer_id", "customer_id", "id"),
    Index("ix_customer_merges_into_id", "into_id", "id"),
    Index(
        "ix_customer_merges_turn",
        "worked_at",
        "id",
        postgresql_where=literal_column("state IN ('moving', 'undoing')"),
    ),
)

# Tickets of a merged customer: whether it moved with its requester, and whether and how they took part. It is `joint`
# where the other profile took part, too, `joint_aside` as that did then.
customer_merge_tickets = Table(
    "customer_merge_tickets",
    metadata,
    Column("merge_id", Uuid, ForeignKey("customer_merges.id"), primary_key=True),
    Column("ticket_id", Uuid, ForeignKey("tickets.id"), primary_key=True),
    Column("requester", Boolean, nullable=False),
    Column("took_part", Boolean, nullable=False),
    Column("aside", Boolean, nullable=False),
    Column("joint", Boolean, nullable=False),
    Column("joint_aside", Boolean),
    Index("ix_customer_merge_tickets_requester", "merge_id", "ticket_id", postgresql_where=literal_column("requester")),
)
