"""How much visitors stored of late: files of theirs are bounded by who connects, before they are stored."""

from collections.abc import Sequence

from alembic import op

revision: str = "0019"
down_revision: str | None = "0018"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.execute("""
        CREATE TABLE ingestion.portal_uploads (
            id          uuid NOT NULL,
            caller      text NOT NULL,
            size_bytes  bigint NOT NULL,
            uploaded_at timestamptz NOT NULL,
            CONSTRAINT pk_portal_uploads PRIMARY KEY (id)
        )""")
    op.execute("CREATE INDEX ix_portal_uploads_caller ON ingestion.portal_uploads (caller, uploaded_at)")
    op.execute("CREATE INDEX ix_portal_uploads_uploaded_at ON ingestion.portal_uploads (uploaded_at)")
