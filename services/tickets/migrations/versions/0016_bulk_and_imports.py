"""Changes of many tickets as jobs, and which tickets came from another desk."""

from collections.abc import Sequence

from alembic import op

revision: str = "0016"
down_revision: str | None = "0015"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

_TABLES = """
CREATE TABLE tickets.bulk_jobs (
    id          uuid NOT NULL,
    kind        text NOT NULL,
    undo_of     uuid,
    actions     jsonb NOT NULL,
    account_id  uuid NOT NULL,
    name        text NOT NULL,
    role        text NOT NULL,
    state       text NOT NULL,
    reason      text,
    total       integer NOT NULL,
    changed     integer NOT NULL DEFAULT 0,
    unchanged   integer NOT NULL DEFAULT 0,
    refused     integer NOT NULL DEFAULT 0,
    preview     jsonb,
    created_at  timestamptz NOT NULL,
    worked_at   timestamptz NOT NULL,
    finished_at timestamptz,
    CONSTRAINT pk_bulk_jobs PRIMARY KEY (id),
    CONSTRAINT ck_bulk_jobs_kind CHECK (kind IN ('change', 'undo')),
    CONSTRAINT ck_bulk_jobs_undo_of CHECK ((kind = 'undo') = (undo_of IS NOT NULL)),
    CONSTRAINT ck_bulk_jobs_state CHECK (state IN ('previewed', 'running', 'done', 'cancelled')),
    CONSTRAINT ck_bulk_jobs_finished_at CHECK ((state IN ('done', 'cancelled')) = (finished_at IS NOT NULL))
);
CREATE INDEX ix_bulk_jobs_account_id ON tickets.bulk_jobs (account_id, id);
CREATE INDEX ix_bulk_jobs_running ON tickets.bulk_jobs (worked_at, id) WHERE state = 'running';
CREATE UNIQUE INDEX ix_bulk_jobs_undo_of ON tickets.bulk_jobs (undo_of)
    WHERE undo_of IS NOT NULL AND state <> 'cancelled';

CREATE TABLE tickets.bulk_items (
    job_id         uuid NOT NULL,
    position       integer NOT NULL,
    ticket_id      uuid NOT NULL,
    result         text,
    slug           text,
    detail         text,
    version_before bigint,
    version_after  bigint,
    changes        jsonb,
    CONSTRAINT pk_bulk_items PRIMARY KEY (job_id, position),
    CONSTRAINT fk_bulk_items_job_id_bulk_jobs FOREIGN KEY (job_id) REFERENCES tickets.bulk_jobs (id),
    CONSTRAINT ck_bulk_items_result CHECK (result IN ('changed', 'unchanged', 'refused'))
);
CREATE INDEX ix_bulk_items_result ON tickets.bulk_items (job_id, result, position) WHERE result IS NOT NULL;

CREATE TABLE tickets.imported_tickets (
    source      text NOT NULL,
    external_id text NOT NULL,
    ticket_id   uuid NOT NULL,
    digest      bytea NOT NULL,
    imported_at timestamptz NOT NULL,
    CONSTRAINT pk_imported_tickets PRIMARY KEY (source, external_id),
    CONSTRAINT fk_imported_tickets_ticket_id_tickets FOREIGN KEY (ticket_id) REFERENCES tickets.tickets (id)
);
CREATE INDEX ix_imported_tickets_ticket_id ON tickets.imported_tickets (ticket_id);
"""


def upgrade() -> None:
    for statement in _TABLES.split(";\n"):
        if statement.strip():
            op.execute(statement)
