"""Through what each change of a ticket came; of what happened before, nobody knows."""

from collections.abc import Sequence

from alembic import op

revision: str = "0021"
down_revision: str | None = "0020"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.execute("ALTER TABLE tickets.ticket_history ADD COLUMN via text")
