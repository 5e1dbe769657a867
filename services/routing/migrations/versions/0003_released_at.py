"""Tickets remember when each agent let go of them, so that nobody is proposed for it again before a cool-down."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # A constant default is kept in the catalogue: no row is rewritten, and older processes insert it unseen.
    op.execute("ALTER TABLE routing.tickets ADD COLUMN released_at jsonb NOT NULL DEFAULT '{}'")
