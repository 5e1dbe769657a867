"""Replies that the next hop took, and that did not arrive."""

from collections.abc import Sequence

from alembic import op

revision: str = "0028"
down_revision: str | None = "0027"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    # The next statement puts a wider one in its place.
    op.execute(
        "-- squawk-ignore ban-drop-constraint\nALTER TABLE tickets.messages DROP CONSTRAINT ck_messages_delivery_state"
    )
    # Validated by the next revision: that reads the whole table, and this one holds the lock.
    op.execute(
        "ALTER TABLE tickets.messages ADD CONSTRAINT ck_messages_delivery_state "
        "CHECK (delivery_state IN ('queued', 'delivered', 'failed', 'available', 'bounced')) NOT VALID"
    )
