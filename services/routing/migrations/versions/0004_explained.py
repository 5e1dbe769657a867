"""Decisions keep their reasons also by code, so that each reader is told them in their own language."""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # A constant default is kept in the catalogue: no row is rewritten, and older processes insert it unseen.
    op.execute("ALTER TABLE routing.decisions ADD COLUMN explained jsonb NOT NULL DEFAULT '[]'")
