"""Find the rows of an object by its key, and the files of no message by their owner."""

from collections.abc import Sequence

from alembic import op

revision: str = "0002"
down_revision: str | None = "0001"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    for index in (
        "ix_attachments_key ON ingestion.attachments (key)",
        "ix_attachments_unattached ON ingestion.attachments (owner, created_at) WHERE message_id IS NULL",
        "ix_inbound_messages_raw_key ON ingestion.inbound_messages (raw_key) WHERE raw_key IS NOT NULL",
    ):
        # Before the first release no table is large: blocking writes for a moment is simpler than two transactions.
        op.execute(f"-- squawk-ignore require-concurrent-index-creation\nCREATE INDEX {index}")
