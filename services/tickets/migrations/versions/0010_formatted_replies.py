"""Replies that agents format."""

from collections.abc import Sequence

from alembic import op

revision: str = "0010"
down_revision: str | None = "0009"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    for table in ("messages", "drafts", "scheduled_messages"):
        op.execute(f"ALTER TABLE tickets.{table} ADD COLUMN html text")
