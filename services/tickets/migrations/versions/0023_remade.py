"""How far documents were made anew by other rules for words; null where none is left to be."""

from collections.abc import Sequence

from alembic import op

revision: str = "0023"
down_revision: str | None = "0022"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.execute("ALTER TABLE tickets.search_progress ADD COLUMN remade uuid")
