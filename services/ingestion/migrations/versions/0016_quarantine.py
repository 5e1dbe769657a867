"""Who deleted what from quarantine, and why."""

from collections.abc import Sequence

from alembic import op

revision: str = "0016"
down_revision: str | None = "0013"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.execute("""
        CREATE TABLE ingestion.quarantine_deletions (
            message_id  uuid NOT NULL,
            reason      text NOT NULL,
            received_at timestamptz NOT NULL,
            size_bytes  bigint NOT NULL,
            deleted_at  timestamptz NOT NULL,
            deleted_by  uuid,
            why         text NOT NULL,
            CONSTRAINT pk_quarantine_deletions PRIMARY KEY (message_id)
        )""")
    op.execute("CREATE INDEX ix_quarantine_deletions_deleted_at ON ingestion.quarantine_deletions (deleted_at)")
