"""Tickets that are merged, split off and linked."""

from collections.abc import Sequence

from alembic import op

revision: str = "0014"
down_revision: str | None = "0012"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

_TABLES = """
CREATE TABLE tickets.merges (
    id            uuid NOT NULL,
    source_id     uuid NOT NULL,
    target_id     uuid NOT NULL,
    at            timestamptz NOT NULL,
    by_id         uuid NOT NULL,
    by_name       text NOT NULL,
    status        text NOT NULL,
    status_key    text,
    solved_at     timestamptz,
    snoozed_until timestamptz,
    participants  uuid[] NOT NULL,
    undone_at     timestamptz,
    CONSTRAINT pk_merges PRIMARY KEY (id),
    CONSTRAINT fk_merges_source_id_tickets FOREIGN KEY (source_id) REFERENCES tickets.tickets (id),
    CONSTRAINT fk_merges_target_id_tickets FOREIGN KEY (target_id) REFERENCES tickets.tickets (id)
);
CREATE UNIQUE INDEX ix_merges_source_id ON tickets.merges (source_id) WHERE undone_at IS NULL;
CREATE INDEX ix_merges_target_id ON tickets.merges (target_id, id);

CREATE TABLE tickets.splits (
    message_id uuid NOT NULL,
    copy_id    uuid NOT NULL,
    ticket_id  uuid NOT NULL,
    CONSTRAINT pk_splits PRIMARY KEY (message_id),
    CONSTRAINT fk_splits_message_id_messages FOREIGN KEY (message_id) REFERENCES tickets.messages (id),
    CONSTRAINT fk_splits_ticket_id_tickets FOREIGN KEY (ticket_id) REFERENCES tickets.tickets (id)
);
CREATE INDEX ix_splits_ticket_id ON tickets.splits (ticket_id);

CREATE TABLE tickets.ticket_links (
    id         uuid NOT NULL,
    kind       text NOT NULL,
    from_id    uuid NOT NULL,
    to_id      uuid NOT NULL,
    blocks     boolean NOT NULL,
    created_at timestamptz NOT NULL,
    by_id      uuid NOT NULL,
    by_name    text NOT NULL,
    CONSTRAINT pk_ticket_links PRIMARY KEY (id),
    CONSTRAINT uq_ticket_links_kind_from_id_to_id UNIQUE (kind, from_id, to_id),
    CONSTRAINT fk_ticket_links_from_id_tickets FOREIGN KEY (from_id) REFERENCES tickets.tickets (id),
    CONSTRAINT fk_ticket_links_to_id_tickets FOREIGN KEY (to_id) REFERENCES tickets.tickets (id),
    CONSTRAINT ck_ticket_links_kind CHECK (
        kind IN ('parent', 'problem', 'duplicate', 'follow_up', 'related', 'split')),
    CONSTRAINT ck_ticket_links_itself CHECK (from_id <> to_id)
);
CREATE INDEX ix_ticket_links_from_id ON tickets.ticket_links (from_id, id);
CREATE INDEX ix_ticket_links_to_id ON tickets.ticket_links (to_id, id);
CREATE UNIQUE INDEX ix_ticket_links_head ON tickets.ticket_links (kind, to_id) WHERE kind <> 'related';
CREATE INDEX ix_ticket_links_blocks ON tickets.ticket_links (from_id) WHERE blocks;
"""


def upgrade() -> None:
    # Before the first release no table is large: blocking writes for a moment is simpler than two transactions.
    op.execute(
        "-- squawk-ignore adding-foreign-key-constraint\n"
        "ALTER TABLE tickets.tickets ADD COLUMN merged_into uuid "
        "CONSTRAINT fk_tickets_merged_into_tickets REFERENCES tickets.tickets (id)"
    )
    op.execute(
        "-- squawk-ignore require-concurrent-index-creation\n"
        "CREATE INDEX ix_tickets_merged_into ON tickets.tickets (merged_into) WHERE merged_into IS NOT NULL"
    )
    op.execute("ALTER TABLE tickets.participants ADD COLUMN aside boolean NOT NULL DEFAULT false")
    for statement in _TABLES.split(";\n"):
        if statement.strip():
            op.execute(statement)
