"""Customers by tier: tickets are found by it."""

from collections.abc import Sequence

from alembic import op

revision: str = "0035"
down_revision: str | None = "0034"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    # Before the first release no table is large: blocking writes for a moment is simpler than two transactions.
    op.execute(
        "-- squawk-ignore require-concurrent-index-creation\n"
        "CREATE INDEX ix_customers_tier ON tickets.customers (tier, id)"
    )
