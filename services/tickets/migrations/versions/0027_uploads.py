"""Files that people uploaded, and messages to come that have them."""

from collections.abc import Sequence

from alembic import op

revision: str = "0027"
down_revision: str | None = "0025"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.execute("""
        CREATE TABLE tickets.uploads (
            id         uuid NOT NULL,
            account_id uuid NOT NULL,
            file       jsonb NOT NULL,
            kept_until timestamptz NOT NULL,
            used       boolean NOT NULL DEFAULT false,
            CONSTRAINT pk_uploads PRIMARY KEY (id)
        )""")
    op.execute("CREATE INDEX ix_uploads_kept_until ON tickets.uploads (kept_until)")
    op.execute("ALTER TABLE tickets.drafts ADD COLUMN attachment_ids jsonb NOT NULL DEFAULT '[]'")
    op.execute("ALTER TABLE tickets.scheduled_messages ADD COLUMN attachments jsonb NOT NULL DEFAULT '[]'")
