"""Tickets, their threads and histories, customers, and the projection of accounts."""

from collections.abc import Sequence

from alembic import op

from shared.auth.tables import auth_tables
from shared.messaging.ddl import messaging_tables
from shared.web.idempotency import idempotency_table

revision: str = "0001"
down_revision: str | None = None
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

_TABLES = """
CREATE SEQUENCE tickets.ticket_number;

CREATE TABLE tickets.accounts (
    id      uuid NOT NULL,
    name    text NOT NULL,
    email   text NOT NULL,
    role    text NOT NULL,
    active  boolean NOT NULL,
    version bigint NOT NULL,
    CONSTRAINT pk_accounts PRIMARY KEY (id)
);

CREATE TABLE tickets.customers (
    id         uuid NOT NULL,
    name       text NOT NULL DEFAULT '',
    language   text,
    region     text,
    time_zone  text,
    tier       text NOT NULL DEFAULT 'standard',
    created_at timestamptz NOT NULL,
    CONSTRAINT pk_customers PRIMARY KEY (id)
);

CREATE TABLE tickets.customer_identities (
    kind        text NOT NULL,
    address     text NOT NULL,
    customer_id uuid NOT NULL,
    CONSTRAINT pk_customer_identities PRIMARY KEY (kind, address),
    CONSTRAINT fk_customer_identities_customer_id_customers FOREIGN KEY (customer_id) REFERENCES tickets.customers (id),
    CONSTRAINT ck_customer_identities_kind CHECK (kind IN ('email', 'phone', 'handle'))
);
CREATE INDEX ix_customer_identities_customer_id ON tickets.customer_identities (customer_id);

CREATE TABLE tickets.tickets (
    id                        uuid NOT NULL,
    number                    bigint NOT NULL,
    version                   bigint NOT NULL,
    routing_version           bigint NOT NULL,
    subject                   text NOT NULL,
    status                    text NOT NULL,
    priority                  text NOT NULL,
    type                      text NOT NULL,
    channel                   text NOT NULL,
    requester_id              uuid NOT NULL,
    requester_email           text,
    assignee_id               uuid,
    "group"                   text,
    language                  text,
    tags                      text[] NOT NULL,
    brand                     text NOT NULL,
    conversation_id           uuid NOT NULL,
    follow_up_of              uuid,
    diverted_from             uuid,
    created_at                timestamptz NOT NULL,
    updated_at                timestamptz NOT NULL,
    solved_at                 timestamptz,
    last_message_at           timestamptz,
    first_reply_at            timestamptz,
    message_count             integer NOT NULL,
    public_message_count      integer NOT NULL,
    last_customer_external_id text,
    sla_next_due_at           timestamptz,
    sla_state                 text,
    sla_metric                text,
    sla_event_version         bigint NOT NULL DEFAULT 0,
    CONSTRAINT pk_tickets PRIMARY KEY (id),
    CONSTRAINT uq_tickets_number UNIQUE (number),
    CONSTRAINT fk_tickets_requester_id_customers FOREIGN KEY (requester_id) REFERENCES tickets.customers (id),
    CONSTRAINT fk_tickets_follow_up_of_tickets FOREIGN KEY (follow_up_of) REFERENCES tickets.tickets (id),
    CONSTRAINT ck_tickets_status CHECK (status IN ('new', 'open', 'pending', 'on_hold', 'solved', 'closed')),
    CONSTRAINT ck_tickets_priority CHECK (priority IN ('low', 'normal', 'high', 'urgent')),
    CONSTRAINT ck_tickets_solved_at CHECK ((status IN ('solved', 'closed')) = (solved_at IS NOT NULL))
) WITH (fillfactor = 85);
CREATE INDEX ix_tickets_updated_at ON tickets.tickets (updated_at DESC, id DESC);
CREATE INDEX ix_tickets_created_at ON tickets.tickets (created_at, id);
CREATE INDEX ix_tickets_sla_due ON tickets.tickets (coalesce(sla_next_due_at, 'infinity'::timestamptz), id);
CREATE INDEX ix_tickets_status ON tickets.tickets (status, updated_at DESC, id DESC);
CREATE INDEX ix_tickets_assignee_id ON tickets.tickets (assignee_id, updated_at DESC, id DESC);
CREATE INDEX ix_tickets_requester_id ON tickets.tickets (requester_id, updated_at DESC, id DESC);
CREATE INDEX ix_tickets_diverted_from ON tickets.tickets (diverted_from) WHERE diverted_from IS NOT NULL;
CREATE INDEX ix_tickets_follow_up_of ON tickets.tickets (follow_up_of) WHERE follow_up_of IS NOT NULL;

CREATE TABLE tickets.conversations (
    id        uuid NOT NULL,
    ticket_id uuid,
    CONSTRAINT pk_conversations PRIMARY KEY (id),
    CONSTRAINT fk_conversations_ticket_id_tickets FOREIGN KEY (ticket_id) REFERENCES tickets.tickets (id)
);
CREATE INDEX ix_conversations_ticket_id ON tickets.conversations (ticket_id);

CREATE TABLE tickets.participants (
    ticket_id   uuid NOT NULL,
    customer_id uuid NOT NULL,
    CONSTRAINT pk_participants PRIMARY KEY (ticket_id, customer_id),
    CONSTRAINT fk_participants_ticket_id_tickets FOREIGN KEY (ticket_id) REFERENCES tickets.tickets (id),
    CONSTRAINT fk_participants_customer_id_customers FOREIGN KEY (customer_id) REFERENCES tickets.customers (id)
);
CREATE INDEX ix_participants_customer_id ON tickets.participants (customer_id);

CREATE TABLE tickets.messages (
    id              uuid NOT NULL,
    ticket_id       uuid NOT NULL,
    position        integer NOT NULL,
    kind            text NOT NULL,
    author_kind     text NOT NULL,
    author_id       text NOT NULL,
    author_name     text NOT NULL,
    text            text NOT NULL,
    text_truncated  boolean NOT NULL,
    raw_key         text,
    channel         text NOT NULL,
    external_id     text,
    attachments     jsonb NOT NULL,
    added_at        timestamptz NOT NULL,
    first_reply     boolean NOT NULL,
    delivery_state  text,
    delivery_detail text,
    delivery_at     timestamptz,
    CONSTRAINT pk_messages PRIMARY KEY (id),
    CONSTRAINT uq_messages_ticket_id_position UNIQUE (ticket_id, position),
    CONSTRAINT fk_messages_ticket_id_tickets FOREIGN KEY (ticket_id) REFERENCES tickets.tickets (id),
    CONSTRAINT ck_messages_kind CHECK (kind IN ('customer', 'reply', 'note', 'system')),
    CONSTRAINT ck_messages_delivery_state CHECK (delivery_state IN ('queued', 'delivered', 'failed'))
);

CREATE TABLE tickets.ticket_history (
    id         bigint GENERATED ALWAYS AS IDENTITY,
    ticket_id  uuid NOT NULL,
    version    bigint NOT NULL,
    at         timestamptz NOT NULL,
    actor_kind text NOT NULL,
    actor_id   text NOT NULL,
    actor_name text NOT NULL,
    cause      text NOT NULL,
    changes    jsonb NOT NULL,
    message_id uuid,
    CONSTRAINT pk_ticket_history PRIMARY KEY (id),
    CONSTRAINT fk_ticket_history_ticket_id_tickets FOREIGN KEY (ticket_id) REFERENCES tickets.tickets (id)
);
CREATE INDEX ix_ticket_history_ticket_id ON tickets.ticket_history (ticket_id, id);
"""


def upgrade() -> None:
    messaging_tables("tickets")
    auth_tables("tickets")
    idempotency_table("tickets")
    for statement in _TABLES.split(";\n"):
        if statement.strip():
            op.execute(statement)
