"""Figures are counted from indexes alone, and an event costs the archive two index entries instead of three.

Refused where events are archived: they are of before the first release, when a ticket and its first message were two
events, and nothing can read them any more.
"""

from alembic import op
from sqlalchemy import text

from shared.migrations import CannotMigrate

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_STATEMENTS = """
-- squawk-ignore changing-column-type
ALTER TABLE analytics.archive ALTER COLUMN data TYPE json;

ALTER TABLE analytics.archive ADD COLUMN delivery_at timestamptz;

-- squawk-ignore require-concurrent-index-deletion
DROP INDEX analytics.ix_archive_delivery;

-- squawk-ignore require-concurrent-index-creation
CREATE INDEX ix_archive_delivery ON analytics.archive (type, delivery_at) WHERE delivery_at IS NOT NULL;

-- squawk-ignore ban-drop-constraint
ALTER TABLE analytics.archive DROP CONSTRAINT pk_archive;

-- squawk-ignore adding-serial-primary-key-field, constraint-missing-not-valid
ALTER TABLE analytics.archive ADD CONSTRAINT pk_archive PRIMARY KEY (ticket_id, event_id);

-- squawk-ignore require-concurrent-index-deletion
DROP INDEX analytics.ix_archive_ticket;

-- squawk-ignore require-concurrent-index-creation
CREATE INDEX ix_ticket_facts_created ON analytics.ticket_facts (created_at) INCLUDE (channel);

-- squawk-ignore require-concurrent-index-creation
CREATE INDEX ix_ticket_facts_first_reply ON analytics.ticket_facts (first_reply_at) INCLUDE (created_at)
 WHERE first_reply_at IS NOT NULL;

-- squawk-ignore require-concurrent-index-creation
CREATE INDEX ix_ticket_facts_solved ON analytics.ticket_facts (solved_at) INCLUDE (created_at)
 WHERE solved_at IS NOT NULL;

-- squawk-ignore require-concurrent-index-deletion
DROP INDEX analytics.ix_ticket_facts_created_at, analytics.ix_ticket_facts_first_reply_at,
           analytics.ix_ticket_facts_solved_at;

-- squawk-ignore require-concurrent-index-creation
CREATE INDEX ix_ticket_spans_reopened ON analytics.ticket_spans (started_at) WHERE ordinal > 0;

-- squawk-ignore require-concurrent-index-creation
CREATE INDEX ix_ticket_clocks_judged ON analytics.ticket_clocks (judged_at) INCLUDE (metric, breached_at)
 WHERE judged_at IS NOT NULL;

-- squawk-ignore require-concurrent-index-deletion
DROP INDEX analytics.ix_ticket_clocks_judged_at;

-- Pages that only grow are seen by all soon after: figures need not look into them.
ALTER TABLE analytics.archive SET (autovacuum_vacuum_insert_scale_factor = 0.02);
ALTER TABLE analytics.ticket_spans SET (autovacuum_vacuum_insert_scale_factor = 0.02,
                                        autovacuum_vacuum_scale_factor = 0.02);
ALTER TABLE analytics.ticket_facts SET (autovacuum_vacuum_insert_scale_factor = 0.02,
                                        autovacuum_vacuum_scale_factor = 0.02);
ALTER TABLE analytics.ticket_clocks SET (autovacuum_vacuum_insert_scale_factor = 0.02,
                                         autovacuum_vacuum_scale_factor = 0.02);
"""


def upgrade() -> None:
    op.execute("LOCK TABLE analytics.archive")
    if not op.get_context().as_sql and op.get_bind().scalar(text("SELECT EXISTS (SELECT FROM analytics.archive)")):
        raise CannotMigrate(
            "What this desk has stored is of before the first release, and this version cannot read it: "
            "start anew with `make reset`, or with an empty database and an empty broker."
        )
    for statement in _STATEMENTS.split(";\n"):
        if statement.strip():
            op.execute(statement.strip())
