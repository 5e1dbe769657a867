"""Inbound and outbound messages, Message-IDs, attachments, secrets."""

from collections.abc import Sequence

from alembic import op

from shared.auth import auth_tables
from shared.messaging.ddl import messaging_tables
from shared.web import idempotency_table

revision: str = "0001"
down_revision: str | None = None
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

_TABLES = """
CREATE TABLE ingestion.inbound_messages (
    id              uuid NOT NULL,
    origin          text NOT NULL,
    dedupe_key      text,
    channel         text NOT NULL,
    status          text NOT NULL,
    received_at     timestamptz NOT NULL,
    conversation_id uuid,
    sender          jsonb,
    subject         text NOT NULL DEFAULT '',
    text            text NOT NULL DEFAULT '',
    external_id     text,
    raw_key         text,
    size_bytes      bigint NOT NULL DEFAULT 0,
    deliveries      integer NOT NULL DEFAULT 1,
    reason          text,
    attempts        smallint NOT NULL DEFAULT 0,
    lease           uuid,
    leased_until    timestamptz,
    released        boolean NOT NULL DEFAULT false,
    ticket_id       uuid,
    ticket_number   bigint,
    CONSTRAINT pk_inbound_messages PRIMARY KEY (id),
    CONSTRAINT ck_inbound_messages_status CHECK (status IN ('stored', 'accepted', 'quarantined')),
    CONSTRAINT ck_inbound_messages_reason CHECK (status <> 'quarantined' OR reason IS NOT NULL)
) WITH (fillfactor = 85);
CREATE UNIQUE INDEX uq_inbound_messages_dedupe ON ingestion.inbound_messages (origin, dedupe_key)
    WHERE dedupe_key IS NOT NULL;
CREATE INDEX ix_inbound_messages_stored ON ingestion.inbound_messages (id) WHERE status = 'stored';
CREATE INDEX ix_inbound_messages_quarantined ON ingestion.inbound_messages (id) WHERE status = 'quarantined';

CREATE TABLE ingestion.mail_ids (
    message_id      text NOT NULL,
    conversation_id uuid NOT NULL,
    created_at      timestamptz NOT NULL,
    CONSTRAINT pk_mail_ids PRIMARY KEY (message_id)
);
CREATE INDEX ix_mail_ids_conversation_id ON ingestion.mail_ids (conversation_id, created_at);

CREATE TABLE ingestion.attachments (
    id           uuid NOT NULL,
    key          text NOT NULL,
    name         text NOT NULL,
    content_type text NOT NULL,
    size_bytes   bigint NOT NULL,
    owner        text NOT NULL,
    message_id   uuid,
    created_at   timestamptz NOT NULL,
    CONSTRAINT pk_attachments PRIMARY KEY (id)
);

CREATE TABLE ingestion.outbound_messages (
    message_id      uuid NOT NULL,
    ticket_id       uuid NOT NULL,
    ticket_number   bigint NOT NULL,
    conversation_id uuid NOT NULL,
    channel         text NOT NULL,
    state           text NOT NULL,
    recipient       text,
    recipient_name  text NOT NULL DEFAULT '',
    author_name     text NOT NULL DEFAULT '',
    subject         text NOT NULL,
    text            text NOT NULL,
    attachments     jsonb NOT NULL,
    mail_id         text,
    in_reply_to     text,
    written_at      timestamptz NOT NULL,
    attempts        smallint NOT NULL DEFAULT 0,
    due_at          timestamptz NOT NULL,
    lease           uuid,
    reason          text,
    settled_at      timestamptz,
    CONSTRAINT pk_outbound_messages PRIMARY KEY (message_id),
    CONSTRAINT ck_outbound_messages_state CHECK (state IN ('queued', 'delivered', 'failed', 'available'))
) WITH (fillfactor = 85);
CREATE INDEX ix_outbound_messages_due ON ingestion.outbound_messages (due_at, message_id) WHERE state = 'queued';

CREATE TABLE ingestion.secrets (
    name  text NOT NULL,
    value bytea NOT NULL,
    CONSTRAINT pk_secrets PRIMARY KEY (name)
);
"""


def upgrade() -> None:
    messaging_tables("ingestion")
    auth_tables("ingestion")
    idempotency_table("ingestion")
    for statement in _TABLES.split(";\n"):
        if statement.strip():
            op.execute(statement)
