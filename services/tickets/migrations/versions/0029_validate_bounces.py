"""Validate the constraint of 0028, in a transaction of its own: this reads all messages and stops no writer."""

from collections.abc import Sequence

from alembic import op

revision: str = "0029"
down_revision: str | None = "0028"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.execute("ALTER TABLE tickets.messages VALIDATE CONSTRAINT ck_messages_delivery_state")
