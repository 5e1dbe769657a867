"""Whether a mail was signed or encrypted, and whether customers are shown what was decrypted of it."""

from collections.abc import Sequence

from alembic import op

revision: str = "0032"
down_revision: str | None = "0031"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.execute("ALTER TABLE tickets.messages ADD COLUMN security jsonb")
    op.execute("ALTER TABLE tickets.messages ADD COLUMN withheld boolean NOT NULL DEFAULT false")
