"""Decisions keep the group they were made for, and can be found by age."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE routing.decisions ADD COLUMN group_name text")
    # Before the first release no table is large: blocking writes for a moment is simpler than two transactions.
    op.execute(
        "-- squawk-ignore require-concurrent-index-creation\n"
        "CREATE INDEX ix_decisions_decided_at ON routing.decisions (decided_at)"
    )
