"""Replies that others get a copy of, and an index of what is solved, by which it is closed later."""

from collections.abc import Sequence

from alembic import op

revision: str = "0017"
down_revision: str | None = "0016"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    for table in ("messages", "drafts", "scheduled_messages"):
        op.execute(f"ALTER TABLE tickets.{table} ADD COLUMN cc jsonb NOT NULL DEFAULT '[]'")
    # Before the first release no table is large: blocking writes for a moment is simpler than two transactions.
    op.execute(
        "-- squawk-ignore require-concurrent-index-creation\n"
        "CREATE INDEX ix_tickets_to_close ON tickets.tickets (solved_at, id) WHERE status = 'solved'"
    )
