"""Who is at which ticket, and what accounts are told."""

from collections.abc import Sequence

from alembic import op

revision: str = "0003"
down_revision: str | None = "0002"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

_TABLES = """
CREATE UNLOGGED TABLE gateway.presence (
    window_id  uuid NOT NULL,
    account_id uuid NOT NULL,
    name       text NOT NULL,
    ticket_id  uuid NOT NULL,
    doing      text NOT NULL,
    expires_at timestamptz NOT NULL,
    CONSTRAINT pk_presence PRIMARY KEY (window_id)
);
CREATE INDEX ix_presence_ticket_id ON gateway.presence (ticket_id);

CREATE TABLE gateway.notifications (
    id            uuid NOT NULL,
    account_id    uuid NOT NULL,
    kind          text NOT NULL,
    ticket_id     uuid NOT NULL,
    ticket_number bigint NOT NULL,
    author        text NOT NULL,
    created_at    timestamptz NOT NULL,
    read_at       timestamptz,
    CONSTRAINT pk_notifications PRIMARY KEY (id)
);
CREATE INDEX ix_notifications_account_id_id ON gateway.notifications (account_id, id);
CREATE INDEX ix_notifications_created_at ON gateway.notifications (created_at)
"""


def upgrade() -> None:
    for statement in _TABLES.split(";\n"):
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("migrations only go forward")
