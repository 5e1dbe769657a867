"""Agents, the projection of tickets, reservations and decisions."""

from alembic import op

from shared.auth import auth_tables
from shared.messaging.ddl import messaging_tables

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_TABLES = """
CREATE TABLE routing.agents (
    account_id        uuid PRIMARY KEY,
    name              text NOT NULL,
    role              text NOT NULL,
    active            boolean NOT NULL,
    groups            text[] NOT NULL DEFAULT '{}',
    account_languages text[] NOT NULL DEFAULT '{}',
    own_languages     text[],
    languages         text[] GENERATED ALWAYS AS (coalesce(own_languages, account_languages)) STORED,
    skills            text[] NOT NULL DEFAULT '{}',
    capacity          integer NOT NULL DEFAULT 20,
    available         boolean NOT NULL DEFAULT true,
    CONSTRAINT ck_agents_capacity CHECK (capacity BETWEEN 0 AND 500)
) WITH (fillfactor = 70);

CREATE TABLE routing.tickets (
    ticket_id          uuid PRIMARY KEY,
    version            integer NOT NULL,
    status             text NOT NULL,
    priority_rank      smallint NOT NULL,
    type               text NOT NULL,
    group_name         text,
    language           text,
    requester_language text,
    tier               text NOT NULL,
    tags               text[] NOT NULL DEFAULT '{}',
    assignee_id        uuid,
    created_at         timestamptz NOT NULL,
    queue              text,
    released_by        uuid[] NOT NULL DEFAULT '{}',
    declines           integer NOT NULL DEFAULT 0,
    route_after        timestamptz NOT NULL DEFAULT 'epoch'
) WITH (fillfactor = 80);
CREATE INDEX ix_tickets_waiting ON routing.tickets (priority_rank DESC, created_at) WHERE queue IS NOT NULL;
CREATE INDEX ix_tickets_load ON routing.tickets (assignee_id)
    WHERE assignee_id IS NOT NULL AND status IN ('new', 'open', 'pending', 'on_hold');

CREATE TABLE routing.reservations (
    decision_id uuid PRIMARY KEY,
    ticket_id   uuid NOT NULL,
    agent_id    uuid NOT NULL,
    state       text NOT NULL,
    proposed_at timestamptz NOT NULL,
    proposals   integer NOT NULL DEFAULT 1,
    ended_at    timestamptz,
    CONSTRAINT ck_reservations_state CHECK (state IN ('open', 'confirmed', 'declined', 'superseded'))
) WITH (fillfactor = 80);
CREATE UNIQUE INDEX uq_reservations_open_ticket ON routing.reservations (ticket_id) WHERE state = 'open';
CREATE INDEX ix_reservations_open_agent ON routing.reservations (agent_id) WHERE state = 'open';
CREATE INDEX ix_reservations_open_proposed_at ON routing.reservations (proposed_at) WHERE state = 'open';

CREATE TABLE routing.decisions (
    id             uuid PRIMARY KEY,
    ticket_id      uuid NOT NULL,
    ticket_version integer NOT NULL,
    assignee_id    uuid,
    queue          text NOT NULL,
    reasons        jsonb NOT NULL,
    candidates     jsonb NOT NULL,
    decided_at     timestamptz NOT NULL
);
CREATE INDEX ix_decisions_ticket_id ON routing.decisions (ticket_id, id);
"""


def upgrade() -> None:
    messaging_tables("routing")
    auth_tables("routing")
    for statement in _TABLES.split(";\n"):
        if statement.strip():
            op.execute(statement)
