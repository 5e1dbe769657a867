"""Who told a ticket's language, so that the detector's word counts before what the requester usually writes."""

from alembic import op

revision: str = "0002"
down_revision: str | None = "0001"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    op.execute("ALTER TABLE analytics.ticket_facts ADD COLUMN language_from smallint NOT NULL DEFAULT 1")
