"""The forms that visitors are shown, and who sent how much by them."""

from collections.abc import Sequence

from alembic import op

revision: str = "0018"
down_revision: str | None = "0017"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.execute("""
        CREATE TABLE ingestion.public_forms (
            key          text NOT NULL,
            position     integer NOT NULL,
            form         jsonb NOT NULL,
            CONSTRAINT pk_public_forms PRIMARY KEY (key)
        )""")
    op.execute("""
        CREATE TABLE ingestion.portal_writes (
            message_id uuid NOT NULL,
            writer     text NOT NULL,
            written_at timestamptz NOT NULL,
            CONSTRAINT pk_portal_writes PRIMARY KEY (message_id)
        )""")
    op.execute("CREATE INDEX ix_portal_writes_writer ON ingestion.portal_writes (writer, written_at)")
    op.execute("CREATE INDEX ix_portal_writes_written_at ON ingestion.portal_writes (written_at)")
