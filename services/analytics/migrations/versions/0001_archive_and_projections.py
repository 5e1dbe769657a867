"""The archive of consumed events and the projections made from it."""

from alembic import op

from shared.auth import auth_tables
from shared.messaging.ddl import messaging_tables

revision: str = "0001"
down_revision: str | None = None
branch_labels: str | None = None
depends_on: str | None = None

_TABLES = """
CREATE TABLE analytics.archive (
    event_id          uuid NOT NULL,
    type              text NOT NULL,
    source            text NOT NULL,
    aggregate_id      text NOT NULL,
    aggregate_version bigint NOT NULL,
    ticket_id         uuid NOT NULL,
    time              timestamptz NOT NULL,
    data              jsonb NOT NULL,
    CONSTRAINT pk_archive PRIMARY KEY (event_id)
);
CREATE INDEX ix_archive_ticket_id ON analytics.archive (ticket_id, source, aggregate_id, aggregate_version);
CREATE INDEX ix_archive_time ON analytics.archive (time);
CREATE INDEX ix_archive_delivery ON analytics.archive (type, time)
    WHERE type IN ('message.delivered.v1', 'message.failed.v1');

CREATE TABLE analytics.ticket_facts (
    ticket_id         uuid NOT NULL,
    number            bigint,
    channel           text,
    language          text,
    priority          text,
    ticket_type       text,
    region            text,
    tier              text,
    brand             text,
    "group"           text,
    status            text,
    assignee_id       uuid,
    created_at        timestamptz,
    first_reply_at    timestamptz,
    solved_at         timestamptz,
    customer_messages integer NOT NULL DEFAULT 0,
    replies           integer NOT NULL DEFAULT 0,
    reopened_count    integer NOT NULL DEFAULT 0,
    CONSTRAINT pk_ticket_facts PRIMARY KEY (ticket_id)
) WITH (fillfactor = 70);
CREATE INDEX ix_ticket_facts_created_at ON analytics.ticket_facts (created_at);
CREATE INDEX ix_ticket_facts_first_reply_at ON analytics.ticket_facts (first_reply_at);
CREATE INDEX ix_ticket_facts_solved_at ON analytics.ticket_facts (solved_at);

-- The times a ticket was in the backlog: from its creation or reopening to its solution.
CREATE TABLE analytics.ticket_spans (
    ticket_id  uuid NOT NULL,
    ordinal    smallint NOT NULL,
    started_at timestamptz NOT NULL,
    ended_at   timestamptz,
    CONSTRAINT pk_ticket_spans PRIMARY KEY (ticket_id, ordinal)
);
CREATE INDEX ix_ticket_spans_started_at ON analytics.ticket_spans (started_at);
CREATE INDEX ix_ticket_spans_ended_at ON analytics.ticket_spans (ended_at);

CREATE TABLE analytics.ticket_clocks (
    ticket_id      uuid NOT NULL,
    metric         text NOT NULL,
    started_at     timestamptz NOT NULL,
    policy         text NOT NULL,
    target_seconds integer NOT NULL,
    state          text NOT NULL,
    warned         boolean NOT NULL,
    breached_at    timestamptz,
    stopped_at     timestamptz,
    judged_at      timestamptz,
    CONSTRAINT pk_ticket_clocks PRIMARY KEY (ticket_id, metric, started_at)
);
CREATE INDEX ix_ticket_clocks_judged_at ON analytics.ticket_clocks (judged_at);

-- How far a rebuild has come, so that an interrupted one goes on where it stopped.
CREATE TABLE analytics.rebuilds (
    id              bigint GENERATED ALWAYS AS IDENTITY,
    started_at      timestamptz NOT NULL,
    finished_at     timestamptz,
    after_ticket_id uuid,
    events_total    bigint NOT NULL,
    events          bigint NOT NULL DEFAULT 0,
    tickets         bigint NOT NULL DEFAULT 0,
    corrected       bigint NOT NULL DEFAULT 0,
    CONSTRAINT pk_rebuilds PRIMARY KEY (id)
);
"""


def upgrade() -> None:
    messaging_tables("analytics")
    auth_tables("analytics")
    for statement in _TABLES.split(";\n"):
        if statement.strip():
            op.execute(statement)
