"""Organisations; customers that are edited and merged, their history, and what other systems know of them."""

from collections.abc import Sequence

from alembic import op

revision: str = "0018"
down_revision: str | None = "0017"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

_TABLES = """
CREATE TABLE tickets.organisations (
    id         uuid NOT NULL,
    name       text NOT NULL,
    tier       text,
    notes      text NOT NULL,
    version    bigint NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT pk_organisations PRIMARY KEY (id)
);
CREATE INDEX ix_organisations_name ON tickets.organisations (lower(name), id);

CREATE TABLE tickets.organisation_domains (
    domain          text NOT NULL,
    organisation_id uuid NOT NULL,
    CONSTRAINT pk_organisation_domains PRIMARY KEY (domain),
    CONSTRAINT fk_organisation_domains_organisation_id_organisations
        FOREIGN KEY (organisation_id) REFERENCES tickets.organisations (id)
);
CREATE INDEX ix_organisation_domains_organisation_id ON tickets.organisation_domains (organisation_id);

CREATE TABLE tickets.customer_history (
    id          bigint GENERATED ALWAYS AS IDENTITY,
    customer_id uuid NOT NULL,
    version     bigint NOT NULL,
    at          timestamptz NOT NULL,
    actor_kind  text NOT NULL,
    actor_id    text NOT NULL,
    actor_name  text NOT NULL,
    cause       text NOT NULL,
    changes     jsonb NOT NULL,
    CONSTRAINT pk_customer_history PRIMARY KEY (id),
    CONSTRAINT fk_customer_history_customer_id_customers
        FOREIGN KEY (customer_id) REFERENCES tickets.customers (id)
);
CREATE INDEX ix_customer_history_customer_id ON tickets.customer_history (customer_id, id);

CREATE TABLE tickets.customer_facts (
    customer_id uuid NOT NULL,
    source      text NOT NULL,
    data        jsonb NOT NULL,
    as_of       timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    CONSTRAINT pk_customer_facts PRIMARY KEY (customer_id, source),
    CONSTRAINT fk_customer_facts_customer_id_customers FOREIGN KEY (customer_id) REFERENCES tickets.customers (id)
);

CREATE TABLE tickets.customer_merges (
    id          uuid NOT NULL,
    customer_id uuid NOT NULL,
    into_id     uuid NOT NULL,
    state       text NOT NULL,
    merged_at   timestamptz NOT NULL,
    undone_at   timestamptz,
    actor_id    text NOT NULL,
    actor_name  text NOT NULL,
    undone_by_id   text,
    undone_by_name text,
    identities  jsonb NOT NULL,
    filled      jsonb NOT NULL,
    facts       jsonb NOT NULL,
    CONSTRAINT pk_customer_merges PRIMARY KEY (id),
    CONSTRAINT fk_customer_merges_customer_id_customers FOREIGN KEY (customer_id) REFERENCES tickets.customers (id),
    CONSTRAINT fk_customer_merges_into_id_customers FOREIGN KEY (into_id) REFERENCES tickets.customers (id),
    CONSTRAINT ck_customer_merges_state CHECK (state IN ('moving', 'done', 'undoing', 'undone'))
);
CREATE INDEX ix_customer_merges_customer_id ON tickets.customer_merges (customer_id, id);
CREATE INDEX ix_customer_merges_into_id ON tickets.customer_merges (into_id, id);
CREATE INDEX ix_customer_merges_unfinished ON tickets.customer_merges (id) WHERE state IN ('moving', 'undoing');

CREATE TABLE tickets.customer_merge_tickets (
    merge_id    uuid NOT NULL,
    ticket_id   uuid NOT NULL,
    requester   boolean NOT NULL,
    took_part   boolean NOT NULL,
    aside       boolean NOT NULL,
    joint       boolean NOT NULL,
    CONSTRAINT pk_customer_merge_tickets PRIMARY KEY (merge_id, ticket_id),
    CONSTRAINT fk_customer_merge_tickets_merge_id_customer_merges
        FOREIGN KEY (merge_id) REFERENCES tickets.customer_merges (id),
    CONSTRAINT fk_customer_merge_tickets_ticket_id_tickets FOREIGN KEY (ticket_id) REFERENCES tickets.tickets (id)
);
CREATE INDEX ix_customer_merge_tickets_requester ON tickets.customer_merge_tickets (merge_id, ticket_id)
    WHERE requester;
"""

_COLUMNS = """
ALTER TABLE tickets.customers
    ADD COLUMN locale text,
    ADD COLUMN notes text NOT NULL DEFAULT '',
    ADD COLUMN version bigint NOT NULL DEFAULT 1,
    ADD COLUMN organisation_id uuid,
    ADD COLUMN merged_into uuid
"""

# Before the first release no table is large: blocking writes for a moment is simpler than two transactions.
_INDEXES = """
CREATE INDEX ix_customers_name ON tickets.customers (lower(name), id) WHERE merged_into IS NULL;
CREATE INDEX ix_customers_organisation_id ON tickets.customers (organisation_id, id)
    WHERE organisation_id IS NOT NULL;
CREATE INDEX ix_customers_merged_into ON tickets.customers (merged_into) WHERE merged_into IS NOT NULL;
CREATE INDEX ix_customer_identities_domain ON tickets.customer_identities (split_part(address, '@', 2), customer_id)
    WHERE kind = 'email'
"""


def upgrade() -> None:
    for statement in _TABLES.split(";\n"):
        if statement.strip():
            op.execute(statement)
    op.execute(_COLUMNS)
    for column, table in (("organisation_id", "organisations"), ("merged_into", "customers")):
        # Validated by the next revision: that reads the whole table, and this one holds the lock.
        op.execute(
            f"ALTER TABLE tickets.customers ADD CONSTRAINT fk_customers_{column}_{table} "
            f"FOREIGN KEY ({column}) REFERENCES tickets.{table} (id) NOT VALID"
        )
    # The next statement puts a wider one in its place.
    op.execute(
        "-- squawk-ignore ban-drop-constraint\n"
        "ALTER TABLE tickets.customer_identities DROP CONSTRAINT ck_customer_identities_kind"
    )
    op.execute(
        "ALTER TABLE tickets.customer_identities ADD CONSTRAINT ck_customer_identities_kind "
        "CHECK (kind IN ('email', 'phone', 'handle', 'external')) NOT VALID"
    )
    for statement in _INDEXES.split(";\n"):
        op.execute(f"-- squawk-ignore require-concurrent-index-creation\n{statement.strip()}")
