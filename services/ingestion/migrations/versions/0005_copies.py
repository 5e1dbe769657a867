"""Replies that others get a copy of."""

from collections.abc import Sequence

from alembic import op

revision: str = "0005"
down_revision: str | None = "0004"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.execute("ALTER TABLE ingestion.outbound_messages ADD COLUMN cc jsonb NOT NULL DEFAULT '[]'")
    op.execute("ALTER TABLE ingestion.outbound_messages ADD COLUMN outcomes jsonb NOT NULL DEFAULT '{}'")
