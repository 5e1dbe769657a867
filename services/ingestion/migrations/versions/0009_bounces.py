"""What did not arrive, whom nobody writes to any more, and what providers have told already."""

from collections.abc import Sequence

from alembic import op

revision: str = "0009"
down_revision: str | None = "0015"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

_TABLES = """
CREATE TABLE ingestion.suppressions (
    id         uuid NOT NULL,
    address    text NOT NULL,
    reason     text NOT NULL,
    detail     text NOT NULL DEFAULT '',
    message_id uuid,
    added_by   uuid,
    added_at   timestamptz NOT NULL,
    expires_at timestamptz,
    CONSTRAINT pk_suppressions PRIMARY KEY (id),
    CONSTRAINT ck_suppressions_reason CHECK (reason IN ('bounce', 'complaint', 'manual'))
);
CREATE UNIQUE INDEX uq_suppressions_address ON ingestion.suppressions (address);

CREATE TABLE ingestion.mail_bounces (
    message_id uuid NOT NULL,
    recipient  text NOT NULL,
    kind       text NOT NULL,
    status     text,
    reason     text NOT NULL DEFAULT '',
    bounced_at timestamptz NOT NULL,
    CONSTRAINT pk_mail_bounces PRIMARY KEY (message_id, recipient)
);

CREATE TABLE ingestion.webhook_receipts (
    provider    text NOT NULL,
    token       text NOT NULL,
    digest      bytea NOT NULL,
    received_at timestamptz NOT NULL,
    CONSTRAINT pk_webhook_receipts PRIMARY KEY (provider, token)
);
CREATE INDEX ix_webhook_receipts_received_at ON ingestion.webhook_receipts (received_at);
"""


def upgrade() -> None:
    for statement in _TABLES.split(";\n"):
        if statement.strip():
            op.execute(statement)
