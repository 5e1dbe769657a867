"""Policies, the projection of tickets, clocks and timers; the default policy."""

from alembic import op

from shared.auth import auth_tables
from shared.messaging.ddl import messaging_tables

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_TABLES = """
CREATE SEQUENCE sla.policy_revisions;

CREATE TABLE sla.policies (
    id            uuid PRIMARY KEY,
    name          text NOT NULL,
    position      integer NOT NULL,
    tiers         text[] NOT NULL DEFAULT '{}',
    channels      text[] NOT NULL DEFAULT '{}',
    targets       jsonb NOT NULL,
    warn_fraction double precision NOT NULL,
    calendar      text NOT NULL DEFAULT '24x7',
    version       integer NOT NULL DEFAULT 1,
    revision      bigint NOT NULL DEFAULT nextval('sla.policy_revisions'),
    updated_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT ck_policies_warn_fraction CHECK (warn_fraction > 0 AND warn_fraction < 1),
    CONSTRAINT ck_policies_calendar CHECK (calendar = '24x7')
);

CREATE TABLE sla.tickets (
    ticket_id       uuid PRIMARY KEY,
    status          text NOT NULL,
    priority        text NOT NULL,
    tier            text NOT NULL,
    channel         text NOT NULL,
    assignee_id     uuid,
    created_at      timestamptz NOT NULL,
    policy_revision bigint NOT NULL
) WITH (fillfactor = 80);
CREATE INDEX ix_tickets_unclosed_policy_revision ON sla.tickets (policy_revision) WHERE status <> 'closed';

CREATE TABLE sla.clocks (
    ticket_id      uuid NOT NULL,
    metric         text NOT NULL,
    state          text NOT NULL,
    policy_id      uuid NOT NULL,
    policy         text NOT NULL,
    target_seconds integer NOT NULL,
    warn_fraction  double precision NOT NULL,
    started_at     timestamptz NOT NULL,
    intervals      jsonb NOT NULL,
    generation     integer NOT NULL,
    due_at         timestamptz,
    warn_due_at    timestamptz,
    warned_at      timestamptz,
    breached_at    timestamptz,
    stopped_at     timestamptz,
    PRIMARY KEY (ticket_id, metric)
) WITH (fillfactor = 80);

CREATE TABLE sla.timers (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    ticket_id  uuid NOT NULL,
    metric     text NOT NULL,
    kind       text NOT NULL,
    generation integer NOT NULL,
    due_at     timestamptz NOT NULL,
    fired_at   timestamptz,
    CONSTRAINT uq_timers_clock_kind UNIQUE (ticket_id, metric, kind)
) WITH (fillfactor = 80);
CREATE INDEX ix_timers_open ON sla.timers (due_at, id) WHERE fired_at IS NULL;

INSERT INTO sla.policies (id, name, position, targets, warn_fraction) VALUES (
    '5a000000-0000-4000-8000-000000000001', 'Default', 1000,
    '{"urgent": {"first_response_seconds": 3600,  "resolution_seconds": 28800},
      "high":   {"first_response_seconds": 14400, "resolution_seconds": 86400},
      "normal": {"first_response_seconds": 28800, "resolution_seconds": 259200},
      "low":    {"first_response_seconds": 86400, "resolution_seconds": 432000}}',
    0.8);
"""


def upgrade() -> None:
    messaging_tables("sla")
    auth_tables("sla")
    for statement in _TABLES.split(";\n"):
        if statement.strip():
            op.execute(statement)
