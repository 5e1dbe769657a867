"""Accounts, sessions, keys, limits of signing in, and the live sequence."""

from collections.abc import Sequence

from alembic import op

from shared.auth.tables import auth_tables
from shared.messaging.ddl import messaging_tables
from shared.web.idempotency import idempotency_table

revision: str = "0001"
down_revision: str | None = None
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

_TABLES = """
CREATE TABLE gateway.accounts (
    id            uuid NOT NULL,
    email         text NOT NULL,
    name          text NOT NULL,
    role          text NOT NULL,
    groups        text[] NOT NULL,
    languages     text[] NOT NULL,
    active        boolean NOT NULL,
    version       bigint NOT NULL,
    password_hash text,
    created_at    timestamptz NOT NULL,
    updated_at    timestamptz NOT NULL,
    CONSTRAINT pk_accounts PRIMARY KEY (id),
    CONSTRAINT uq_accounts_email UNIQUE (email),
    CONSTRAINT ck_accounts_role CHECK (role IN ('customer', 'agent', 'supervisor', 'admin'))
);

CREATE TABLE gateway.sessions (
    id         uuid NOT NULL,
    account_id uuid NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    ended_at   timestamptz,
    CONSTRAINT pk_sessions PRIMARY KEY (id),
    CONSTRAINT fk_sessions_account_id_accounts FOREIGN KEY (account_id) REFERENCES gateway.accounts (id)
);
CREATE INDEX ix_sessions_account_id ON gateway.sessions (account_id);
CREATE INDEX ix_sessions_expires_at ON gateway.sessions (expires_at);

CREATE TABLE gateway.refresh_tokens (
    token_hash bytea NOT NULL,
    session_id uuid NOT NULL,
    issued_at  timestamptz NOT NULL,
    used_at    timestamptz,
    CONSTRAINT pk_refresh_tokens PRIMARY KEY (token_hash),
    CONSTRAINT fk_refresh_tokens_session_id_sessions FOREIGN KEY (session_id)
        REFERENCES gateway.sessions (id) ON DELETE CASCADE
);
CREATE INDEX ix_refresh_tokens_session_id ON gateway.refresh_tokens (session_id);

CREATE TABLE gateway.sign_in_limits (
    bucket     text NOT NULL,
    arrival_at timestamptz NOT NULL,
    CONSTRAINT pk_sign_in_limits PRIMARY KEY (bucket)
);
CREATE INDEX ix_sign_in_limits_arrival_at ON gateway.sign_in_limits (arrival_at);

CREATE TABLE gateway.api_keys (
    id         uuid NOT NULL,
    account_id uuid NOT NULL,
    name       text NOT NULL,
    role       text NOT NULL,
    scopes     text[] NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    revoked_at timestamptz,
    CONSTRAINT pk_api_keys PRIMARY KEY (id),
    CONSTRAINT fk_api_keys_account_id_accounts FOREIGN KEY (account_id) REFERENCES gateway.accounts (id)
);
CREATE INDEX ix_api_keys_account_id ON gateway.api_keys (account_id);

CREATE TABLE gateway.signing_keys (
    kid         text NOT NULL,
    public_key  text NOT NULL,
    private_key bytea NOT NULL,
    encrypted   boolean NOT NULL,
    not_before  timestamptz NOT NULL,
    retired_at  timestamptz,
    CONSTRAINT pk_signing_keys PRIMARY KEY (kid)
);

CREATE TABLE gateway.live_frames (
    seq        bigint GENERATED ALWAYS AS IDENTITY,
    frame      jsonb NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT pk_live_frames PRIMARY KEY (seq)
);

CREATE TABLE gateway.ticket_activity (
    ticket_id       uuid NOT NULL,
    last_message_at timestamptz NOT NULL,
    CONSTRAINT pk_ticket_activity PRIMARY KEY (ticket_id)
)
"""


def upgrade() -> None:
    messaging_tables("gateway")
    auth_tables("gateway")
    idempotency_table("gateway")
    for statement in _TABLES.split(";\n"):
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("migrations only go forward")
