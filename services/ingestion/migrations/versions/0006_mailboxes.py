"""Mailboxes, what was delivered into them, and what became of it."""

from collections.abc import Sequence

from alembic import op

revision: str = "0006"
down_revision: str | None = "0005"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

_TABLES = """
CREATE TABLE ingestion.mailboxes (
    id         uuid NOT NULL,
    address    text NOT NULL,
    name       text NOT NULL DEFAULT '',
    brand      text NOT NULL DEFAULT 'default',
    "group"    text,
    language   text,
    enabled    boolean NOT NULL DEFAULT true,
    inbound    jsonb NOT NULL DEFAULT '{}',
    smtp_url   text,
    secrets    bytea,
    version    bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CONSTRAINT pk_mailboxes PRIMARY KEY (id),
    CONSTRAINT ck_mailboxes_address CHECK (address = lower(address))
);
CREATE UNIQUE INDEX uq_mailboxes_address ON ingestion.mailboxes (address);

CREATE TABLE ingestion.mail_deliveries (
    id           uuid NOT NULL,
    mailbox_id   uuid,
    message_id   uuid NOT NULL,
    door         text NOT NULL,
    source_id    text,
    made_message boolean NOT NULL,
    delivered_at timestamptz NOT NULL,
    CONSTRAINT pk_mail_deliveries PRIMARY KEY (id)
);
CREATE INDEX ix_mail_deliveries_delivered_at ON ingestion.mail_deliveries (delivered_at, mailbox_id);
CREATE INDEX ix_mail_deliveries_message_id ON ingestion.mail_deliveries (message_id);

ALTER TABLE ingestion.inbound_messages ADD COLUMN mailbox_id uuid;
ALTER TABLE ingestion.inbound_messages ADD COLUMN outcome text;
ALTER TABLE ingestion.inbound_messages ADD CONSTRAINT ck_inbound_messages_outcome
    CHECK (outcome IN ('opened', 'joined', 'held', 'ignored')) NOT VALID;
"""


def upgrade() -> None:
    for statement in _TABLES.split(";\n"):
        if statement.strip():
            op.execute(statement)
