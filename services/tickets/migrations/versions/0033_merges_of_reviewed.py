"""What a merged ticket was held for review of, so that undoing the merge asks for it again."""

from collections.abc import Sequence

from alembic import op

revision: str = "0033"
down_revision: str | None = "0032"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.execute("ALTER TABLE tickets.merges ADD COLUMN review_of uuid, ADD COLUMN review_reason text")
