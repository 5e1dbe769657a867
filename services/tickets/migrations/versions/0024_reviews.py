"""Tickets that are held for review: what they claim to belong to, and why that is not settled."""

from collections.abc import Sequence

from alembic import op

revision: str = "0024"
down_revision: str | None = "0023"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.execute("ALTER TABLE tickets.tickets ADD COLUMN review_of uuid, ADD COLUMN review_reason text")
    # Before the first release no table is large: blocking writes for a moment is simpler than two transactions.
    op.execute(
        "-- squawk-ignore require-concurrent-index-creation\n"
        "CREATE INDEX ix_tickets_review_reason ON tickets.tickets (review_reason) WHERE review_reason IS NOT NULL"
    )
