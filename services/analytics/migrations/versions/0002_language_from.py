"""Who told a ticket's language, so that the detector's word counts before what the requester usually writes."""

from alembic import op

revision: str = "0002"
down_revision: str | None = "0001"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    op.execute("ALTER TABLE analytics.ticket_facts ADD COLUMN language_from smallint NOT NULL DEFAULT 1")
    # As a rebuild would say it: else the next one would find nearly every ticket changed.
    op.execute("""
        UPDATE analytics.ticket_facts f SET language_from = 3 WHERE EXISTS (
            SELECT FROM analytics.archive a
            WHERE a.ticket_id = f.ticket_id AND a.data -> 'ticket' ->> 'language' IS NOT NULL)""")
