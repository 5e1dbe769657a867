"""Links by mail to sign in with."""

from collections.abc import Sequence

from alembic import op

revision: str = "0002"
down_revision: str | None = "0001"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

_TABLE = """
CREATE TABLE gateway.sign_in_links (
    id         uuid NOT NULL,
    email      text NOT NULL,
    asked_at   timestamptz NOT NULL,
    account_id uuid,
    token_hash bytea,
    sent_at    timestamptz,
    CONSTRAINT pk_sign_in_links PRIMARY KEY (id)
);
CREATE UNIQUE INDEX uq_sign_in_links_token_hash ON gateway.sign_in_links (token_hash) WHERE token_hash IS NOT NULL;
CREATE INDEX ix_sign_in_links_account_id ON gateway.sign_in_links (account_id) WHERE account_id IS NOT NULL;
CREATE INDEX ix_sign_in_links_asked_at ON gateway.sign_in_links (asked_at)
"""


def upgrade() -> None:
    for statement in _TABLE.split(";\n"):
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("migrations only go forward")
