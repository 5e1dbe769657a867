"""What is left alone when a mailbox is read again; outcomes are what they may be."""

from collections.abc import Sequence

from alembic import op

revision: str = "0008"
down_revision: str | None = "0007"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    # In a transaction of its own, apart from the one that added it.
    op.execute("ALTER TABLE ingestion.inbound_messages VALIDATE CONSTRAINT ck_inbound_messages_outcome")
    op.execute("ALTER TABLE ingestion.mailbox_fetching ADD COLUMN reread_below bigint NOT NULL DEFAULT 0")
