"""What somebody is to be told by mail."""

from collections.abc import Sequence

from alembic import op

revision: str = "0013"
down_revision: str | None = "0008"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

_TABLE = """
CREATE TABLE ingestion.notices (
    id             uuid NOT NULL,
    kind           text NOT NULL,
    state          text NOT NULL,
    address        text NOT NULL,
    name           text NOT NULL,
    language       text,
    values         jsonb NOT NULL,
    brand          text NOT NULL,
    ticket_id      uuid,
    answer_as_note boolean NOT NULL,
    attempts       smallint NOT NULL DEFAULT 0,
    due_at         timestamptz NOT NULL,
    lease          uuid,
    reason         text,
    requested_at   timestamptz NOT NULL,
    expires_at     timestamptz,
    begun_at       timestamptz,
    settled_at     timestamptz,
    CONSTRAINT pk_notices PRIMARY KEY (id),
    CONSTRAINT ck_notices_state CHECK (state IN ('queued', 'delivered', 'failed', 'expired'))
);
CREATE INDEX ix_notices_due ON ingestion.notices (due_at, id) WHERE state = 'queued';
CREATE INDEX ix_notices_address ON ingestion.notices (address, begun_at) WHERE begun_at IS NOT NULL
"""


def upgrade() -> None:
    for statement in _TABLE.split(";\n"):
        op.execute(statement)
