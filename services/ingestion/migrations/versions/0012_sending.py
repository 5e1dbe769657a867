"""Through which mailbox a mail leaves, and how many left: what caps are counted from."""

from collections.abc import Sequence

from alembic import op

revision: str = "0012"
down_revision: str | None = "0006"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

_COLUMNS = """
ALTER TABLE ingestion.outbound_messages ADD COLUMN mailbox_id uuid;
ALTER TABLE ingestion.outbound_messages ADD COLUMN automatic boolean NOT NULL DEFAULT false;
ALTER TABLE ingestion.outbound_messages ADD COLUMN begun_at timestamptz;
ALTER TABLE ingestion.inbound_messages ADD COLUMN automatic boolean NOT NULL DEFAULT false;

CREATE TABLE ingestion.outbound_minutes (
    minute timestamptz NOT NULL,
    mails  bigint NOT NULL DEFAULT 0,
    CONSTRAINT pk_outbound_minutes PRIMARY KEY (minute)
)
"""


def upgrade() -> None:
    for statement in _COLUMNS.split(";\n"):
        op.execute(statement)
    for index in (
        (
            "ix_outbound_messages_ticket_id ON ingestion.outbound_messages (ticket_id, begun_at)"
            " WHERE begun_at IS NOT NULL"
        ),
        (
            "ix_outbound_messages_recipient ON ingestion.outbound_messages (recipient, begun_at)"
            " WHERE begun_at IS NOT NULL"
        ),
        (
            "ix_inbound_messages_conversation_id ON ingestion.inbound_messages (conversation_id, received_at)"
            " WHERE conversation_id IS NOT NULL"
        ),
    ):
        # Before the first release no table is large: blocking writes for a moment is simpler than two transactions.
        op.execute(f"-- squawk-ignore require-concurrent-index-creation\nCREATE INDEX {index}")
