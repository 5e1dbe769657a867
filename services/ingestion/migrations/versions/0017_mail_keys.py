"""Keys that mail is decrypted and verified with, and what that told of a message."""

from collections.abc import Sequence

from alembic import op

revision: str = "0017"
down_revision: str | None = "0016"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.execute("""
        CREATE TABLE ingestion.mail_keys (
            id          uuid NOT NULL,
            kind        text NOT NULL,
            fingerprint text NOT NULL,
            name        text NOT NULL,
            addresses   text[] NOT NULL DEFAULT '{}',
            ids         text[] NOT NULL DEFAULT '{}',
            public      bytea NOT NULL,
            secrets     bytea,
            valid_from  timestamptz,
            expires_at  timestamptz,
            created_at  timestamptz NOT NULL,
            created_by  uuid NOT NULL,
            CONSTRAINT pk_mail_keys PRIMARY KEY (id),
            CONSTRAINT ck_mail_keys_kind CHECK (kind IN ('smime', 'authority', 'pgp'))
        )""")
    op.execute("CREATE UNIQUE INDEX uq_mail_keys_fingerprint ON ingestion.mail_keys (kind, fingerprint)")
    op.execute("ALTER TABLE ingestion.inbound_messages ADD COLUMN security jsonb")
