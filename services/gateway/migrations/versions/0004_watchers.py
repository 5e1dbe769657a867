"""Who watches a ticket, and notifications that stand for several of a kind until they are read."""

from collections.abc import Sequence

from alembic import op

revision: str = "0004"
down_revision: str | None = "0003"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    # An older version reads a null as it does that there is no row: no message has come.
    op.execute(
        "-- squawk-ignore ban-drop-not-null\n"
        "ALTER TABLE gateway.ticket_activity ALTER COLUMN last_message_at DROP NOT NULL, "
        "ADD COLUMN followers uuid[] NOT NULL DEFAULT '{}', ADD COLUMN snoozed_by uuid"
    )
    # Before the first release no table is large: blocking writes for a moment is simpler than two transactions.
    op.execute(
        "-- squawk-ignore require-concurrent-index-creation\n"
        "CREATE INDEX ix_notifications_unread ON gateway.notifications (account_id, ticket_id, kind) "
        "WHERE read_at IS NULL"
    )


def downgrade() -> None:
    raise NotImplementedError("migrations only go forward")
