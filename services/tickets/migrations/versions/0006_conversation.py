"""Drafts, replies that leave later, followers, and whom a note mentions."""

from collections.abc import Sequence

from alembic import op

revision: str = "0006"
down_revision: str | None = "0005"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

_TABLES = """
CREATE SEQUENCE tickets.draft_version;

CREATE TABLE tickets.drafts (
    ticket_id      uuid NOT NULL,
    account_id     uuid NOT NULL,
    kind           text NOT NULL,
    text           text NOT NULL,
    thread_version integer NOT NULL,
    version        bigint NOT NULL,
    updated_at     timestamptz NOT NULL,
    CONSTRAINT pk_drafts PRIMARY KEY (ticket_id, account_id),
    CONSTRAINT fk_drafts_ticket_id_tickets FOREIGN KEY (ticket_id) REFERENCES tickets.tickets (id),
    CONSTRAINT ck_drafts_kind CHECK (kind IN ('reply', 'note'))
);

CREATE TABLE tickets.scheduled_messages (
    id                 uuid NOT NULL,
    ticket_id          uuid NOT NULL,
    author_id          uuid NOT NULL,
    author_name        text NOT NULL,
    text               text NOT NULL,
    status             text,
    thread_version     integer NOT NULL,
    forced_from        integer,
    only_if_unanswered boolean NOT NULL,
    release_at         timestamptz NOT NULL,
    state              text NOT NULL,
    reason             text,
    version            bigint NOT NULL,
    created_at         timestamptz NOT NULL,
    settled_at         timestamptz,
    CONSTRAINT pk_scheduled_messages PRIMARY KEY (id),
    CONSTRAINT fk_scheduled_messages_ticket_id_tickets FOREIGN KEY (ticket_id) REFERENCES tickets.tickets (id),
    CONSTRAINT ck_scheduled_messages_state CHECK (state IN ('waiting', 'released', 'cancelled', 'refused')),
    CONSTRAINT ck_scheduled_messages_settled_at CHECK ((state = 'waiting') = (settled_at IS NULL))
);
CREATE INDEX ix_scheduled_messages_due ON tickets.scheduled_messages (release_at, id) WHERE state = 'waiting';
CREATE INDEX ix_scheduled_messages_ticket_id ON tickets.scheduled_messages (ticket_id, id);
CREATE INDEX ix_scheduled_messages_settled_at ON tickets.scheduled_messages (settled_at)
    WHERE settled_at IS NOT NULL;

CREATE TABLE tickets.ticket_followers (
    ticket_id  uuid NOT NULL,
    account_id uuid NOT NULL,
    since      timestamptz NOT NULL,
    CONSTRAINT pk_ticket_followers PRIMARY KEY (ticket_id, account_id),
    CONSTRAINT fk_ticket_followers_ticket_id_tickets FOREIGN KEY (ticket_id) REFERENCES tickets.tickets (id)
);
CREATE INDEX ix_ticket_followers_account_id ON tickets.ticket_followers (account_id, ticket_id);

ALTER TABLE tickets.messages ADD COLUMN mentions jsonb NOT NULL DEFAULT '[]';
"""


def upgrade() -> None:
    for statement in _TABLES.split(";\n"):
        if statement.strip():
            op.execute(statement)
