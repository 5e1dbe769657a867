"""When a document's ticket was opened: a search among tickets of long ago does not ask each later one for it."""

from collections.abc import Sequence

from alembic import op

revision: str = "0034"
down_revision: str | None = "0033"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.execute("ALTER TABLE tickets.search_documents ADD COLUMN opened_at timestamptz")
