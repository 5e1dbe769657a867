"""Settings; an organisation's own status of a ticket, its urgency and impact, and who set its priority."""

from collections.abc import Sequence

from alembic import op

revision: str = "0005"
down_revision: str | None = "0004"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.execute(
        "CREATE TABLE tickets.settings (name text CONSTRAINT pk_settings PRIMARY KEY, document jsonb, "
        "version bigint NOT NULL, changed_at timestamptz, changed_by uuid)"
    )
    # There from the beginning: whoever changes or rests on it has a row to lock.
    op.execute("INSERT INTO tickets.settings (name, version) VALUES ('tickets', 0)")
    op.execute(
        "ALTER TABLE tickets.tickets ADD COLUMN status_key text, "
        "ADD COLUMN priority_by_hand boolean NOT NULL DEFAULT false, "
        "ADD COLUMN urgency text CONSTRAINT ck_tickets_urgency CHECK (urgency IN ('low', 'medium', 'high')), "
        "ADD COLUMN impact text CONSTRAINT ck_tickets_impact CHECK (impact IN ('low', 'medium', 'high'))"
    )
    # Before the first release no table is large: blocking writes for a moment is simpler than two transactions.
    op.execute(
        "-- squawk-ignore require-concurrent-index-creation\n"
        "CREATE INDEX ix_tickets_status_key ON tickets.tickets (status_key) WHERE status_key IS NOT NULL"
    )
