"""How the other profile took part before a merge of customers, for undo; merges are worked at in turn."""

from collections.abc import Sequence

from alembic import op

revision: str = "0022"
down_revision: str | None = "0021"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.execute("ALTER TABLE tickets.customer_merge_tickets ADD COLUMN joint_aside boolean")
    op.execute("ALTER TABLE tickets.customer_merges ADD COLUMN worked_at timestamptz NOT NULL DEFAULT now()")
    # Before the first release no table is large: blocking writes for a moment is simpler than two transactions.
    op.execute(
        "-- squawk-ignore require-concurrent-index-creation\n"
        "CREATE INDEX ix_customer_merges_turn ON tickets.customer_merges (worked_at, id)"
        " WHERE state IN ('moving', 'undoing')"
    )
    op.execute("-- squawk-ignore require-concurrent-index-deletion\nDROP INDEX tickets.ix_customer_merges_unfinished")
