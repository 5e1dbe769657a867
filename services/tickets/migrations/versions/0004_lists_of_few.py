"""Indexes for lists of what is few among many: of unsolved tickets, of a group, of a rare language or priority."""

from collections.abc import Sequence

from alembic import op

revision: str = "0004"
down_revision: str | None = "0003"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

_INDEXES = """
CREATE INDEX ix_tickets_unsolved ON tickets.tickets (created_at, id)
    WHERE status IN ('new', 'open', 'pending', 'on_hold');
CREATE INDEX ix_tickets_group ON tickets.tickets ("group", updated_at DESC, id DESC) WHERE "group" IS NOT NULL;
CREATE INDEX ix_tickets_kind ON tickets.tickets (status, language, priority, channel);
"""


def upgrade() -> None:
    # Before the first release no table is large: blocking writes for a moment is simpler than two transactions.
    for statement in _INDEXES.split(";\n"):
        if statement.strip():
            op.execute(f"-- squawk-ignore require-concurrent-index-creation\n{statement.strip()}")
    op.execute("-- squawk-ignore require-concurrent-index-deletion\nDROP INDEX tickets.ix_tickets_status")
