"""Tickets that are put off until a time."""

from collections.abc import Sequence

from alembic import op

revision: str = "0008"
down_revision: str | None = "0007"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.execute("ALTER TABLE tickets.tickets ADD COLUMN snoozed_until timestamptz")
    # Before the first release no table is large: blocking writes for a moment is simpler than two transactions.
    op.execute(
        "-- squawk-ignore require-concurrent-index-creation\n"
        "CREATE INDEX ix_tickets_snoozed_until ON tickets.tickets (snoozed_until, id) WHERE snoozed_until IS NOT NULL"
    )
