"""How far each mailbox was read."""

from collections.abc import Sequence

from alembic import op

revision: str = "0007"
down_revision: str | None = "0009"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

_TABLES = """
CREATE TABLE ingestion.mailbox_fetching (
    mailbox_id     uuid NOT NULL,
    source         text,
    uid_validity   bigint,
    last_uid       bigint NOT NULL DEFAULT 0,
    unsettled      bigint[] NOT NULL DEFAULT '{}',
    skipped_before timestamptz,
    due_at         timestamptz NOT NULL,
    lease          uuid,
    leased_until   timestamptz,
    failures       smallint NOT NULL DEFAULT 0,
    reason         text,
    words          text,
    checked_at     timestamptz,
    CONSTRAINT pk_mailbox_fetching PRIMARY KEY (mailbox_id),
    CONSTRAINT fk_mailbox_fetching_mailbox_id_mailboxes FOREIGN KEY (mailbox_id)
        REFERENCES ingestion.mailboxes (id) ON DELETE CASCADE
) WITH (fillfactor = 70);
CREATE INDEX ix_mailbox_fetching_due ON ingestion.mailbox_fetching (due_at);
"""


def upgrade() -> None:
    for statement in _TABLES.split(";\n"):
        if statement.strip():
            op.execute(statement)
