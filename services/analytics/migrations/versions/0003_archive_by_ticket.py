"""The archive's index by ticket holds the ticket only: its few events are put in order when they are read."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Before the first release no table is large: blocking writes for a moment is simpler than two transactions.
    op.execute(
        "-- squawk-ignore require-concurrent-index-creation\n"
        "CREATE INDEX ix_archive_ticket ON analytics.archive (ticket_id)"
    )
    op.execute("-- squawk-ignore require-concurrent-index-deletion\nDROP INDEX analytics.ix_archive_ticket_id")
